//! Datagrams, of UDP or a unix socket: many a call, on a thread of their own, since a runtime's readiness costs more than
//! the packets do. Counts what the kernel dropped from the socket's own figure.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use metrics::counter;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use weir_datagram::{Batch, Datagram, Drops};
use weir_store::Clock;
use weir_wire::Reject;
use weir_wire::statsd::Dialect;

use super::taker::Taking;
use crate::listen::crowd::Crowd;

/// Taken by one call.
const AT_ONCE: usize = 64;
/// Fewer than these, and the thread sleeps so that more come together; the kernel's buffer holds some fifty times what
/// comes meanwhile at the fastest.
const FEW: usize = AT_ONCE / 2;
pub(super) const NAP: Duration = Duration::from_micros(500);
/// How often the kernel is asked what it dropped.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a stop waits for packets that are on their way through the kernel.
const LAST_LOOK: Duration = Duration::from_millis(50);

pub(super) struct Thread {
    pub(super) protocol: &'static str,
    pub(super) crowd: Crowd,
    pub(super) taking: Taking,
    pub(super) dialect: Dialect,
    pub(super) clock: Clock,
    /// After few datagrams.
    pub(super) nap: Duration,
}

impl Thread {
    /// Serves until told to stop, then takes what is in the socket. The socket has a receive timeout.
    pub(super) fn run(mut self, socket: &impl AsFd, shutdown: &CancellationToken) {
        let (mut batch, mut drops) = (Batch::new(AT_ONCE), Drops::default());
        let mut looked = Instant::now();
        let packets = counter!("weir_statsd_packets_total", "protocol" => self.protocol);
        while !shutdown.is_cancelled() {
            if looked.elapsed() >= LOOK_EVERY {
                self.crowd.kernel_drops(drops.since_last_look(socket));
                looked = Instant::now();
            }
            let count = match self.wait(&mut batch, socket) {
                Ok(count) => count,
                Err(error) => {
                    pause_after(&error);
                    continue;
                }
            };
            packets.increment(count as u64);
            if count < FEW && !self.nap.is_zero() {
                std::thread::sleep(self.nap);
            }
        }
        let last_look = Instant::now();
        while last_look.elapsed() < LAST_LOOK {
            match batch.take(socket) {
                Ok(count) => {
                    self.take(&batch);
                    packets.increment(count as u64);
                }
                Err(_) => std::thread::sleep(LAST_LOOK / 10),
            }
        }
        self.crowd.kernel_drops(drops.since_last_look(socket));
        Handle::current().block_on(self.crowd.all_stored());
    }

    fn wait(&mut self, batch: &mut Batch, socket: &impl AsFd) -> std::io::Result<usize> {
        let count = batch.wait(socket)?;
        self.take(batch);
        Ok(count)
    }

    fn take(&mut self, batch: &Batch) {
        let now_ms = (self.clock)();
        let mut timed = false;
        let mut interval = self.taking.lock();
        let mut refused = 0;
        let mut datagrams = batch
            .iter()
            .map(|datagram| {
                let (bytes, cut) = whole(&datagram);
                refused += u64::from(cut);
                Datagram { bytes, ..datagram }
            })
            .peekable();
        let mut run = Vec::new();
        while datagrams.peek().is_some() {
            run.clear();
            let Some(intake) = self.crowd.open_run(&mut datagrams, now_ms, &mut run) else {
                continue;
            };
            let mut taker = self.taking.taker(&mut interval, intake, self.dialect);
            run.iter().for_each(|said| taker.gather(said));
            taker.settle();
            timed |= intake.len() > 0;
        }
        drop(datagrams);
        self.crowd.rest().refuse(Reject::TooLong, refused);
        drop(interval);
        if timed {
            Handle::current().block_on(self.crowd.store());
        }
    }
}

/// None in time is what it waited for; anything else would come again at once.
fn pause_after(error: &std::io::Error) {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    if !matches!(error.kind(), WouldBlock | TimedOut | Interrupted) {
        tracing::warn!("a StatsD socket cannot be read: {error}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The whole lines of a datagram, and whether there was more.
fn whole<'a>(datagram: &Datagram<'a>) -> (&'a [u8], bool) {
    if !datagram.is_cut {
        return (datagram.bytes, false);
    }
    let end = memchr::memrchr(b'\n', datagram.bytes).unwrap_or(0);
    (&datagram.bytes[..end], true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_datagram_that_was_cut_the_whole_lines_are_left() {
        let cut = |bytes, is_cut| Datagram {
            bytes,
            peer: None,
            is_cut,
        };
        assert_eq!(
            whole(&cut(b"a:1|c\nb:2", false)),
            (&b"a:1|c\nb:2"[..], false)
        );
        assert_eq!(whole(&cut(b"a:1|c\nb:2", true)), (&b"a:1|c"[..], true));
        assert_eq!(whole(&cut(b"a:1|c", true)), (&b""[..], true));
    }
}
