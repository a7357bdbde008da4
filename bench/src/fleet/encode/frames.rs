//! Weir's frames: a batch introduces the series it is the first to name, and numbers itself from 1.

use anyhow::{Context, Result, ensure};
use weir_wire::frame::{self, Batch, Frame, MAX_FRAME_BYTES};
use weir_wire::{KeyError, SeriesKey};

use crate::fleet::names::{Host, dotted};
use crate::fleet::walk::Reading;

#[derive(Debug, Default)]
pub(in crate::fleet) struct Frames {
    sequence: u64,
    introduced: usize,
    refused: Option<KeyError>,
    batch: Batch,
}

impl Frames {
    pub(super) fn put(
        &mut self,
        index: usize,
        host: &Host,
        metric: usize,
        reading: Reading,
        time_s: u64,
    ) {
        let series = index as u32;
        if index == self.introduced {
            self.introduced += 1;
            let labels = [
                ("env", host.env),
                ("host", &host.name),
                ("region", host.region),
            ];
            match SeriesKey::new(dotted(metric), labels) {
                Ok(key) => self.batch.introduce(series, key.borrowed()),
                Err(error) => self.refused = Some(error),
            }
        }
        let time_ms = time_s as i64 * 1_000;
        self.batch.floats.push(series, time_ms, reading.as_f64());
    }

    pub(super) fn close(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(error) = self.refused.take() {
            return Err(error).context("name a series");
        }
        self.sequence += 1;
        let next = Batch::with_capacity(0, self.batch.floats.len());
        let batch = Frame::Batch(Batch {
            sequence: self.sequence,
            ..std::mem::replace(&mut self.batch, next)
        });
        let start = out.len();
        frame::encode(&batch, out);
        ensure!(
            out.len() - start <= MAX_FRAME_BYTES,
            "a batch is longer than a frame may be: take a smaller --batch"
        );
        Ok(())
    }
}
