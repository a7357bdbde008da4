use std::io::ErrorKind;
use std::net::{Ipv6Addr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::*;

fn pair(address: &str) -> (UdpSocket, UdpSocket) {
    let receiver = UdpSocket::bind(address).unwrap();
    receiver
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let sender = UdpSocket::bind(address).unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    (receiver, sender)
}

#[test]
fn many_come_at_once_each_whole_and_with_its_sender() {
    let (receiver, sender) = pair("127.0.0.1:0");
    let mut batch = Batch::new(4);
    assert_eq!(
        batch.take(&receiver).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(batch.iter().count(), 0);
    for text in ["one", "", "three", "four", "five"] {
        sender.send(text.as_bytes()).unwrap();
    }
    assert_eq!(batch.wait(&receiver).unwrap(), 4);
    let found: Vec<_> = batch.iter().map(|datagram| datagram.bytes).collect();
    assert_eq!(found, [&b"one"[..], b"", b"three", b"four"]);
    assert!(batch.iter().all(|datagram| {
        datagram.peer == Some("127.0.0.1".parse().unwrap()) && !datagram.is_cut
    }));
    assert_eq!(batch.take(&receiver).unwrap(), 1);
    assert_eq!(batch.iter().next().unwrap().bytes, b"five");
}

#[test]
fn the_longest_fits_and_ipv6_has_its_address() {
    let (receiver, sender) = pair("[::1]:0");
    let longest = vec![b'x'; 65_507];
    sender.send(&longest).unwrap();
    let mut batch = Batch::new(2);
    assert_eq!(batch.wait(&receiver).unwrap(), 1);
    let datagram = batch.iter().next().unwrap();
    assert_eq!(datagram.bytes, longest);
    assert_eq!(datagram.peer, Some(Ipv6Addr::LOCALHOST.into()));
}

#[test]
fn a_unix_socket_has_no_address_and_what_is_longer_is_cut() {
    let (receiver, sender) = UnixDatagram::pair().unwrap();
    sender.send(&[b'x'; MAX_BYTES + 1]).unwrap();
    sender.send(b"short").unwrap();
    let mut batch = Batch::new(2);
    assert_eq!(batch.wait(&receiver).unwrap(), 2);
    let found: Vec<_> = batch.iter().collect();
    assert_eq!((found[0].bytes.len(), found[0].is_cut), (MAX_BYTES, true));
    assert_eq!((found[1].bytes, found[1].is_cut), (&b"short"[..], false));
    assert_eq!(found[1].peer, None);
}

#[test]
fn waiting_ends_with_the_sockets_timeout() {
    let (receiver, _sender) = pair("127.0.0.1:0");
    let soon = Some(Duration::from_millis(1));
    receiver.set_read_timeout(soon).unwrap();
    let ended = Batch::new(1).wait(&receiver).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_a_full_buffer_drops_is_counted_to_the_datagram() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let receiver: UdpSocket = socket.into();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut drops = Drops::default();
    assert_eq!(drops.since_last_look(&receiver), 0);
    for _ in 0..1_000 {
        sender
            .send_to(&[0; 100], receiver.local_addr().unwrap())
            .unwrap();
    }
    let (mut batch, mut read) = (Batch::new(16), 0);
    while let Ok(count) = batch.take(&receiver) {
        read += count as u64;
    }
    assert!(read < 1_000);
    assert_eq!(drops.since_last_look(&receiver), 1_000 - read);
    assert_eq!(drops.since_last_look(&receiver), 0);
    assert_eq!(drops.since_last_look(&std::io::stdin()), 0, "no socket");
}

struct Noting {
    seen: Vec<Vec<u8>>,
    dropped: u64,
}

impl Taker for Noting {
    fn take(&mut self, batch: &Batch) {
        assert!(!batch.is_empty());
        self.seen
            .extend(batch.iter().map(|datagram| datagram.bytes.to_vec()));
    }

    fn dropped(&mut self, datagrams: u64) {
        self.dropped += datagrams;
    }

    fn failed(&mut self, error: &std::io::Error) {
        panic!("{error}");
    }
}

#[test]
fn what_was_sent_before_a_stop_is_taken_and_what_found_no_room_is_counted() {
    let (receiver, given) = open_udp("127.0.0.1:0".parse().unwrap()).unwrap();
    assert!(given > 0);
    receiver
        .set_read_timeout(Some(Duration::from_millis(10)))
        .unwrap();
    // As little as the kernel allows.
    socket2::SockRef::from(&receiver)
        .set_recv_buffer_size(1)
        .unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    for _ in 0..1_000 {
        sender.send(&[b'x'; 1_000]).unwrap();
    }
    let mut noting = Noting {
        seen: Vec::new(),
        dropped: 0,
    };
    serve(&receiver, NAP, &mut noting, || true);
    assert!(!noting.seen.is_empty() && noting.dropped > 0);
    assert_eq!(noting.seen.len() as u64 + noting.dropped, 1_000);
}

#[test]
fn a_socket_file_left_behind_is_taken_away_and_what_else_lies_there_stays() {
    let dir = std::env::temp_dir().join(format!("weir-datagram-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("a.sock");
    // Its file stays, as after a kill.
    drop(UnixDatagram::bind(&path).unwrap());
    let bind = |path: &std::path::Path| UnixDatagram::bind(path);
    let (socket, file) = SocketFile::bind(&path, bind).unwrap();
    assert!(receive_buffer(&socket).unwrap() > 0);
    let taken = SocketFile::bind(&path, bind).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse, "somebody listens");
    drop(file);
    assert!(!path.exists());
    std::fs::write(&path, "a letter").unwrap();
    assert!(SocketFile::bind(&path, bind).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"a letter");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn of_a_datagram_that_was_cut_the_whole_lines_are_left() {
    let lines = |bytes, is_cut| {
        let datagram = Datagram {
            bytes,
            peer: None,
            is_cut,
        };
        datagram.whole_lines()
    };
    assert_eq!(lines(b"a:1|c\nb:2", false), (&b"a:1|c\nb:2"[..], false));
    assert_eq!(lines(b"a:1|c\nb:2", true), (&b"a:1|c"[..], true));
    assert_eq!(lines(b"a:1|c", true), (&b""[..], true));
}
