//! What a rewrite of tables leaves out: chunks of deleted series, and of series whose policy keeps them for less long
//! than the others. Set before a rewrite, empty otherwise.

use std::sync::Arc;

use parking_lot::RwLock;
use roaring::RoaringBitmap;
use rocksdb::CompactionDecision;

use super::{Tier, keys};
use crate::window::Window;

/// Series whose chunks before a window are left out.
#[derive(Debug, Clone)]
pub(crate) struct Doom {
    pub(crate) series: RoaringBitmap,
    pub(crate) before: Window,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Doomed([Arc<RwLock<Vec<Doom>>>; 3]);

impl Doomed {
    pub(super) fn set(&self, tier: Tier, dooms: Vec<Doom>) {
        *self.0[tier as usize].write() = dooms;
    }

    /// What RocksDB asks of every entry that it rewrites.
    pub(super) fn filter(
        &self,
        tier: Tier,
    ) -> impl FnMut(u32, &[u8], &[u8]) -> CompactionDecision + Send + 'static {
        let dooms = Arc::clone(&self.0[tier as usize]);
        move |_, key, _| {
            let Some((window, _, series, _)) = keys::read_chunk_key(key) else {
                return CompactionDecision::Keep;
            };
            let dooms = dooms.read();
            let mut for_it = dooms.iter().filter(|doom| window < doom.before);
            if for_it.any(|doom| doom.series.contains(series)) {
                CompactionDecision::Remove
            } else {
                CompactionDecision::Keep
            }
        }
    }
}
