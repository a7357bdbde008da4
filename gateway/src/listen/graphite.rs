//! Graphite's lines over TCP and UDP. A connection is not read while too many of its lines wait for the disk, and is
//! closed by us once everything it sent is stored. The protocol has no acknowledgement: a close is none either, since the
//! sockets of a killed process are closed as well.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use weir_datagram::Drops;
use weir_store::Clock;
use weir_wire::Reject;
use weir_wire::graphite;

use super::accept::accept;
use super::crowd::Crowd;
use super::intake::Intake;
use super::lines::Lines;
use crate::admission::{Admission, Source};

const TCP: &str = "graphite_tcp";
const UDP: &str = "graphite_udp";
const READ_BYTES: usize = 256 << 10;
const DATAGRAM_BYTES: usize = 65_536;
/// Points from datagrams stored together; the socket is drained up to this before the disk is waited for.
const UDP_POINTS: usize = 8_192;
/// Datagrams taken at one waking, whatever is in them.
const UDP_DATAGRAMS: usize = 4_096;
/// How often the kernel is asked what it dropped.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a stop waits for packets that are on their way through the kernel.
const LAST_LOOK: Duration = Duration::from_millis(50);

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
}

impl GraphiteTcp {
    /// Serves until told to stop; then connections get to store what they have read.
    pub async fn run(self, shutdown: CancellationToken) {
        let (admission, clock) = (self.admission, self.clock);
        accept(
            self.listener,
            self.max_connections,
            shutdown,
            |(stream, peer), shutdown| {
                let sender = admission.sender(TCP, Source::Peer(peer));
                let intake = Intake::new(sender, admission.clone(), Arc::clone(&clock)).mapped();
                serve(stream, intake, shutdown)
            },
        )
        .await;
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
        let clock = Arc::clone(&self.clock);
        let mut crowd = Crowd::new(UDP, self.admission, self.clock);
        let (mut buffer, mut drops) = (vec![0; DATAGRAM_BYTES], Drops::default());
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = looks.tick() => crowd.kernel_drops(drops.since_last_look(&self.socket)),
                ready = self.socket.readable() => if ready.is_err() { break },
            }
            drain(&self.socket, &mut buffer, &mut crowd, clock());
            crowd.store().await;
        }
        // What is in the socket is known to the runtime only once it has looked again; a sender that never pauses is
        // cut off.
        let deadline = tokio::time::Instant::now() + LAST_LOOK;
        while let Ok(Ok(())) = tokio::time::timeout_at(deadline, self.socket.readable()).await {
            drain(&self.socket, &mut buffer, &mut crowd, clock());
            crowd.store().await;
        }
        crowd.kernel_drops(drops.since_last_look(&self.socket));
        crowd.all_stored().await;
    }
}

fn drain(socket: &UdpSocket, buffer: &mut [u8], crowd: &mut Crowd, now_ms: i64) {
    let mut points = 0;
    for _ in 0..UDP_DATAGRAMS {
        if points >= UDP_POINTS {
            return;
        }
        let Ok((bytes, peer)) = socket.try_recv_from(buffer) else {
            return;
        };
        let intake = crowd.of(peer.ip(), now_ms);
        let before = intake.len();
        for line in buffer[..bytes].split(|byte| *byte == b'\n') {
            take(intake, Ok(line));
        }
        points += intake.len().saturating_sub(before);
    }
}
