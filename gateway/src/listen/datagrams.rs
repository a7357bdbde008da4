//! Lines in datagrams, whatever the lines are: the socket is drained, what was in it is handed over, and at a stop what is
//! still on its way through the kernel is taken too.

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use weir_datagram::Drops;
use weir_store::Clock;

use super::crowd::Crowd;
use super::intake::Intake;

const DATAGRAM_BYTES: usize = 65_536;
/// Points from datagrams stored together; the socket is drained up to this before the disk is waited for.
const POINTS: usize = 8_192;
/// Datagrams taken at one waking, whatever is in them.
const DATAGRAMS: usize = 4_096;
/// How often the kernel is asked what it dropped.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a stop waits for packets that are on their way through the kernel.
const LAST_LOOK: Duration = Duration::from_millis(50);

/// Serves until told to stop, then stores what it has read. `take` gets each datagram and where its sender's points go.
pub(super) async fn serve(
    socket: UdpSocket,
    mut crowd: Crowd,
    clock: Clock,
    shutdown: CancellationToken,
    mut take: impl FnMut(&mut Intake, &[u8]),
) {
    let (mut buffer, mut drops) = (vec![0; DATAGRAM_BYTES], Drops::default());
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = looks.tick() => crowd.kernel_drops(drops.since_last_look(&socket)),
            ready = socket.readable() => if ready.is_err() { break },
        }
        drain(&socket, &mut buffer, &mut crowd, clock(), &mut take);
        crowd.store().await;
    }
    // What is in the socket is known to the runtime only once it has looked again; a sender that never pauses is
    // cut off.
    let deadline = tokio::time::Instant::now() + LAST_LOOK;
    while let Ok(Ok(())) = tokio::time::timeout_at(deadline, socket.readable()).await {
        drain(&socket, &mut buffer, &mut crowd, clock(), &mut take);
        crowd.store().await;
    }
    crowd.kernel_drops(drops.since_last_look(&socket));
    crowd.all_stored().await;
}

fn drain(
    socket: &UdpSocket,
    buffer: &mut [u8],
    crowd: &mut Crowd,
    now_ms: i64,
    take: &mut impl FnMut(&mut Intake, &[u8]),
) {
    let mut points = 0;
    for _ in 0..DATAGRAMS {
        if points >= POINTS {
            return;
        }
        let Ok((bytes, peer)) = socket.try_recv_from(buffer) else {
            return;
        };
        let Some((said, intake)) = crowd.open(&buffer[..bytes], peer.ip(), now_ms) else {
            continue;
        };
        let before = intake.len();
        take(intake, said);
        points += intake.len().saturating_sub(before);
    }
}
