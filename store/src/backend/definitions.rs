//! Series on their way to be written down: the values of their records in one run of bytes.

use weir_wire::{put_labels, put_name};

use crate::index::DefinitionRun;

/// Series, ascending by number.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    series: Vec<u32>,
    ends: Vec<usize>,
    values: Vec<u8>,
    /// Of the run that is being added.
    labels: Vec<u8>,
}

impl Definitions {
    /// Adds series that have the same labels.
    pub(crate) fn push(&mut self, run: &DefinitionRun<'_>) {
        self.labels.clear();
        put_labels(run.labels.iter().copied(), &mut self.labels);
        for (series, (metric, name)) in (run.first..).zip(&run.members) {
            self.values.extend_from_slice(&metric.to_le_bytes());
            put_name(name, &mut self.values);
            self.values.extend_from_slice(&self.labels);
            self.series.push(series);
            self.ends.push(self.values.len());
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
