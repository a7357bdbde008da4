//! The sockets of StatsD, bound before anything runs. Reads nothing from them.

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use weir_datagram::SocketFile;

use super::UNIX;
use crate::config::StatsdAddresses;
use crate::listen::bind::{self, BindError, bind_tcp};

/// How soon a thread that waits for datagrams sees that it is to stop.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Every socket that is configured.
#[derive(Default)]
pub struct StatsdSockets {
    pub(super) udp: Option<UdpSocket>,
    pub(super) tcp: Option<TcpListener>,
    pub(super) unix: Option<UnixDatagram>,
    pub(super) unix_stream: Option<UnixListener>,
    /// TCP, then UDP; the same port unless it was given as 0.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
    /// Removed when this is dropped.
    files: Vec<SocketFile>,
}

impl StatsdSockets {
    pub(super) async fn bind(addresses: &StatsdAddresses) -> Result<Self, BindError> {
        let mut sockets = Self::default();
        if let Some(address) = addresses.ip {
            let tcp = bind_tcp("statsd.listen", address).await?;
            let udp = bind::bind_std_udp("statsd.listen", address)?;
            sockets.addresses = Some((tcp.address, udp.address));
            let patience = udp.socket.set_read_timeout(Some(LOOK_UP));
            patience.map_err(|source| bind::refused("statsd.listen", "UDP", address, source))?;
            sockets.tcp = Some(tcp.socket);
            sockets.udp = Some(udp.socket);
        }
        if let Some(path) = &addresses.unix {
            let socket = sockets.file(path, |path| {
                let socket = UnixDatagram::bind(path)?;
                socket.set_read_timeout(Some(LOOK_UP))?;
                let given = weir_datagram::receive_buffer(&socket)? as f64;
                metrics::gauge!("weir_udp_receive_buffer_bytes", "protocol" => UNIX).set(given);
                Ok(socket)
            });
            let socket = socket.map_err(|source| {
                bind::refused("statsd.unix_listen", "unix", path.display(), source)
            })?;
            sockets.unix = Some(socket);
        }
        if let Some(path) = &addresses.unix_stream {
            let socket = sockets.file(path, |path| UnixListener::bind(path));
            let key = "statsd.unix_stream_listen";
            let socket =
                socket.map_err(|source| bind::refused(key, "unix", path.display(), source))?;
            sockets.unix_stream = Some(socket);
        }
        Ok(sockets)
    }

    /// Whether anything listens.
    #[must_use]
    pub fn any(&self) -> bool {
        self.udp.is_some() || self.unix.is_some() || self.unix_stream.is_some()
    }

    fn file<S>(
        &mut self,
        path: &Path,
        bind: impl FnOnce(&Path) -> std::io::Result<S>,
    ) -> std::io::Result<S> {
        let (socket, file) = SocketFile::bind(path, bind)?;
        self.files.push(file);
        Ok(socket)
    }
}
