//! Windows: time is cut into runs of equal length, numbered from 1970. A chunk, a table and a retention step are each of one window.

/// A day, by which rollups are kept.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A window's number.
pub(crate) type Window = u32;

/// The window a time lies in; `None` before 1970 or past the last number.
pub(crate) fn of(timestamp_ms: i64, window_ms: i64) -> Option<Window> {
    Window::try_from(timestamp_ms.div_euclid(window_ms)).ok()
}

/// The first millisecond of a window.
pub(crate) fn start_ms(window: Window, window_ms: i64) -> i64 {
    i64::from(window) * window_ms
}

/// The first millisecond after a window.
pub(crate) fn end_ms(window: Window, window_ms: i64) -> i64 {
    (i64::from(window) + 1) * window_ms
}

/// The windows that a range of times touches, both ends inclusive.
pub(crate) fn touching(
    from_ms: i64,
    to_ms: i64,
    window_ms: i64,
) -> std::ops::RangeInclusive<Window> {
    let clamp = |ms: i64| {
        let window = ms.div_euclid(window_ms).clamp(0, i64::from(Window::MAX));
        Window::try_from(window).unwrap_or(Window::MAX)
    };
    if to_ms < 0 || to_ms < from_ms {
        // An empty range: nothing before 1970 is kept.
        return std::ops::RangeInclusive::new(1, 0);
    }
    clamp(from_ms)..=clamp(to_ms)
}

/// The day a window lies in: windows never reach over midnight.
pub(crate) fn day_of(window: Window, window_ms: i64) -> u32 {
    of(start_ms(window, window_ms), DAY_MS).unwrap_or_default()
}

/// The windows of a day.
pub(crate) fn windows_of(day: u32, window_ms: i64) -> std::ops::Range<Window> {
    let first = of(i64::from(day) * DAY_MS, window_ms).unwrap_or(Window::MAX);
    let a_day = Window::try_from(DAY_MS / window_ms).unwrap_or(1);
    first..first.saturating_add(a_day)
}
