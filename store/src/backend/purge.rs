//! Rewriting tables without the chunks of deleted series, and of series whose policy keeps them for less long than the
//! others. What is written here needs no log: should the process end before it is done, it is done again.

use roaring::RoaringBitmap;
use rocksdb::{
    BottommostLevelCompaction, CompactOptions, IteratorMode, ReadOptions, WriteBatch, WriteOptions,
};

use super::{Backend, Tier, keys};
use crate::StoreError;
use crate::pack::{Pack, PackError, Packing};
use crate::window::Window;

/// Changed packs written at once.
const BATCH_BYTES: usize = 1 << 20;

/// Series whose chunks before a window are left out.
#[derive(Debug, Clone)]
pub(crate) struct Doom {
    pub(crate) series: RoaringBitmap,
    pub(crate) before: Window,
}

/// What becomes of a pack.
enum Purged {
    Kept,
    Gone,
    /// To these bytes.
    Changed,
}

impl Backend {
    /// Rewrites the packs of some windows, leaving out what is doomed, and the files they are in. A pack that cannot be
    /// read stays as it is.
    pub(crate) fn purge(
        &self,
        tier: Tier,
        windows: std::ops::RangeInclusive<Window>,
        doom: &Doom,
    ) -> Result<(), StoreError> {
        let (start, end) = (
            windows.start().to_be_bytes(),
            keys::window_end(*windows.end()),
        );
        if !self.change_packs(tier, &start, &end, doom)? {
            return Ok(());
        }
        let family = self.family(tier.family())?;
        self.db.flush_cf(&family)?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db
            .compact_range_cf_opt(&family, Some(&start[..]), Some(&end[..]), &options);
        Ok(())
    }

    /// Gives back whether any was changed.
    fn change_packs(
        &self,
        tier: Tier,
        start: &[u8],
        end: &[u8],
        doom: &Doom,
    ) -> Result<bool, StoreError> {
        let family = self.family(tier.family())?;
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_iterate_lower_bound(start);
        options.set_iterate_upper_bound(end);
        let entries = self
            .db
            .iterator_cf_opt(&family, options, IteratorMode::Start);
        let (mut batch, mut changed, mut bytes) = (WriteBatch::default(), false, Vec::new());
        for entry in entries {
            let (key, pack) = entry?;
            let window = keys::read_pack_key(&key).map(|(window, _, _)| window);
            if window.is_none_or(|window| window >= doom.before) {
                continue;
            }
            match without(&pack, &doom.series, &mut bytes) {
                Ok(Purged::Changed) => batch.put_cf(&family, &key, &bytes),
                Ok(Purged::Gone) => batch.delete_cf(&family, &key),
                Ok(Purged::Kept) | Err(_) => continue,
            }
            changed = true;
            if batch.size_in_bytes() > BATCH_BYTES {
                self.write_unlogged(std::mem::take(&mut batch))?;
            }
        }
        self.write_unlogged(batch)?;
        Ok(changed)
    }

    fn write_unlogged(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        Ok(self.db.write_opt(batch, &options)?)
    }
}

fn without(pack: &[u8], series: &RoaringBitmap, out: &mut Vec<u8>) -> Result<Purged, PackError> {
    let (mut packing, mut any) = (Packing::default(), false);
    for member in Pack::open(pack)? {
        let member = member?;
        if series.contains(member.place.1) {
            any = true;
        } else {
            packing.add_member(&member);
        }
    }
    if !any {
        return Ok(Purged::Kept);
    }
    if packing.is_empty() {
        return Ok(Purged::Gone);
    }
    out.clear();
    packing.close(out);
    Ok(Purged::Changed)
}
