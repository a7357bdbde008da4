//! How a load travels: text until the peer closes, HTTP request by request, frames with their acknowledgements. One
//! thread a connection; nothing is built once the clock runs, but for what `live` says.

mod frames;
mod http;
pub(crate) mod live;
mod pacer;
pub(crate) mod statsd;
mod text;

use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::fleet::{Load, Protocol, Shape, Voice};
pub(crate) use frames::Session;
use pacer::Pacer;

/// How long a server may stay silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Where to, and how.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) protocol: Protocol,
    pub(crate) address: SocketAddr,
    /// HTTP's path; of no use elsewhere.
    pub(crate) path: String,
    /// Samples a second over all connections; 0 is as fast as they are taken.
    pub(crate) rate: f64,
    /// Frames that may wait for their acknowledgement.
    pub(crate) window: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    pub(crate) samples: u64,
    /// Answered with success, acknowledged, or, for text, read by a peer that then closed.
    pub(crate) accepted: u64,
    pub(crate) bytes: u64,
    pub(crate) wall_s: f64,
    /// How far behind its schedule the slowest connection ever was.
    pub(crate) behind_s: f64,
    /// From a frame's first byte to its acknowledgement.
    pub(crate) ack_ms: Vec<f64>,
    /// What servers said instead of success.
    pub(crate) complaints: Vec<String>,
}

impl Sent {
    fn join(&mut self, other: Self) {
        self.samples += other.samples;
        self.accepted += other.accepted;
        self.bytes += other.bytes;
        self.wall_s = self.wall_s.max(other.wall_s);
        self.behind_s = self.behind_s.max(other.behind_s);
        self.ack_ms.extend(other.ack_ms);
        self.complaints.extend(other.complaints);
    }
}

impl Sent {
    /// What came after `earlier`, of one connection.
    fn without(mut self, earlier: &Self) -> Self {
        self.samples -= earlier.samples;
        self.accepted -= earlier.accepted;
        self.bytes -= earlier.bytes;
        self.ack_ms.drain(..earlier.ack_ms.len());
        self
    }
}

/// One connection's way of sending.
trait Channel {
    fn send(&mut self, bytes: &[u8], samples: u64) -> Result<()>;
    /// Waits until everything is answered.
    fn finish(self: Box<Self>) -> Result<Sent>;
}

fn connect(target: &Target) -> Result<Box<dyn Channel>> {
    Ok(match target.protocol {
        Protocol::Graphite | Protocol::Dotted => Box::new(text::Text::connect(target)?),
        Protocol::Influx | Protocol::RemoteWrite => Box::new(http::Requests::connect(target)?),
        Protocol::Frames => Box::new(frames::Session::connect(target)?),
    })
}

/// Every connection's bytes, in memory.
pub(crate) struct Prepared(Vec<Load>);

impl Prepared {
    /// # Errors
    /// When the shape makes no sense.
    pub(crate) fn build(shape: &Shape, protocol: Protocol) -> Result<Self> {
        shape.check()?;
        let build = |conn| Load::build(shape, &mut Voice::new(shape, protocol, conn));
        let loads = thread::scope(|scope| {
            let threads: Vec<_> = (0..shape.conns)
                .map(|conn| scope.spawn(move || build(conn)))
                .collect();
            threads.into_iter().map(joined).collect::<Result<Vec<_>>>()
        });
        Ok(Self(loads?))
    }

    /// Sends everything; the clock runs from the first byte to the last answer.
    ///
    /// # Errors
    /// When a connection fails; a refusal by HTTP is a complaint instead.
    pub(crate) fn send(&self, target: &Target) -> Result<Sent> {
        let start = Barrier::new(self.0.len());
        let rate = target.rate / self.0.len() as f64;
        let drive = |load: &Load| {
            let channel = connect(target);
            start.wait();
            drive(load, channel?, Pacer::start(rate))
        };
        let mut all = Sent::default();
        thread::scope(|scope| {
            let drive = &drive;
            let threads: Vec<_> = self
                .0
                .iter()
                .map(|load| scope.spawn(move || drive(load)))
                .collect();
            for thread in threads {
                all.join(joined(thread)?);
            }
            Ok(all)
        })
    }
}

/// Sends round after round by frames, built while sending, until `enough` or the shape's last; every connection ends
/// with a whole round.
///
/// # Errors
/// When a connection fails.
pub(crate) fn until(
    shape: &Shape,
    target: &Target,
    enough: &(dyn Fn() -> bool + Sync),
) -> Result<Sent> {
    shape.check()?;
    let drive = |conn| {
        let mut voice = Voice::new(shape, Protocol::Frames, conn);
        let mut session = Session::connect(target)?;
        for round in (0..shape.rounds).take_while(|_| !enough()) {
            voice.round(shape.time_s(round), |bytes, samples| {
                session.send(bytes, samples)
            })?;
        }
        session.finish()
    };
    let mut all = Sent::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..shape.conns)
            .map(|conn| scope.spawn(move || drive(conn)))
            .collect();
        for thread in threads {
            all.join(joined(thread)?);
        }
        Ok(all)
    })
}

fn drive(load: &Load, mut channel: Box<dyn Channel>, mut pacer: Pacer) -> Result<Sent> {
    let start = Instant::now();
    for (bytes, samples) in load.iter() {
        pacer.wait(samples);
        channel.send(bytes, samples)?;
    }
    let sent = channel.finish()?;
    Ok(Sent {
        bytes: load.bytes.len() as u64,
        wall_s: start.elapsed().as_secs_f64(),
        behind_s: pacer.behind_s(),
        ..sent
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .map_err(|_| anyhow!("a sender panicked"))?
        .context("send")
}
