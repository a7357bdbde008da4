//! Which points of a write are let in by their time. Asks how long a series is kept only where a point is older than
//! what all series keep.

use roaring::RoaringBitmap;

use super::Writer;
use crate::columns::Points;
use crate::write::Written;

impl Writer {
    /// Takes out the points that are too early, or too old for their series.
    pub(super) fn admit(&self, points: &mut Points, now_ms: i64, written: &mut Written) {
        let options = &self.shared.options;
        let oldest_ms = (now_ms - options.raw_ms).max(0);
        let newest_ms = now_ms + options.future_ms;
        let Some((first_ms, last_ms)) = points.time_range() else {
            return;
        };
        if first_ms >= oldest_ms && last_ms <= newest_ms {
            return;
        }
        let longer = match first_ms < oldest_ms {
            true => self.kept_longer(points),
            false => Vec::new(),
        };
        let oldest_of = |series: u32| {
            let policy = longer.iter().find(|(of, _)| of.contains(series));
            policy.map_or(oldest_ms, |(_, raw_ms)| (now_ms - raw_ms).max(0))
        };
        points.retain(|series, at_ms| {
            let too_early = at_ms > newest_ms;
            let too_old = at_ms < oldest_ms && at_ms < oldest_of(series);
            written.too_early += u64::from(too_early);
            written.too_old += u64::from(too_old);
            !too_early && !too_old
        });
    }

    /// Those of the series whose policy keeps samples for longer than the others', and for how long.
    fn kept_longer(&self, points: &Points) -> Vec<(RoaringBitmap, i64)> {
        let options = &self.shared.options;
        if options.longest_raw_ms() == options.raw_ms {
            return Vec::new();
        }
        let mut series: RoaringBitmap = points.series().map(|series| series.0).collect();
        let index = self.shared.index.read();
        let mut longer = Vec::new();
        for policy in &options.policies {
            // Matchers that cannot be asked for are told of by whoever reads.
            let Ok(matching) = index.matching(&policy.matchers, series.clone()) else {
                continue;
            };
            series -= &matching;
            if policy.raw_ms > options.raw_ms && !matching.is_empty() {
                longer.push((matching, policy.raw_ms));
            }
        }
        longer
    }
}
