//! Opening sockets for datagrams and files of unix sockets: the room asked of the kernel and what it gave, and what becomes
//! of a socket file that a killed program left behind. Receives nothing.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// What is asked of the kernel for UDP, which caps it silently at net.core.rmem_max.
pub const BUFFER_BYTES: usize = 4 << 20;
/// As for a port of the loopback: every program of this host may send.
const EVERYBODY_WRITES: u32 = 0o666;

/// A UDP socket with as much room as the kernel gives, and how many bytes that is.
///
/// # Errors
/// When the address cannot be bound.
pub fn open_udp(address: SocketAddr) -> io::Result<(UdpSocket, usize)> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(BUFFER_BYTES)?;
    let given = socket.recv_buffer_size()?;
    socket.bind(&address.into())?;
    Ok((socket.into(), given))
}

/// The room that a socket has for what is unread, in bytes.
///
/// # Errors
/// The kernel's.
pub fn receive_buffer(socket: &UnixDatagram) -> io::Result<usize> {
    SockRef::from(socket).recv_buffer_size()
}

/// A unix socket's file, which goes when this is dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl SocketFile {
    /// Makes a socket with a file that every user of the host may write to. One that nobody listens on any more is taken
    /// away first; what else lies there stays, and binding says so.
    ///
    /// # Errors
    /// When there can be no such file.
    pub fn bind<S>(
        path: &Path,
        bind: impl FnOnce(&Path) -> io::Result<S>,
    ) -> io::Result<(S, Self)> {
        remove_if_left(path)?;
        let socket = bind(path)?;
        let file = Self(path.to_owned());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(EVERYBODY_WRITES))?;
        Ok((socket, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Gone already, or somebody else's by now: either way there is nothing to do.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn remove_if_left(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    // The kind does not matter for the answer: nobody there is refused, another kind is a wrong protocol.
    let asked = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    match asked {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        _ => Ok(()),
    }
}
