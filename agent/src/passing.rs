//! Samples that go on as they came, gathered so that few large batches leave and not many small ones. Bounded: as soon as
//! there are many they go. Whoever owns it flushes it at times.

use parking_lot::Mutex;
use weir_wire::{Reject, Sample, SeriesKey, Value};

use crate::queue::Point;
use crate::sink::Sink;

/// As many are gathered at most.
const TOGETHER: usize = 5_000;

pub(crate) struct Passing {
    sink: Sink,
    gathered: Mutex<Vec<Point>>,
}

impl Passing {
    #[must_use]
    pub(crate) fn new(sink: Sink) -> Self {
        Self {
            sink,
            gathered: Mutex::default(),
        }
    }

    /// Takes a sample of a series, which gets this host's labels.
    ///
    /// # Errors
    /// Whatever keeps the labels from being a series'.
    pub(crate) fn pass(
        &self,
        own: &SeriesKey,
        timestamp_ms: i64,
        value: f64,
    ) -> Result<(), Reject> {
        let key = self.sink.labelled(own)?;
        let sample = Sample {
            timestamp_ms,
            value: Value::Float(value),
        };
        let mut gathered = self.gathered.lock();
        gathered.push((key, sample));
        if gathered.len() >= TOGETHER {
            let full = std::mem::take(&mut *gathered);
            drop(gathered);
            self.sink.deliver(full);
        }
        Ok(())
    }

    /// Hands on what is gathered.
    pub(crate) fn flush(&self) {
        let gathered = std::mem::take(&mut *self.gathered.lock());
        self.sink.deliver(gathered);
    }
}
