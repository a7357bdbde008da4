//! Graphite's lines over TCP and UDP: each sample goes on as it is, with the labels of this host beside its own. Nothing is
//! summed up, and nothing is answered: the protocol has no acknowledgement.

mod datagrams;
mod streams;
mod taker;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::taker::Taker;
use crate::app::Clock;
use crate::binding;
use crate::config::GraphiteConfig;
use crate::passing::Passing;
use crate::sink::Sink;

const UDP: &str = "graphite_udp";
const TCP: &str = "graphite_tcp";
/// How long a sample waits for others before it goes on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Bound, and heard by nobody yet.
pub(crate) struct Sockets {
    tcp: TcpListener,
    udp: UdpSocket,
    /// TCP, then UDP; the same port unless it was given as 0.
    pub(crate) addresses: (SocketAddr, SocketAddr),
}

impl Sockets {
    /// # Errors
    /// An address that cannot be had, named with its key.
    pub(crate) async fn bind(config: &GraphiteConfig) -> anyhow::Result<Self> {
        let tcp = binding::tcp("graphite.listen", config.listen).await?;
        let udp = binding::udp("graphite.listen", config.listen, UDP)?;
        let addresses = (tcp.local_addr()?, udp.local_addr()?);
        Ok(Self {
            tcp,
            udp,
            addresses,
        })
    }
}

/// Serves until told to stop; then takes what is in the sockets.
pub(crate) async fn run(
    sockets: Sockets,
    config: GraphiteConfig,
    sink: Sink,
    clock: Clock,
    shutdown: CancellationToken,
) {
    let passing = Arc::new(Passing::new(sink));
    let taker = |protocol| Taker::new(protocol, Arc::clone(&passing), Arc::clone(&clock));
    let mut listeners = JoinSet::new();
    let (datagrams, stop) = (taker(UDP), shutdown.clone());
    listeners.spawn_blocking(move || datagrams::run(&sockets.udp, datagrams, &stop));
    let lines = Arc::new(taker(TCP));
    let open = move || streams::Lined::new(Arc::clone(&lines));
    let most = config.max_connections;
    listeners.spawn(crate::streams::serve(
        sockets.tcp,
        most,
        shutdown.clone(),
        open,
    ));
    while !shutdown.is_cancelled() {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(FLUSH_EVERY) => passing.flush(),
        }
    }
    while listeners.join_next().await.is_some() {}
    passing.flush();
}
