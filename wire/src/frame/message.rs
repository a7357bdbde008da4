//! The messages, and the bodies of the small ones; a batch's body is in `batch.rs`.

use std::sync::Arc;

use super::{FrameError, batch};
use crate::varint::{Reader, put, put_bytes};
use crate::{Histogram, KeyRef, KeyRun, Sample, Value};

const TEXT_BYTES: usize = 4_096;
const MAX_LABELS: usize = 64;

/// Everything that is said. Hello, batches, heartbeats and goodbye go to the gateway; the others come back.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Hello(Hello),
    Welcome(Welcome),
    Batch(Batch),
    Ack(Ack),
    /// Alive, with nothing to say.
    Heartbeat,
    /// Leaving on purpose: `up` ends instead of falling to 0.
    Goodbye,
    Refuse(Refuse),
}

/// The first frame of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    pub version: u16,
    /// The write token; empty where the gateway asks for none.
    pub token: String,
    /// The host's name.
    pub agent: String,
    /// Unlike in every start of the agent; with `agent` it names a run of sequences.
    pub boot: u64,
    /// How often something is heard from this agent.
    pub interval_ms: u32,
    /// Labels of the host for `up`.
    pub labels: Vec<(String, String)>,
}

/// The gateway's answer to a hello it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    pub version: u16,
    /// The highest sequence of this (agent, boot) that is on disk here; 0 for none.
    pub last_sequence: u64,
}

/// One interval's samples, or a part of them. A sample names its series by a session id: dense from 0 in the order of
/// first use.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Batch {
    /// From 1, without gaps within (agent, boot).
    pub sequence: u64,
    /// The id of the first new series; 0 where there is none.
    pub first_id: u32,
    /// Series that this session names for the first time: ids `first_id`, `first_id + 1` and so on.
    pub new_series: KeyRun,
    pub floats: Floats,
    pub histograms: Vec<Distribution>,
}

/// Floats in three columns of one length.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Floats {
    pub(super) series: Vec<u32>,
    pub(super) times_ms: Vec<i64>,
    pub(super) values: Vec<f64>,
}

/// A histogram of a session's series.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    pub series: u32,
    pub timestamp_ms: i64,
    pub histogram: Arc<Histogram>,
}

impl Batch {
    /// An empty one with room for so many floats.
    #[must_use]
    pub fn with_capacity(sequence: u64, floats: usize) -> Self {
        Self {
            sequence,
            floats: Floats {
                series: Vec::with_capacity(floats),
                times_ms: Vec::with_capacity(floats),
                values: Vec::with_capacity(floats),
            },
            ..Self::default()
        }
    }

    /// Introduces a series; its id is the one after the last introduced.
    pub fn introduce(&mut self, id: u32, key: KeyRef<'_>) {
        if self.new_series.is_empty() {
            self.first_id = id;
        }
        self.new_series.push(key);
    }

    pub fn push(&mut self, series: u32, sample: &Sample) {
        match &sample.value {
            Value::Float(value) => self.floats.push(series, sample.timestamp_ms, *value),
            Value::Histogram(histogram) => self.histograms.push(Distribution {
                series,
                timestamp_ms: sample.timestamp_ms,
                histogram: Arc::clone(histogram),
            }),
        }
    }
}

impl Floats {
    pub fn push(&mut self, series: u32, timestamp_ms: i64, value: f64) {
        self.series.push(series);
        self.times_ms.push(timestamp_ms);
        self.values.push(value);
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The time of the last.
    #[must_use]
    pub fn last_ms(&self) -> Option<i64> {
        self.times_ms.last().copied()
    }

    /// Series, time and value of each, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, i64, f64)> + '_ {
        let positions = self.series.iter().zip(&self.times_ms);
        let points = positions.zip(&self.values);
        points.map(|((series, timestamp_ms), value)| (*series, *timestamp_ms, *value))
    }

    /// The columns themselves: series, times, values.
    #[must_use]
    pub fn into_columns(self) -> (Vec<u32>, Vec<i64>, Vec<f64>) {
        (self.series, self.times_ms, self.values)
    }
}

/// This sequence and all before it are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    pub sequence: u64,
    /// How busy the gateway is, 0 to 1000.
    pub load_permille: u16,
}

/// What the gateway does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refuse {
    pub code: RefuseCode,
    /// The batch refused; 0 for the session.
    pub sequence: u64,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RefuseCode {
    Version = 1,
    Token = 2,
    Malformed = 3,
    Busy = 4,
    TooLarge = 5,
    Internal = 6,
}

impl RefuseCode {
    fn from_byte(byte: u8) -> Option<Self> {
        use RefuseCode::{Busy, Internal, Malformed, Token, TooLarge, Version};
        [Version, Token, Malformed, Busy, TooLarge, Internal]
            .into_iter()
            .find(|code| *code as u8 == byte)
    }
}

impl Frame {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Frame::Hello(_) => 1,
            Frame::Welcome(_) => 2,
            Frame::Batch(_) => 3,
            Frame::Ack(_) => 4,
            Frame::Heartbeat => 5,
            Frame::Goodbye => 6,
            Frame::Refuse(_) => 7,
        }
    }
}

pub(super) fn put_body(frame: &Frame, out: &mut Vec<u8>) {
    match frame {
        Frame::Hello(hello) => put_hello(hello, out),
        Frame::Welcome(welcome) => {
            out.extend_from_slice(&welcome.version.to_le_bytes());
            put(out, welcome.last_sequence);
        }
        Frame::Batch(b) => batch::put_batch(b, out),
        Frame::Ack(ack) => {
            put(out, ack.sequence);
            put(out, u64::from(ack.load_permille));
        }
        Frame::Heartbeat | Frame::Goodbye => {}
        Frame::Refuse(refuse) => {
            out.push(refuse.code as u8);
            put(out, refuse.sequence);
            put_text(&refuse.message, out);
        }
    }
}

pub(super) fn read_body(kind: u8, body: &[u8]) -> Result<Frame, FrameError> {
    let mut reader = Reader(body);
    let r = &mut reader;
    let (name, frame) = match kind {
        1 => ("hello", read_hello(r)?.map(Frame::Hello)),
        2 => ("welcome", read_welcome(r).map(Frame::Welcome)),
        3 => ("batch", batch::read_batch(r).map(Frame::Batch)),
        4 => ("ack", read_ack(r).map(Frame::Ack)),
        5 => ("heartbeat", Some(Frame::Heartbeat)),
        6 => ("goodbye", Some(Frame::Goodbye)),
        7 => ("refuse", read_refuse(r).map(Frame::Refuse)),
        other => return Err(FrameError::UnknownKind(other)),
    };
    frame
        .filter(|_| reader.is_empty())
        .ok_or(FrameError::Malformed(name))
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    let end = text.floor_char_boundary(TEXT_BYTES);
    put_bytes(out, &text.as_bytes()[..end]);
}

fn put_hello(hello: &Hello, out: &mut Vec<u8>) {
    out.extend_from_slice(b"WEIR");
    out.extend_from_slice(&hello.version.to_le_bytes());
    put_text(&hello.token, out);
    put_text(&hello.agent, out);
    out.extend_from_slice(&hello.boot.to_le_bytes());
    put(out, u64::from(hello.interval_ms));
    let labels = &hello.labels[..hello.labels.len().min(MAX_LABELS)];
    put(out, labels.len() as u64);
    for (key, value) in labels {
        put_text(key, out);
        put_text(value, out);
    }
}

/// Magic and version come first in every version, so that a stranger is told what is wrong.
fn read_hello(r: &mut Reader<'_>) -> Result<Option<Hello>, FrameError> {
    if r.array() != Some(*b"WEIR") {
        return Err(FrameError::Malformed("hello"));
    }
    let Some(version) = r.array().map(u16::from_le_bytes) else {
        return Ok(None);
    };
    if version != super::VERSION {
        // The rest may look otherwise there: the version alone is reported.
        r.0 = &[];
        return Ok(Some(Hello::of_version(version)));
    }
    Ok(read_hello_rest(version, r))
}

impl Hello {
    fn of_version(version: u16) -> Self {
        Hello {
            version,
            token: String::new(),
            agent: String::new(),
            boot: 0,
            interval_ms: 0,
            labels: Vec::new(),
        }
    }
}

fn read_hello_rest(version: u16, r: &mut Reader<'_>) -> Option<Hello> {
    let token = r.text(TEXT_BYTES)?.to_owned();
    let agent = r.text(TEXT_BYTES)?.to_owned();
    let boot = u64::from_le_bytes(r.array()?);
    let interval_ms = u32::try_from(r.unsigned()?).ok()?;
    let mut labels = Vec::new();
    for _ in 0..r.bounded(MAX_LABELS)? {
        labels.push((
            r.text(TEXT_BYTES)?.to_owned(),
            r.text(TEXT_BYTES)?.to_owned(),
        ));
    }
    Some(Hello {
        version,
        token,
        agent,
        boot,
        interval_ms,
        labels,
    })
}

fn read_welcome(r: &mut Reader<'_>) -> Option<Welcome> {
    Some(Welcome {
        version: u16::from_le_bytes(r.array()?),
        last_sequence: r.unsigned()?,
    })
}

fn read_ack(r: &mut Reader<'_>) -> Option<Ack> {
    Some(Ack {
        sequence: r.unsigned()?,
        load_permille: r.bounded(1_000)? as u16,
    })
}

fn read_refuse(r: &mut Reader<'_>) -> Option<Refuse> {
    Some(Refuse {
        code: RefuseCode::from_byte(r.byte()?)?,
        sequence: r.unsigned()?,
        message: r.text(TEXT_BYTES)?.to_owned(),
    })
}
