//! `time`: the host's wall clock, so that one that is wrong can be seen from elsewhere. The only place of these that
//! reads a clock of the day.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Figure;

pub(super) fn figure() -> Figure {
    Figure::new("node_time_seconds", seconds(SystemTime::now()))
}

/// Since 1970, negative before it.
fn seconds(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn seconds_on_both_sides_of_1970() {
        assert_eq!(seconds(UNIX_EPOCH + Duration::from_millis(1500)), 1.5);
        assert_eq!(seconds(UNIX_EPOCH - Duration::from_secs(2)), -2.0);
    }
}
