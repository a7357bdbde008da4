//! Rewriting tables without the chunks of deleted series, and of series whose policy keeps them for less long than the
//! others. What is written here needs no log: should the process end before it is done, it is done again.

use roaring::RoaringBitmap;
use rocksdb::{
    BottommostLevelCompaction, CompactOptions, DBRawIterator, ReadOptions, WriteBatch, WriteOptions,
};

use super::chunks::Detour;
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
    /// read stays as it is, and where a block cannot be read so do the rest of its window, and every file: RocksDB takes
    /// nothing more once it meets such a block while it rewrites files.
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
        let changes = self.change_packs(tier, &start, &end, doom)?;
        if !changes.any {
            return Ok(());
        }
        let family = self.family(tier.family())?;
        self.noting(self.db.flush_cf(&family))?;
        if changes.damaged > 0 {
            tracing::error!(
                "{} blocks of {tier:?} tables are damaged: the space of what was purged is free once the windows go",
                changes.damaged
            );
            return Ok(());
        }
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db
            .compact_range_cf_opt(&family, Some(&start[..]), Some(&end[..]), &options);
        // It says nothing of how it went.
        self.noting_now()
    }

    fn change_packs(
        &self,
        tier: Tier,
        start: &[u8],
        end: &[u8],
        doom: &Doom,
    ) -> Result<Changes, StoreError> {
        let family = self.family(tier.family())?;
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_iterate_lower_bound(start);
        options.set_iterate_upper_bound(end);
        let mut entries = self.db.raw_iterator_cf_opt(&family, options);
        let (mut batch, mut changes, mut bytes) =
            (WriteBatch::default(), Changes::default(), Vec::new());
        let mut window = Window::from_be_bytes(start.try_into().unwrap_or_default());
        let mut detour = self.detour(tier)?;
        entries.seek_to_first();
        loop {
            let Some((key, pack)) = entries.item() else {
                if !pass_over(&mut entries, tier, &mut detour, &mut window, &mut changes)? {
                    break;
                }
                continue;
            };
            let found = keys::read_pack_key(key).map(|(window, _, _)| window);
            window = found.unwrap_or(window);
            let purged = match found.filter(|window| *window < doom.before) {
                Some(_) => without(pack, &doom.series, &mut bytes),
                None => Ok(Purged::Kept),
            };
            let changed = !matches!(purged, Ok(Purged::Kept) | Err(_));
            match purged {
                Ok(Purged::Changed) => batch.put_cf(&family, key, &bytes),
                Ok(Purged::Gone) => batch.delete_cf(&family, key),
                Ok(Purged::Kept) | Err(_) => {}
            }
            entries.next();
            changes.any |= changed;
            if batch.size_in_bytes() > BATCH_BYTES {
                self.write_unlogged(std::mem::take(&mut batch))?;
            }
        }
        self.write_unlogged(batch)?;
        Ok(changes)
    }

    fn write_unlogged(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.noting(self.db.write_opt(batch, &options))
    }
}

/// What became of many.
#[derive(Default)]
struct Changes {
    any: bool,
    /// Blocks that cannot be read.
    damaged: u64,
}

/// Goes on behind a block that cannot be read; false where there is nothing more.
fn pass_over(
    entries: &mut DBRawIterator<'_>,
    tier: Tier,
    detour: &mut Detour,
    window: &mut Window,
    changes: &mut Changes,
) -> Result<bool, StoreError> {
    let error = match entries.status() {
        Ok(()) => return Ok(false),
        Err(error) if error.kind() == rocksdb::ErrorKind::Corruption => error,
        Err(error) => return Err(error.into()),
    };
    let is_new = detour.is_new(&error);
    if is_new {
        tracing::error!("{tier:?} tables are damaged, and passed over there: {error}");
        changes.damaged += 1;
        metrics::counter!("weir_store_damaged_chunks_total").increment(1);
    }
    let Some(next) = detour.behind(*window, is_new) else {
        return Ok(false);
    };
    *window = next;
    entries.seek(next.to_be_bytes());
    Ok(true)
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
