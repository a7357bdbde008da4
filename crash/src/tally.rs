//! What a part of the harness has counted, and whether that is good: printed at its end.

use std::time::{Duration, Instant};

use crate::control::{Counts, read};
use crate::verdict::Verdict;

/// Counts of one part.
pub(crate) struct Tally {
    pub(crate) part: String,
    began: Instant,
    pub(crate) cycles: u64,
    /// Of the cycles: ended again before the gateway was ready.
    pub(crate) while_starting: u64,
    /// Of those: something had been acknowledged by then.
    pub(crate) before_ready: u64,
    pub(crate) verdict: Verdict,
    pub(crate) comparisons: u64,
    /// From the end to a gateway that is ready, and to its first acknowledgement.
    pub(crate) ready: Vec<Duration>,
    pub(crate) serving: Vec<Duration>,
    /// "windows sealed" in the log, and the windows those lines count.
    pub(crate) seals: u64,
    pub(crate) sealed_windows: u64,
    /// The most that /metrics said of one run.
    pub(crate) sealed_metric: u64,
    /// Files of the journal that went while it was watched.
    pub(crate) trimmed: u64,
    /// The gateway's own checks that found nothing wrong.
    pub(crate) checks: u64,
    /// Reports of damage or of lost samples in the gateway's log.
    pub(crate) complaints: Vec<String>,
    /// What else makes the part fail.
    pub(crate) failures: Vec<String>,
    /// What could not be looked at.
    pub(crate) notes: Vec<String>,
}

impl Tally {
    pub(crate) fn new(part: &str) -> Self {
        Self {
            part: part.to_owned(),
            began: Instant::now(),
            cycles: 0,
            while_starting: 0,
            before_ready: 0,
            verdict: Verdict::default(),
            comparisons: 0,
            ready: Vec::new(),
            serving: Vec::new(),
            seals: 0,
            sealed_windows: 0,
            sealed_metric: 0,
            trimmed: 0,
            checks: 0,
            complaints: Vec::new(),
            failures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Nothing lost, doubled, invented or changed, and nothing else wrong.
    pub(crate) fn green(&self) -> bool {
        self.verdict.clean() && self.failures.is_empty() && self.complaints.is_empty()
    }

    /// Since it began.
    pub(crate) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// Prints everything.
    pub(crate) fn print(&self, counts: &Counts, samples: u64) {
        let word = if self.green() { "passed" } else { "FAILED" };
        let wall_s = self.took().as_secs_f64();
        println!("== {}: {word}", self.part);
        println!(
            "   {} cycles ({} ended while starting, {} of them after an acknowledgement) in {wall_s:.1} s, {} comparisons",
            self.cycles, self.while_starting, self.before_ready, self.comparisons
        );
        println!("   {}", self.verdict);
        println!(
            "   sent {samples} samples in {} batches; {} acknowledged; {} sessions; sent again {} unacknowledged and {} known; {} acknowledgements lost on purpose; {} refused; {} sequences forgotten",
            read(&counts.batches),
            read(&counts.acknowledgements),
            read(&counts.sessions),
            read(&counts.again),
            read(&counts.known),
            read(&counts.lost_acks),
            read(&counts.refused),
            read(&counts.forgotten),
        );
        println!(
            "   {} sealings of {} windows ({} at most in one run by /metrics), {} journal segments deleted",
            self.seals, self.sealed_windows, self.sealed_metric, self.trimmed
        );
        if !self.ready.is_empty() {
            let (ready, serving) = (spread(&self.ready), spread(&self.serving));
            println!("   back after: ready {ready}; first acknowledgement {serving}");
        }
        if self.checks > 0 {
            println!("   store check: clean {} times", self.checks);
        }
        for (word, lines) in [
            ("failure", &self.failures),
            ("the gateway", &self.complaints),
            ("note", &self.notes),
        ] {
            for line in lines {
                println!("   {word}: {line}");
            }
        }
    }
}

fn spread(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |share: f64| {
        let place = (sorted.len().saturating_sub(1)) as f64 * share;
        sorted
            .get(place.round() as usize)
            .map_or(0.0, Duration::as_secs_f64)
    };
    format!(
        "{:.2} s (p95 {:.2}, most {:.2})",
        at(0.5),
        at(0.95),
        at(1.0)
    )
}
