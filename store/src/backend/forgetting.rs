//! What retention takes away, tier by tier, and how far a policy's purge has come.

use rocksdb::{ReadOptions, WriteBatch};

use super::{Backend, META, Tier, keys};
use crate::StoreError;
use crate::fail;
use crate::index::Day;
use crate::window::Window;

impl Backend {
    /// Up to which window a policy's purge has come, in a tier.
    pub(crate) fn purged(&self, policy: u128, tier: Tier) -> Result<Window, StoreError> {
        let found = self
            .db
            .get_cf(&self.family(META)?, keys::purged_key(policy, tier))?;
        let window = found
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_le_bytes);
        Ok(window.unwrap_or_default())
    }

    pub(crate) fn put_purged(
        &self,
        policy: u128,
        tier: Tier,
        window: Window,
    ) -> Result<(), StoreError> {
        let key = keys::purged_key(policy, tier);
        let meta = self.family(META)?;
        self.noting(self.db.put_cf(&meta, key, window.to_le_bytes()))
    }

    /// Forgets every window of a tier before this one.
    pub(crate) fn drop_before(&self, tier: Tier, window: Window) -> Result<(), StoreError> {
        fail::pass("retention.drop").map_err(StoreError::io("drop from", self.db.path()))?;
        let (chunks, meta) = (self.family(tier.family())?, self.family(META)?);
        let (start, end) = (0_u32.to_be_bytes(), window.to_be_bytes());
        self.noting(self.db.delete_file_in_range_cf(&chunks, start, end))?;
        let mut batch = WriteBatch::default();
        // Files that reach over the edge, or lie on level 0, are left by the call above.
        if self.any_before(tier, window)? {
            batch.delete_range_cf(&chunks, &start[..], &end[..]);
        }
        if tier == Tier::Raw {
            let (first, end) = (keys::sealed_key(0), keys::sealed_key(window));
            batch.delete_range_cf(&meta, &first[..], &end[..]);
        }
        self.noting(self.db.write(batch))?;
        self.dropped.lock()[tier as usize] = window;
        Ok(())
    }

    /// Forgets what is known of days before this one.
    pub(crate) fn forget_days_before(&self, day: Day) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let meta = self.family(META)?;
        batch.delete_range_cf(&meta, &keys::day_key(0)[..], &keys::day_key(day)[..]);
        self.noting(self.db.write(batch))
    }

    /// Whether a tier has anything before a window. Behind a block that cannot be read there is something until it was
    /// dropped once.
    pub(crate) fn any_before(&self, tier: Tier, window: Window) -> Result<bool, StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(window.to_be_bytes());
        let mut entries = self
            .db
            .raw_iterator_cf_opt(&self.family(tier.family())?, options);
        entries.seek_to_first();
        if entries.valid() {
            return Ok(true);
        }
        match entries.status() {
            Ok(()) => Ok(false),
            Err(error) if error.kind() == rocksdb::ErrorKind::Corruption => {
                if self.dropped.lock()[tier as usize] >= window {
                    return Ok(false);
                }
                tracing::error!("{tier:?} tables before window {window} are damaged: {error}");
                metrics::counter!("weir_store_damaged_chunks_total").increment(1);
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}
