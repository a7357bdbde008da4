//! Graphite's lines over TCP and UDP. A connection is not read while too many of its lines wait for the disk, and is
//! closed by us once everything it sent is stored. The protocol has no acknowledgement: a close is none either, since the
//! sockets of a killed process are closed as well.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;
use weir_store::Clock;
use weir_wire::graphite;
use weir_wire::{Lines, Reject};

use super::accept::{Entry, accept};
use super::complaints::Complaints;
use super::crowd::Crowd;
use super::datagrams;
use super::intake::Intake;
use super::last_reads::LastReads;
use super::stranger::Stranger;
use crate::access::{Connection, Door};
use crate::admission::Admission;

const TCP: &str = "graphite_tcp";
const UDP: &str = "graphite_udp";
const READ_BYTES: usize = 256 << 10;

/// What the ports of this file speak, for who does not.
const SPEAKS: &str = "Graphite's lines";

/// Takes a line, or counts why not.
fn take(intake: &mut Intake, line: Result<&[u8], Reject>, complaints: &Complaints, now_ms: i64) {
    let taken = line
        .and_then(graphite::parse)
        .and_then(|parsed| match parsed {
            Some(parsed) => intake.line(&parsed),
            None => Ok(()),
        });
    if let Err(reason) = taken {
        intake.refuse(reason, 1);
        let line = line.unwrap_or_default();
        complaints.tell(now_ms, intake.sender().source(), || {
            graphite::explain(line, reason)
        });
    }
}

/// The TCP listener.
pub struct GraphiteTcp {
    pub listener: TcpListener,
    pub admission: Admission,
    pub clock: Clock,
    pub max_connections: usize,
    pub(crate) door: Door,
}

impl GraphiteTcp {
    /// Serves until told to stop; then connections get to store what was sent to them.
    pub async fn run(self, shutdown: CancellationToken) {
        let (admission, clock) = (self.admission, self.clock);
        let complaints = Arc::new(Complaints::new(TCP));
        let entry = Entry {
            door: self.door,
            admission: admission.clone(),
            protocol: TCP,
            max_connections: self.max_connections,
        };
        accept(
            self.listener,
            entry,
            shutdown,
            move |connection, sender, shutdown| {
                let intake = Intake::new(sender, admission.clone(), Arc::clone(&clock)).mapped();
                let lines = Taker {
                    intake,
                    complaints: Arc::clone(&complaints),
                    clock: Arc::clone(&clock),
                };
                lines.serve(connection, shutdown)
            },
        )
        .await;
    }
}

/// One sender's.
struct Taker {
    intake: Intake,
    complaints: Arc<Complaints>,
    clock: Clock,
}

impl Taker {
    async fn serve(mut self, mut stream: Connection, shutdown: CancellationToken) {
        let (mut lines, mut buffer) = (Lines::default(), vec![0; READ_BYTES]);
        let (mut first, mut reads) = (true, LastReads::new(shutdown));
        while let Some(read) = reads.or_end(stream.read(&mut buffer)).await {
            match read {
                Ok(0) => {
                    let now_ms = (self.clock)();
                    lines.finish(|line| self.take(line, now_ms));
                    break;
                }
                Ok(bytes) => {
                    let (bytes, now_ms) = (&buffer[..bytes], (self.clock)());
                    if std::mem::take(&mut first)
                        && let Some(stranger) = Stranger::on_lines(bytes)
                    {
                        self.refuse(&mut stream, stranger, now_ms).await;
                        break;
                    }
                    lines.feed(bytes, |line| self.take(line, now_ms));
                }
                // What came whole before a reset is kept; the unfinished line is not a line.
                Err(_) => break,
            }
            self.intake.store().await;
        }
        self.intake.all_stored().await;
        // TLS has a goodbye of its own; who has left does not hear it.
        let _ = stream.shutdown().await;
    }

    fn take(&mut self, line: Result<&[u8], Reject>, now_ms: i64) {
        take(&mut self.intake, line, &self.complaints, now_ms);
    }

    async fn refuse(&self, stream: &mut Connection, stranger: Stranger, now_ms: i64) {
        self.intake.refuse(Reject::Malformed, 1);
        let source = self.intake.sender().source();
        self.complaints
            .tell(now_ms, source, || stranger.complaint(SPEAKS));
        // It may have left already.
        let _ = stream.write_all(&stranger.answer(SPEAKS)).await;
    }
}

/// The UDP listener.
pub struct GraphiteUdp {
    pub socket: UdpSocket,
    pub admission: Admission,
    pub clock: Clock,
    pub(crate) door: Door,
}

impl GraphiteUdp {
    /// Serves until told to stop, then stores what it has read.
    pub async fn run(self, shutdown: CancellationToken) {
        let clock = Arc::clone(&self.clock);
        let crowd = Crowd::new(UDP, self.door, self.admission, self.clock).mapped();
        let (complaints, now) = (Complaints::new(UDP), Arc::clone(&clock));
        datagrams::serve(self.socket, crowd, clock, shutdown, |intake, datagram| {
            let now_ms = now();
            for line in datagram.split(|byte| *byte == b'\n') {
                take(intake, Ok(line), &complaints, now_ms);
            }
        })
        .await;
    }
}
