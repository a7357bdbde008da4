//! How many samples a second this host makes, over the last minute: what a backlog is paced by. Is handed the time.

use std::time::Duration;

use tokio::time::Instant;

const OVER: Duration = Duration::from_secs(60);

/// Over less than this nothing is said to be usual.
const AT_LEAST: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Meter {
    fading: f64,
    began: Option<Instant>,
    looked: Option<Instant>,
}

impl Meter {
    pub(crate) fn add(&mut self, samples: usize, now: Instant) {
        self.fade(now);
        self.fading += samples as f64 / OVER.as_secs_f64();
    }

    /// It fades when nothing comes.
    pub(crate) fn per_second(&mut self, now: Instant) -> f64 {
        let began = *self.began.get_or_insert(now);
        self.fade(now);
        let measured = now.saturating_duration_since(began).max(AT_LEAST);
        self.fading / (1.0 - remaining(measured))
    }

    fn fade(&mut self, now: Instant) {
        self.began.get_or_insert(now);
        let looked = self.looked.replace(now).unwrap_or(now);
        self.fading *= remaining(now.saturating_duration_since(looked));
    }
}

fn remaining(passed: Duration) -> f64 {
    (-passed.as_secs_f64() / OVER.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_measured_and_an_ended_one_forgotten() {
        let (began, mut meter) = (Instant::now(), Meter::default());
        for tick in 0..60 {
            let now = began + Duration::from_secs(10) * tick;
            meter.add(600, now);
            let found = meter.per_second(now);
            assert!(
                tick == 0 || (50.0..130.0).contains(&found),
                "{tick}: {found}"
            );
        }
        let now = began + Duration::from_secs(595);
        let found = meter.per_second(now);
        assert!((55.0..70.0).contains(&found), "{found}");
        assert!(meter.per_second(now + Duration::from_secs(600)) < 0.01);
    }
}
