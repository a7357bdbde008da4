//! The field's clients as packaged: what each sends is what a query returns.

use super::*;

pub(super) const STATSD: &str = r#"
import sys, statsd
c = statsd.StatsClient("127.0.0.1", int(sys.argv[1]), prefix="py")
c.incr("hits", 3); c.decr("hits"); c.gauge("load", 7); c.gauge("load", -2, delta=True)
c.timing("took", 320); c.set("users", "ann")
with c.pipeline() as p:
    p.incr("piped"); p.incr("piped", rate=1)
t = statsd.TCPStatsClient("127.0.0.1", int(sys.argv[2]), prefix="py")
t.incr("tcp"); t.close()
"#;

pub(super) const DATADOG: &str = r#"
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

pub(super) fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap()
}
