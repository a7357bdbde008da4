//! StatsD over streams: lines over TCP, as etsy's server takes them; packets with their length before them over a unix
//! socket, as Datadog's clients send them.

use std::iter::once;
use std::sync::Arc;

use weir_wire::statsd::Packets;
use weir_wire::{Lines, Reject};

use super::taker::Taker;
use crate::streams::Reader;

/// A connection of lines.
pub(super) struct Lined {
    taker: Arc<Taker>,
    lines: Lines,
}

impl Lined {
    pub(super) fn new(taker: Arc<Taker>) -> Self {
        let lines = Lines::default();
        Self { taker, lines }
    }
}

impl Reader for Lined {
    fn feed(&mut self, bytes: &[u8]) -> bool {
        self.lines.feed(bytes, |line| take(&self.taker, line));
        true
    }

    fn finish(&mut self) {
        self.lines.finish(|line| take(&self.taker, line));
    }
}

fn take(taker: &Taker, line: Result<&[u8], Reject>) {
    match line {
        Ok(line) => taker.take(once(line)),
        Err(reason) => taker.refuse(reason),
    }
}

/// A connection of packets.
pub(super) struct Packed {
    taker: Arc<Taker>,
    packets: Packets,
}

impl Packed {
    pub(super) fn new(taker: Arc<Taker>) -> Self {
        let packets = Packets::default();
        Self { taker, packets }
    }
}

impl Reader for Packed {
    fn feed(&mut self, bytes: &[u8]) -> bool {
        let fed = self.packets.feed(bytes, |packet| {
            self.taker.saw_packets(1);
            self.taker.take(once(packet));
        });
        if let Err(reason) = fed {
            self.taker.refuse(reason);
        }
        fed.is_ok()
    }

    fn finish(&mut self) {
        if let Err(reason) = self.packets.finish() {
            self.taker.refuse(reason);
        }
    }
}
