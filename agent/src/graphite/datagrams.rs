//! Lines in datagrams, on a thread of their own. How a socket is drained is `weir_datagram`'s.

use std::io;
use std::net::UdpSocket;

use tokio_util::sync::CancellationToken;
use weir_datagram::{Batch, NAP};
use weir_wire::Reject;

use super::taker::Taker;

/// Serves until told to stop, then takes what is in the socket.
pub(super) fn run(socket: &UdpSocket, taker: Taker, shutdown: &CancellationToken) {
    let mut datagrams = Datagrams(taker);
    weir_datagram::serve(socket, NAP, &mut datagrams, || shutdown.is_cancelled());
}

struct Datagrams(Taker);

impl weir_datagram::Taker for Datagrams {
    fn take(&mut self, batch: &Batch) {
        for datagram in batch.iter() {
            let (lines, is_cut) = datagram.whole_lines();
            for line in lines.split(|byte| *byte == b'\n') {
                self.0.take(Ok(line));
            }
            if is_cut {
                self.0.take(Err(Reject::TooLong));
            }
        }
    }

    fn dropped(&mut self, datagrams: u64) {
        self.0.dropped(datagrams);
    }

    fn failed(&mut self, error: &io::Error) {
        tracing::warn!("the socket of Graphite's lines cannot be read: {error}");
    }
}
