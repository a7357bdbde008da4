//! Prometheus' run-length form of buckets, as protobuf carries it: spans of neighbouring buckets, and their counts either
//! whole or as differences from one to the next.

use super::{Bucket, MAX_BUCKETS};
use crate::protobuf::{Doubles, Field, Numbers, unzigzag};
use crate::{Invalid, Reject};

/// One side of a native histogram while it is read.
#[derive(Debug, Default)]
pub(crate) struct Sparse {
    /// Gap to the span before (or the first index), and length.
    spans: Vec<(i32, u32)>,
    counts: Vec<f64>,
    running: i64,
}

impl Sparse {
    /// A `BucketSpan`.
    pub(crate) fn span(&mut self, field: &Field<'_>) -> Result<(), Invalid> {
        let (mut offset, mut length) = (0, 0);
        for part in field.message()? {
            let part = part?;
            match part.number {
                1 => offset = part.zigzag()? as i32,
                2 => length = part.unsigned()? as u32,
                _ => {}
            }
        }
        if self.spans.len() == MAX_BUCKETS {
            return Err(too_many());
        }
        self.spans.push((offset, length));
        Ok(())
    }

    /// Differences of whole counts.
    pub(crate) fn deltas(&mut self, deltas: Numbers<'_>) -> Result<(), Invalid> {
        for delta in deltas {
            self.running = self.running.saturating_add(unzigzag(delta?));
            self.count(self.running as f64)?;
        }
        Ok(())
    }

    /// Counts of a float histogram.
    pub(crate) fn counts(&mut self, counts: Doubles<'_>) -> Result<(), Invalid> {
        counts
            .map(f64::from_bits)
            .try_for_each(|count| self.count(count))
    }

    fn count(&mut self, count: f64) -> Result<(), Invalid> {
        if self.counts.len() == MAX_BUCKETS {
            return Err(too_many());
        }
        self.counts.push(count);
        Ok(())
    }

    /// The buckets that hold something, ascending.
    pub(crate) fn buckets(&self) -> Result<Vec<Bucket>, Invalid> {
        let needed: u64 = self.spans.iter().map(|span| u64::from(span.1)).sum();
        if needed != self.counts.len() as u64 {
            let have = self.counts.len();
            let text = format!("spans need {needed} buckets, have {have} buckets");
            return Err(Invalid::new(Reject::BadValue, text));
        }
        let mut buckets = Vec::new();
        let mut counts = self.counts.iter();
        let mut next = 0_i64;
        for (i, &(offset, length)) in self.spans.iter().enumerate() {
            if i > 0 && offset < 0 {
                let text = format!("span number {} with offset {offset}", i + 1);
                return Err(Invalid::new(Reject::BadValue, text));
            }
            next += i64::from(offset);
            for &count in counts.by_ref().take(length as usize) {
                let index = i32::try_from(next).map_err(|_| {
                    Invalid::new(Reject::BadValue, "a bucket's number is past 2^31")
                })?;
                if count != 0.0 {
                    buckets.push(Bucket { index, count });
                }
                next += 1;
            }
        }
        Ok(buckets)
    }
}

fn too_many() -> Invalid {
    let text = format!("a histogram has more than {MAX_BUCKETS} buckets");
    Invalid::new(Reject::OverLimit, text)
}
