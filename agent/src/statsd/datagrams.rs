//! Datagrams, of UDP or a unix socket, on a thread of their own. How a socket is drained is `weir_datagram`'s.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use weir_datagram::Batch;
use weir_wire::Reject;

use super::taker::Taker;

/// Serves until told to stop, then takes what is in the socket; `nap` is slept after few datagrams.
pub(super) fn run(socket: &impl AsFd, nap: Duration, taker: Taker, shutdown: &CancellationToken) {
    let mut datagrams = Datagrams(taker);
    weir_datagram::serve(socket, nap, &mut datagrams, || shutdown.is_cancelled());
}

struct Datagrams(Taker);

impl weir_datagram::Taker for Datagrams {
    fn take(&mut self, batch: &Batch) {
        let Self(taker) = self;
        taker.saw_packets(batch.len() as u64);
        taker.take(batch.iter().map(|datagram| {
            let (lines, is_cut) = datagram.whole_lines();
            if is_cut {
                taker.refuse(Reject::TooLong);
            }
            lines
        }));
    }

    fn dropped(&mut self, datagrams: u64) {
        self.0.dropped(datagrams);
    }

    fn failed(&mut self, error: &io::Error) {
        tracing::warn!("a StatsD socket cannot be read: {error}");
    }
}
