//! How long to wait before the next try: doubled each time, shortened by chance, lengthened by the receiver's
//! own wish.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::config::Backoff;

/// The longest wish of a receiver (`Retry-After`) that is heeded.
const LONGEST_WISH: Duration = Duration::from_secs(3_600);

/// After the `attempt`th try (from 1). The chance comes from the key and the attempt: the same notification
/// waits the same in every test, different ones spread out.
pub(super) fn wait(backoff: Backoff, key: &str, attempt: u32, wish: Option<Duration>) -> Duration {
    let doubled = backoff
        .first
        .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
        .min(backoff.max);
    let chance = xxh3_64(format!("{key}{attempt}").as_bytes()) % 1_000;
    let shortened = doubled - doubled.mul_f64(0.5 * (chance as f64) / 1_000.0);
    shortened.max(wish.unwrap_or_default().min(LONGEST_WISH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_bound_and_vary_by_half() {
        let backoff = Backoff::default();
        for attempt in 1..=200 {
            let full = Duration::from_secs(1 << (attempt - 1).min(6)).min(backoff.max);
            let waited = wait(backoff, "key", attempt, None);
            assert!(
                waited <= full && waited * 2 >= full,
                "{attempt}: {waited:?}"
            );
        }
        assert_ne!(wait(backoff, "a", 9, None), wait(backoff, "b", 9, None));
    }

    #[test]
    fn a_receivers_wish_is_heeded_within_an_hour() {
        let backoff = Backoff::default();
        let wish = |seconds| wait(backoff, "key", 1, Some(Duration::from_secs(seconds)));
        assert_eq!(wish(90), Duration::from_secs(90));
        assert_eq!(wish(1_000_000), Duration::from_secs(3_600));
        assert!(wish(0) >= Duration::from_millis(500));
    }
}
