//! The StatsD port: datagrams into the aggregator, at each interval's end its sums into the queue. One task owns
//! socket and aggregator, so nothing is locked between a packet and its sum.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use weir_aggregate::{Aggregator, AggregatorConfig, Labels};
use weir_datagram::{Batch, Drops};
use weir_wire::statsd::{self, Dialect};

use crate::app::Clock;
use crate::config::StatsdConfig;
use crate::ticks::{Tick, Ticks};
use crate::uplink::Outbox;

/// Asked of the kernel; what it gives is in `weir_agent_statsd_receive_buffer_bytes`.
const BUFFER_BYTES: usize = 4 << 20;
/// Datagrams taken by one call.
const AT_ONCE: usize = 32;
/// Calls at one waking, so that an interval's end is never far off.
const CALLS_AT_ONCE: usize = 32;
/// How long a stop waits for packets that are on their way through the kernel.
const LAST_LOOK: Duration = Duration::from_millis(50);

pub(crate) struct StatsdListener {
    pub socket: UdpSocket,
    aggregator: Aggregator,
    dialect: Dialect,
    clock: Clock,
    outbox: Arc<Outbox>,
    begun_ms: i64,
    drops: Drops,
}

/// # Errors
/// When the address cannot be bound.
pub(crate) fn bind(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(BUFFER_BYTES)?;
    gauge!("weir_agent_statsd_receive_buffer_bytes").set(socket.recv_buffer_size()? as f64);
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

impl StatsdListener {
    #[must_use]
    pub(crate) fn new(
        socket: UdpSocket,
        config: &StatsdConfig,
        labels: Vec<(String, String)>,
        clock: Clock,
        outbox: Arc<Outbox>,
    ) -> Self {
        let aggregator = AggregatorConfig {
            max_series: config.max_series,
            idle_intervals: config.idle_intervals,
            labels: Labels {
                defaults: labels,
                origin: None,
            },
            ..AggregatorConfig::default()
        };
        let begun_ms = clock();
        Self {
            socket,
            aggregator: Aggregator::new(aggregator),
            dialect: Dialect {
                signed_gauges: config.signed_gauges,
                ..Dialect::default()
            },
            clock,
            outbox,
            begun_ms,
            drops: Drops::default(),
        }
    }

    /// Serves until told to stop; then takes what is in the socket and closes the open interval.
    pub(crate) async fn run(mut self, interval: Duration, shutdown: CancellationToken) {
        let mut ticks = Ticks::new(interval, Arc::clone(&self.clock));
        let mut batch = Batch::new(AT_ONCE);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Tick { at_ms } = ticks.next() => self.close(at_ms),
                ready = self.socket.readable() => match ready {
                    Ok(()) => { self.drain(&mut batch); }
                    Err(error) => {
                        tracing::error!("the StatsD socket ended: {error}");
                        break;
                    }
                },
            }
        }
        self.last_look(&mut batch).await;
        self.close((self.clock)());
    }

    /// Takes what was sent before the stop. What is in the socket is known to the runtime only once it has looked
    /// again; a sender that never pauses is cut off.
    async fn last_look(&mut self, batch: &mut Batch) {
        let deadline = tokio::time::Instant::now() + LAST_LOOK;
        while let Ok(Ok(())) = tokio::time::timeout_at(deadline, self.socket.readable()).await {
            self.drain(batch);
        }
    }

    fn drain(&mut self, batch: &mut Batch) {
        for _ in 0..CALLS_AT_ONCE {
            let taken = self
                .socket
                .try_io(Interest::READABLE, || batch.take(&self.socket));
            let Ok(count) = taken else {
                return;
            };
            counter!("weir_agent_statsd_packets_total").increment(count as u64);
            for datagram in batch.iter() {
                self.take(datagram.bytes);
            }
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        let mut accepted = 0;
        for metric in statsd::parse(datagram, self.dialect) {
            match metric.and_then(|metric| self.aggregator.record(&metric)) {
                Ok(()) => accepted += 1,
                Err(reason) => {
                    counter!("weir_agent_statsd_received_total").increment(1);
                    counter!("weir_agent_statsd_rejected_total", "reason" => reason.as_str())
                        .increment(1);
                }
            }
        }
        counter!("weir_agent_statsd_received_total").increment(accepted);
        counter!("weir_agent_statsd_accepted_total").increment(accepted);
    }

    fn close(&mut self, now_ms: i64) {
        // A clock that was set back must not make an interval end before it began.
        let now_ms = now_ms.max(self.begun_ms + 1);
        let closed = self.aggregator.close(self.begun_ms, now_ms);
        self.begun_ms = now_ms;
        gauge!("weir_agent_statsd_series").set(closed.series as f64);
        counter!("weir_agent_statsd_expired_series_total").increment(closed.expired as u64);
        let dropped = self.drops.since_last_look(&self.socket);
        counter!("weir_agent_statsd_kernel_drops_total").increment(dropped);
        if !closed.samples.is_empty() {
            self.outbox.queue.lock().push(closed.samples);
            self.outbox.filled.notify_one();
        }
    }
}
