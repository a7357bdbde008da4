//! When each series has samples: by window while raw samples are kept, by day for as long as any rollup is.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use roaring::RoaringBitmap;

use crate::window::{self, Window};

/// Days since 1970.
pub(crate) type Day = u32;

#[derive(Default)]
pub(crate) struct Presence {
    windows: BTreeMap<Window, RoaringBitmap>,
    days: BTreeMap<Day, RoaringBitmap>,
}

impl Presence {
    pub(crate) fn mark_window(&mut self, window: Window, series: impl IntoIterator<Item = u32>) {
        self.windows.entry(window).or_default().extend(series);
    }

    pub(crate) fn mark_day(&mut self, day: Day, series: &RoaringBitmap) {
        *self.days.entry(day).or_default() |= series;
    }

    pub(crate) fn window(&self, window: Window) -> Option<&RoaringBitmap> {
        self.windows.get(&window)
    }

    pub(crate) fn day(&self, day: Day) -> Option<&RoaringBitmap> {
        self.days.get(&day)
    }

    pub(crate) fn windows(&self) -> impl DoubleEndedIterator<Item = Window> + '_ {
        self.windows.keys().copied()
    }

    pub(crate) fn days(&self) -> impl DoubleEndedIterator<Item = Day> + '_ {
        self.days.keys().copied()
    }

    pub(crate) fn forget_windows_before(&mut self, window: Window) {
        self.windows = self.windows.split_off(&window);
    }

    pub(crate) fn forget_days_before(&mut self, day: Day) {
        self.days = self.days.split_off(&day);
    }

    /// Takes series out everywhere.
    pub(crate) fn remove(&mut self, series: &RoaringBitmap) {
        for bitmap in self.windows.values_mut().chain(self.days.values_mut()) {
            *bitmap -= series;
        }
        self.windows.retain(|_, bitmap| !bitmap.is_empty());
        self.days.retain(|_, bitmap| !bitmap.is_empty());
    }

    /// The series with samples between two times, to the window where all windows are known, which is from one on that is
    /// given, else to the day.
    pub(crate) fn between(
        &self,
        from_ms: i64,
        to_ms: i64,
        window_ms: i64,
        whole_from: Window,
    ) -> RoaringBitmap {
        let mut seen = RoaringBitmap::new();
        let windows = window::touching(from_ms, to_ms, window_ms);
        if windows.is_empty() {
            return seen;
        }
        for (_, series) in self.windows.range(windows) {
            seen |= series;
        }
        let known_from_ms = self
            .windows
            .keys()
            .next()
            .map(|w| window::start_ms(whole_from.max(*w), window_ms));
        if known_from_ms.is_none_or(|known_ms| from_ms < known_ms) {
            let to_ms = known_from_ms.map_or(to_ms, |known_ms| to_ms.min(known_ms - 1));
            for (_, series) in self.days_touching(window::touching(from_ms, to_ms, window::DAY_MS))
            {
                seen |= series;
            }
        }
        seen
    }

    fn days_touching(
        &self,
        days: RangeInclusive<Day>,
    ) -> impl Iterator<Item = (&Day, &RoaringBitmap)> {
        let days = (!days.is_empty()).then(|| self.days.range(days));
        days.into_iter().flatten()
    }

    /// Every series with samples anywhere.
    pub(crate) fn all(&self) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        for series in self.windows.values().chain(self.days.values()) {
            all |= series;
        }
        all
    }
}
