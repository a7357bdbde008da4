//! What a comparison found: how many samples of each fault, and the first few by name.

use std::fmt;

/// Examples kept of each fault.
const EXAMPLES: usize = 5;

/// What can be wrong with a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Acknowledged, and not there.
    Lost,
    /// There twice.
    Duplicated,
    /// Never sent.
    Invented,
    /// There with a value that was never sent for its time.
    Changed,
    /// There with a value that a later, acknowledged one had replaced: an old batch was stored again, or parts were merged
    /// in the wrong order.
    Reverted,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Lost,
        Self::Duplicated,
        Self::Invented,
        Self::Changed,
        Self::Reverted,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Invented => "invented",
            Self::Changed => "changed",
            Self::Reverted => "reverted",
        }
    }
}

/// The outcome of comparisons; adds up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Samples that were read.
    pub compared: u64,
    counts: [u64; Fault::ALL.len()],
    examples: Vec<(Fault, String)>,
}

impl Verdict {
    /// Notes samples of a fault.
    pub fn add(&mut self, fault: Fault, samples: u64, series: &str, at_ms: i64) {
        self.counts[fault as usize] += samples;
        let of_it = self.examples.iter().filter(|(known, _)| *known == fault);
        if of_it.count() < EXAMPLES {
            self.examples
                .push((fault, format!("{series} at {at_ms} ms")));
        }
    }

    /// Samples of one fault.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.counts[fault as usize]
    }

    /// Nothing was wrong.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    /// Takes another one in.
    pub fn merge(&mut self, other: Self) {
        self.compared += other.compared;
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        for (fault, example) in other.examples {
            if self
                .examples
                .iter()
                .filter(|(known, _)| *known == fault)
                .count()
                < EXAMPLES
            {
                self.examples.push((fault, example));
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} samples compared", self.compared)?;
        for fault in Fault::ALL {
            write!(f, ", {} {}", self.count(fault), fault.word())?;
        }
        for (fault, example) in &self.examples {
            write!(f, "\n      {}: {example}", fault.word())?;
        }
        Ok(())
    }
}
