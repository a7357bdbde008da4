//! Memory in blocks that never move: what is in it is named by a number, and a freed place is used again. Growth
//! costs one block, never a copy of what is there.

use crate::memory;

/// No place.
pub(super) const NONE: u32 = u32::MAX;

const BLOCK_BITS: u32 = 16;
const BLOCK: usize = 1 << BLOCK_BITS;

/// Places of one size.
#[derive(Debug)]
pub(super) struct Arena<T> {
    blocks: Vec<Vec<T>>,
    free: Vec<u32>,
    made: u32,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            free: Vec::new(),
            made: 0,
        }
    }
}

impl<T> Arena<T> {
    /// Puts a value in a free place and names it.
    pub(super) fn add(&mut self, value: T) -> u32 {
        if let Some(at) = self.free.pop() {
            *self.get_mut(at) = value;
            return at;
        }
        if (self.made as usize).is_multiple_of(BLOCK) {
            let block = Vec::with_capacity(BLOCK);
            memory::advise_huge(&block);
            self.blocks.push(block);
        }
        let at = self.made;
        if let Some(block) = self.blocks.last_mut() {
            block.push(value);
        }
        self.made += 1;
        at
    }

    /// The place may be used again; its value stays in memory until then.
    pub(super) fn free(&mut self, at: u32) {
        self.free.push(at);
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> &T {
        &self.blocks[(at >> BLOCK_BITS) as usize][at as usize & (BLOCK - 1)]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> &mut T {
        &mut self.blocks[(at >> BLOCK_BITS) as usize][at as usize & (BLOCK - 1)]
    }

    /// Places in use.
    pub(super) fn used(&self) -> usize {
        self.made as usize - self.free.len()
    }

    /// Bytes held from the system.
    pub(super) fn bytes(&self) -> usize {
        self.made as usize * size_of::<T>() + self.free.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_and_are_used_again() {
        let mut arena = Arena::default();
        let places: Vec<u32> = (0..70_000_u64).map(|n| arena.add(n)).collect();
        assert!(places.iter().all(|at| *arena.get(*at) == u64::from(*at)));
        arena.free(5);
        assert_eq!(arena.used(), 69_999);
        assert_eq!(arena.add(7), 5);
        assert_eq!((*arena.get(5), arena.used()), (7, 70_000));
    }
}
