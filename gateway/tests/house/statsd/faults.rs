//! The house's numbered faults, by StatsD's sockets.

use super::*;

#[test]
fn faults_1_and_2_empty_lines_crlf_and_a_datagram_that_was_cut() {
    let gateway = gateway(&[]);
    send(&gateway, b"");
    send(&gateway, b"\r\n\n \na:1|c\r\n\0\na:1|c\na:1");
    let account = received(&gateway, "statsd_udp", 4);
    assert_eq!(account["rejected"]["bad_text"], 1);
    assert_eq!(account["rejected"]["malformed"], 1);
    is(&gateway, "a", "2");
}

#[test]
fn fault_3_a_megabyte_without_newline_is_skipped_and_the_connection_kept() {
    let gateway = gateway(&[]);
    let mut tcp = TcpStream::connect(&gateway.statsd_tcp).unwrap();
    tcp.write_all(&vec![b'x'; 1 << 20]).unwrap();
    tcp.write_all(b"\nafter:1|c\n").unwrap();
    let account = received(&gateway, "statsd_tcp", 2);
    assert_eq!(account["rejected"]["too_long"], 1);
    is(&gateway, "after", "1");
}

#[test]
fn faults_4_to_8_and_20_each_has_its_cause() {
    let gateway = gateway(&["statsd.dialect=dogstatsd"]);
    let many: Vec<String> = (0..1_000).map(|n| format!("k{n}:v")).collect();
    let cases: [(&str, Vec<u8>); 17] = [
        ("bad_text", b"a\xff:1|c".to_vec()),
        ("bad_text", b"a\x01:1|c".to_vec()),
        (
            "bad_labels",
            format!("a:1|c|#{}", many.join(",")).into_bytes(),
        ),
        (
            "too_long",
            [b"a:1|c|#k:".as_slice(), &[b'x'; 60_000]].concat(),
        ),
        ("bad_labels", b"a:1|c|#k:1,k:2".to_vec()),
        ("bad_labels", b"a:1|c|#:v".to_vec()),
        ("not_finite", b"a:nan|g".to_vec()),
        ("not_finite", b"a:1e309|c".to_vec()),
        (
            "not_finite",
            [b"a:".as_slice(), &[b'9'; 400], b"|c"].concat(),
        ),
        ("bad_rate", b"a:1|c|@0".to_vec()),
        ("bad_rate", b"a:1|c|@-1".to_vec()),
        ("bad_rate", b"a:1|c|@nan".to_vec()),
        ("unknown_type", b"a:1|z".to_vec()),
        ("unsupported", b"_e{1,1}:a|b".to_vec()),
        ("bad_value", b"_sc|a|7".to_vec()),
        ("bad_timestamp", b"a:1|c|T-1".to_vec()),
        ("bad_timestamp", b"a:1|c|T1656581400000".to_vec()),
    ];
    let good = b"good:9223372036854775808|g\ngood:-0|g|#zero:neg\ngood:1|c|#c:1|c:ci-x|card:low|e:it-false";
    send(&gateway, good);
    for (_, case) in &cases {
        send(&gateway, case);
    }
    let account = received(&gateway, "statsd_udp", 3 + cases.len() as u64);
    assert_eq!(count(&account, "aggregated"), 3, "{account}");
    for (reason, _) in &cases {
        let expected = cases.iter().filter(|(other, _)| other == reason).count();
        assert_eq!(
            account["rejected"][reason], expected as u64,
            "{reason}: {account}"
        );
    }
    is(&gateway, r#"good{zero="",c=""}"#, "9223372036854776000");
}

#[test]
fn fault_9_a_length_of_2_to_the_31_ends_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let gateway = gateway(&[&format!("statsd.unix_stream_listen={}", path.display())]);
    let mut unix = UnixStream::connect(&path).unwrap();
    unix.write_all(&(1_u32 << 31).to_le_bytes()).unwrap();
    assert_eq!(unix.read(&mut [0; 1]).unwrap(), 0);
    let account = received(&gateway, "statsd_unix_stream", 1);
    assert_eq!(account["rejected"]["too_long"], 1);
}

#[test]
fn fault_14_another_protocol_is_refused_line_by_line() {
    let gateway = gateway(&[]);
    let mut tcp = TcpStream::connect(&gateway.statsd_tcp).unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\nb:1|c\n").unwrap();
    let account = received(&gateway, "statsd_tcp", 2);
    assert_eq!(account["rejected"]["malformed"], 1);
}

#[test]
fn fault_16_a_cardinality_bomb_is_stopped_and_known_names_go_on() {
    let gateway = gateway(&["guard.new_series_per_source=100", "statsd.max_series=1000"]);
    send(&gateway, b"known:1|c");
    received(&gateway, "statsd_udp", 1);
    let socket = udp();
    for n in 0..500 {
        let text = format!("bomb:1|c|#id:{n}\nknown:1|c");
        socket
            .send_to(text.as_bytes(), &gateway.statsd_udp)
            .unwrap();
    }
    let account = received(&gateway, "statsd_udp", 1_001);
    let refused = account["rejected"]["over_limit"].as_u64().unwrap();
    assert!((400..=500).contains(&refused), "{account}");
    is(&gateway, "known", "501");
    let guard = web::get(&gateway.http, "/api/v1/status/cardinality")
        .unwrap()
        .1;
    assert!(guard.contains("bomb"), "{guard}");
}

#[test]
fn fault_43_every_datagram_of_a_flood_is_taken_or_counted_as_dropped_by_the_kernel() {
    let gateway = gateway(&[]);
    let datagrams = 400_000_u64;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let socket = udp();
                socket.connect(&gateway.statsd_udp).unwrap();
                for _ in 0..datagrams / 2 {
                    socket.send(b"flood:1|c").unwrap();
                }
            });
        }
    });
    let account = eventually("the sum closes", || {
        let account = account(&gateway, "statsd_udp")?;
        let known = count(&account, "received") + count(&account, "kernel_drops");
        match known == datagrams {
            true => Ok(account),
            false => Err(account.to_string()),
        }
    });
    is(&gateway, "flood", &count(&account, "received").to_string());
}

#[test]
fn fault_13_connections_past_the_bound_wait() {
    let gateway = gateway(&["statsd.max_connections=1"]);
    let first = TcpStream::connect(&gateway.statsd_tcp).unwrap();
    let mut second = TcpStream::connect(&gateway.statsd_tcp).unwrap();
    second.write_all(b"second:1|c\n").unwrap();
    send(&gateway, b"third:1|c");
    is(&gateway, "third", "1");
    assert!(ask(&gateway, "second").unwrap().is_empty());
    drop(first);
    is(&gateway, "second", "1");
}
