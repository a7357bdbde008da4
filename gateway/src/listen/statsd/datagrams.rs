//! Datagrams, of UDP or a unix socket, on a thread of their own, into the open interval. Counts what came and what the
//! kernel dropped; how a socket is drained is `weir_datagram`'s.

use std::os::fd::AsFd;
use std::time::Duration;

use metrics::{Counter, counter};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use weir_datagram::{Batch, Datagram, Taker};
use weir_store::Clock;
use weir_wire::Reject;
use weir_wire::statsd::Dialect;

use super::taker::Taking;
use crate::listen::crowd::Crowd;

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
    pub(super) fn run(self, socket: &impl AsFd, shutdown: &CancellationToken) {
        let packets = counter!("weir_statsd_packets_total", "protocol" => self.protocol);
        let nap = self.nap;
        let mut serving = Serving {
            thread: self,
            packets,
        };
        weir_datagram::serve(socket, nap, &mut serving, || shutdown.is_cancelled());
        Handle::current().block_on(serving.thread.crowd.all_stored());
    }

    fn take(&mut self, batch: &Batch) {
        let now_ms = (self.clock)();
        let mut timed = false;
        let mut interval = self.taking.lock();
        let mut refused = 0;
        let mut datagrams = batch
            .iter()
            .map(|datagram| {
                let (bytes, cut) = datagram.whole_lines();
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

struct Serving {
    thread: Thread,
    packets: Counter,
}

impl Taker for Serving {
    fn take(&mut self, batch: &Batch) {
        self.thread.take(batch);
        self.packets.increment(batch.len() as u64);
    }

    fn dropped(&mut self, datagrams: u64) {
        self.thread.crowd.kernel_drops(datagrams);
    }

    fn failed(&mut self, error: &std::io::Error) {
        tracing::warn!("a StatsD socket cannot be read: {error}");
    }
}
