//! Signed datagrams, and networks that may send.

use std::net::UdpSocket;

use super::{account, create, now_ms, refused, token};
use crate::programs::{Gateway, eventually};
use crate::web;

/// The sender's side as the format's page has it, in Python: nothing of ours is in it.
const SENDER: &str = r#"
import hashlib, hmac, socket, struct, sys
token, name, host, port, sent_ms, stream, sequence, payload = sys.argv[1:]
key = hmac.new(token.encode(), b"weir signed datagrams 1", hashlib.sha256).digest()
numbers = struct.pack(">QQQ", int(sent_ms), int(stream), int(sequence))
datagram = b"\xf5WS\x01" + bytes([len(name)]) + name.encode() + numbers + payload.encode()
datagram += hmac.new(key, datagram, hashlib.sha256).digest()
sys.stdout.write(datagram.hex())
"#;

fn signed(token: &str, name: &str, sent_ms: u64, sequence: u64, payload: &str) -> Vec<u8> {
    let said = std::process::Command::new("python3")
        .args(["-c", SENDER, token, name, "-", "0"])
        .args([sent_ms.to_string(), "7".to_owned(), sequence.to_string()])
        .arg(payload)
        .output()
        .unwrap();
    let digits = String::from_utf8(said.stdout).unwrap();
    assert!(
        !digits.is_empty(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

fn counted(gateway: &Gateway, reason: &str, count: u64) {
    eventually(reason, || {
        let now = refused(gateway, "", "graphite_udp", reason);
        (now == count).then_some(()).ok_or(now.to_string())
    });
}

#[test]
fn a_signed_datagram_is_taken_once_and_others_are_refused_by_cause() {
    let gateway = Gateway::start(&["graphite.udp=signed"]);
    let web = token(
        &gateway,
        &["create", "web", "--scope", "write", "--signing"],
    );
    let plain = create(&gateway, "plain", "write");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = |datagram: &[u8]| {
        socket.send_to(datagram, &gateway.graphite_udp).unwrap();
    };
    let one = signed(
        &web,
        "web",
        now_ms(),
        1,
        "signed.one 1 -1\nsigned.two 1 -1\n",
    );
    send(&one);
    eventually("it is stored under the token's name", || {
        let account = account(&gateway, "", "graphite_udp", "web")?;
        (account["stored"] == 2)
            .then_some(())
            .ok_or(account.to_string())
    });
    send(&one);
    counted(&gateway, "replayed", 1);
    send(b"unsigned 1 -1\n");
    counted(&gateway, "unsigned", 1);
    let mut changed = signed(&web, "web", now_ms(), 2, "signed.one 2 -1\n");
    let at = changed.len() - 40;
    changed[at] ^= 1;
    send(&changed);
    counted(&gateway, "signature", 1);
    send(&changed[..20]);
    counted(&gateway, "malformed", 1);
    send(&signed(
        &web,
        "web",
        now_ms() - 120_000,
        3,
        "signed.old 1 -1\n",
    ));
    counted(&gateway, "stale", 1);
    // A token that was not made to sign does not, and names and keys of others are no help.
    send(&signed(&plain, "plain", now_ms(), 4, "signed.plain 1 -1\n"));
    send(&signed(&web, "nobody", now_ms(), 5, "signed.nobody 1 -1\n"));
    counted(&gateway, "unknown_token", 2);
    send(&signed(&web, "web", now_ms(), 6, "signed.three 1 -1\n"));
    eventually("the stream goes on", || {
        web::single(&gateway.http, r#"{__name__="signed.three"}"#)
    });
    token(&gateway, &["revoke", "web"]);
    let mut sequence = 10;
    eventually("a revoked one is refused", || {
        sequence += 1;
        send(&signed(
            &web,
            "web",
            now_ms(),
            sequence,
            "signed.late 1 -1\n",
        ));
        let now = refused(&gateway, "", "graphite_udp", "unknown_token");
        (now > 2).then_some(()).ok_or(now.to_string())
    });
    let others = r#"{__name__=~"unsigned|signed.(old|plain|nobody)"}"#;
    assert_eq!(web::query(&gateway.http, others).unwrap(), []);
    assert_eq!(
        web::single(&gateway.http, r#"{__name__="signed.one"}"#),
        Ok(1.0)
    );
}

#[test]
fn only_the_networks_that_are_listed_may_send() {
    let gateway = Gateway::start(&[
        "graphite.allow=[\"127.0.0.2\",\"10.0.0.0/8\"]",
        "opentsdb.allow=[\"10.0.0.0/8\"]",
        "frames.allow=[\"10.0.0.0/8\"]",
    ]);
    let from = |own: &str, text: &str| {
        let udp = UdpSocket::bind(format!("{own}:0")).unwrap();
        udp.send_to(text.as_bytes(), &gateway.graphite_udp).unwrap();
        let own: std::net::SocketAddr = format!("{own}:0").parse().unwrap();
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.bind(&own.into()).unwrap();
        let to: std::net::SocketAddr = gateway.graphite_tcp.parse().unwrap();
        socket.connect(&to.into()).unwrap();
        super::converse(socket.into(), text.as_bytes());
    };
    from("127.0.0.1", "net.other 1 -1\n");
    from("127.0.0.2", "net.listed 1 -1\n");
    super::lines(&gateway.opentsdb, "put net.other 1 1 a=b\n");
    super::lines(&gateway.frames, "hello");
    for listener in ["graphite", "graphite_udp", "opentsdb", "frames"] {
        eventually(listener, || {
            let count = refused(&gateway, "", listener, "network");
            (count == 1)
                .then_some(())
                .ok_or(format!("{listener}: {count}"))
        });
    }
    for protocol in ["graphite_tcp", "graphite_udp"] {
        eventually(protocol, || {
            let account = account(&gateway, "", protocol, "127.0.0.2")?;
            (account["stored"] == 1)
                .then_some(())
                .ok_or(account.to_string())
        });
    }
    let other = r#"{__name__="net.other"}"#;
    assert_eq!(web::query(&gateway.http, other).unwrap(), []);
}
