//! Graphite's lines over TCP and UDP. A connection is not read while too many of its lines wait for the disk, and is
//! closed by us once everything it sent is stored. The protocol has no acknowledgement: a close is none either, since the
//! sockets of a killed process are closed as well.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use weir_store::{Clock, Done, Points};
use weir_wire::Reject;
use weir_wire::graphite::{self, Line};

use super::lines::Lines;
use super::names::Names;
use crate::admission::{Admission, count_rejected};

const TCP: &str = "graphite_tcp";
const UDP: &str = "graphite_udp";
const READ_BYTES: usize = 256 << 10;
const DATAGRAM_BYTES: usize = 65_536;
/// Points from datagrams stored together; the socket is drained up to this before the disk is waited for.
const UDP_POINTS: usize = 8_192;
/// Datagrams taken at one waking, whatever is in them.
const UDP_DATAGRAMS: usize = 4_096;
/// Points of names that are new to a connection, resolved together.
const NEW_TOGETHER: usize = 1_024;
/// How long a stop waits for packets that are on their way through the kernel.
const LAST_LOOK: Duration = Duration::from_millis(50);
/// Reads of one connection that may wait for the disk.
const IN_FLIGHT: u32 = 32;

/// Turns lines into points; one a connection.
struct Intake {
    protocol: &'static str,
    admission: Admission,
    clock: Clock,
    names: Names,
    /// The store's when the names were learnt.
    generation: u64,
    points: Points,
    new: New,
    slots: Arc<Semaphore>,
}

/// Points whose names are to be resolved yet; a series' points are all among them or none, so none overtakes another.
#[derive(Default)]
struct New {
    keys: graphite::Keys,
    points: Vec<(u128, i64, f64)>,
}

impl Intake {
    fn new(protocol: &'static str, admission: Admission, clock: Clock) -> Self {
        Self {
            protocol,
            admission,
            clock,
            names: Names::default(),
            generation: 0,
            points: Points::default(),
            new: New::default(),
            slots: Arc::new(Semaphore::new(IN_FLIGHT as usize)),
        }
    }

    fn take(&mut self, line: Result<&[u8], Reject>) {
        let taken = line.and_then(graphite::parse).and_then(|line| match line {
            Some(line) => self.point(&line),
            None => Ok(()),
        });
        if let Err(reason) = taken {
            count_rejected(self.protocol, reason, 1);
        }
    }

    #[inline]
    fn point(&mut self, line: &Line<'_>) -> Result<(), Reject> {
        let hash = Names::hash(line.identity);
        let timestamp_ms = line.timestamp_ms.unwrap_or_else(|| (self.clock)());
        match self.names.find(hash) {
            Some(series) => self.points.push(series, timestamp_ms, line.value),
            None => self.put_new(hash, line.identity, timestamp_ms, line.value)?,
        }
        Ok(())
    }

    #[cold]
    fn put_new(
        &mut self,
        hash: u128,
        identity: &[u8],
        timestamp_ms: i64,
        value: f64,
    ) -> Result<(), Reject> {
        self.new.keys.push(identity)?;
        self.new.points.push((hash, timestamp_ms, value));
        if self.new.points.len() >= NEW_TOGETHER {
            self.resolve();
        }
        Ok(())
    }

    /// Learns the names that are new, and takes their points.
    fn resolve(&mut self) {
        let found = self.admission.resolve_many(self.new.keys.run());
        let mut refused = 0;
        for ((hash, timestamp_ms, value), series) in self.new.points.drain(..).zip(found) {
            let Some(series) = series else {
                refused += 1;
                continue;
            };
            if self.names.find(hash).is_none() {
                self.names.learn(hash, series);
            }
            self.points.push(series, timestamp_ms, value);
        }
        self.new.keys.clear();
        count_rejected(self.protocol, Reject::OverLimit, refused);
    }

    /// Hands over what was taken; waits only while too much waits already. What fails is counted and logged there.
    async fn store(&mut self) {
        if !self.new.points.is_empty() {
            self.resolve();
        }
        if self.points.is_empty() {
            return;
        }
        let room = self.points.len();
        let points = std::mem::replace(&mut self.points, Points::with_capacity(room));
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return;
        };
        let done = self.done(slot);
        self.admission
            .submit(self.protocol, None, None, points, done)
            .await;
        // Series that left since may come again under another number.
        let generation = self.admission.generation();
        if generation != self.generation {
            self.generation = generation;
            self.names.forget();
        }
    }

    fn done(&self, slot: OwnedSemaphorePermit) -> Done {
        let protocol = self.protocol;
        Box::new(move |result| {
            if let Err(error) = result {
                tracing::warn!("lines of {protocol} were dropped: {error}");
            }
            drop(slot);
        })
    }

    /// Waits until everything that was handed over is on disk, or refused.
    async fn all_stored(&mut self) {
        self.store().await;
        let _all = self.slots.acquire_many(IN_FLIGHT).await;
    }
}

/// The TCP listener.
pub struct GraphiteTcp {
    pub listener: TcpListener,
    pub admission: Admission,
    pub clock: Clock,
    pub max_connections: usize,
}

impl GraphiteTcp {
    /// Serves until told to stop; then connections get to store what they have read.
    pub async fn run(self, shutdown: CancellationToken) {
        let (connections, slots) = (
            TaskTracker::new(),
            Arc::new(Semaphore::new(self.max_connections)),
        );
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let intake = Intake::new(TCP, self.admission.clone(), Arc::clone(&self.clock));
                    let shutdown = shutdown.clone();
                    connections.spawn(async move {
                        serve(stream, intake, shutdown).await;
                        drop(slot);
                    });
                }
                Err(error) => super::frames::pause_after(&error).await,
            }
        }
        connections.close();
        connections.wait().await;
    }
}

async fn serve(mut stream: TcpStream, mut intake: Intake, shutdown: CancellationToken) {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; READ_BYTES]);
    loop {
        let read = tokio::select! {
            () = shutdown.cancelled() => break,
            read = stream.read(&mut buffer) => read,
        };
        match read {
            Ok(0) => {
                lines.finish(|line| intake.take(line));
                break;
            }
            Ok(bytes) => lines.feed(&buffer[..bytes], |line| intake.take(line)),
            // What came whole before a reset is kept; the unfinished line is not a line.
            Err(_) => break,
        }
        intake.store().await;
    }
    intake.all_stored().await;
}

/// The UDP listener.
pub struct GraphiteUdp {
    pub socket: UdpSocket,
    pub admission: Admission,
    pub clock: Clock,
}

impl GraphiteUdp {
    /// Serves until told to stop, then stores what it has read.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut intake = Intake::new(UDP, self.admission, self.clock);
        let mut buffer = vec![0; DATAGRAM_BYTES];
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                ready = self.socket.readable() => if ready.is_err() { break },
            }
            drain(&self.socket, &mut buffer, &mut intake);
            intake.store().await;
        }
        // What is in the socket is known to the runtime only once it has looked again; a sender that never pauses is
        // cut off.
        let deadline = tokio::time::Instant::now() + LAST_LOOK;
        while let Ok(Ok(())) = tokio::time::timeout_at(deadline, self.socket.readable()).await {
            drain(&self.socket, &mut buffer, &mut intake);
            intake.store().await;
        }
        intake.all_stored().await;
    }
}

fn drain(socket: &UdpSocket, buffer: &mut [u8], intake: &mut Intake) {
    for _ in 0..UDP_DATAGRAMS {
        if intake.points.len() >= UDP_POINTS {
            return;
        }
        let Ok(bytes) = socket.try_recv(buffer) else {
            return;
        };
        for line in buffer[..bytes].split(|byte| *byte == b'\n') {
            intake.take(Ok(line));
        }
    }
}
