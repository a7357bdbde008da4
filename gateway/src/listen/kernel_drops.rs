//! Datagrams that the kernel dropped because a socket's buffer was full: read from the kernel's own table
//! (`/proc/net/udp`, proc(5)) by the socket's inode. Says how many since the last look; counts nothing.

use rustix::fd::AsFd;

/// One socket's.
#[derive(Debug, Default)]
pub(crate) struct KernelDrops {
    seen: u64,
}

impl KernelDrops {
    /// How many were dropped since the last look; 0 where the kernel does not say.
    pub(crate) fn since_last_look(&mut self, socket: &impl AsFd) -> u64 {
        let Some(drops) = drops(socket) else {
            return 0;
        };
        let new = drops.saturating_sub(self.seen);
        self.seen = drops;
        new
    }
}

fn drops(socket: &impl AsFd) -> Option<u64> {
    let inode = rustix::fs::fstat(socket.as_fd()).ok()?.st_ino;
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(std::fs::read_to_string);
    tables
        .iter()
        .flatten()
        .find_map(|table| drops_of(table, inode))
}

/// `inode` is the tenth word of a row, `drops` the last.
fn drops_of(table: &str, inode: u64) -> Option<u64> {
    let inode = inode.to_string();
    table.lines().skip(1).find_map(|row| {
        let mut words = row.split_whitespace();
        if words.nth(9)? != inode {
            return None;
        }
        words.next_back()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_full_buffer_drops_is_counted_to_the_datagram() {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        let socket: std::net::UdpSocket = socket.into();
        socket.set_nonblocking(true).unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut drops = KernelDrops::default();
        assert_eq!(drops.since_last_look(&socket), 0);
        for _ in 0..1_000 {
            sender
                .send_to(&[0; 100], socket.local_addr().unwrap())
                .unwrap();
        }
        let mut read = 0;
        while socket.recv(&mut [0; 200]).is_ok() {
            read += 1;
        }
        assert_eq!(drops.since_last_look(&socket), 1_000 - read);
        assert!(read < 1_000);
        assert_eq!(drops.since_last_look(&socket), 0);
    }
}
