//! Which series a connection's names stand for. A client sends its series in much the same order again and again, so
//! the next name is first looked for right behind the last one; only what is not there is searched.

use weir_store::SeriesId;
use xxhash_rust::xxh3::xxh3_128;

/// Names remembered a connection; past it all are forgotten and learnt again.
const MOST: usize = 8_000_000;
const LEAST_PLACES: usize = 64;

struct Name {
    tag: [u32; 3],
    series: SeriesId,
}

/// One connection's names, by 96 bits of their hash: a collision, however made, mixes series of one sender only.
#[derive(Default)]
pub(crate) struct Names {
    /// In the order they came first.
    order: Vec<Name>,
    /// One more than a place in `order`; 0 is free. At most three quarters full.
    places: Vec<u32>,
    next: usize,
}

impl Names {
    pub(crate) fn hash(identity: &[u8]) -> u128 {
        xxh3_128(identity)
    }

    #[inline]
    pub(super) fn find(&mut self, hash: u128) -> Option<SeriesId> {
        let tag = tag(hash);
        let at = match self.order.get(self.next) {
            Some(name) if name.tag == tag => self.next,
            _ => self.search(tag)?,
        };
        self.next = if at + 1 == self.order.len() {
            0
        } else {
            at + 1
        };
        Some(self.order[at].series)
    }

    fn search(&self, tag: [u32; 3]) -> Option<usize> {
        let mut place = self.home(tag);
        loop {
            let at = self.places.get(place)?.checked_sub(1)? as usize;
            if self.order[at].tag == tag {
                return Some(at);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }

    /// The caller has found that it is not there.
    pub(super) fn learn(&mut self, hash: u128, series: SeriesId) {
        if self.order.len() >= MOST {
            self.forget();
        }
        if (self.order.len() + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        let tag = tag(hash);
        self.order.push(Name { tag, series });
        self.put(self.order.len() - 1);
        self.next = 0;
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(LEAST_PLACES);
        self.places = vec![0; size];
        (0..self.order.len()).for_each(|at| self.put(at));
    }

    fn put(&mut self, at: usize) {
        let mut place = self.home(self.order[at].tag);
        while self.places[place] != 0 {
            place = (place + 1) & (self.places.len() - 1);
        }
        self.places[place] = at as u32 + 1;
    }

    fn home(&self, tag: [u32; 3]) -> usize {
        tag[0] as usize & self.places.len().wrapping_sub(1)
    }
}

fn tag(hash: u128) -> [u32; 3] {
    [hash as u32, (hash >> 32) as u32, (hash >> 64) as u32]
}
