//! So many a minute: a bucket that holds one minute's worth and fills evenly. Handed the time.

const MINUTE_MS: i64 = 60_000;

/// Empty of use: full.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bucket {
    /// What was taken and has not grown back, in units times milliseconds of a minute.
    used: u64,
    at_ms: i64,
}

impl Bucket {
    /// Whether one may be taken; `per_minute` 0 is without limit.
    pub(crate) fn has(&mut self, per_minute: u64, now_ms: i64) -> bool {
        self.has_room(1, per_minute, now_ms)
    }

    /// Takes one if there is one.
    pub(crate) fn spend(&mut self, per_minute: u64, now_ms: i64) -> bool {
        self.spend_many(1, per_minute, now_ms) == 1
    }

    /// Takes as many of `wanted` as there are, and says how many.
    pub(crate) fn spend_many(&mut self, wanted: u64, per_minute: u64, now_ms: i64) -> u64 {
        if per_minute == 0 {
            return wanted;
        }
        self.refill(per_minute, now_ms);
        let free = (per_minute * MINUTE_MS as u64).saturating_sub(self.used) / MINUTE_MS as u64;
        let taken = wanted.min(free);
        self.used += taken * MINUTE_MS as u64;
        taken
    }

    fn has_room(&mut self, wanted: u64, per_minute: u64, now_ms: i64) -> bool {
        if per_minute == 0 {
            return true;
        }
        self.refill(per_minute, now_ms);
        self.used + wanted * MINUTE_MS as u64 <= per_minute * MINUTE_MS as u64
    }

    /// A clock that was set back gives nothing, and takes nothing.
    fn refill(&mut self, per_minute: u64, now_ms: i64) {
        let passed = now_ms.saturating_sub(self.at_ms).clamp(0, MINUTE_MS) as u64;
        self.at_ms = now_ms;
        self.used = self.used.saturating_sub(passed * per_minute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_and_then_as_it_grows_back() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.spend_many(100, 60, 1_000_000), 60);
        assert!(!bucket.spend(60, 1_000_999));
        assert!(bucket.spend(60, 1_001_999));
        assert_eq!(bucket.spend_many(100, 60, 1_011_999), 10);
        assert_eq!(bucket.spend_many(100, 60, 900_000), 0, "set back");
        assert_eq!(bucket.spend_many(100, 60, 9_000_000), 60, "never more");
        assert_eq!(bucket.spend_many(7, 0, 0), 7, "without limit");
    }
}
