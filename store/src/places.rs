//! A place by number, for numbers that are given out once and leave in time: in blocks, of which only those are there
//! that some number has a place in. What is held goes with the numbers that there are, not with those that ever were.

use crate::memory;

/// Numbers in a block.
const BLOCK: usize = 1 << 12;

#[derive(Debug, Default)]
pub(crate) struct Places {
    /// At most as many as there are blocks of numbers, which is a million.
    blocks: Vec<Option<Block>>,
}

#[derive(Debug)]
struct Block {
    /// One more than each place; 0 for none.
    places: Box<[u32]>,
    used: usize,
}

impl Places {
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<u32> {
        self.slot(number)?.checked_sub(1)
    }

    /// Asks memory for what [`Places::get`] will read.
    #[inline]
    pub(crate) fn look_ahead(&self, number: u32) {
        if let Some(slot) = self.slot(number) {
            memory::prefetch(slot);
        }
    }

    #[inline]
    fn slot(&self, number: u32) -> Option<&u32> {
        let block = self.blocks.get(number as usize / BLOCK)?.as_ref()?;
        Some(&block.places[number as usize % BLOCK])
    }

    /// `place` is below the highest there could be.
    pub(crate) fn put(&mut self, number: u32, place: u32) {
        let at = number as usize / BLOCK;
        if self.blocks.len() <= at {
            self.blocks.resize_with(at + 1, || None);
        }
        let block = self.blocks[at].get_or_insert_with(Block::new);
        let found = &mut block.places[number as usize % BLOCK];
        block.used += usize::from(*found == 0);
        *found = place + 1;
    }

    pub(crate) fn remove(&mut self, number: u32) {
        let Some(slot) = self.blocks.get_mut(number as usize / BLOCK) else {
            return;
        };
        let Some(block) = slot else {
            return;
        };
        let found = std::mem::take(&mut block.places[number as usize % BLOCK]);
        block.used -= usize::from(found != 0);
        if block.used == 0 {
            *slot = None;
        }
    }

    /// Number and place, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let blocks = self.blocks.iter().enumerate();
        let blocks = blocks.filter_map(|(at, block)| Some((at, block.as_ref()?)));
        blocks.flat_map(|(at, block)| {
            let places = block.places.iter().enumerate();
            let there = places.filter(|(_, place)| **place != 0);
            there.map(move |(number, place)| ((at * BLOCK + number) as u32, *place - 1))
        })
    }

    /// Keeps those that `stays` takes.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        for slot in &mut self.blocks {
            let Some(block) = slot else {
                continue;
            };
            for place in block.places.iter_mut().filter(|place| **place != 0) {
                if !stays(*place - 1) {
                    *place = 0;
                    block.used -= 1;
                }
            }
            if block.used == 0 {
                *slot = None;
            }
        }
    }

    /// Gives each place another, ascending by number.
    pub(crate) fn renew(&mut self, mut renewed: impl FnMut(u32) -> u32) {
        let blocks = self.blocks.iter_mut().flatten();
        let places = blocks.flat_map(|block| &mut block.places);
        for place in places.filter(|place| **place != 0) {
            *place = renewed(*place - 1) + 1;
        }
    }

    /// Bytes held from the system.
    pub(crate) fn bytes(&self) -> usize {
        let blocks = self.blocks.iter().flatten().count();
        blocks * BLOCK * size_of::<u32>() + self.blocks.capacity() * size_of::<Option<Block>>()
    }
}

impl Block {
    fn new() -> Self {
        Self {
            places: vec![0; BLOCK].into_boxed_slice(),
            used: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_with_their_first_number_and_go_with_their_last() {
        let mut places = Places::default();
        let empty = places.bytes();
        let numbers = [0, 1, BLOCK as u32 - 1, BLOCK as u32, 70_000];
        for (place, number) in numbers.into_iter().enumerate() {
            places.put(number, place as u32);
            places.put(number, place as u32 + 7);
        }
        let found: Vec<_> = places.iter().collect();
        assert_eq!(
            found,
            [(0, 7), (1, 8), (4_095, 9), (4_096, 10), (70_000, 11)]
        );
        assert_eq!((places.get(2), places.get(u32::MAX)), (None, None));
        places.renew(|place| place * 2);
        places.retain(|place| place != 20);
        assert_eq!((places.get(4_096), places.get(4_095)), (None, Some(18)));
        let before = places.bytes();
        for number in [0, 1, 1, 4_095, 4_096, u32::MAX] {
            places.remove(number);
        }
        assert_eq!(places.iter().collect::<Vec<_>>(), [(70_000, 22)]);
        assert_eq!(before - places.bytes(), BLOCK * 4);
        assert!(empty == 0 && places.bytes() > BLOCK * 4);
    }
}
