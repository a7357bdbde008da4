//! StatsD and DogStatsD at the gateway: real sockets, the field's clients, a query, and the ledger. A test of one of the
//! house's numbered faults has the number in its name.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::programs::{Gateway, eventually};
use crate::tools::{node, python_with, run};
use crate::web::{self, escape};

/// A gateway that takes StatsD, with an interval of a second.
fn gateway(sets: &[&str]) -> Gateway {
    let own = ["statsd.interval=1s", "statsd.origin=gw1"];
    Gateway::start(&[&own, sets].concat())
}

fn udp() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

fn send(gateway: &Gateway, datagram: &[u8]) {
    udp().send_to(datagram, &gateway.statsd_udp).unwrap();
}

/// What a query answers: each series' labels and value.
fn ask(gateway: &Gateway, query: &str) -> Result<Vec<(Value, String)>, String> {
    let path = format!("/api/v1/query?query={}", escape(query));
    let answer = web::json(&gateway.http, &path)?;
    let found = answer["data"]["result"]
        .as_array()
        .ok_or(answer.to_string())?;
    let one = |found: &Value| {
        let value = found["value"][1].as_str().unwrap_or("a distribution");
        (found["metric"].clone(), value.to_owned())
    };
    Ok(found.iter().map(one).collect())
}

/// Waits until a query of one series has this value.
fn is(gateway: &Gateway, query: &str, expected: &str) {
    eventually(query, || match ask(gateway, query)?.as_slice() {
        [(_, value)] if value == expected => Ok(()),
        other => Err(format!("{other:?} is not {expected}")),
    });
}

fn account(gateway: &Gateway, protocol: &str) -> Result<Value, String> {
    let answer = web::json(&gateway.http, "/api/v1/status/ingest")?;
    let all = answer["data"]["protocols"]
        .as_array()
        .ok_or(answer.to_string())?;
    let found = all.iter().find(|one| one["protocol"] == protocol);
    found.cloned().ok_or(format!("no {protocol} in {answer}"))
}

fn count(account: &Value, key: &str) -> u64 {
    account[key].as_u64().unwrap()
}

fn sum(causes: &Value) -> u64 {
    let causes = causes.as_object().unwrap().values();
    causes.map(|count| count.as_u64().unwrap()).sum()
}

/// Waits until so many metrics are known, and checks that the sum closes.
fn received(gateway: &Gateway, protocol: &str, metrics: u64) -> Value {
    let account = eventually("everything is counted", || {
        let account = account(gateway, protocol)?;
        match count(&account, "received") == metrics {
            true => Ok(account),
            false => Err(account.to_string()),
        }
    });
    let known = count(&account, "stored")
        + count(&account, "aggregated")
        + sum(&account["rejected"])
        + sum(&account["dropped"]);
    assert_eq!(known, metrics, "{account}");
    account
}

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[test]
fn every_kind_by_every_socket_is_one_series() {
    let dir = tempfile::tempdir().unwrap();
    let (datagrams, stream) = (dir.path().join("d.sock"), dir.path().join("s.sock"));
    let gateway = gateway(&[
        &format!("statsd.unix_listen={}", datagrams.display()),
        &format!("statsd.unix_stream_listen={}", stream.display()),
        "statsd.dialect=dogstatsd",
    ]);
    let packet = b"hits:1:2|c|@0.5|#k:v\nload:-5|g\nt:10|ms:20|h:30|d\nseen:a|s\nhits:-1|c|#k:v";
    send(&gateway, packet);
    let unix = UnixDatagram::unbound().unwrap();
    unix.send_to(packet, &datagrams).unwrap();
    let mut tcp = TcpStream::connect(&gateway.statsd_tcp).unwrap();
    tcp.write_all(packet).unwrap();
    drop(tcp);
    let mut unix = UnixStream::connect(&stream).unwrap();
    unix.write_all(&(packet.len() as u32).to_le_bytes())
        .unwrap();
    unix.write_all(packet).unwrap();
    for protocol in [
        "statsd_udp",
        "statsd_unix",
        "statsd_tcp",
        "statsd_unix_stream",
    ] {
        let account = received(&gateway, protocol, 8);
        assert_eq!(count(&account, "aggregated"), 8, "{account}");
    }
    is(&gateway, r#"hits{k="v",gateway="gw1"}"#, "24");
    is(&gateway, "hits_decrements", "4");
    is(&gateway, "load", "-5");
    is(&gateway, "t_count", "12");
    is(&gateway, "t_sum", "240");
    is(&gateway, "seen", "0");
    is(&gateway, "round(max_over_time(t_p50[1m]))", "20");
}

#[test]
fn a_stop_stores_the_open_interval_and_takes_the_socket_files_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sock");
    let mut gateway = gateway(&[
        "statsd.interval=1h",
        &format!("statsd.unix_listen={}", path.display()),
    ]);
    for _ in 0..100 {
        send(&gateway, b"last:1|c");
    }
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"last:1|c", &path).unwrap();
    gateway.program.stop();
    assert!(!path.exists());
    // One left behind by a gateway that was killed is in nobody's way.
    drop(UnixDatagram::bind(&path).unwrap());
    gateway.restart();
    is(&gateway, "last", "101");
}

#[test]
fn dialects_disagree_by_listener() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sock");
    let gateway = gateway(&[&format!("statsd.unix_listen={}", path.display())]);
    let packet = b"g:10|g\ng:-3|g\nother:4|kv\n_sc|db|1";
    send(&gateway, packet);
    let account = received(&gateway, "statsd_udp", 4);
    assert_eq!(account["rejected"]["unsupported"], 1);
    is(&gateway, "g", "7");
    is(&gateway, "other", "4");
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(packet, &path).unwrap();
    let account = received(&gateway, "statsd_unix", 4);
    assert_eq!(account["rejected"]["unknown_type"], 1);
    is(&gateway, "g", "-3");
    is(&gateway, "db", "1");
}

#[test]
fn a_given_time_is_stored_as_given_apart_from_what_is_aggregated() {
    let gateway = gateway(&["statsd.dialect=dogstatsd"]);
    let at = now_s() - 60;
    let text = format!(
        "jobs:3|c|T{at}|#gateway:mine\njobs:4|c|T{}\njobs:1|c\ntemp:-4.5|g|T{at}\nbad:1|ms|T{at}\nold:1|c|T1000",
        at + 1
    );
    send(&gateway, text.as_bytes());
    let account = received(&gateway, "statsd_udp", 6);
    assert_eq!(count(&account, "stored"), 3, "{account}");
    assert_eq!(account["rejected"]["unsupported"], 1);
    assert_eq!(account["rejected"]["too_old"], 1);
    is(&gateway, r#"sum_over_time(jobs{gateway=""}[5m])"#, "7");
    is(&gateway, r#"jobs{gateway="gw1"}"#, "1");
    is(&gateway, &format!("temp @ {at}"), "-4.5");
}

#[test]
fn several_gateways_own_a_part_each() {
    let (one, two) = (gateway(&[]), gateway(&["statsd.origin=gw2"]));
    for gateway in [&one, &two] {
        send(gateway, b"parts:2|c|#gateway:gw1");
    }
    is(&one, r#"parts{gateway="gw1"}"#, "2");
    is(&two, r#"parts{gateway="gw2"}"#, "2");
}

#[test]
fn etsys_names_are_reached_by_graphites_api() {
    let gateway = gateway(&[
        "statsd.naming=graphite",
        "statsd.origin=",
        "statsd.graphite.percentiles=[90,-10]",
        "statsd.graphite.histogram=[{metric='api',bins=[10,inf]}]",
    ]);
    let packet: Vec<String> = (1..=10).map(|n| format!("api.t:{n}|ms")).collect();
    send(&gateway, packet.join("\n").as_bytes());
    send(&gateway, b"api.hits:3|c\nbroken\nload:4|g\nusers:x|s");
    let path = "/render?format=json&from=-1min&target=";
    for (target, expected) in [
        ("stats_counts.api.hits", 3.0),
        ("stats.api.hits", 3.0),
        ("stats.timers.api.t.mean_90", 5.0),
        ("stats.timers.api.t.lower_top10", 10.0),
        ("stats.timers.api.t.histogram.bin_10", 9.0),
        ("stats.timers.api.t.count_ps", 10.0),
        ("stats.gauges.load", 4.0),
        ("stats.sets.users.count", 1.0),
        ("stats_counts.statsd.bad_lines_seen", 1.0),
        ("stats_counts.statsd.packets_received", 2.0),
    ] {
        eventually(target, || {
            let answer = web::json(&gateway.http, &format!("{path}{target}"))?;
            let points = answer[0]["datapoints"]
                .as_array()
                .ok_or(answer.to_string())?;
            let found = points.iter().any(|point| point[0] == expected);
            found.then_some(()).ok_or(answer.to_string())
        });
    }
}

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

#[test]
fn what_datadogs_clients_say_of_themselves_is_in_the_ledger() {
    let gateway = gateway(&["statsd.dialect=dogstatsd"]);
    send(
        &gateway,
        b"datadog.dogstatsd.client.metrics:41|c|#client:go\ndatadog.dogstatsd.client.packets_dropped:2|c|#client:go",
    );
    let account = received(&gateway, "statsd_udp", 2);
    assert_eq!(account["client"]["sent"], 41, "{account}");
    assert_eq!(account["client"]["dropped"], 2, "{account}");
}

const STATSD: &str = r#"
import sys, statsd
c = statsd.StatsClient("127.0.0.1", int(sys.argv[1]), prefix="py")
c.incr("hits", 3); c.decr("hits"); c.gauge("load", 7); c.gauge("load", -2, delta=True)
c.timing("took", 320); c.set("users", "ann")
with c.pipeline() as p:
    p.incr("piped"); p.incr("piped", rate=1)
t = statsd.TCPStatsClient("127.0.0.1", int(sys.argv[2]), prefix="py")
t.incr("tcp"); t.close()
"#;

const DATADOG: &str = r#"
import sys, time
from datadog.dogstatsd import DogStatsd
d = DogStatsd(host="127.0.0.1", port=int(sys.argv[1]), constant_tags=["env:test"], namespace="dd", telemetry_min_flush_interval=0)
d.increment("hits", 2, tags=["k:v"]); d.decrement("hits", 1, tags=["k:v"]); d.gauge("load", -4.5)
d.histogram("h", 10); d.distribution("dist", 20); d.timing("took", 30); d.set("users", "ann")
d.event("title", "text"); d.service_check("check", DogStatsd.WARNING, tags=["k:v"])
d.gauge_with_timestamp("past", 6, int(time.time()) - 30)
d.flush()
u = DogStatsd(socket_path=sys.argv[2], namespace="dd")
u.increment("unix"); u.flush()
s = DogStatsd(socket_path="unixstream://" + sys.argv[3], namespace="dd")
s.increment("stream"); s.flush()
"#;

#[test]
fn pythons_clients() {
    let dir = tempfile::tempdir().unwrap();
    let (datagrams, stream) = (dir.path().join("d.sock"), dir.path().join("s.sock"));
    let gateway = gateway(&[
        "statsd.dialect=dogstatsd",
        &format!("statsd.unix_listen={}", datagrams.display()),
        &format!("statsd.unix_stream_listen={}", stream.display()),
    ]);
    let python = python_with(&["statsd", "datadog"]);
    let (udp, tcp) = (port(&gateway.statsd_udp), port(&gateway.statsd_tcp));
    run(Command::new(&python).args(["-c", STATSD, udp, tcp]));
    let mut datadog = Command::new(&python);
    run(datadog
        .args(["-c", DATADOG, udp])
        .args([&datagrams, &stream]));
    for (query, expected) in [
        ("{__name__='py.hits'}", "3"),
        ("{__name__='py.hits_decrements'}", "1"),
        ("{__name__='py.took_sum'}", "320"),
        ("{__name__='py.piped'}", "2"),
        ("{__name__='py.tcp'}", "1"),
        ("max_over_time({__name__='py.users'}[1m])", "1"),
        ("{__name__='dd.hits',env='test',k='v'}", "2"),
        ("{__name__='dd.hits_decrements'}", "1"),
        ("{__name__='dd.load'}", "-4.5"),
        ("{__name__='dd.h_sum'}", "10"),
        ("{__name__='dd.dist_count'}", "1"),
        ("{__name__='dd.took_sum'}", "30"),
        ("check{env='test',k='v'}", "1"),
        ("{__name__='dd.past'}", "6"),
        ("{__name__='dd.unix'}", "1"),
        ("{__name__='dd.stream'}", "1"),
    ] {
        is(&gateway, query, expected);
    }
    let account = account(&gateway, "statsd_udp").unwrap();
    assert_eq!(
        account["rejected"]["unsupported"], 1,
        "the event: {account}"
    );
    assert!(count(&account["client"], "sent") >= 8, "{account}");
}

#[test]
fn etsys_python_client_changes_gauges_where_its_dialect_is_spoken() {
    let gateway = gateway(&[]);
    let python = python_with(&["statsd", "datadog"]);
    let (udp, tcp) = (port(&gateway.statsd_udp), port(&gateway.statsd_tcp));
    run(Command::new(&python).args(["-c", STATSD, udp, tcp]));
    is(&gateway, "{__name__='py.load'}", "5");
}

const NODE_STATSD: &str = r#"
const { StatsD } = require("node-statsd");
const c = new StatsD({ host: "127.0.0.1", port: Number(process.argv[2]), prefix: "ns." });
c.increment("hits"); c.decrement("hits"); c.gauge("load", 5); c.timing("took", 12); c.histogram("h", 3);
c.unique("users", "ann"); c.increment(["a", "b"]);
c.increment("tagged", 1, 1, ["k:v"], () => setTimeout(() => c.close(), 100));
"#;

const HOT_SHOTS: &str = r#"
const StatsD = require("hot-shots");
const c = new StatsD({ host: "127.0.0.1", port: Number(process.argv[2]), prefix: "hs.", globalTags: { env: "test" }, maxBufferSize: 1400, includeDatadogTelemetry: true, telemetryFlushInterval: 50 });
c.increment("hits", 2, { k: "v" }); c.gauge("load", 5); c.timing("took", 12); c.distribution("dist", 3); c.set("users", "ann");
c.check("check", c.CHECKS.OK, {}, ["k:v"]); c.event("title", "text");
setTimeout(() => c.close(() => {}), 300);
"#;

#[test]
fn nodes_clients() {
    let gateway = gateway(&["statsd.dialect=dogstatsd"]);
    let udp = port(&gateway.statsd_udp);
    for (package, program) in [("node-statsd", NODE_STATSD), ("hot-shots", HOT_SHOTS)] {
        let dir = node(package);
        let mut node = Command::new("node");
        run(node.current_dir(dir).args(["-e", program, "--", "", udp]));
    }
    for (query, expected) in [
        ("{__name__='ns.hits'}", "1"),
        ("{__name__='ns.hits_decrements'}", "1"),
        ("{__name__='ns.load'}", "5"),
        ("{__name__='ns.took_sum'}", "12"),
        ("{__name__='ns.h_sum'}", "3"),
        ("{__name__='ns.a'}", "1"),
        ("{__name__='ns.tagged',k='v'}", "1"),
        ("{__name__='hs.hits',env='test',k='v'}", "2"),
        ("{__name__='hs.load'}", "5"),
        ("{__name__='hs.took_count'}", "1"),
        ("{__name__='hs.dist_sum'}", "3"),
        ("{__name__='hs.check',k='v'}", "0"),
    ] {
        is(&gateway, query, expected);
    }
    eventually("its telemetry", || {
        let account = account(&gateway, "statsd_udp")?;
        let said = count(&account["client"], "sent") > 0;
        said.then_some(()).ok_or(account.to_string())
    });
}

fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap()
}

/// What etsy's own server makes of the same lines, beside what ours does: the same paths, the same figures.
#[test]
fn etsys_own_server_gives_the_same() {
    let dir = node("statsd");
    let lines: Vec<String> = [
        "a.b:1|c\na.b:2|c|@0.1\na.b:-4|c|@0.5\nneg:-3|c",
        "odd name/x(1):5|c\nweird:3|kv\nweird:1|C|@0.5",
        "g:3|g\ng:+2|g\ng:-1|g\nfresh:-5|g\nzero:0|g\nzero:-2|g",
        "s:a|s\ns:b|s\ns:a|s\ns:|s",
        "mixed:1|c:2|ms:3|g",
        "t:450|ms\nt:120|ms|@0.1\nt:553|ms\nt:994|ms\nt:334|ms\nt:844|ms\nt:675|ms\nt:496|ms",
        "one:7.5|ms",
        "tagged:2|c|#env:prod,az:b\ntagged:9|g|#env:prod",
        "same:1|c\nsame:2|g\nsame:3|ms\nsame:4|s",
        "broken\nbroken:x|c\nbroken:-1|ms",
    ]
    .map(str::to_owned)
    .into();
    for legacy in [true, false] {
        let theirs = etsy(&dir, legacy, &lines);
        let ours = ours(legacy, &lines);
        let differ = |path: &&String| ours.get(*path) != theirs.get(*path);
        let all: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for path in all.into_iter().filter(differ) {
            let (ours, theirs) = (ours.get(path), theirs.get(path));
            let near = match (ours, theirs) {
                (Some(ours), Some(theirs)) => (ours - theirs).abs() <= ours.abs() * 1e-9,
                _ => false,
            };
            assert!(near, "{path}: ours {ours:?}, etsy's {theirs:?}");
        }
        assert!(theirs.len() > 80, "{theirs:?}");
    }
}

type Figures = std::collections::BTreeMap<String, f64>;

/// Without what is a matter of time, and what etsy's server says of its connection to Graphite, which ours has not.
fn keep(path: &str) -> bool {
    // From the second flush on numStats counts the lag too.
    let others = [
        "graphiteStats.",
        "processing_time",
        "timestamp_lag",
        "numStats",
    ];
    !others.iter().any(|word| path.contains(word))
}

const BINS: &str = "[{metric: 't', bins: [200, 500.5, 'inf']}]";

/// Runs the packaged server until it flushes these lines to a listener of ours.
fn etsy(dir: &std::path::Path, legacy: bool, lines: &[String]) -> Figures {
    let carbon = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (free, admin) = (free_port(), free_port());
    let at = tempfile::tempdir().unwrap();
    let config = at.path().join("config.js");
    let text = format!(
        "{{ port: {free}, mgmt_port: {admin}, address: '127.0.0.1', mgmt_address: '127.0.0.1', graphiteHost: '127.0.0.1', graphitePort: {}, flushInterval: 3000, percentThreshold: [90, 50, -25], histogram: {BINS}, backends: ['./backends/graphite'], graphite: {{ legacyNamespace: {legacy} }} }}",
        carbon.local_addr().unwrap().port()
    );
    std::fs::write(&config, text).unwrap();
    let package = dir.join("node_modules/statsd");
    let mut server = Command::new("node");
    server.current_dir(&package).arg("stats.js").arg(&config);
    server.stdout(std::process::Stdio::null());
    let _server = crate::clients::Running(server.spawn().unwrap());
    eventually("etsy's server listens", || {
        TcpStream::connect(("127.0.0.1", admin)).map_err(|error| error.to_string())
    });
    let socket = udp();
    for line in lines {
        socket
            .send_to(line.as_bytes(), ("127.0.0.1", free))
            .unwrap();
    }
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        let mut text = String::new();
        let (mut stream, _) = carbon.accept().unwrap();
        stream.read_to_string(&mut text).unwrap();
        let figures = text.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let (path, value) = (words.next()?, words.next()?.parse().ok()?);
            keep(path).then(|| (path.to_owned(), value))
        });
        let figures: Figures = figures.collect();
        if figures.keys().any(|path| path.contains("a.b")) {
            return figures;
        }
    }
    panic!("etsy's server flushed nothing");
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// The same from a gateway: the flush that its stop makes.
fn ours(legacy: bool, lines: &[String]) -> Figures {
    let mut gateway = gateway(&[
        "statsd.interval=3s",
        "statsd.naming=graphite",
        "statsd.origin=",
        "statsd.graphite.percentiles=[90,50,-25]",
        "statsd.graphite.histogram=[{metric='t',bins=[200,500.5,inf]}]",
        &format!("statsd.graphite.legacy_namespace={legacy}"),
    ]);
    // Behind an interval's end, so that all of it falls into one.
    let into_ms = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        now.as_millis() % 3_000
    };
    while into_ms() > 500 {
        std::thread::sleep(Duration::from_millis(20));
    }
    for line in lines {
        send(&gateway, line.as_bytes());
    }
    received(&gateway, "statsd_udp", 38);
    gateway.program.stop();
    gateway.restart();
    // A flush is of the nearest second, which may be to come.
    let found = eventually("the last flush", || {
        let found = ask(&gateway, "{__name__=~'stats.*'}")?;
        match found.is_empty() {
            true => Err("nothing".to_owned()),
            false => Ok(found),
        }
    });
    let each = found.into_iter().map(|(labels, value)| {
        let labels = labels.as_object().unwrap();
        let mut path = labels["__name__"].as_str().unwrap().to_owned();
        // etsy's order of tags is the line's; these were sent in an order that is kept.
        for label in ["env", "az"] {
            if let Some(value) = labels.get(label) {
                path += &format!(";{label}={}", value.as_str().unwrap());
            }
        }
        (path, value.parse().unwrap())
    });
    each.filter(|(path, _)| keep(path)).collect()
}
