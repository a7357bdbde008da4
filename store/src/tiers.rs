//! Which tier answers for which stretch of time: the coarsest whose points lie close enough for the asker, else the
//! finest that is still kept. One continuous answer over all of them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::backend::Tier;
use crate::index::Day;
use crate::rollup::{HOUR_MS, MINUTE_MS};
use crate::store::Past;
use crate::window::{self, DAY_MS, Window};

/// A run of windows, or of days for tiers of points, that one tier answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) tier: Tier,
    pub(crate) windows: RangeInclusive<Window>,
    /// Of a day that is half dropped: its points are read up to here, its samples from here on.
    pub(crate) until_ms: Option<i64>,
}

/// What there is to choose from, for some series.
pub(crate) struct Choice<'a> {
    pub(crate) window_ms: i64,
    pub(crate) past: &'a Past,
    /// Windows with samples in the head: whatever is in tables of them is not all. IMPORTANT: looked at before `past`, so
    /// that a window on its way into tables is in one of the two; its tables are read whether or not they are there yet.
    pub(crate) open: &'a BTreeSet<Window>,
    /// Windows before this one are not kept raw, for these series.
    pub(crate) first_raw: Window,
    /// Days before these are not kept as points of a minute, and of an hour.
    pub(crate) first_minute: Day,
    pub(crate) first_hour: Day,
    /// How far apart points may lie.
    pub(crate) spacing_ms: i64,
}

impl Choice<'_> {
    /// The stretches of a range with anything in tables, ascending.
    pub(crate) fn stretches(&self, from_ms: i64, to_ms: i64) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        let windows = window::touching(from_ms, to_ms, self.window_ms);
        if windows.is_empty() {
            return stretches;
        }
        for day in self.days(from_ms, to_ms) {
            let points = self.points_of(day);
            let cut = points.and_then(|(_, cut)| cut);
            // Where there are points that are to be made again, they lie over samples that are in none of them yet.
            if points.is_none() || cut.is_some() || self.awaits_points(day) {
                self.raw_of(day, &windows, cut)
                    .into_iter()
                    .for_each(|window| add(&mut stretches, Tier::Raw, window, None));
            }
            if let Some((tier, cut)) = points {
                let until_ms = cut.map(|cut| window::start_ms(cut, self.window_ms));
                add(&mut stretches, tier, day, until_ms);
            }
        }
        stretches
    }

    /// The windows of a day that are read, of those in a range, from where it is cut.
    fn raw_of(
        &self,
        day: Day,
        range: &RangeInclusive<Window>,
        cut: Option<Window>,
    ) -> BTreeSet<Window> {
        let of_day = window::windows_of(day, self.window_ms);
        let first_kept = match self.awaits_points(day) {
            true => of_day.start,
            false => cut.unwrap_or(self.first_raw),
        };
        let first = of_day.start.max(*range.start()).max(first_kept);
        let end = of_day.end.min(range.end().saturating_add(1));
        if first >= end {
            return BTreeSet::new();
        }
        let sealed = self.past.windows.range(first..end);
        let sealed = sealed.map(|(window, _)| *window);
        sealed.chain(self.open.range(first..end).copied()).collect()
    }

    /// Whether points of a day are kept and some are to be made: until then its samples answer, however old.
    fn awaits_points(&self, day: Day) -> bool {
        let rolled = self.past.days.get(&day);
        (day >= self.first_minute || day >= self.first_hour)
            && rolled.is_none_or(|rolled| !rolled.stale.is_empty())
    }

    /// Days of the range that have anything in tables.
    fn days(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = u32> {
        let range = window::touching(from_ms, to_ms, DAY_MS);
        let windows = self.past.windows.keys().chain(self.open);
        let of_windows = windows.map(|window| window::day_of(*window, self.window_ms));
        let days = self.past.days.keys().copied().chain(of_windows);
        let mut days: Vec<u32> = days.filter(|day| range.contains(day)).collect();
        days.sort_unstable();
        days.dedup();
        days.into_iter()
    }

    /// The tier of points that answers for a day, and the window in its middle from which on its samples do, as they are
    /// all there; `None` where its samples answer alone.
    fn points_of(&self, day: Day) -> Option<(Tier, Option<Window>)> {
        let rolled = self.past.days.get(&day)?;
        let windows = window::windows_of(day, self.window_ms);
        let first_whole = self.first_raw.max(self.past.dropped.before);
        let whole = rolled.stale.is_empty() && self.open.range(windows.clone()).next().is_none();
        let hours = day >= self.first_hour && rolled.hours;
        let minutes = day >= self.first_minute && rolled.minutes;
        let tier = match (minutes, hours) {
            (true, true) if self.spacing_ms >= HOUR_MS => Tier::Hour,
            (true, _) => Tier::Minute,
            (false, true) => Tier::Hour,
            (false, false) => return None,
        };
        if whole && tier.resolution_ms() <= self.spacing_ms {
            return Some((tier, None));
        }
        let cut = windows.contains(&first_whole) && !self.awaits_points(day);
        (first_whole > windows.start).then(|| (tier, cut.then_some(first_whole)))
    }
}

fn add(stretches: &mut Vec<Stretch>, tier: Tier, window: Window, until_ms: Option<i64>) {
    if let Some(last) = stretches.last_mut()
        && last.tier == tier
        && until_ms.is_none()
        && last.windows.end().checked_add(1) == Some(window)
    {
        last.windows = *last.windows.start()..=window;
        return;
    }
    stretches.push(Stretch {
        tier,
        windows: window..=window,
        until_ms,
    });
}

impl Tier {
    /// How far apart its points lie; 0 for raw samples.
    pub(crate) fn resolution_ms(self) -> i64 {
        match self {
            Tier::Raw => 0,
            Tier::Minute => MINUTE_MS,
            Tier::Hour => HOUR_MS,
        }
    }
}

impl Stretch {
    /// First millisecond.
    pub(crate) fn start_ms(&self, window_ms: i64) -> i64 {
        let unit_ms = match self.tier {
            Tier::Raw => window_ms,
            Tier::Minute | Tier::Hour => DAY_MS,
        };
        window::start_ms(*self.windows.start(), unit_ms)
    }
}

#[cfg(test)]
mod tests {
    use roaring::RoaringBitmap;

    use super::*;
    use crate::backend::RolledDay;

    const WINDOW_MS: i64 = 6 * 3_600_000;

    /// Four windows a day: raw from day 2 on, day 4 not rolled up yet, day 3 to be done again.
    fn past() -> Past {
        let mut past = Past::default();
        past.windows.extend((8..20).map(|window| (window, None)));
        past.dropped.before = 8;
        for day in 0..4 {
            let rolled = RolledDay {
                part: 1,
                minutes: true,
                hours: true,
                stale: if day == 3 {
                    RoaringBitmap::from_iter([1])
                } else {
                    RoaringBitmap::new()
                },
                ..RolledDay::default()
            };
            past.days.insert(day, rolled);
        }
        past.days.insert(4, RolledDay::default());
        past
    }

    fn stretches(open: &[Window], first_raw: Window, spacing_ms: i64) -> Vec<Stretch> {
        let choice = Choice {
            window_ms: WINDOW_MS,
            past: &past(),
            open: &BTreeSet::from_iter(open.iter().copied()),
            first_raw,
            first_minute: 1,
            first_hour: 0,
            spacing_ms,
        };
        choice.stretches(0, 5 * DAY_MS - 1)
    }

    fn stretch(tier: Tier, windows: RangeInclusive<Window>) -> Stretch {
        Stretch {
            tier,
            windows,
            until_ms: None,
        }
    }

    #[test]
    fn raw_samples_are_read_for_as_long_as_they_are_kept() {
        let expected = [
            stretch(Tier::Hour, 0..=0),
            stretch(Tier::Minute, 1..=1),
            stretch(Tier::Raw, 8..=19),
        ];
        assert_eq!(stretches(&[], 8, 0), expected);
        let later = [
            stretch(Tier::Hour, 0..=0),
            stretch(Tier::Minute, 1..=1),
            stretch(Tier::Raw, 10..=11),
            Stretch {
                until_ms: Some(10 * WINDOW_MS),
                ..stretch(Tier::Minute, 2..=2)
            },
            stretch(Tier::Raw, 12..=19),
        ];
        assert_eq!(
            stretches(&[], 10, 0),
            later,
            "a day that is half dropped is read by its points up to where its samples begin"
        );
    }

    #[test]
    fn a_day_that_began_late_is_read_whole() {
        let mut past = past();
        past.windows.remove(&8);
        let choice = Choice {
            window_ms: WINDOW_MS,
            past: &past,
            open: &BTreeSet::new(),
            first_raw: 8,
            first_minute: 1,
            first_hour: 0,
            spacing_ms: 0,
        };
        let found = choice.stretches(2 * DAY_MS, 3 * DAY_MS - 1);
        assert_eq!(found, [stretch(Tier::Raw, 9..=11)]);
    }

    #[test]
    fn a_tier_without_points_of_a_day_leaves_it_to_the_others() {
        let mut past = past();
        past.days.values_mut().for_each(|day| day.minutes = false);
        let choice = Choice {
            window_ms: WINDOW_MS,
            past: &past,
            open: &BTreeSet::new(),
            first_raw: 8,
            first_minute: 0,
            first_hour: 0,
            spacing_ms: MINUTE_MS,
        };
        let expected = [stretch(Tier::Hour, 0..=1), stretch(Tier::Raw, 8..=11)];
        assert_eq!(choice.stretches(0, 3 * DAY_MS - 1), expected);
    }

    #[test]
    fn every_tier_begins_where_its_first_window_or_day_does() {
        let found = stretches(&[], 8, 0);
        let starts: Vec<i64> = found.iter().map(|one| one.start_ms(WINDOW_MS)).collect();
        assert_eq!(starts, [0, DAY_MS, 2 * DAY_MS]);
    }

    #[test]
    fn the_coarsest_tier_that_is_close_enough_answers() {
        let minutes = [
            stretch(Tier::Hour, 0..=0),
            stretch(Tier::Minute, 1..=2),
            stretch(Tier::Raw, 12..=19),
        ];
        assert_eq!(stretches(&[], 8, MINUTE_MS), minutes);
        let hours = [stretch(Tier::Hour, 0..=2), stretch(Tier::Raw, 12..=19)];
        assert_eq!(stretches(&[], 8, HOUR_MS), hours);
    }

    #[test]
    fn what_is_open_is_not_answered_from_rollups() {
        let expected = [stretch(Tier::Hour, 0..=1), stretch(Tier::Raw, 8..=19)];
        assert_eq!(stretches(&[9], 8, HOUR_MS), expected);
    }
}
