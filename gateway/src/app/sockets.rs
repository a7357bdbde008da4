//! Every socket of a gateway, bound before anything else is begun, and where they came to listen.

use std::net::SocketAddr;

use tokio::net::{TcpListener, UdpSocket};

use crate::config::Config;
use crate::listen::{Bound, StatsdSockets, bind_statsd, bind_tcp, bind_udp};

/// Where a started gateway listens.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub http: SocketAddr,
    pub frames: SocketAddr,
    /// TCP, then UDP; the same port unless it was given as 0.
    pub graphite: Option<(SocketAddr, SocketAddr)>,
    pub pickle: Option<SocketAddr>,
    pub opentsdb: Option<SocketAddr>,
    /// TCP, then UDP, as Graphite's.
    pub statsd: Option<(SocketAddr, SocketAddr)>,
    pub influx_udp: Option<SocketAddr>,
}

/// Bound, and heard by nobody yet.
pub(super) struct Sockets {
    pub(super) addresses: Addresses,
    pub(super) page: TcpListener,
    pub(super) frames: TcpListener,
    pub(super) graphite: Option<(TcpListener, UdpSocket)>,
    pub(super) pickle: Option<TcpListener>,
    pub(super) opentsdb: Option<TcpListener>,
    pub(super) statsd: StatsdSockets,
    pub(super) influx_udp: Option<UdpSocket>,
}

impl Sockets {
    /// # Errors
    /// An address that cannot be had, named with its key.
    pub(super) async fn bind(config: &Config) -> anyhow::Result<Self> {
        let page = bind_tcp("http.listen", config.http).await?;
        let frames = bind_tcp("frames.listen", config.frames).await?;
        let graphite = bind_graphite(config).await?;
        let pickle = bind_if_any("graphite.pickle_listen", config.pickle).await?;
        let opentsdb = bind_if_any("opentsdb.listen", config.opentsdb).await?;
        let statsd = bind_statsd(&config.statsd.addresses).await?;
        let influx_udp = config
            .influx_udp
            .map(|at| bind_udp("influx.udp_listen", at));
        let influx_udp = influx_udp.transpose()?;
        let addresses = Addresses {
            http: page.address,
            frames: frames.address,
            graphite: graphite
                .as_ref()
                .map(|(tcp, udp)| (tcp.address, udp.address)),
            pickle: pickle.as_ref().map(|bound| bound.address),
            opentsdb: opentsdb.as_ref().map(|bound| bound.address),
            statsd: statsd.addresses,
            influx_udp: influx_udp.as_ref().map(|bound| bound.address),
        };
        Ok(Self {
            addresses,
            page: page.socket,
            frames: frames.socket,
            graphite: graphite.map(|(tcp, udp)| (tcp.socket, udp.socket)),
            pickle: pickle.map(|bound| bound.socket),
            opentsdb: opentsdb.map(|bound| bound.socket),
            statsd,
            influx_udp: influx_udp.map(|bound| bound.socket),
        })
    }
}

async fn bind_graphite(
    config: &Config,
) -> anyhow::Result<Option<(Bound<TcpListener>, Bound<UdpSocket>)>> {
    let Some(address) = config.graphite else {
        return Ok(None);
    };
    let tcp = bind_tcp("graphite.listen", address).await?;
    let udp = bind_udp("graphite.listen", address)?;
    Ok(Some((tcp, udp)))
}

async fn bind_if_any(
    key: &'static str,
    address: Option<SocketAddr>,
) -> anyhow::Result<Option<Bound<TcpListener>>> {
    match address {
        Some(address) => Ok(Some(bind_tcp(key, address).await?)),
        None => Ok(None),
    }
}
