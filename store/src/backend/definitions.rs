//! Series on their way to be written down: the values of their records in one run of bytes.

use crate::index::MetricId;

/// Series, ascending by number.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    series: Vec<u32>,
    ends: Vec<usize>,
    values: Vec<u8>,
}

impl Definitions {
    /// Adds a series, whose canonical key `put_key` appends; none where it gives no metric.
    pub(crate) fn push(
        &mut self,
        series: u32,
        put_key: impl FnOnce(&mut Vec<u8>) -> Option<MetricId>,
    ) {
        let start = self.values.len();
        self.values.extend_from_slice(&MetricId::MIN.to_le_bytes());
        let key = self.values.len();
        match put_key(&mut self.values) {
            Some(metric) => {
                self.values[start..key].copy_from_slice(&metric.to_le_bytes());
                self.series.push(series);
                self.ends.push(self.values.len());
            }
            None => self.values.truncate(start),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// Each series and the value of its record: `metric u32 LE`, then the canonical series key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut start = 0;
        self.series
            .iter()
            .zip(&self.ends)
            .map(move |(series, end)| {
                let value = &self.values[start..*end];
                start = *end;
                (*series, value)
            })
    }

    pub(crate) fn clear(&mut self) {
        self.series.clear();
        self.ends.clear();
        self.values.clear();
    }
}
