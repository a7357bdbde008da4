//! Which points of a write are let in by their time. Asks how long a series is kept only where a point is older than
//! most series keep, and once for each: what a policy takes is told by the labels, which never change.

use parking_lot::RwLock;
use roaring::RoaringBitmap;

use crate::columns::Points;
use crate::index::Index;
use crate::write::Written;
use crate::{Options, SeriesId};

/// Those of the series asked for until now whose policy keeps samples for longer than the others', and for how long.
#[derive(Default)]
pub(super) struct KeptLonger {
    asked: RoaringBitmap,
    longer: Vec<(RoaringBitmap, i64)>,
}

/// Takes out the points that are too early, or too old for their series.
pub(super) fn admit(
    points: &mut Points,
    now_ms: i64,
    (options, index): (&Options, &RwLock<Index>),
    kept_longer: &mut KeptLonger,
    written: &mut Written,
) {
    let oldest_ms = (now_ms - options.raw_ms).max(0);
    let newest_ms = now_ms + options.future_ms;
    let Some((first_ms, last_ms)) = points.time_range() else {
        return;
    };
    if first_ms >= oldest_ms && last_ms <= newest_ms {
        return;
    }
    let may_be_kept = (now_ms - options.longest_raw_ms()).max(0)..oldest_ms;
    let old: RoaringBitmap = points
        .series_and_times()
        .filter(|(_, at_ms)| may_be_kept.contains(at_ms))
        .map(|(SeriesId(series), _)| series)
        .collect();
    kept_longer.ask(old, options, index);
    points.retain(|series, at_ms| {
        let too_early = at_ms > newest_ms;
        let too_old = at_ms < oldest_ms && at_ms < kept_longer.oldest_ms(series, now_ms, oldest_ms);
        written.too_early += u64::from(too_early);
        written.too_old += u64::from(too_old);
        !too_early && !too_old
    });
}

impl KeptLonger {
    fn ask(&mut self, series: RoaringBitmap, options: &Options, index: &RwLock<Index>) {
        let mut series = series - &self.asked;
        if series.is_empty() {
            return;
        }
        self.asked |= &series;
        let index = index.read();
        for policy in &options.policies {
            // Matchers that cannot be asked for are told of by whoever reads.
            let Ok(matching) = index.matching(&policy.matchers, series.clone()) else {
                continue;
            };
            series -= &matching;
            if policy.raw_ms > options.raw_ms && !matching.is_empty() {
                self.longer.push((matching, policy.raw_ms));
            }
        }
        self.fold();
    }

    /// One set for each time.
    fn fold(&mut self) {
        self.longer.sort_by_key(|(_, raw_ms)| *raw_ms);
        self.longer.dedup_by(|later, first| {
            let same = later.1 == first.1;
            if same {
                first.0 |= &later.0;
            }
            same
        });
    }

    fn oldest_ms(&self, series: u32, now_ms: i64, oldest_ms: i64) -> i64 {
        let mut longer = self.longer.iter();
        let kept = longer.find(|(of, _)| of.contains(series));
        kept.map_or(oldest_ms, |(_, raw_ms)| (now_ms - raw_ms).max(0))
    }
}
