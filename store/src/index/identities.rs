//! From a series' identity to its number: open addressing over entries of a word, 32 bits of the identity and the
//! number, at most three quarters full. Words, so that a new table is zeroed by the kernel, page by page as it is
//! touched. Whoever finds an entry compares the key itself, so that no collision of hashes, however made, mixes two
//! series.

use crate::memory;

/// The tag above, one more than the number below; 0 for a free place.
type Entry = u64;

const FREE: Entry = 0;
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
        let tag = identity as u32;
        let mut at = self.home(tag);
        loop {
            let entry = *self.entries.get(at)?;
            let series = number(entry)?;
            if tag_of(entry) == tag && is_it(series) {
                return Some(series);
            }
            at = (at + 1) & (self.entries.len() - 1);
        }
    }

    /// Asks for the place where an identity is looked for first.
    #[inline]
    pub(super) fn look_ahead(&self, identity: u128) {
        if let Some(entry) = self.entries.get(self.home(identity as u32)) {
            memory::prefetch(entry);
        }
    }

    /// The caller has found that it is not there.
    pub(super) fn insert(&mut self, identity: u128, series: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        self.len += 1;
        self.put(entry(identity as u32, series));
    }

    pub(super) fn remove(&mut self, identity: u128, series: u32) {
        if self.entries.is_empty() {
            return;
        }
        let mask = self.entries.len() - 1;
        let mut at = self.home(identity as u32);
        while number(self.entries[at]) != Some(series) {
            if self.entries[at] == FREE {
                return;
            }
            at = (at + 1) & mask;
        }
        self.len -= 1;
        self.entries[at] = FREE;
        // What was pushed past the gap comes back to where it is looked for.
        let mut next = (at + 1) & mask;
        while self.entries[next] != FREE {
            let moved = std::mem::replace(&mut self.entries[next], FREE);
            self.put(moved);
            next = (next + 1) & mask;
        }
    }

    fn put(&mut self, entry: Entry) {
        let mut at = self.home(tag_of(entry));
        while self.entries[at] != FREE {
            at = (at + 1) & (self.entries.len() - 1);
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let size = (self.entries.len() * 2).max(LEAST);
        let entries = vec![FREE; size];
        memory::advise_huge(&entries);
        let before = std::mem::replace(&mut self.entries, entries);
        let taken = before.into_iter().filter(|entry| *entry != FREE);
        taken.for_each(|entry| self.put(entry));
    }

    fn home(&self, tag: u32) -> usize {
        tag as usize & self.entries.len().wrapping_sub(1)
    }
}

fn entry(tag: u32, series: u32) -> Entry {
    u64::from(tag) << 32 | u64::from(series.wrapping_add(1))
}

fn tag_of(entry: Entry) -> u32 {
    (entry >> 32) as u32
}

fn number(entry: Entry) -> Option<u32> {
    (entry as u32).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_and_what_is_taken_out_is_not() {
        let mut identities = Identities::default();
        assert_eq!(identities.find(1, |_| true), None);
        // Homes collide, and whole tags.
        let identity = |n: u32| u128::from(n % 50) << 4 | u128::from(n / 50 % 3) << 30;
        (0..600).for_each(|n| identities.insert(identity(n), n));
        let mine = |n| move |found| found == n;
        assert!((0..600).all(|n| identities.find(identity(n), mine(n)) == Some(n)));
        assert_eq!(identities.find(identity(7), |_| false), None);
        (0..600)
            .filter(|n| n % 3 == 0)
            .for_each(|n| identities.remove(identity(n), n));
        identities.remove(identity(3), 3);
        for n in 0..600 {
            let found = identities.find(identity(n), mine(n));
            assert_eq!(found, (n % 3 != 0).then_some(n));
        }
        assert_eq!(identities.len(), 400);
    }
}
