//! The members of one set in one interval, as 128-bit hashes of their texts: a count that two texts of one hash could
//! make wrong, which does not happen in practice.

use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_128;

/// Different members seen since the last [`Members::take`].
#[derive(Debug, Default)]
pub(crate) struct Members(HashSet<u128>);

impl Members {
    /// How many members this made more, 0 or 1; `None` for a new one where there is no room.
    pub(crate) fn add(&mut self, member: &str, room: usize) -> Option<usize> {
        let hash = xxh3_128(member.as_bytes());
        if self.0.contains(&hash) {
            return Some(0);
        }
        if room == 0 {
            return None;
        }
        self.0.insert(hash);
        Some(1)
    }

    /// How many there were; the next interval begins with none.
    pub(crate) fn take(&mut self) -> usize {
        std::mem::take(&mut self.0).len()
    }
}
