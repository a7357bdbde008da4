use serde_json::json;

use super::*;

const BEFORE: &str = "# TYPE weir_agent_statsd_received_total counter\nweir_agent_statsd_received_total{protocol=\"statsd_udp\"} 10\n";
const AFTER: &str = "# TYPE weir_agent_statsd_received_total counter\nweir_agent_statsd_received_total{protocol=\"statsd_udp\"} 30\n\
    weir_agent_statsd_rejected_total{protocol=\"statsd_udp\",reason=\"bad_value\"} 1\n\
    weir_agent_statsd_rejected_total{protocol=\"statsd_udp\",reason=\"bad_rate\"} 1\n\
    weir_agent_dropped_samples_total{class=\"low\",reason=\"queue_full\"} 7";

#[test]
fn a_page_says_what_is_there() {
    let said = json!({
        "version": "0.1.0", "started_ms": 0, "gateway": "gw1:9348", "acknowledged_ms": 3_598_000,
        "queue_batches": 2, "queue_bytes": 512,
        "spool": {"dir": "/spool", "failure": "no space", "held": [
            {"class": "normal", "batches": 3, "samples": 9, "bytes": 100, "oldest_ms": 3_480_000},
            {"class": "low", "batches": 1, "samples": 1, "bytes": 11, "oldest_ms": null},
        ]},
        "collectors": [{"name": "cpu", "error": null}, {"name": "vmstat", "error": "no such file"}],
        "problems": {"textfile": "/drop/x.prom: cut"},
        "last_failure": {"at_ms": 3_510_000, "gateway": "gw2:9348", "reason": "refused"},
    });
    let (before, after) = (
        Counters::read(BEFORE).unwrap(),
        Counters::read(AFTER).unwrap(),
    );
    let page = page::page(&said, &before, &after, Duration::from_secs(2), 3_600_000);
    let expected = "\
weir-agent  0.1.0, up for 1 h 0 min
gateway     gw1:9348; last acknowledgement 2 s ago
queue       2 batches, 512 bytes
spool       4 batches, 111 bytes in /spool, the oldest of 2 min 0 s ago
            takes nothing now: no space

per second, over 2s
  statsd_udp                 10.0 received        1.0 refused        0.0 dropped by the kernel
  samples                     0.0 queued          0.0 acknowledged
  7 samples were dropped since the start

collectors
  good: cpu
  vmstat: no such file

what went wrong last
  textfile: /drop/x.prom: cut
  gateway gw2:9348, 1 min 30 s ago: refused
";
    assert_eq!(page, expected);
}

#[test]
fn an_agent_that_says_nothing_has_a_page_too() {
    let none = Counters::default();
    let page = page::page(&json!({}), &none, &none, Duration::from_secs(1), 0);
    assert!(page.contains("not connected"), "{page}");
}
