//! Weir's frames: a batch introduces the series it is the first to name, and numbers itself from 1.

use anyhow::{Context, Result, ensure};
use weir_wire::frame::{self, Batch, Frame, MAX_FRAME_BYTES, Point};
use weir_wire::{KeyError, Sample, SeriesKey, Value};

use crate::fleet::names::{Host, dotted};
use crate::fleet::walk::Reading;

#[derive(Debug, Default)]
pub(in crate::fleet) struct Frames {
    sequence: u64,
    introduced: usize,
    refused: Option<KeyError>,
    new_series: Vec<(u32, SeriesKey)>,
    points: Vec<Point>,
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
                Ok(key) => self.new_series.push((series, key)),
                Err(error) => self.refused = Some(error),
            }
        }
        self.points.push(Point {
            series,
            sample: Sample {
                timestamp_ms: time_s as i64 * 1_000,
                value: Value::Float(reading.as_f64()),
            },
        });
    }

    pub(super) fn close(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(error) = self.refused.take() {
            return Err(error).context("name a series");
        }
        self.sequence += 1;
        let points = Vec::with_capacity(self.points.len());
        let batch = Frame::Batch(Batch {
            sequence: self.sequence,
            new_series: std::mem::take(&mut self.new_series),
            points: std::mem::replace(&mut self.points, points),
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
