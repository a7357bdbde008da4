//! Prometheus' remote write 0.1: a protobuf of series with one sample each, in one snappy block. Written by hand: three
//! messages of two fields do not need a compiler.

use anyhow::{Context, Result};
use weir_wire::varint::{put, put_bytes};

use crate::fleet::names::{Host, underscored};
use crate::fleet::walk::Reading;

// Field number and wire type: 2 is bytes with a length, 1 is eight bytes, 0 is a varint.
const TIMESERIES: u8 = 1 << 3 | 2;
const LABEL: u8 = 1 << 3 | 2;
const SAMPLE: u8 = 2 << 3 | 2;
const NAME: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;
const SAMPLE_VALUE: u8 = 1 << 3 | 1;
const SAMPLE_TIME: u8 = 2 << 3;

#[derive(Debug, Default)]
pub(in crate::fleet) struct RemoteWrite {
    request: Vec<u8>,
    series: Vec<u8>,
    part: Vec<u8>,
}

impl RemoteWrite {
    pub(super) fn put(&mut self, host: &Host, metric: usize, reading: Reading, time_s: u64) {
        self.series.clear();
        // In the order of the labels' names, which the protocol demands.
        self.label("__name__", underscored(metric));
        self.label("env", host.env);
        self.label("host", &host.name);
        self.label("region", host.region);
        self.part.clear();
        self.part.push(SAMPLE_VALUE);
        self.part.extend_from_slice(&reading.as_f64().to_le_bytes());
        self.part.push(SAMPLE_TIME);
        put(&mut self.part, time_s * 1_000);
        self.series.push(SAMPLE);
        put_bytes(&mut self.series, &self.part);
        self.request.push(TIMESERIES);
        put_bytes(&mut self.request, &self.series);
    }

    fn label(&mut self, name: &str, value: &str) {
        self.part.clear();
        self.part.push(NAME);
        put_bytes(&mut self.part, name.as_bytes());
        self.part.push(VALUE);
        put_bytes(&mut self.part, value.as_bytes());
        self.series.push(LABEL);
        put_bytes(&mut self.series, &self.part);
    }

    pub(super) fn close(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let packed = snap::raw::Encoder::new().compress_vec(&self.request);
        out.extend_from_slice(&packed.context("pack a batch with snappy")?);
        self.request.clear();
        Ok(())
    }
}
