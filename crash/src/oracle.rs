//! What must be readable, may be readable and must not be: a plain map of what was sent, and for each agent how far
//! the gateway has acknowledged. Knows nothing of stores; it judges answers.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

use weir_wire::Value;

use crate::plan::{Line, Planned};
use crate::verdict::{Fault, Verdict};

const MINUTE_MS: i64 = 60_000;

/// A value as it can be compared: by its bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Float(u64),
    Histogram(Box<Shape>),
}

/// A histogram's count and sum, and its buckets: bits of both bounds, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub count: u64,
    pub sum: u64,
    pub buckets: Vec<(u64, u64, u64)>,
}

/// The buckets of histograms in one.
fn merged<'a>(values: impl Iterator<Item = &'a Seen>) -> HashMap<(u64, u64), u64> {
    let mut buckets = HashMap::new();
    for value in values {
        let Seen::Histogram(shape) = value else {
            continue;
        };
        for (lower, upper, count) in &shape.buckets {
            *buckets.entry((*lower, *upper)).or_default() += count;
        }
    }
    buckets
}

impl From<&Value> for Seen {
    fn from(value: &Value) -> Self {
        match value {
            Value::Float(value) => Self::Float(value.to_bits()),
            Value::Histogram(histogram) => {
                let buckets = histogram.buckets();
                Self::Histogram(Box::new(Shape {
                    count: histogram.count(),
                    sum: histogram.sum().to_bits(),
                    buckets: buckets
                        .map(|(lower, upper, count)| (lower.to_bits(), upper.to_bits(), count))
                        .collect(),
                }))
            }
        }
    }
}

/// The samples of a series as the gateway gave them, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `None` for a series that is in no plan.
    pub line: Option<Line>,
    pub name: String,
    pub samples: Vec<(i64, Seen)>,
}

/// Everything that was sent of one series: by time, then by the sequence it came with.
type Sent = BTreeMap<(i64, u64), Seen>;

/// What the world knows.
#[derive(Debug, Default)]
pub struct Oracle {
    sent: HashMap<Line, Sent>,
    acknowledged: HashMap<u16, u64>,
    samples: u64,
}

impl Oracle {
    /// A batch is about to leave; to be called before its first byte does.
    pub fn sent(&mut self, agent: u16, sequence: u64, points: &[Planned]) {
        debug_assert!(points.iter().all(|point| point.line.agent == agent));
        self.samples += points.len() as u64;
        for point in points {
            let at = (point.sample.timestamp_ms, sequence);
            let sent = self.sent.entry(point.line).or_default();
            sent.insert(at, Seen::from(&point.sample.value));
        }
    }

    /// The gateway has said that it has this sequence and all before it.
    pub fn acknowledged(&mut self, agent: u16, sequence: u64) {
        let highest = self.acknowledged.entry(agent).or_default();
        *highest = sequence.max(*highest);
    }

    /// The highest sequence acknowledged; 0 for none.
    #[must_use]
    pub fn highest(&self, agent: u16) -> u64 {
        self.acknowledged.get(&agent).copied().unwrap_or(0)
    }

    /// Samples sent, repeated ones included.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Judges what was read between two times. What is older than `kept_from_ms` may be gone.
    #[must_use]
    pub fn judge(
        &self,
        wanted: impl Fn(Line) -> bool,
        answers: &[Answer],
        range_ms: RangeInclusive<i64>,
        kept_from_ms: i64,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let mut answered = HashSet::new();
        for answer in answers {
            let known = answer
                .line
                .and_then(|line| Some((line, self.sent.get(&line)?)));
            let Some((line, sent)) = known else {
                verdict.add(
                    Fault::Invented,
                    answer.samples.len() as u64,
                    &answer.name,
                    first_ms(answer),
                );
                continue;
            };
            if !answered.insert(line) {
                verdict.add(
                    Fault::Duplicated,
                    answer.samples.len() as u64,
                    &answer.name,
                    first_ms(answer),
                );
                continue;
            }
            self.judge_samples(line, sent, answer, kept_from_ms, &mut verdict);
            self.find_lost(
                line,
                sent,
                &answer.samples,
                &range_ms,
                kept_from_ms,
                &mut verdict,
            );
        }
        let silent = self
            .sent
            .iter()
            .filter(|(line, _)| wanted(**line) && !answered.contains(line));
        for (line, sent) in silent {
            self.find_lost(*line, sent, &[], &range_ms, kept_from_ms, &mut verdict);
        }
        verdict
    }

    fn judge_samples(
        &self,
        line: Line,
        sent: &Sent,
        answer: &Answer,
        kept_from_ms: i64,
        verdict: &mut Verdict,
    ) {
        let mut last_ms = i64::MIN;
        for (at_ms, seen) in &answer.samples {
            verdict.compared += 1;
            if *at_ms <= last_ms {
                verdict.add(Fault::Duplicated, 1, &answer.name, *at_ms);
                continue;
            }
            last_ms = *at_ms;
            let is_past = *at_ms < kept_from_ms;
            let pardoned = |fault: &Fault| match fault {
                // Past retention what replaced a sample may go before it.
                Fault::Reverted => is_past,
                Fault::Changed => is_past && Self::is_of_its_minute(sent, *at_ms, seen),
                _ => false,
            };
            let fault = self.judge_sample(line, sent, *at_ms, seen);
            if let Some(fault) = fault.filter(|fault| !pardoned(fault)) {
                verdict.add(fault, 1, &answer.name, *at_ms);
            }
        }
    }

    /// Of the values sent for a time the last one acknowledged holds, or any that is still on its way.
    fn judge_sample(&self, line: Line, sent: &Sent, at_ms: i64, seen: &Seen) -> Option<Fault> {
        let highest = self.highest(line.agent);
        let mut known = false;
        for ((_, sequence), value) in sent.range((at_ms, 0)..=(at_ms, u64::MAX)).rev() {
            known = true;
            if value == seen {
                return None;
            }
            if *sequence <= highest {
                let before = sent.range((at_ms, 0)..(at_ms, *sequence));
                let older = before.into_iter().any(|(_, value)| value == seen);
                return Some(if older {
                    Fault::Reverted
                } else {
                    Fault::Changed
                });
            }
        }
        Some(if known {
            Fault::Changed
        } else {
            Fault::Invented
        })
    }

    /// Where the samples are gone the point of a minute answers for all its histograms, at its last sample. What came
    /// after they went, and what was replaced before, may be in it or not; nothing else is.
    fn is_of_its_minute(sent: &Sent, at_ms: i64, seen: &Seen) -> bool {
        let Seen::Histogram(seen) = seen else {
            return false;
        };
        let start_ms = at_ms - at_ms.rem_euclid(MINUTE_MS);
        let minute = sent.range((start_ms, 0)..(at_ms + 1, 0));
        let all = merged(minute.map(|(_, value)| value));
        seen.count > 0
            && seen.buckets.iter().all(|(lower, upper, count)| {
                all.get(&(*lower, *upper)).is_some_and(|sent| sent >= count)
            })
    }

    fn find_lost(
        &self,
        line: Line,
        sent: &Sent,
        samples: &[(i64, Seen)],
        range_ms: &RangeInclusive<i64>,
        kept_from_ms: i64,
        verdict: &mut Verdict,
    ) {
        let highest = self.highest(line.agent);
        let present: HashSet<i64> = samples.iter().map(|(at_ms, _)| *at_ms).collect();
        let from_ms = kept_from_ms.max(*range_ms.start());
        if from_ms > *range_ms.end() {
            return;
        }
        let mut last_ms = None;
        for (at_ms, sequence) in sent
            .range((from_ms, 0)..=(*range_ms.end(), u64::MAX))
            .map(|(at, _)| *at)
        {
            if sequence <= highest && last_ms != Some(at_ms) && !present.contains(&at_ms) {
                verdict.add(Fault::Lost, 1, &format!("{line:?}"), at_ms);
                last_ms = Some(at_ms);
            }
        }
    }
}

fn first_ms(answer: &Answer) -> i64 {
    answer.samples.first().map_or(0, |(at_ms, _)| *at_ms)
}
