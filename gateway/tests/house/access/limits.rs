//! Rates and priorities: who floods is slowed down alone, and under overload what matters least goes first. Every drop is in
//! its sender's account.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

use serde_json::Value;

use super::{account, converse, create, lines};
use crate::programs::{Gateway, eventually};
use crate::web::{self, post_bytes};

fn must_close(account: &Value) {
    let sum = |key: &str| {
        let causes = account[key].as_object().unwrap().values();
        causes.map(|count| count.as_u64().unwrap()).sum::<u64>()
    };
    let stored = account["stored"].as_u64().unwrap();
    let known = stored + sum("rejected") + sum("dropped");
    assert_eq!(account["received"].as_u64().unwrap(), known, "{account}");
}

fn connect(own: &str, to: &str) -> TcpStream {
    let own: SocketAddr = format!("{own}:0").parse().unwrap();
    let to: SocketAddr = to.parse().unwrap();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&own.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// FAULTS 43, of one source among others.
#[test]
fn who_floods_by_datagrams_is_dropped_to_its_rate_and_its_neighbour_is_whole() {
    let gateway = Gateway::start(&["rates.samples_per_second=100", "rates.burst=2s"]);
    let (flood, calm) = (
        UdpSocket::bind("127.0.0.2:0").unwrap(),
        UdpSocket::bind("127.0.0.3:0").unwrap(),
    );
    let packet: String = (0..20).map(|n| format!("flood.{n} 1 -1\n")).collect();
    for n in 0..500 {
        flood
            .send_to(packet.as_bytes(), &gateway.graphite_udp)
            .unwrap();
        if n % 50 == 0 {
            let line = format!("calm.{n} 1 -1\n");
            calm.send_to(line.as_bytes(), &gateway.graphite_udp)
                .unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    eventually("every datagram was read", || {
        let flood = account(&gateway, "", "graphite_udp", "127.0.0.2")?;
        let (read, stored) = (&flood["received"], flood["stored"].as_u64().unwrap());
        let dropped = flood["dropped"]["rate"].as_u64().ok_or(flood.to_string())?;
        must_close(&flood);
        // The burst of 200, what grew meanwhile, and the one batch that may go over.
        let is_right = *read == 10_000 && stored + dropped == 10_000 && stored < 10_000;
        is_right.then_some(()).ok_or(flood.to_string())
    });
    let calm = account(&gateway, "", "graphite_udp", "127.0.0.3").unwrap();
    assert_eq!(calm["stored"], 10, "{calm}");
}

#[test]
fn a_connection_over_its_rate_is_read_slower_and_loses_nothing() {
    let gateway = Gateway::start(&[
        "rates.sources=[{name=\"127.0.0.2\",samples_per_second=2000,bytes_per_second=\"100KiB\"}]",
        "rates.burst=1s",
    ]);
    let text: String = (0..5_000)
        .map(|n| format!("slow.{} {n} -1\n", n % 10))
        .collect();
    let (slow, quick) = (
        connect("127.0.0.2", &gateway.graphite_tcp),
        connect("127.0.0.3", &gateway.graphite_tcp),
    );
    assert_eq!(converse(quick, text.as_bytes()), "");
    assert_eq!(converse(slow, text.as_bytes()), "");
    for source in ["127.0.0.2", "127.0.0.3"] {
        let account = account(&gateway, "", "graphite_tcp", source).unwrap();
        must_close(&account);
        assert_eq!(account["stored"], 5_000, "{account}");
    }
}

#[test]
fn a_request_over_its_rate_is_told_so_and_another_source_is_not() {
    let gateway = Gateway::start(&[
        "rates.sources=[{name=\"few\",samples_per_second=1},{name=\"small\",bytes_per_second=\"1\"},\
         {name=\"chunks\",bytes_per_second=\"1\"}]",
        "rates.burst=5s",
    ]);
    let body: String = (0..20).map(|n| format!("m,n={n} value=1\n")).collect();
    for (name, told) in [
        ("few", "sends more than it may"),
        ("small", "more bytes than it may"),
    ] {
        let headers = format!("X-Api-Key: {}\r\n", create(&gateway, name, "write"));
        let send = || post_bytes(&gateway.http, "/write", &headers, body.as_bytes()).unwrap();
        assert_eq!(send().0, 204, "{name}: the burst");
        let (status, said) = send();
        assert_eq!(status, 429, "{name}: {said}");
        assert!(
            said.starts_with("{\"error\":") && said.contains(told),
            "{said}"
        );
        let account = account(&gateway, "", "influx_http", name).unwrap();
        must_close(&account);
        assert_eq!(account["stored"], 20, "{account}");
        assert!(account["dropped"]["rate"].as_u64() > Some(0), "{account}");
    }
    let (status, _) = post_bytes(&gateway.http, "/write", "", body.as_bytes()).unwrap();
    assert_eq!(status, 204);
    // A body that does not say how long it is is paid for as well.
    let key = create(&gateway, "chunks", "write");
    let send = || {
        let head = format!(
            "POST /write HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Api-Key: {key}\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        let body = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let mut stream = TcpStream::connect(&gateway.http).unwrap();
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let (first, second) = (send(), send());
    assert!(first.starts_with("HTTP/1.1 204"), "{first}");
    assert!(second.starts_with("HTTP/1.1 429"), "{second}");
}

/// FAULTS 41, at the gateway: under overload the lowest class goes first, and what is critical stays.
#[test]
fn fault_41_overload_drops_low_before_normal_and_critical_stays() {
    let gateway = Gateway::start(&[
        "store.max_head=2MiB",
        "statsd.interval=1s",
        "priorities.low_head_percent=20",
        "priorities.normal_head_percent=40",
        "priorities.rules=[{match='{__name__=~\"debug_.*\"}',priority=\"low\"},\
         {match='{__name__=\"pay\"}',priority=\"critical\"},{source=\"bulk\",priority=\"low\"}]",
    ]);
    let bulk = format!("X-Api-Key: {}\r\n", create(&gateway, "bulk", "write"));
    let of = |cause: &str| {
        // Before the first line there is none.
        let Ok(account) = account(&gateway, "", "graphite_tcp", "127.0.0.1") else {
            return 0;
        };
        must_close(&account);
        account["dropped"][cause].as_u64().unwrap_or(0)
    };
    let send = |text: &str| lines(&gateway.graphite_tcp, text);
    // The head is filled by series of the rule's middle class until low ones go.
    let mut next = 0;
    let mut fill = || {
        let text: String = (next..next + 200)
            .map(|n| format!("fill;n={n} 1 -1\n"))
            .collect();
        next += 200;
        send(&text);
        assert!(next < 100_000, "the head never fills");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    let mut low_sent = 0;
    while of("priority") == 0 {
        fill();
        send(&format!("debug_x {low_sent} -1\n"));
        low_sent += 1;
    }
    assert_eq!(of("priority"), 1, "only the low one");
    let body = b"bulk_value value=1\n";
    let (status, said) = post_bytes(&gateway.http, "/write", &bulk, body).unwrap();
    assert_eq!(status, 503, "{said}");
    assert!(
        said.contains("1 samples whose priority is too low now"),
        "{said}"
    );
    let account = account(&gateway, "", "influx_http", "bulk").unwrap();
    assert_eq!(account["dropped"]["priority"], 1, "{account}");
    // What was aggregated here goes by its series' class.
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.send_to(b"debug_sd:1|c", &gateway.statsd_udp).unwrap();
    eventually("the aggregate is let go", || {
        let account = crate::access::account(&gateway, "", "statsd", "gateway")?;
        match account["dropped"]["priority"].as_u64() {
            Some(1..) => Ok(()),
            _ => Err(account.to_string()),
        }
    });
    // On, until normal ones go as well.
    while of("priority") < 50 {
        fill();
    }
    send("pay 42 -1\ndebug_x 1 -1\n");
    assert_eq!(web::single(&gateway.http, "pay"), Ok(42.0));
    assert_eq!(of("queue"), 0);
}
