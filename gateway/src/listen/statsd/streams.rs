//! StatsD over streams: lines over TCP, as etsy's server takes them; packets with their length before them (32 bits, little
//! end first) over a unix socket, as Datadog's clients send them.

use std::sync::Arc;

use metrics::counter;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use weir_store::Clock;
use weir_wire::Reject;
use weir_wire::statsd::Dialect;

use super::taker::{Taker, Taking};
use super::{TCP, UNIX_STREAM};
use crate::access::Door;
use crate::admission::{Admission, Sender, Source};
use crate::listen::Lines;
use crate::listen::accept::{Entry, accept};
use crate::listen::intake::Intake;

const READ_BYTES: usize = 64 << 10;
/// A longer packet ends its connection: Datadog's clients send 8 KiB at most.
const MAX_PACKET_BYTES: usize = 64 << 10;
const LENGTH_BYTES: usize = 4;

#[derive(Clone)]
pub(super) struct Streams {
    pub(super) taking: Taking,
    pub(super) admission: Admission,
    pub(super) clock: Clock,
    pub(super) max_connections: usize,
}

impl Streams {
    pub(super) async fn tcp(
        self,
        listener: TcpListener,
        door: Door,
        dialect: Dialect,
        shutdown: CancellationToken,
    ) {
        let entry = Entry {
            door,
            admission: self.admission.clone(),
            protocol: TCP,
            max_connections: self.max_connections,
        };
        accept(listener, entry, shutdown, move |stream, sender, stop| {
            self.serve(stream, sender, dialect, Cutting::lines(), stop)
        })
        .await;
    }

    /// As [`accept`], for sockets that only this host reaches.
    pub(super) async fn unix(
        self,
        listener: UnixListener,
        dialect: Dialect,
        shutdown: CancellationToken,
    ) {
        let connections = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(self.max_connections));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let sender = self.admission.sender(UNIX_STREAM, Source::Rest);
                    let packets = Cutting::Packets(Vec::new());
                    let served = self.serve(stream, sender, dialect, packets, shutdown.clone());
                    connections.spawn(async move {
                        served.await;
                        drop(slot);
                    });
                }
                Err(error) => super::super::frames::pause_after(&error).await,
            }
        }
        connections.close();
        connections.wait().await;
    }

    fn serve<S: AsyncRead + Unpin>(
        &self,
        stream: S,
        sender: Sender,
        dialect: Dialect,
        cutting: Cutting,
        shutdown: CancellationToken,
    ) -> impl Future<Output = ()> + use<S> {
        let connection = Connection {
            taking: self.taking.clone(),
            intake: Intake::new(sender, self.admission.clone(), Arc::clone(&self.clock)),
            dialect,
            pays_bytes: matches!(cutting, Cutting::Packets(_)),
            cutting,
        };
        connection.serve(stream, shutdown)
    }
}

struct Connection {
    taking: Taking,
    intake: Intake,
    dialect: Dialect,
    cutting: Cutting,
    /// Of TCP's the connection itself is read as slowly as its bytes have to be.
    pays_bytes: bool,
}

impl Connection {
    async fn serve(mut self, mut stream: impl AsyncRead + Unpin, shutdown: CancellationToken) {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = tokio::select! {
                () = shutdown.cancelled() => break,
                read = stream.read(&mut buffer) => read,
            };
            // What came whole before a reset is kept; the unfinished rest is none.
            let Ok(bytes) = read else { break };
            let (goes_on, aggregated) = self.take(&buffer[..bytes]);
            self.intake.store().await;
            if !goes_on {
                break;
            }
            let (admission, sender) = (&self.taking.admission, self.intake.sender());
            admission.pay_samples(sender, aggregated).await;
            if self.pays_bytes {
                admission.pay_bytes(sender, bytes as u64).await;
            }
        }
        self.intake.all_stored().await;
    }

    /// Takes what was read, nothing being the end; whether the connection goes on, and how much was aggregated.
    fn take(&mut self, bytes: &[u8]) -> (bool, u64) {
        let mut interval = self.taking.lock();
        let mut taker = self
            .taking
            .taker(&mut interval, &mut self.intake, self.dialect);
        let goes_on = match bytes.is_empty() {
            true => {
                self.cutting.finish(&mut taker);
                false
            }
            false => self.cutting.feed(bytes, &mut taker),
        };
        (goes_on, taker.settle())
    }
}

/// How a stream falls into packets, and what is unfinished of one.
enum Cutting {
    Lines(Lines),
    Packets(Vec<u8>),
}

impl Cutting {
    fn lines() -> Self {
        Self::Lines(Lines::default())
    }

    /// Whether the connection goes on.
    fn feed(&mut self, bytes: &[u8], taker: &mut Taker<'_, '_>) -> bool {
        match self {
            Self::Lines(lines) => {
                lines.feed(bytes, |line| take(taker, line));
                true
            }
            Self::Packets(unfinished) => {
                unfinished.extend_from_slice(bytes);
                let mut count = 0;
                let taken = packets(unfinished, |packet| {
                    count += 1;
                    taker.packet(packet);
                });
                counter!("weir_statsd_packets_total", "protocol" => UNIX_STREAM).increment(count);
                match taken {
                    Ok(used) => {
                        unfinished.drain(..used);
                        true
                    }
                    Err(reason) => {
                        taker.refuse(reason);
                        false
                    }
                }
            }
        }
    }

    fn finish(&mut self, taker: &mut Taker<'_, '_>) {
        match self {
            Self::Lines(lines) => lines.finish(|line| take(taker, line)),
            Self::Packets(unfinished) if unfinished.is_empty() => {}
            Self::Packets(_) => taker.refuse(Reject::Malformed),
        }
    }
}

fn take(taker: &mut Taker<'_, '_>, line: Result<&[u8], Reject>) {
    match line {
        Ok(line) => taker.packet(line),
        Err(reason) => taker.refuse(reason),
    }
}

/// Hands over every packet that is whole; how many bytes those were.
fn packets(bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<usize, Reject> {
    let mut used = 0;
    while let Some((length, rest)) = bytes[used..].split_first_chunk::<LENGTH_BYTES>() {
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_PACKET_BYTES {
            return Err(Reject::TooLong);
        }
        let Some(packet) = rest.get(..length) else {
            break;
        };
        take(packet);
        used += LENGTH_BYTES + length;
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_across_reads_and_a_length_of_2_to_the_31_is_refused() {
        let mut bytes = Vec::new();
        for text in ["one", "", "three"] {
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        for end in 0..bytes.len() {
            let (mut found, mut unfinished) = (Vec::new(), Vec::new());
            for part in [&bytes[..end], &bytes[end..]] {
                unfinished.extend_from_slice(part);
                let used = packets(&unfinished, |packet| found.push(packet.to_vec())).unwrap();
                unfinished.drain(..used);
            }
            assert_eq!(found, [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
            assert!(unfinished.is_empty());
        }
        let huge = (1_u32 << 31).to_le_bytes();
        assert_eq!(packets(&huge, |_| ()), Err(Reject::TooLong));
    }
}
