//! Points of an hour: a day's are made of its points of a minute once the day is over, and again after each change.

use crate::backend::{RolledDay, Tier, chunk_key};
use crate::index::MetricId;
use crate::rollup::{self, RollupPoint};
use crate::store::{Store, Upkeep};
use crate::window::{self, DAY_MS};
use crate::{StoreError, fail};

/// Series of which a day's points are held at once.
const SERIES_AT_ONCE: usize = 4_096;

impl Store {
    /// Makes the points of an hour of every day that is over, whose windows are sealed, and that changed since the
    /// last time. Gives back how many days.
    ///
    /// # Errors
    /// Of RocksDB or the file system; the day is tried again with the next call.
    pub fn roll_up(&self, now_ms: i64) -> Result<u64, StoreError> {
        let upkeep = self.upkeep.lock();
        let options = &self.shared.options;
        if options.longest_hour_ms() == 0 {
            return Ok(0);
        }
        let days: Vec<u32> = {
            let past = self.shared.past.read();
            let over = |day: u32| window::end_ms(day, DAY_MS) + options.grace_ms <= now_ms;
            let due = past
                .days
                .iter()
                .filter(|(day, made)| !**made && over(**day));
            due.map(|(day, _)| *day).collect()
        };
        let open = self.shared.head.open_windows();
        let mut made = 0;
        for day in days {
            let windows = window::windows_of(day, options.window_ms);
            // What is open is sealed within a window's length, and the day comes round again.
            if open.range(windows).next().is_none() {
                self.roll_day(day, &upkeep)?;
                made += 1;
            }
        }
        Ok(made)
    }

    fn roll_day(&self, day: u32, _upkeep: &Upkeep) -> Result<(), StoreError> {
        let shared = &self.shared;
        fail::pass("rollup.build").map_err(StoreError::io("roll up in", &shared.options.dir))?;
        let present = shared
            .index
            .read()
            .presence
            .day(day)
            .cloned()
            .unwrap_or_default();
        let series: Vec<u32> = present.iter().collect();
        let mut table = shared.backend.table(Tier::Hour, day, 0);
        let (mut bytes, mut hours) = (Vec::new(), Vec::new());
        for some in self.by_metric(&series).chunks(SERIES_AT_ONCE) {
            for ((metric, one), minutes) in some.iter().zip(self.minutes_of(day, some)?) {
                hours.clear();
                bytes.clear();
                rollup::coarsen(&minutes, rollup::HOUR_MS, &mut hours);
                if !hours.is_empty() {
                    rollup::encode(&hours, &mut bytes);
                    table.put(&chunk_key(day, *metric, *one, 0), &bytes)?;
                }
            }
        }
        shared.backend.ingest(Tier::Hour, &table.finish()?)?;
        let rolled = RolledDay {
            present,
            hours_made: true,
        };
        shared.backend.put_day(day, &rolled)?;
        shared.past.write().days.insert(day, true);
        metrics::counter!("weir_store_rolled_days_total").increment(1);
        Ok(())
    }

    /// A day's points of a minute, of each series.
    fn minutes_of(
        &self,
        day: u32,
        series: &[(MetricId, u32)],
    ) -> Result<Vec<Vec<RollupPoint>>, StoreError> {
        let mut found = vec![Vec::new(); series.len()];
        for window in window::windows_of(day, self.shared.options.window_ms) {
            // The newest part was made of all that was there.
            let mut newest: Vec<Option<Vec<u8>>> = vec![None; series.len()];
            self.shared
                .backend
                .chunks_in(Tier::Minute, window, series, |at, bytes| {
                    newest[at] = Some(bytes.to_vec());
                    Ok(())
                })?;
            for (at, bytes) in newest.into_iter().enumerate() {
                let Some(bytes) = bytes else {
                    continue;
                };
                match rollup::decode(&bytes) {
                    Ok(points) => found[at].extend(points),
                    Err(error) => self.name_damage(Tier::Minute, window, series[at].1, &error),
                }
            }
        }
        Ok(found)
    }
}
