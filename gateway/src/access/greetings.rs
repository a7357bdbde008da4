//! Greetings that are not over, by address: who opens connections and says nothing holds only so many places, and leaves
//! the others to the others. Bounded by the connections of a listener.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Of one address at a time. A fleet behind one address that comes back together is slowed down, and tries again.
const EACH: u32 = 256;

#[derive(Debug, Clone, Default)]
pub(super) struct Greetings(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Greeting {
    all: Greetings,
    address: IpAddr,
}

impl Greetings {
    /// `None` when this address has too many.
    pub(super) fn begin(&self, address: IpAddr) -> Option<Greeting> {
        let mut all = self.0.lock();
        let count = all.entry(address).or_default();
        if *count >= EACH {
            return None;
        }
        *count += 1;
        Some(Greeting {
            all: self.clone(),
            address,
        })
    }
}

impl Drop for Greeting {
    fn drop(&mut self) {
        let mut all = self.all.0.lock();
        if let Some(count) = all.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_its_places_and_no_others() {
        let (greetings, one) = (Greetings::default(), IpAddr::from([10, 0, 0, 1]));
        let mut held: Vec<_> = (0..EACH).map(|_| greetings.begin(one).unwrap()).collect();
        assert!(greetings.begin(one).is_none());
        assert!(greetings.begin(IpAddr::from([10, 0, 0, 2])).is_some());
        held.pop();
        assert!(greetings.begin(one).is_some());
        held.clear();
        assert!(greetings.0.lock().is_empty());
    }
}
