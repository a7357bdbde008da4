//! Lines that were seen before: the texts of their name and tags, as 96 bits of a hash with a seed of this process, so that
//! nobody outside can choose texts that collide. A shortcut past the series' key: sixteen bytes a text, one look each.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use weir_wire::statsd::Metric;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Of a text; enough of it that two never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag([u32; 3]);

#[derive(Debug)]
pub(crate) struct Texts {
    seed: u64,
    table: HashTable<(Tag, u32)>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            seed: DefaultHashBuilder::default().hash_one(0),
            table: HashTable::new(),
        }
    }
}

impl Texts {
    /// Of a metric's name and tags as they stood in its line; `kind` tells apart what may share a name.
    #[inline]
    pub(crate) fn tag(&self, metric: &Metric<'_>, kind: u8, suffix: &str) -> Tag {
        let seed = self.seed ^ u64::from(kind);
        let mut hash = xxh3_128_with_seed(metric.name.as_bytes(), seed);
        let [in_name, field, host] = metric.tags.raw();
        if suffix.len() + in_name.len() + field.len() + host.len() > 0 {
            for part in [suffix, in_name, field, host] {
                let part = xxh3_128_with_seed(part.as_bytes(), hash as u64);
                hash = hash.rotate_left(64).wrapping_add(part);
            }
        }
        Tag([hash as u32, (hash >> 32) as u32, (hash >> 64) as u32])
    }

    #[inline]
    pub(crate) fn find(&self, tag: Tag) -> Option<u32> {
        let found = self.table.find(place(tag), |(other, _)| *other == tag);
        found.map(|(_, slot)| *slot)
    }

    /// The caller has found that it is not there.
    pub(crate) fn insert(&mut self, tag: Tag, slot: u32) {
        self.table
            .insert_unique(place(tag), (tag, slot), |(tag, _)| place(*tag));
    }

    pub(crate) fn remove(&mut self, tag: Tag) {
        if let Ok(entry) = self
            .table
            .find_entry(place(tag), |(other, _)| *other == tag)
        {
            entry.remove();
        }
    }

    pub(crate) fn retain(&mut self, mut lives: impl FnMut(u32) -> bool) {
        self.table.retain(|(_, slot)| lives(*slot));
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}

fn place(Tag([low, high, _]): Tag) -> u64 {
    u64::from(low) | u64::from(high) << 32
}
