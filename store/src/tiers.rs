//! Which tier answers for which stretch of time: the coarsest whose points lie close enough for the asker, else the
//! finest that is still kept. One continuous answer over all of them.

use std::ops::RangeInclusive;

use crate::backend::Tier;
use crate::rollup::{HOUR_MS, MINUTE_MS};
use crate::store::Past;
use crate::window::{self, DAY_MS, Window};

/// A run of windows, or of days for [`Tier::Hour`], that one tier answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) tier: Tier,
    pub(crate) windows: RangeInclusive<Window>,
}

/// What there is to choose from, for some series.
pub(crate) struct Choice<'a> {
    pub(crate) window_ms: i64,
    pub(crate) past: &'a Past,
    /// Windows with samples in the head: whatever is in tables of them is not all.
    pub(crate) open: &'a std::collections::BTreeSet<Window>,
    /// Windows before these are not kept raw, and not as points of a minute, for these series.
    pub(crate) first_raw: Window,
    pub(crate) first_minute: Window,
    /// Days before this one are not kept as points of an hour.
    pub(crate) first_hour: u32,
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
            if self.takes_hours(day) {
                add(&mut stretches, Tier::Hour, day);
                continue;
            }
            let of_day = window::windows_of(day, self.window_ms);
            let first = of_day.start.max(*windows.start());
            for window in first..of_day.end.min(windows.end().saturating_add(1)) {
                if let Some(tier) = self.tier_of(window) {
                    add(&mut stretches, tier, window);
                }
            }
        }
        stretches
    }

    /// Days of the range that have anything in tables.
    fn days(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = u32> {
        let range = window::touching(from_ms, to_ms, DAY_MS);
        let of_windows = self
            .past
            .windows
            .keys()
            .map(|w| window::day_of(*w, self.window_ms));
        let days = self.past.days.keys().copied().chain(of_windows);
        let mut days: Vec<u32> = days.filter(|day| range.contains(day)).collect();
        days.sort_unstable();
        days.dedup();
        days.into_iter()
    }

    fn takes_hours(&self, day: u32) -> bool {
        if day < self.first_hour || self.past.days.get(&day) != Some(&true) {
            return false;
        }
        let windows = window::windows_of(day, self.window_ms);
        let all_expired = windows.end <= self.first_raw && windows.end <= self.first_minute;
        let open = self.open.range(windows).next().is_some();
        all_expired || (self.spacing_ms >= HOUR_MS && !open)
    }

    fn tier_of(&self, window: Window) -> Option<Tier> {
        let raw = window >= self.first_raw && self.past.windows.contains_key(&window);
        let rolled = match self.past.windows.get(&window) {
            Some(state) => state.rolled,
            None => true,
        };
        let minute = rolled && window >= self.first_minute;
        let coarse_enough = self.spacing_ms >= MINUTE_MS && !self.open.contains(&window);
        match (raw, minute) {
            (true, true) if coarse_enough => Some(Tier::Minute),
            (true, _) => Some(Tier::Raw),
            (false, true) => Some(Tier::Minute),
            (false, false) => None,
        }
    }
}

fn add(stretches: &mut Vec<Stretch>, tier: Tier, window: Window) {
    if let Some(last) = stretches.last_mut()
        && last.tier == tier
        && last.windows.end().checked_add(1) == Some(window)
    {
        last.windows = *last.windows.start()..=window;
        return;
    }
    stretches.push(Stretch {
        tier,
        windows: window..=window,
    });
}

impl Stretch {
    /// First millisecond.
    pub(crate) fn start_ms(&self, window_ms: i64) -> i64 {
        let unit_ms = if self.tier == Tier::Hour {
            DAY_MS
        } else {
            window_ms
        };
        window::start_ms(*self.windows.start(), unit_ms)
    }

    /// How far apart its points lie; 0 for raw samples.
    pub(crate) fn resolution_ms(&self) -> i64 {
        match self.tier {
            Tier::Raw => 0,
            Tier::Minute => MINUTE_MS,
            Tier::Hour => HOUR_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::WindowState;

    const WINDOW_MS: i64 = 6 * 3_600_000;

    fn past() -> Past {
        let mut past = Past::default();
        for window in 8..16 {
            let state = WindowState {
                rolled: true,
                sealed_at_ms: None,
            };
            past.windows.insert(window, state);
        }
        past.days
            .extend([(0, true), (1, true), (2, true), (3, false)]);
        past
    }

    fn stretches(open: &[Window], first_raw: Window, spacing_ms: i64) -> Vec<Stretch> {
        let choice = Choice {
            window_ms: WINDOW_MS,
            past: &past(),
            open: &BTreeSet::from_iter(open.iter().copied()),
            first_raw,
            first_minute: 5,
            first_hour: 0,
            spacing_ms,
        };
        choice.stretches(0, 4 * DAY_MS - 1)
    }

    fn stretch(tier: Tier, windows: RangeInclusive<Window>) -> Stretch {
        Stretch { tier, windows }
    }

    #[test]
    fn raw_samples_are_read_for_as_long_as_they_are_kept() {
        let expected = [
            stretch(Tier::Hour, 0..=0),
            stretch(Tier::Minute, 5..=7),
            stretch(Tier::Raw, 8..=15),
        ];
        assert_eq!(stretches(&[], 8, 0), expected);
    }

    #[test]
    fn the_coarsest_tier_that_is_close_enough_answers() {
        let minutes = [stretch(Tier::Hour, 0..=0), stretch(Tier::Minute, 5..=15)];
        assert_eq!(stretches(&[], 8, MINUTE_MS), minutes);
        let hours = [stretch(Tier::Hour, 0..=2), stretch(Tier::Minute, 12..=15)];
        assert_eq!(stretches(&[], 8, HOUR_MS), hours);
    }

    #[test]
    fn what_is_open_is_not_answered_from_rollups() {
        let expected = [
            stretch(Tier::Hour, 0..=1),
            stretch(Tier::Minute, 8..=8),
            stretch(Tier::Raw, 9..=9),
            stretch(Tier::Minute, 10..=15),
        ];
        assert_eq!(stretches(&[9], 8, HOUR_MS), expected);
    }
}
