//! Relabelling, the guard and priorities hold for what is aggregated here as for any protocol: what becomes one series by
//! them is added up, not overwritten.

use super::*;

#[test]
fn relabelling_is_before_aggregation_and_may_leave_out_what_is_derived() {
    let gateway = gateway(&["admission.relabel=[{regex='id',action='labeldrop'},\
         {source_labels=['__name__'],regex='lat_p\\d+',action='drop'},\
         {source_labels=['__name__'],regex='noise',action='drop'},\
         {source_labels=['host'],regex='(.+)',target_label='node',replacement='$1'}]"]);
    send(
        &gateway,
        b"x:1|c|#id:1,host:a\nx:2|c|#id:2,host:a\nx:4|c|#id:3,host:a\nx:-1|c|#id:4,host:a\n\
          lat:5|ms|#id:1\nlat:7|ms|#id:2\nnoise:1|c",
    );
    is(&gateway, r#"x{node="a",host="a",id=""}"#, "7");
    is(&gateway, r#"count(x)"#, "1");
    is(&gateway, r#"x_decrements{node="a"}"#, "1");
    is(&gateway, "lat_count", "2");
    is(&gateway, "lat_max", "7");
    assert_eq!(ask(&gateway, "lat_p50").unwrap(), []);
    assert_eq!(ask(&gateway, "noise").unwrap(), []);
    let account = received(&gateway, "statsd_udp", 7);
    assert_eq!(account["rejected"]["unwanted"], 1, "{account}");
}

#[test]
fn a_label_that_explodes_is_collapsed_and_added_up() {
    let gateway = gateway(&[
        "guard.new_values_per_label=10",
        "guard.on_explosion=collapse",
        "guard.collapse=[{metric='reqs',label='rid'}]",
    ]);
    let lines = |name: &str, label: &str| -> String {
        let each = (0..40).map(|n| format!("{name}:1|c|#{label}:{n}\n"));
        each.collect()
    };
    send(&gateway, lines("sdc", "id").as_bytes());
    send(&gateway, lines("reqs", "rid").as_bytes());
    is(&gateway, "sum(sdc)", "40");
    is(&gateway, "count(sdc)", "11");
    is(&gateway, r#"sdc{id="other"}"#, "30");
    is(&gateway, r#"reqs{rid="other"}"#, "40");
    is(&gateway, "count(reqs)", "1");
}

#[test]
fn with_graphites_naming_rules_are_for_paths() {
    let gateway = gateway(&[
        "statsd.naming=graphite",
        "statsd.graphite.legacy_namespace=false",
        "admission.relabel=[{source_labels=['__name__'],regex='.*[.]count',action='drop'},\
         {source_labels=['__name__'],regex='stats[.]counters[.](.*)[.]rate',\
         target_label='__name__',replacement='rates.$1'}]",
        "guard.collapse=[{metric='stats.gauges.g',label='id'}]",
    ]);
    send(&gateway, b"a:4|c\ng:3|g|#id:1");
    is(&gateway, r#"{__name__="rates.a"} > 0"#, "4");
    is(&gateway, r#"{__name__="stats.gauges.g",id="other"}"#, "3");
    let counts = ask(&gateway, r#"{__name__="stats.counters.a.count"}"#);
    assert_eq!(counts.unwrap(), []);
}

#[test]
fn rates_hold_for_what_is_aggregated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sock");
    let gateway = gateway(&[
        "rates.samples_per_second=1000",
        "rates.burst=1s",
        &format!("statsd.unix_listen={}", path.display()),
    ]);
    let packet = "hits:1|c\n".repeat(100);
    let (udp, unix) = (udp(), UnixDatagram::unbound().unwrap());
    for _ in 0..50 {
        udp.send_to(packet.as_bytes(), &gateway.statsd_udp).unwrap();
        unix.send_to(packet.as_bytes(), &path).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    for protocol in ["statsd_udp", "statsd_unix"] {
        let account = received(&gateway, protocol, 5_000);
        let dropped = count(&account["dropped"], "rate");
        assert!((1..5_000).contains(&dropped), "{account}");
    }
    // Who can be made to wait loses nothing; another address has a rate of its own.
    let sent = Instant::now();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let own: std::net::SocketAddr = "127.0.0.2:0".parse().unwrap();
    socket.bind(&own.into()).unwrap();
    let to: std::net::SocketAddr = gateway.statsd_tcp.parse().unwrap();
    socket.connect(&to.into()).unwrap();
    let mut tcp: TcpStream = socket.into();
    tcp.write_all("slow:1|c\n".repeat(3_000).as_bytes())
        .unwrap();
    tcp.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(tcp.read(&mut [0; 1]).unwrap(), 0);
    assert!(
        sent.elapsed() > Duration::from_millis(500),
        "it was made to wait"
    );
    let account = received(&gateway, "statsd_tcp", 3_000);
    assert_eq!(count(&account, "aggregated"), 3_000, "{account}");
}
