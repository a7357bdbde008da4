//! The sockets of StatsD, bound before anything runs. Reads nothing from them.

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;

use anyhow::Context;
use tokio::net::{TcpListener, UnixListener};
use weir_datagram::SocketFile;

use crate::binding;
use crate::config::StatsdConfig;

/// Every socket that is configured.
#[derive(Default)]
pub(crate) struct Sockets {
    pub(super) udp: Option<UdpSocket>,
    pub(super) tcp: Option<TcpListener>,
    pub(super) unix: Option<UnixDatagram>,
    pub(super) unix_stream: Option<UnixListener>,
    /// TCP, then UDP; the same port unless it was given as 0.
    pub(crate) addresses: Option<(SocketAddr, SocketAddr)>,
    /// Removed when this is dropped.
    files: Vec<SocketFile>,
}

impl Sockets {
    /// # Errors
    /// An address or path that cannot be had, named with its key.
    pub(crate) async fn bind(config: &StatsdConfig) -> anyhow::Result<Self> {
        let mut sockets = Self::default();
        if let Some(address) = config.listen {
            let tcp = binding::tcp("statsd.listen", address).await?;
            let udp = binding::udp("statsd.listen", address, super::UDP)?;
            sockets.addresses = Some((tcp.local_addr()?, udp.local_addr()?));
            (sockets.tcp, sockets.udp) = (Some(tcp), Some(udp));
        }
        if let Some(path) = &config.unix_listen {
            let bound = SocketFile::bind(path, |path| UnixDatagram::bind(path));
            let (socket, file) = bound.with_context(|| {
                format!(
                    "cannot listen on {} (key statsd.unix_listen)",
                    path.display()
                )
            })?;
            socket.set_read_timeout(Some(binding::LOOK_UP))?;
            binding::report(super::UNIX, weir_datagram::receive_buffer(&socket)?);
            sockets.unix = Some(socket);
            sockets.files.push(file);
        }
        if let Some(path) = &config.unix_stream_listen {
            let bound = SocketFile::bind(path, |path| UnixListener::bind(path));
            let (socket, file) = bound.with_context(|| {
                format!(
                    "cannot listen on {} (key statsd.unix_stream_listen)",
                    path.display()
                )
            })?;
            sockets.unix_stream = Some(socket);
            sockets.files.push(file);
        }
        Ok(sockets)
    }
}
