//! StatsD and DogStatsD, for who has no agent beside: everything that listens, one open interval that all of it goes into,
//! and its ends. What a client sent is aggregated here and stored at the interval's end; what it says was measured at a
//! given time is stored as it is.

mod bind;
mod datagrams;
mod deciding;
mod flush;
mod interval;
mod streams;
mod taker;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use weir_store::Clock;

use self::flush::Flush;
use self::interval::Interval;
use self::taker::Taking;
use super::bind::BindError;
use super::crowd::Crowd;
use crate::access::Door;
use crate::admission::Admission;
use crate::config::{StatsdAddresses, StatsdConfig};

pub use bind::StatsdSockets;

/// Every protocol of StatsD's as the ledger names it.
const UDP: &str = "statsd_udp";
const TCP: &str = "statsd_tcp";
const UNIX: &str = "statsd_unix";
const UNIX_STREAM: &str = "statsd_unix_stream";
/// What intervals give.
const FLUSH: &str = "statsd";

/// The listeners and the interval.
pub struct Statsd {
    sockets: StatsdSockets,
    /// Of TCP, and of UDP.
    door: Door,
    udp_door: Door,
    config: StatsdConfig,
    taking: Taking,
    admission: Admission,
    clock: Clock,
}

impl Statsd {
    #[must_use]
    pub(crate) fn new(
        sockets: StatsdSockets,
        (door, udp_door): (Door, Door),
        config: StatsdConfig,
        admission: Admission,
        clock: Clock,
    ) -> Self {
        let interval = Interval::new(&config, clock());
        let taking = Taking {
            interval: Arc::new(Mutex::new(interval)),
            admission: admission.clone(),
            origin: config
                .origin
                .as_ref()
                .map(|(label, _)| label.as_str().into()),
        };
        Self {
            sockets,
            door,
            udp_door,
            config,
            taking,
            admission,
            clock,
        }
    }

    /// Serves until told to stop; then takes what is in the sockets and stores the open interval.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut listeners = JoinSet::new();
        self.listen(&mut listeners, &shutdown);
        let mut flush = Flush::new(
            &self.taking,
            self.config.interval,
            &self.admission,
            self.clock,
        );
        flush.run(&shutdown).await;
        while listeners.join_next().await.is_some() {}
        flush.last().await;
    }

    fn listen(&mut self, listeners: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let crowd = |protocol| {
            let door = self.udp_door.clone();
            Crowd::new(
                protocol,
                door,
                self.admission.clone(),
                Arc::clone(&self.clock),
            )
        };
        let sockets = &mut self.sockets;
        if let Some(udp) = sockets.udp.take() {
            let thread = datagrams::Thread {
                protocol: UDP,
                crowd: crowd(UDP),
                taking: self.taking.clone(),
                dialect: self.config.dialect,
                clock: Arc::clone(&self.clock),
                nap: weir_datagram::NAP,
            };
            let stop = shutdown.clone();
            listeners.spawn_blocking(move || thread.run(&udp, &stop));
        }
        if let Some(unix) = sockets.unix.take() {
            let thread = datagrams::Thread {
                protocol: UNIX,
                crowd: crowd(UNIX),
                taking: self.taking.clone(),
                dialect: self.config.unix_dialect,
                clock: Arc::clone(&self.clock),
                // A sender waits, or loses, as soon as ten are unread.
                nap: std::time::Duration::ZERO,
            };
            let stop = shutdown.clone();
            listeners.spawn_blocking(move || thread.run(&unix, &stop));
        }
        let streams = streams::Streams {
            taking: self.taking.clone(),
            admission: self.admission.clone(),
            clock: Arc::clone(&self.clock),
            max_connections: self.config.max_connections,
        };
        if let Some(tcp) = sockets.tcp.take() {
            let (streams, door) = (streams.clone(), self.door.clone());
            listeners.spawn(streams.tcp(tcp, door, self.config.dialect, shutdown.clone()));
        }
        if let Some(unix) = sockets.unix_stream.take() {
            listeners.spawn(streams.unix(unix, self.config.unix_dialect, shutdown.clone()));
        }
    }
}

/// # Errors
/// An address or path that cannot be had, named with its key.
pub async fn bind_statsd(addresses: &StatsdAddresses) -> Result<StatsdSockets, BindError> {
    StatsdSockets::bind(addresses).await
}
