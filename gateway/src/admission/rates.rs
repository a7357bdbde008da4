//! How fast a source may send, in samples and bytes, by all protocols together. What is over the rate waits where the
//! sender can wait (connections are not read), is told so where it is answered (requests), and is dropped and counted
//! where it can do neither (datagrams). Reads no clock of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

/// Sources with an allowance of their own; the others share one.
const SOURCES: usize = 10_000;
const REST: &str = "other";

/// Limits on one source; 0 is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rate {
    pub samples_per_s: u64,
    pub bytes_per_s: u64,
}

/// What each source may send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateConfig {
    pub each: Rate,
    /// Sources with a rate of their own, by the ledger's names.
    pub named: Vec<(String, Rate)>,
    /// So much of it may come at once.
    pub burst: Duration,
}

/// One a gateway.
#[derive(Debug, Default)]
pub struct Rates {
    config: RateConfig,
    sources: Mutex<HashMap<Box<str>, Arc<Allowance>>>,
}

/// What is left to one source; shared by all its connections and requests.
#[derive(Debug)]
pub struct Allowance {
    samples: Mutex<Bucket>,
    bytes: Mutex<Bucket>,
}

impl Rates {
    #[must_use]
    pub fn new(config: RateConfig) -> Self {
        Self {
            config,
            sources: Mutex::default(),
        }
    }

    /// `None`: nothing is limited.
    pub fn allowance(&self, source: &str) -> Option<Arc<Allowance>> {
        let own = self.config.named.iter().find(|(name, _)| name == source);
        let rate = own.map_or(&self.config.each, |(_, rate)| rate);
        if *rate == Rate::default() {
            return None;
        }
        let mut sources = self.sources.lock();
        if let Some(known) = sources.get(source) {
            return Some(Arc::clone(known));
        }
        if sources.len() >= SOURCES {
            // An allowance that nobody holds is full again soon.
            sources.retain(|_, allowance| Arc::strong_count(allowance) > 1);
        }
        let source = if sources.len() < SOURCES {
            source
        } else {
            REST
        };
        let burst = self.config.burst;
        let new = || Arc::new(Allowance::new(rate, burst));
        Some(Arc::clone(sources.entry(source.into()).or_insert_with(new)))
    }
}

impl Allowance {
    fn new(rate: &Rate, burst: Duration) -> Self {
        Self {
            samples: Mutex::new(Bucket::new(rate.samples_per_s, burst)),
            bytes: Mutex::new(Bucket::new(rate.bytes_per_s, burst)),
        }
    }

    /// # Errors
    /// How long until there is something again; nothing is taken then.
    pub fn take_samples(&self, count: u64, now_ms: i64) -> Result<(), Duration> {
        self.samples.lock().take(count, now_ms)
    }

    /// # Errors
    /// How long until there is something again; nothing is taken then.
    pub fn take_bytes(&self, count: u64, now_ms: i64) -> Result<(), Duration> {
        self.bytes.lock().take(count, now_ms)
    }

    /// Takes what came already, and says how long to wait before more is read.
    pub fn owe_samples(&self, count: u64, now_ms: i64) -> Option<Duration> {
        let mut samples = self.samples.lock();
        samples.owe(count, now_ms);
        samples.wait()
    }

    /// The same.
    pub fn owe_bytes(&self, count: u64, now_ms: i64) -> Option<Duration> {
        let mut bytes = self.bytes.lock();
        bytes.owe(count, now_ms);
        bytes.wait()
    }
}

/// Thousandths, so that a millisecond of any rate is whole. A piece is taken while anything is left, and may leave a debt:
/// what is bigger than the burst passes too, and is paid for after.
#[derive(Debug)]
struct Bucket {
    per_s: i64,
    full: i64,
    left: i64,
    at_ms: i64,
}

const THOUSAND: i64 = 1_000;

impl Bucket {
    fn new(per_s: u64, burst: Duration) -> Self {
        let per_s = i64::try_from(per_s).unwrap_or(i64::MAX);
        let burst_ms = i64::try_from(burst.as_millis()).unwrap_or(i64::MAX);
        let full = per_s.saturating_mul(burst_ms);
        Self {
            per_s,
            full,
            left: full,
            at_ms: i64::MIN,
        }
    }

    fn take(&mut self, count: u64, now_ms: i64) -> Result<(), Duration> {
        if self.per_s == 0 {
            return Ok(());
        }
        self.refill(now_ms);
        match self.wait() {
            Some(wait) => Err(wait),
            None => {
                self.spend(count);
                Ok(())
            }
        }
    }

    fn owe(&mut self, count: u64, now_ms: i64) {
        if self.per_s > 0 {
            self.refill(now_ms);
            self.spend(count);
        }
    }

    fn spend(&mut self, count: u64) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.left = self.left.saturating_sub(count.saturating_mul(THOUSAND));
    }

    fn wait(&self) -> Option<Duration> {
        let is_over = self.per_s > 0 && self.left <= 0;
        is_over.then(|| Duration::from_millis((self.left.unsigned_abs() / self.per_s as u64) + 1))
    }

    /// A clock that was set back gives nothing.
    fn refill(&mut self, now_ms: i64) {
        let passed_ms = now_ms.saturating_sub(self.at_ms).max(0);
        self.at_ms = now_ms;
        let grown = self.per_s.saturating_mul(passed_ms);
        self.left = self.left.saturating_add(grown).min(self.full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(each: u64, named: &[(&str, u64)]) -> Rates {
        let rate = |samples_per_s| Rate {
            samples_per_s,
            bytes_per_s: 0,
        };
        let named = named
            .iter()
            .map(|(name, per_s)| ((*name).to_owned(), rate(*per_s)));
        Rates::new(RateConfig {
            each: rate(each),
            named: named.collect(),
            burst: Duration::from_secs(2),
        })
    }

    #[test]
    fn a_burst_and_then_the_rate_and_a_debt_is_paid() {
        let rates = rates(100, &[]);
        let one = rates.allowance("10.0.0.1").unwrap();
        let mut now_ms = 1_000_000;
        assert_eq!(one.take_samples(150, now_ms), Ok(()));
        assert_eq!(
            one.take_samples(150, now_ms),
            Ok(()),
            "the rest, and a debt of 100"
        );
        assert_eq!(
            one.take_samples(1, now_ms),
            Err(Duration::from_millis(1_001))
        );
        now_ms += 1_000;
        assert!(one.take_samples(1, now_ms).is_err());
        now_ms += 1;
        assert_eq!(one.take_samples(1, now_ms), Ok(()));
        assert!(one.take_samples(1, now_ms - 500).is_err(), "set back");
        let mut taken = 0;
        for _ in 0..100_000 {
            now_ms += 1;
            taken += u64::from(one.take_samples(1, now_ms).is_ok());
        }
        assert!((9_900..=10_200).contains(&taken), "{taken} in 100 s");
        assert_eq!(
            one.take_bytes(u64::MAX, now_ms),
            Ok(()),
            "bytes have no limit"
        );
    }

    #[test]
    fn each_source_has_its_own_and_named_ones_another() {
        let rates = rates(1, &[("batch", 1_000), ("free", 0)]);
        let (one, two) = (rates.allowance("a").unwrap(), rates.allowance("b").unwrap());
        one.take_samples(100, 0).unwrap();
        assert!(one.take_samples(1, 0).is_err());
        assert!(two.take_samples(1, 0).is_ok());
        assert!(Arc::ptr_eq(&one, &rates.allowance("a").unwrap()));
        let batch = rates.allowance("batch").unwrap();
        batch.take_samples(1_999, 0).unwrap();
        assert!(batch.take_samples(1, 0).is_ok());
        assert!(rates.allowance("free").is_none());
        let held: Vec<_> = (0..SOURCES)
            .map(|n| rates.allowance(&n.to_string()))
            .collect();
        let (late, later) = (rates.allowance("late"), rates.allowance("later"));
        assert!(Arc::ptr_eq(&late.unwrap(), &later.unwrap()));
        drop(held);
    }

    #[test]
    fn the_largest_rates_do_not_overflow() {
        let rates = rates(u64::MAX, &[]);
        let one = rates.allowance("a").unwrap();
        assert!(one.take_samples(1_000_000, 0).is_ok());
        assert!(one.take_samples(1_000_000, i64::MAX).is_ok());
    }
}
