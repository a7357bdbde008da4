//! Receiving on a thread of its own, from the first datagram to the last on its way at a stop: a runtime's readiness costs
//! more than the packets do. Owns when it waits, naps and looks for drops; what becomes of datagrams is the taker's.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::{Batch, Drops};

/// Taken by one call.
const AT_ONCE: usize = 64;
/// Fewer than these, and the thread naps so that more come together.
const FEW: usize = AT_ONCE / 2;
/// A nap for UDP: a kernel's buffer of 4 MiB holds some fifty times what comes meanwhile at the fastest.
pub const NAP: Duration = Duration::from_micros(500);
/// How often the kernel is asked what it dropped, and how long a socket that cannot be read is left alone.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a stop waits for packets that are on their way through the kernel.
const LAST_LOOK: Duration = Duration::from_millis(50);

/// Who takes what came.
pub trait Taker {
    /// What one call received; never nothing.
    fn take(&mut self, batch: &Batch);

    /// So many more were dropped by the kernel, 0 included.
    fn dropped(&mut self, datagrams: u64);

    /// The socket cannot be read; it is tried again.
    fn failed(&mut self, error: &io::Error);
}

/// Serves until `stopped` says so, then takes what is in the socket. The socket has a receive timeout: how soon a stop is
/// seen. `nap` is slept after few datagrams; zero where a sender waits as soon as some are unread.
pub fn serve(
    socket: &impl AsFd,
    nap: Duration,
    taker: &mut impl Taker,
    mut stopped: impl FnMut() -> bool,
) {
    let (mut batch, mut drops) = (Batch::new(AT_ONCE), Drops::default());
    let mut looked = Instant::now();
    while !stopped() {
        if looked.elapsed() >= LOOK_EVERY {
            taker.dropped(drops.since_last_look(socket));
            looked = Instant::now();
        }
        match batch.wait(socket) {
            Ok(count) => {
                taker.take(&batch);
                if count < FEW && !nap.is_zero() {
                    std::thread::sleep(nap);
                }
            }
            Err(error) if is_none_yet(&error) => {}
            // It would come again at once.
            Err(error) => {
                taker.failed(&error);
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }
    last_look(socket, &mut batch, taker);
    taker.dropped(drops.since_last_look(socket));
}

/// A sender that never pauses is cut off.
fn last_look(socket: &impl AsFd, batch: &mut Batch, taker: &mut impl Taker) {
    let begun = Instant::now();
    while begun.elapsed() < LAST_LOOK {
        match batch.take(socket) {
            Ok(_) => taker.take(batch),
            Err(_) => std::thread::sleep(LAST_LOOK / 10),
        }
    }
}

fn is_none_yet(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}
