//! What each agent sends: batch `n` of an agent is a pure function of the seed, so that a batch can be sent again
//! byte for byte and a failing run can be repeated. Owns no clock: time advances by the batch.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use weir_wire::{Histogram, KeyError, Sample, SeriesKey, Value};

use crate::random::Random;

/// Float series of one agent that are alive at a time.
pub const FLOAT_SERIES: u16 = 800;
/// Histogram series of one agent.
pub const HISTOGRAM_SERIES: u16 = 24;
/// Names of float metrics.
pub const FLOAT_METRICS: u16 = 12;
/// Names of histogram metrics.
pub const HISTOGRAM_METRICS: u16 = 2;
/// How far behind a late sample may be: never before the start of the plan.
pub const LATE_MS: u64 = 12 * 60_000;

const FLOATS_A_BATCH: u64 = 200;
const HISTOGRAMS_A_BATCH: u64 = 4;
/// One batch in so many has late samples, repeats earlier ones, or corrects them.
const LATE_EVERY: u64 = 6;
const REPEAT_EVERY: u64 = 5;
const CORRECT_EVERY: u64 = 7;
/// Samples that are late, repeated or corrected in such a batch.
const EXTRA: usize = 20;
/// How many batches back repeated and corrected samples lie at most.
const BACK: u64 = 200;
/// Half of them lie nearer: what is corrected soon and then sent again shows a batch that is stored twice.
const BACK_NEAR: u64 = 8;
/// After so many batches a quarter of the series are replaced by new ones.
const GENERATION_BATCHES: u64 = 250;

/// A series of the plan. The label `agent` makes series of different agents different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    pub agent: u16,
    /// Floats from 0, histograms from [`FLOAT_SERIES`].
    pub number: u16,
    pub generation: u32,
}

impl Line {
    /// What the gateway knows it by.
    ///
    /// # Errors
    /// None that these names can cause.
    pub fn key(self) -> Result<SeriesKey, KeyError> {
        let (agent, number) = (format!("a{}", self.agent), self.number.to_string());
        let generation = self.generation.to_string();
        let labels = [
            ("agent", agent.as_str()),
            ("generation", generation.as_str()),
            ("number", number.as_str()),
        ];
        SeriesKey::new(&self.metric(), labels)
    }

    /// The series that these labels name; `None` for one that no plan has.
    #[must_use]
    pub fn of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let line = Self {
            agent: get("agent")?.strip_prefix('a')?.parse().ok()?,
            number: get("number")?.parse().ok()?,
            generation: get("generation")?.parse().ok()?,
        };
        (get("__name__")? == line.metric()).then_some(line)
    }

    fn metric(self) -> String {
        match self.number.checked_sub(FLOAT_SERIES) {
            None => format!("crash_float_{}", self.number % FLOAT_METRICS),
            Some(number) => format!("crash_histogram_{}", number % HISTOGRAM_METRICS),
        }
    }
}

/// A sample of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    pub line: Line,
    pub sample: Sample,
}

/// Makes batches.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    /// The time of the first batch.
    pub start_ms: i64,
    /// How much time passes from batch to batch.
    pub step_ms: u64,
}

impl Plan {
    /// An agent's batch of a sequence, from 1.
    #[must_use]
    pub fn batch(&self, agent: u16, sequence: u64) -> Vec<Planned> {
        let mut random = Random::new(self.seed, &[1, agent.into(), sequence]);
        let mut points = self.fresh(agent, sequence);
        if sequence.is_multiple_of(LATE_EVERY) {
            self.late(agent, sequence, &mut random, &mut points);
        }
        if sequence.is_multiple_of(REPEAT_EVERY) {
            points.extend(self.earlier(agent, sequence, &mut random));
        }
        if sequence.is_multiple_of(CORRECT_EVERY) {
            let earlier = self.earlier(agent, sequence, &mut random);
            points.extend(earlier.into_iter().map(|point| Planned {
                sample: Sample {
                    timestamp_ms: point.sample.timestamp_ms,
                    value: value(point.line, sequence, &mut random),
                },
                ..point
            }));
        }
        points
    }

    /// The time a batch begins at.
    #[must_use]
    pub fn time_ms(&self, sequence: u64) -> i64 {
        self.start_ms + (sequence * self.step_ms) as i64
    }

    /// The samples of a batch's own time.
    fn fresh(&self, agent: u16, sequence: u64) -> Vec<Planned> {
        let mut random = Random::new(self.seed, &[2, agent.into(), sequence]);
        let begin_ms = self.time_ms(sequence);
        let mut points = Vec::new();
        let mut put = |number: u16, random: &mut Random| {
            let line = line(agent, number, sequence);
            let timestamp_ms = begin_ms + random.below(self.step_ms) as i64;
            let value = value(line, sequence, random);
            let sample = Sample {
                timestamp_ms,
                value,
            };
            points.push(Planned { line, sample });
        };
        for at in 0..FLOATS_A_BATCH {
            let number = (sequence * FLOATS_A_BATCH + at) % u64::from(FLOAT_SERIES);
            put(number as u16, &mut random);
        }
        for at in 0..HISTOGRAMS_A_BATCH {
            let number = (sequence * HISTOGRAMS_A_BATCH + at) % u64::from(HISTOGRAM_SERIES);
            put(FLOAT_SERIES + number as u16, &mut random);
        }
        points
    }

    fn late(&self, agent: u16, sequence: u64, random: &mut Random, points: &mut Vec<Planned>) {
        let behind_ms = random.between(90_000, LATE_MS);
        let time_ms = (self.time_ms(sequence) - behind_ms as i64).max(self.start_ms);
        for _ in 0..EXTRA {
            let number = random.below(u64::from(FLOAT_SERIES + HISTOGRAM_SERIES)) as u16;
            let line = line(agent, number, sequence);
            let timestamp_ms = time_ms + random.below(self.step_ms) as i64;
            let value = value(line, sequence, random);
            let sample = Sample {
                timestamp_ms,
                value,
            };
            points.push(Planned { line, sample });
        }
    }

    /// Some of the samples of one batch before this one.
    fn earlier(&self, agent: u16, sequence: u64, random: &mut Random) -> Vec<Planned> {
        let back = if random.once_in(2) { BACK } else { BACK_NEAR };
        let from = sequence.saturating_sub(back).max(1);
        if from >= sequence {
            return Vec::new();
        }
        let mut points = self.fresh(agent, random.between(from, sequence - 1));
        let skip = random.below((points.len() - EXTRA) as u64) as usize;
        points.drain(..skip);
        points.truncate(EXTRA);
        points
    }
}

fn line(agent: u16, number: u16, sequence: u64) -> Line {
    let changing = number.is_multiple_of(4);
    Line {
        agent,
        number,
        generation: if changing {
            (sequence / GENERATION_BATCHES) as u32
        } else {
            0
        },
    }
}

/// Each series is of one kind for ever: what a chunk's codec treats differently is all there.
fn value(line: Line, sequence: u64, random: &mut Random) -> Value {
    if line.number >= FLOAT_SERIES {
        return Value::Histogram(Arc::new(distribution(random)));
    }
    let float = match line.number % 6 {
        0 => (sequence * 1_000 + random.below(1_000)) as f64,
        1 => random.below(1_000_000) as f64 / 100.0,
        2 => f64::from_bits((random.number() >> 12) | 0x3ff0_0000_0000_0000) * 1e3,
        3 => extreme(random),
        4 => f64::from(line.number),
        _ => -(random.below(5_000) as f64),
    };
    Value::Float(float)
}

fn extreme(random: &mut Random) -> f64 {
    match random.below(8) {
        0 => -0.0,
        1 => f64::MAX,
        2 => f64::MIN_POSITIVE / 4.0,
        3 => 1e300,
        4 => -9_007_199_254_740_992.0,
        5 => 0.1 + 0.2,
        _ => random.below(10) as f64,
    }
}

fn distribution(random: &mut Random) -> Histogram {
    let mut histogram = Histogram::new();
    for _ in 0..random.between(1, 12) {
        let value = random.below(1_000_000) as f64 / 1_000.0;
        // Values are far within the histogram's bounds.
        let _ = histogram.record(value, random.between(1, 3));
    }
    histogram
}
