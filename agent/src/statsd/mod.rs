//! StatsD and DogStatsD: everything that listens, one open interval that all of it goes into, and its ends. What a client
//! says was measured at a given time goes on as it is. Owns no sums; those are `weir_aggregate`'s.

mod bind;
mod datagrams;
mod interval;
mod streams;
mod taker;

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::interval::Interval;
use self::taker::Taker;
use crate::app::Clock;
use crate::config::StatsdConfig;
use crate::passing::Passing;
use crate::sink::Sink;
use crate::ticks::Ticks;

pub(crate) use bind::Sockets;

/// Every way that StatsD comes by, as it is counted.
const UDP: &str = "statsd_udp";
const TCP: &str = "statsd_tcp";
const UNIX: &str = "statsd_unix";
const UNIX_STREAM: &str = "statsd_unix_stream";

/// The listeners and the interval.
pub(crate) struct Statsd {
    sockets: Sockets,
    config: StatsdConfig,
    interval: Arc<Mutex<Interval>>,
    passing: Arc<Passing>,
    sink: Sink,
    clock: Clock,
}

impl Statsd {
    #[must_use]
    pub(crate) fn new(sockets: Sockets, config: StatsdConfig, sink: Sink, clock: Clock) -> Self {
        let interval = Interval::new(&config, sink.labels().clone(), clock());
        Self {
            sockets,
            config,
            interval: Arc::new(Mutex::new(interval)),
            passing: Arc::new(Passing::new(sink.clone())),
            sink,
            clock,
        }
    }

    /// Serves until told to stop; then takes what is in the sockets and ends the open interval.
    pub(crate) async fn run(mut self, length: Duration, shutdown: CancellationToken) {
        let mut listeners = JoinSet::new();
        self.listen(&mut listeners, &shutdown);
        let mut ticks = Ticks::new(length, Arc::clone(&self.clock));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                tick = ticks.next() => self.end(tick.at_ms),
            }
        }
        while listeners.join_next().await.is_some() {}
        self.end((self.clock)());
    }

    fn listen(&mut self, listeners: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let stop = || shutdown.clone();
        let (dialect, unix_dialect) = (self.config.dialect, self.config.unix_dialect);
        let taker = |protocol, dialect| {
            let (interval, passing) = (Arc::clone(&self.interval), Arc::clone(&self.passing));
            Taker::new(protocol, dialect, interval, passing)
        };
        if let Some(udp) = self.sockets.udp.take() {
            let (taker, stop) = (taker(UDP, dialect), stop());
            listeners
                .spawn_blocking(move || datagrams::run(&udp, weir_datagram::NAP, taker, &stop));
        }
        if let Some(unix) = self.sockets.unix.take() {
            let (taker, stop) = (taker(UNIX, unix_dialect), stop());
            // A sender waits, or loses, as soon as ten are unread: no naps.
            listeners.spawn_blocking(move || datagrams::run(&unix, Duration::ZERO, taker, &stop));
        }
        let most = self.config.max_connections;
        if let Some(tcp) = self.sockets.tcp.take() {
            let taker = Arc::new(taker(TCP, dialect));
            let open = move || streams::Lined::new(Arc::clone(&taker));
            listeners.spawn(crate::streams::serve(tcp, most, stop(), open));
        }
        if let Some(unix) = self.sockets.unix_stream.take() {
            let taker = Arc::new(taker(UNIX_STREAM, unix_dialect));
            let open = move || streams::Packed::new(Arc::clone(&taker));
            listeners.spawn(crate::streams::serve(unix, most, stop(), open));
        }
    }

    fn end(&self, at_ms: i64) {
        // The interval is held no longer than it takes to begin the next.
        let ended = self.interval.lock().end(at_ms);
        let closed = ended.close();
        gauge!("weir_agent_statsd_series").set(closed.series as f64);
        counter!("weir_agent_statsd_expired_series_total").increment(closed.expired as u64);
        self.passing.flush();
        self.sink.deliver(closed.samples);
    }
}
