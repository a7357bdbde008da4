//! StatsD's datagrams: 70 % counters, 20 % timers, 5 % gauges and 5 % sets over ten thousand names, one metric a packet or
//! as many as fit. All bytes are built before the clock starts.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Result;

/// Before it begins again.
const METRICS: u64 = 1 << 18;
/// Packets between two looks at the clock.
const AT_ONCE: u64 = 8;

/// What is sent.
pub(crate) struct Datagrams {
    bytes: Vec<u8>,
    /// Where each packet ends, and how many metrics are in it.
    packets: Vec<(usize, u64)>,
}

/// What was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentDatagrams {
    pub(crate) metrics: u64,
    pub(crate) packets: u64,
    pub(crate) wall_s: f64,
}

impl Datagrams {
    /// Packets of at most so many bytes; 0 is one metric a packet.
    pub(crate) fn build(pack_bytes: usize) -> Self {
        let (mut bytes, mut packets, mut random) = (Vec::new(), Vec::new(), Random(1));
        let (mut begun, mut metrics, mut line) = (0, 0, Vec::new());
        for _ in 0..METRICS {
            line.clear();
            put(&mut random, &mut line);
            if metrics > 0 && bytes.len() - begun + 1 + line.len() > pack_bytes {
                packets.push((bytes.len(), metrics));
                (begun, metrics) = (bytes.len(), 0);
            }
            if metrics > 0 {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(&line);
            metrics += 1;
        }
        packets.push((bytes.len(), metrics));
        Self { bytes, packets }
    }

    /// Sends for so long, at so many metrics a second; 0 is as fast as it goes.
    ///
    /// # Errors
    /// No socket, or nobody listens.
    pub(crate) fn send(&self, to: SocketAddr, rate: f64, time: Duration) -> Result<SentDatagrams> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(to)?;
        let (start, mut sent) = (
            Instant::now(),
            SentDatagrams {
                metrics: 0,
                packets: 0,
                wall_s: 0.0,
            },
        );
        'sending: loop {
            let mut begun = 0;
            for (end, metrics) in &self.packets {
                socket.send(&self.bytes[begun..*end])?;
                begun = *end;
                sent.metrics += metrics;
                sent.packets += 1;
                if sent.packets % AT_ONCE == 0 {
                    if start.elapsed() >= time {
                        break 'sending;
                    }
                    wait(start, sent.metrics, rate);
                }
            }
        }
        sent.wall_s = start.elapsed().as_secs_f64();
        Ok(sent)
    }
}

/// A sleep is longer than what lies between two packets: the last of it is waited out.
fn wait(start: Instant, metrics: u64, rate: f64) {
    if rate <= 0.0 {
        return;
    }
    let due = Duration::from_secs_f64(metrics as f64 / rate);
    loop {
        let early = due.saturating_sub(start.elapsed());
        if early.is_zero() {
            return;
        }
        if early > Duration::from_micros(200) {
            std::thread::sleep(early - Duration::from_micros(100));
        } else {
            std::thread::yield_now();
        }
    }
}

fn put(random: &mut Random, line: &mut Vec<u8>) {
    let (kind, name, value) = (random.below(100), random.next(), random.below(1_000));
    // A Vec takes all that is written to it.
    let _ = match kind {
        0..70 => write!(
            line,
            "app.web{:02}.requests.c{:05}:1|c",
            name % 20,
            name % 7_000
        ),
        70..90 => write!(
            line,
            "app.web{:02}.latency.t{:05}:{}|ms",
            name % 20,
            name % 2_000,
            value + 1
        ),
        90..95 => write!(
            line,
            "app.web{:02}.depth.g{:05}:{value}|g",
            name % 20,
            name % 500
        ),
        _ => write!(
            line,
            "app.web{:02}.users.s{:05}:u{value}|s",
            name % 20,
            name % 500
        ),
    };
}

/// xorshift64: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_hold_what_fits_and_everything_is_in_them() {
        for (pack_bytes, least, most) in [(0, 1, 1), (1_400, 30, 60)] {
            let built = Datagrams::build(pack_bytes);
            let mut begun = 0;
            for (end, metrics) in &built.packets {
                let text = std::str::from_utf8(&built.bytes[begun..*end]).unwrap_or_default();
                assert_eq!(text.split('\n').count() as u64, *metrics);
                assert!(text.len() <= pack_bytes.max(100));
                begun = *end;
            }
            let all: u64 = built.packets.iter().map(|(_, metrics)| metrics).sum();
            assert_eq!(all, METRICS);
            let average = all / built.packets.len() as u64;
            assert!((least..=most).contains(&average), "{average}");
        }
    }
}
