//! Graphite's lines over TCP and UDP. A connection is not read while too many of its lines wait for the disk, and is
//! closed by us once everything it sent is stored. The protocol has no acknowledgement: a close is none either, since the
//! sockets of a killed process are closed as well.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;
use weir_store::Clock;
use weir_wire::Reject;
use weir_wire::graphite;

use super::accept::{Entry, accept};
use super::crowd::Crowd;
use super::datagrams;
use super::intake::Intake;
use super::lines::Lines;
use crate::access::{Connection, Door};
use crate::admission::Admission;

const TCP: &str = "graphite_tcp";
const UDP: &str = "graphite_udp";
const READ_BYTES: usize = 256 << 10;

/// Takes a line, or counts why not.
fn take(intake: &mut Intake, line: Result<&[u8], Reject>) {
    let taken = line.and_then(graphite::parse).and_then(|line| match line {
        Some(line) => intake.line(&line),
        None => Ok(()),
    });
    if let Err(reason) = taken {
        intake.refuse(reason, 1);
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
    /// Serves until told to stop; then connections get to store what they have read.
    pub async fn run(self, shutdown: CancellationToken) {
        let (admission, clock) = (self.admission, self.clock);
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
                serve(connection, intake, shutdown)
            },
        )
        .await;
    }
}

async fn serve(mut stream: Connection, mut intake: Intake, shutdown: CancellationToken) {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; READ_BYTES]);
    loop {
        let read = tokio::select! {
            () = shutdown.cancelled() => break,
            read = stream.read(&mut buffer) => read,
        };
        match read {
            Ok(0) => {
                lines.finish(|line| take(&mut intake, line));
                break;
            }
            Ok(bytes) => lines.feed(&buffer[..bytes], |line| take(&mut intake, line)),
            // What came whole before a reset is kept; the unfinished line is not a line.
            Err(_) => break,
        }
        intake.store().await;
    }
    intake.all_stored().await;
    // TLS has a goodbye of its own; who has left does not hear it.
    let _ = stream.shutdown().await;
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
        datagrams::serve(self.socket, crowd, clock, shutdown, |intake, datagram| {
            for line in datagram.split(|byte| *byte == b'\n') {
                take(intake, Ok(line));
            }
        })
        .await;
    }
}
