//! The protocols: each turns samples into the bytes of a batch. HTTP's heads are not theirs.

mod frames;
mod remote_write;
mod text;

use anyhow::Result;
use clap::ValueEnum;

use super::names::Host;
use super::walk::Reading;
use frames::Frames;
use remote_write::RemoteWrite;

/// How samples are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Graphite lines with tags
    Graphite,
    /// Graphite lines, everything in the name
    Dotted,
    /// InfluxDB's line protocol over HTTP
    Influx,
    /// Prometheus' remote write 0.1
    RemoteWrite,
    /// Weir's frames
    Frames,
}

impl Protocol {
    /// What a table calls it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Graphite => "Graphite text, tagged",
            Self::Dotted => "Graphite text, dotted",
            Self::Influx => "line protocol",
            Self::RemoteWrite => "remote write",
            Self::Frames => "frames",
        }
    }
}

/// Collects a batch.
pub(super) enum Encoder {
    Text(text::Spelling, Vec<u8>),
    RemoteWrite(RemoteWrite),
    Frames(Frames),
}

impl Encoder {
    pub(super) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Graphite => Self::Text(text::tagged, Vec::new()),
            Protocol::Dotted => Self::Text(text::dotted, Vec::new()),
            Protocol::Influx => Self::Text(text::influx, Vec::new()),
            Protocol::RemoteWrite => Self::RemoteWrite(RemoteWrite::default()),
            Protocol::Frames => Self::Frames(Frames::default()),
        }
    }

    /// `index` counts the series of this connection, in the order of their first sample.
    pub(super) fn put(
        &mut self,
        index: usize,
        host: &Host,
        metric: usize,
        reading: Reading,
        time_s: u64,
    ) {
        match self {
            Self::Text(spelling, bytes) => {
                spelling(bytes, host, metric);
                text::put_rest(bytes, reading, time_s);
            }
            Self::RemoteWrite(encoder) => encoder.put(host, metric, reading, time_s),
            Self::Frames(encoder) => encoder.put(index, host, metric, reading, time_s),
        }
    }

    /// Appends the batch to `out` and begins the next.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Text(_, bytes) => {
                out.append(bytes);
                Ok(())
            }
            Self::RemoteWrite(encoder) => encoder.close(out),
            Self::Frames(encoder) => encoder.close(out),
        }
    }
}
