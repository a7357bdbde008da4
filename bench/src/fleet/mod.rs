//! The fleet: so many series of so many hosts, round by round, hosts shared out over the connections. The same shape
//! gives the same bytes. Owns what is said; how it travels is in `send`.

mod encode;
pub(crate) mod names;
#[cfg(test)]
mod tests;
mod walk;

use anyhow::{Result, ensure};

use encode::Encoder;
pub(crate) use encode::Protocol;
use names::{Host, METRICS};
use walk::Walk;

/// What the fleet looks like.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Shape {
    /// Series, 100 a host; a multiple of 100 x connections
    #[arg(long, default_value_t = 100_000)]
    pub(crate) series: u64,
    /// Samples of each series
    #[arg(long, default_value_t = 60)]
    pub(crate) rounds: u64,
    /// Seconds between rounds
    #[arg(long = "step", default_value_t = 10, value_name = "SECONDS")]
    pub(crate) step_s: u64,
    /// Time of the last round, in seconds since 1970; 0 is now
    #[arg(long = "end", default_value_t = 0, value_name = "SECONDS")]
    pub(crate) end_s: u64,
    /// Number of the first host: another base gives never-seen series
    #[arg(long, default_value_t = 0)]
    pub(crate) host_base: u64,
    /// Seed of the values
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Connections, one thread each; with frames one session each
    #[arg(long, default_value_t = 2)]
    pub(crate) conns: u64,
    /// Samples a batch: an HTTP request, a frame, a step of pacing
    #[arg(long, default_value_t = 5_000)]
    pub(crate) batch: usize,
}

impl Shape {
    pub(crate) fn samples(&self) -> u64 {
        self.series * self.rounds
    }

    /// Time of a round.
    pub(crate) fn time_s(&self, round: u64) -> u64 {
        self.end_s - (self.rounds - 1 - round) * self.step_s
    }

    /// # Errors
    /// When the series cannot be shared out evenly, or nothing would be sent.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(
            self.conns > 0 && self.series > 0 && self.rounds > 0 && self.batch > 0,
            "series, rounds, conns and batch must be above 0"
        );
        ensure!(
            self.series.is_multiple_of(METRICS as u64 * self.conns),
            "--series must be a multiple of {METRICS} x --conns"
        );
        Ok(())
    }
}

/// What one connection says, batch by batch.
pub(crate) struct Voice {
    hosts: Vec<Host>,
    walk: Walk,
    encoder: Encoder,
    batch: usize,
}

impl Voice {
    /// Connection `conn` has every host whose place is `conn` modulo the number of connections.
    pub(crate) fn new(shape: &Shape, protocol: Protocol, conn: u64) -> Self {
        let places = 0..shape.series / METRICS as u64 / shape.conns;
        let numbers = places.map(|place| shape.host_base + place * shape.conns + conn);
        let hosts: Vec<Host> = numbers.map(Host::new).collect();
        Self {
            walk: Walk::new(shape.seed, hosts.iter().map(|host| host.number)),
            encoder: Encoder::new(protocol),
            batch: shape.batch,
            hosts,
        }
    }

    /// One sample of each series. `take` gets each batch's bytes and how many samples it is.
    ///
    /// # Errors
    /// The first of `take`; the rest of the round is not said.
    pub(crate) fn round(
        &mut self,
        time_s: u64,
        mut take: impl FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<()> {
        let (mut bytes, mut samples) = (Vec::new(), 0);
        for (place, host) in self.hosts.iter().enumerate() {
            for metric in 0..METRICS {
                let index = place * METRICS + metric;
                let reading = self.walk.step(index, host.number, metric);
                self.encoder.put(index, host, metric, reading, time_s);
                samples += 1;
                if samples == self.batch {
                    self.encoder.close(&mut bytes)?;
                    take(&bytes, samples as u64)?;
                    bytes.clear();
                    samples = 0;
                }
            }
        }
        if samples > 0 {
            self.encoder.close(&mut bytes)?;
            take(&bytes, samples as u64)?;
        }
        self.walk.end_round();
        Ok(())
    }
}

/// A connection's whole load, built before any clock starts.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) bytes: Vec<u8>,
    /// Where each batch ends, and how many samples it is.
    pub(crate) batches: Vec<(usize, u64)>,
}

impl Load {
    /// # Errors
    /// When a batch does not fit its protocol.
    pub(crate) fn build(shape: &Shape, voice: &mut Voice) -> Result<Self> {
        let mut load = Self::default();
        for round in 0..shape.rounds {
            voice.round(shape.time_s(round), |bytes, samples| {
                load.bytes.extend_from_slice(bytes);
                load.batches.push((load.bytes.len(), samples));
                Ok(())
            })?;
        }
        Ok(load)
    }

    /// The batches in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let starts = std::iter::once(0).chain(self.batches.iter().map(|(end, _)| *end));
        starts
            .zip(&self.batches)
            .map(|(start, (end, samples))| (&self.bytes[start..*end], *samples))
    }
}
