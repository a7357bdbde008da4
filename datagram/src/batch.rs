//! Room for many datagrams, used again and again. The public face of receiving.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;

use crate::kernel::{self, NAME_BYTES, Name, Received};

/// No datagram of UDP is longer.
pub const MAX_BYTES: usize = 65_536;
/// Beyond the longest, so that the beginnings of buffers do not all fall into the same places of a cache.
const APART: usize = 5 * 64;

/// So many datagrams at a time.
pub struct Batch {
    memory: Vec<u8>,
    names: Vec<Name>,
    received: Vec<Received>,
    filled: usize,
}

/// One of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    pub bytes: &'a [u8],
    /// `None` for a unix socket's.
    pub peer: Option<IpAddr>,
    /// It was longer than [`MAX_BYTES`]; this is its beginning.
    pub is_cut: bool,
}

impl<'a> Datagram<'a> {
    /// The whole lines of it, and whether there was more that was cut off.
    #[must_use]
    pub fn whole_lines(&self) -> (&'a [u8], bool) {
        if !self.is_cut {
            return (self.bytes, false);
        }
        let end = self.bytes.iter().rposition(|byte| *byte == b'\n');
        (&self.bytes[..end.unwrap_or(0)], true)
    }
}

impl Batch {
    /// Memory is used as far as it was filled once.
    #[must_use]
    pub fn new(datagrams: usize) -> Self {
        Self {
            memory: vec![0; datagrams * (MAX_BYTES + APART)],
            names: vec![[0; NAME_BYTES]; datagrams],
            received: vec![Received::default(); datagrams],
            filled: 0,
        }
    }

    /// Waits for a datagram as long as the socket's receive timeout says, then takes what else is there; how many. What was
    /// taken before is gone.
    ///
    /// # Errors
    /// The kernel's: `WouldBlock` when none came in time.
    pub fn wait(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        self.receive(socket, true)
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// The kernel's: `WouldBlock` when there is none.
    pub fn take(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        self.receive(socket, false)
    }

    fn receive(&mut self, socket: &impl AsFd, wait: bool) -> io::Result<usize> {
        self.filled = 0;
        let rooms = self.memory.chunks_exact_mut(MAX_BYTES + APART);
        let mut buffers: Vec<&mut [u8]> = rooms.map(|room| &mut room[..MAX_BYTES]).collect();
        let (names, received) = (&mut self.names, &mut self.received);
        self.filled = kernel::receive(socket.as_fd(), &mut buffers, names, received, wait)?;
        Ok(self.filled)
    }

    /// How many datagrams fit.
    #[must_use]
    pub fn room(&self) -> usize {
        self.received.len()
    }

    /// How many were taken last.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// What was taken last.
    pub fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        let rooms = self.memory.chunks_exact(MAX_BYTES + APART);
        let each = rooms.zip(&self.names).zip(&self.received);
        each.take(self.filled)
            .map(|((room, name), received)| Datagram {
                bytes: &room[..received.bytes.min(MAX_BYTES)],
                peer: peer(&name[..received.name_bytes]),
                is_cut: received.is_cut,
            })
    }
}

/// `sockaddr_in`: family, port, then four bytes; `sockaddr_in6`: family, port, flow, then sixteen.
fn peer(name: &[u8]) -> Option<IpAddr> {
    let family = u16::from_ne_bytes(name.get(..2)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET => {
            let address: [u8; 4] = name.get(4..8)?.try_into().ok()?;
            Some(Ipv4Addr::from(address).into())
        }
        libc::AF_INET6 => {
            let address: [u8; 16] = name.get(8..24)?.try_into().ok()?;
            Some(Ipv6Addr::from(address).into())
        }
        _ => None,
    }
}
