//! Binding sockets, with errors that name the key, the address and who could be in the way.

use std::net::SocketAddr;

use tokio::net::{TcpListener, UdpSocket};

/// A socket could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {kind} {address} (key {key}): {source}{hint}")]
pub struct BindError {
    key: &'static str,
    kind: &'static str,
    address: String,
    source: std::io::Error,
    hint: &'static str,
}

/// A socket and the address it really has.
pub struct Bound<S> {
    pub socket: S,
    pub address: SocketAddr,
}

/// # Errors
/// When the address cannot be bound.
pub async fn bind_tcp(
    key: &'static str,
    address: SocketAddr,
) -> Result<Bound<TcpListener>, BindError> {
    let bound = TcpListener::bind(address).await;
    let named = bound.and_then(|socket| Ok((socket.local_addr()?, socket)));
    let (address, socket) = named.map_err(|source| refused(key, "TCP", address, source))?;
    Ok(Bound { socket, address })
}

/// # Errors
/// When the address cannot be bound.
pub fn bind_udp(key: &'static str, address: SocketAddr) -> Result<Bound<UdpSocket>, BindError> {
    let Bound { socket, address } = bind_std_udp(key, address)?;
    let watched = socket
        .set_nonblocking(true)
        .and_then(|()| UdpSocket::from_std(socket));
    let socket = watched.map_err(|source| refused(key, "UDP", address, source))?;
    Ok(Bound { socket, address })
}

/// The same for a thread that waits by itself.
///
/// # Errors
/// When the address cannot be bound.
pub(super) fn bind_std_udp(
    key: &'static str,
    address: SocketAddr,
) -> Result<Bound<std::net::UdpSocket>, BindError> {
    let bound = open_udp(key, address).and_then(|socket| Ok((socket.local_addr()?, socket)));
    let (address, socket) = bound.map_err(|source| refused(key, "UDP", address, source))?;
    Ok(Bound { socket, address })
}

/// What the kernel gave of the room asked for is reported.
fn open_udp(key: &str, address: SocketAddr) -> std::io::Result<std::net::UdpSocket> {
    let (socket, given) = weir_datagram::open_udp(address)?;
    let section = key.split('.').next().unwrap_or(key).to_owned();
    metrics::gauge!("weir_udp_receive_buffer_bytes", "protocol" => section).set(given as f64);
    Ok(socket)
}

pub(super) fn refused(
    key: &'static str,
    kind: &'static str,
    address: impl std::fmt::Display,
    source: std::io::Error,
) -> BindError {
    let hint = match source.kind() {
        std::io::ErrorKind::AddrInUse => "; another program has it: stop that or choose another",
        std::io::ErrorKind::AddrNotAvailable => "; this host has no such address",
        _ => "",
    };
    BindError {
        key,
        kind,
        address: address.to_string(),
        source,
        hint,
    }
}
