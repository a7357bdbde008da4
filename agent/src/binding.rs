//! Binding the sockets of listeners, with errors that name the key, and the room the kernel gave reported.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::Context;
use metrics::gauge;
use tokio::net::TcpListener;

/// How soon a thread that waits for datagrams sees that it is to stop. Four wakings a second cost an idle host nothing
/// that could be measured.
pub(crate) const LOOK_UP: Duration = Duration::from_millis(250);

/// # Errors
/// When the address cannot be bound.
pub(crate) async fn tcp(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on TCP {address} (key {key})"))
}

/// For a thread that waits by itself.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) fn udp(
    key: &str,
    address: SocketAddr,
    protocol: &'static str,
) -> anyhow::Result<UdpSocket> {
    let opened = weir_datagram::open_udp(address);
    let (socket, given) =
        opened.with_context(|| format!("cannot listen on UDP {address} (key {key})"))?;
    socket.set_read_timeout(Some(LOOK_UP))?;
    report(protocol, given);
    Ok(socket)
}

/// Tells what the kernel gave.
pub(crate) fn report(protocol: &'static str, given_bytes: usize) {
    gauge!("weir_agent_receive_buffer_bytes", "protocol" => protocol).set(given_bytes as f64);
}
