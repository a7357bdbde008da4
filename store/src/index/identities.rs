//! From a series' identity to its number: open addressing over entries of 16 bytes, 96 bits of the identity and the
//! number, at most three quarters full. Entries are words, so that a new table is zeroed by the kernel, page by page as
//! it is touched. Whoever finds an entry compares the key itself, so that no collision of
//! hashes, however made, mixes two series.

use crate::memory;

/// Three words of the identity, and one more than the number; 0 there for a free place.
type Entry = [u32; 4];

const SERIES: usize = 3;
const FREE: Entry = [0; 4];
const LEAST: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Identities {
    entries: Vec<Entry>,
    len: usize,
}

impl Identities {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The number of the first series with this identity that `is_it` takes.
    pub(super) fn find(&self, identity: u128, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(identity);
        let mut at = self.home(tag);
        loop {
            let entry = self.entries.get(at)?;
            let series = entry[SERIES].checked_sub(1)?;
            if entry[..SERIES] == tag && is_it(series) {
                return Some(series);
            }
            at = (at + 1) & (self.entries.len() - 1);
        }
    }

    /// Asks for the place where an identity is looked for first.
    #[inline]
    pub(super) fn look_ahead(&self, identity: u128) {
        if let Some(entry) = self.entries.get(self.home(tag(identity))) {
            memory::prefetch(entry);
        }
    }

    /// The caller has found that it is not there.
    pub(super) fn insert(&mut self, identity: u128, series: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        self.len += 1;
        let [a, b, c] = tag(identity);
        self.put([a, b, c, series + 1]);
    }

    pub(super) fn remove(&mut self, identity: u128, series: u32) {
        if self.entries.is_empty() {
            return;
        }
        let mask = self.entries.len() - 1;
        let mut at = self.home(tag(identity));
        while self.entries[at][SERIES] != series + 1 {
            if self.entries[at][SERIES] == 0 {
                return;
            }
            at = (at + 1) & mask;
        }
        self.len -= 1;
        self.entries[at] = FREE;
        // What was pushed past the gap comes back to where it is looked for.
        let mut next = (at + 1) & mask;
        while self.entries[next][SERIES] != 0 {
            let moved = std::mem::replace(&mut self.entries[next], FREE);
            self.put(moved);
            next = (next + 1) & mask;
        }
    }

    fn put(&mut self, entry: Entry) {
        let mut at = self.home([entry[0], entry[1], entry[2]]);
        while self.entries[at][SERIES] != 0 {
            at = (at + 1) & (self.entries.len() - 1);
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let size = (self.entries.len() * 2).max(LEAST);
        let entries = vec![FREE; size];
        memory::advise_huge(&entries);
        let before = std::mem::replace(&mut self.entries, entries);
        before
            .into_iter()
            .filter(|entry| entry[SERIES] != 0)
            .for_each(|entry| self.put(entry));
    }

    fn home(&self, tag: [u32; 3]) -> usize {
        tag[0] as usize & self.entries.len().wrapping_sub(1)
    }
}

fn tag(identity: u128) -> [u32; 3] {
    [
        identity as u32,
        (identity >> 32) as u32,
        (identity >> 64) as u32,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_and_what_is_taken_out_is_not() {
        let mut identities = Identities::default();
        assert_eq!(identities.find(1, |_| true), None);
        // Homes collide: only the low bits choose the place.
        let identity = |n: u32| u128::from(n % 50) << 4 | u128::from(n) << 40;
        (0..600).for_each(|n| identities.insert(identity(n), n));
        assert!((0..600).all(|n| identities.find(identity(n), |_| true) == Some(n)));
        assert_eq!(identities.find(identity(7), |_| false), None);
        (0..600)
            .filter(|n| n % 3 == 0)
            .for_each(|n| identities.remove(identity(n), n));
        identities.remove(identity(3), 3);
        for n in 0..600 {
            let found = identities.find(identity(n), |_| true);
            assert_eq!(found, (n % 3 != 0).then_some(n));
        }
        assert_eq!(identities.len(), 400);
    }
}
