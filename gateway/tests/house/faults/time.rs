//! Times that cannot be, clocks that are wrong, and values that come twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use weir_agent::app::{Agent, Clock};
use weir_agent::config::Config;

use super::{SNAPPY, account, books, causes, now_s, said, tcp, write_request};
use crate::programs::{Gateway, eventually};
use crate::web;

/// FAULTS 19: the same again changes nothing; of two values at one time the one that came last holds. Both are counted.
#[test]
fn a_second_value_for_a_time_takes_the_firsts_place() {
    let gateway = Gateway::start(&[]);
    let at = now_s() - 10;
    let line = |value: u8| format!("twice;by=line {value} {at}\n");
    for value in [1, 1, 2, 2, 1] {
        tcp(&gateway.graphite_tcp, line(value).as_bytes());
    }
    let twice = |protocol: &str, expected: [u64; 3]| {
        let account = account(&gateway, protocol).unwrap();
        let found = ["stored", "duplicates", "replaced"].map(|key| account[key].as_u64().unwrap());
        assert_eq!(found, expected, "{account}");
    };
    twice("graphite_tcp", [5, 2, 2]);
    assert_eq!(web::single(&gateway.http, "twice"), Ok(1.0));
    for value in [7.0, 7.0, 8.0] {
        let request = write_request("twice", &[(at, value)]);
        web::post_bytes(&gateway.http, "/api/v1/write", SNAPPY, &request).unwrap();
    }
    twice("remote_write", [3, 1, 1]);
    assert_eq!(
        web::single(&gateway.http, r#"twice{room="cellar"}"#),
        Ok(8.0)
    );
    // By two protocols it is the same series, and the same rule.
    let put = format!("put twice {at} 9 by=line\n");
    assert_eq!(said(&gateway.opentsdb, put.as_bytes()), "");
    twice("opentsdb_telnet", [1, 0, 1]);
    assert_eq!(web::single(&gateway.http, r#"twice{by="line"}"#), Ok(9.0));
}

/// FAULTS 20: zero, negative and in another unit; the unit is guessed where there is one.
#[test]
fn times_that_cannot_be_are_refused_with_the_unit_they_look_like() {
    let gateway = Gateway::start(&[]);
    let at = now_s();
    let ms = format!("{at}000");
    let (us, ns) = (format!("{ms}000"), format!("{ms}000000"));
    let times = [ms.as_str(), &us, &ns, "0", "-5"];

    let lines: String = times
        .iter()
        .map(|time| format!("unit 1 {time}\n"))
        .collect();
    tcp(&gateway.graphite_tcp, lines.as_bytes());
    assert_eq!(
        books(&gateway, "graphite_tcp", 5),
        (0, causes(&[("bad_timestamp", 5)]))
    );
    eventually("the log names the unit", || {
        let log = gateway.program.log();
        log.contains("is no time in seconds; it looks like milliseconds")
            .then_some(())
            .ok_or(log)
    });

    // Milliseconds are a unit of OpenTSDB's own.
    let puts: String = times[1..]
        .iter()
        .map(|time| format!("put unit {time} 1 a=b\n"))
        .collect();
    let answer = said(&gateway.opentsdb, puts.as_bytes());
    let told: Vec<&str> = answer.lines().collect();
    assert!(told[0].contains("looks like microseconds"), "{answer}");
    assert!(told[1].contains("looks like nanoseconds"), "{answer}");
    assert!(
        told[2..]
            .iter()
            .all(|told| told.contains("invalid timestamp")),
        "{answer}"
    );
    assert_eq!(
        books(&gateway, "opentsdb_telnet", 4),
        (0, causes(&[("bad_timestamp", 4)]))
    );

    let body: String = times
        .iter()
        .map(|time| format!("unit v=1 {time}\n"))
        .collect();
    let (status, answer) =
        web::post_bytes(&gateway.http, "/write?precision=s", "", body.as_bytes()).unwrap();
    assert_eq!(status, 400);
    for words in [
        "looks like ms",
        "looks like us",
        "looks like ns",
        "(line 4)",
        "(line 5)",
    ] {
        assert!(answer.contains(words), "{words}: {answer}");
    }
    assert_eq!(
        books(&gateway, "influx_http", 5),
        (0, causes(&[("bad_timestamp", 5)]))
    );

    // write_request makes milliseconds of seconds.
    for (seconds, words) in [
        (at / 1_000, "it looks like seconds"),
        (at * 1_000, "it looks like microseconds"),
        (0, "is no time in milliseconds"),
    ] {
        let request = write_request("unit", &[(seconds, 1.0)]);
        let (status, answer) =
            web::post_bytes(&gateway.http, "/api/v1/write", SNAPPY, &request).unwrap();
        assert!(
            status == 400 && answer.contains(words),
            "{seconds}: {answer}"
        );
    }
    assert_eq!(
        books(&gateway, "remote_write", 3),
        (0, causes(&[("bad_timestamp", 3)]))
    );
    assert!(
        web::query(&gateway.http, r#"{__name__=~"unit.*"}"#)
            .unwrap()
            .is_empty()
    );
}

/// FAULTS 17: told, counted, and nothing is moved by it.
#[test]
fn what_is_too_far_ahead_is_refused_by_every_protocol() {
    let gateway = Gateway::start(&[]);
    let (now, ahead) = (now_s(), now_s() + 700);
    let lines = format!(
        "ahead;n=1 1 {ahead}\nahead;n=2 1 {now}\nahead;n=3 1 {}\n",
        now + 500
    );
    tcp(&gateway.graphite_tcp, lines.as_bytes());
    assert_eq!(
        books(&gateway, "graphite_tcp", 3),
        (2, causes(&[("too_early", 1)]))
    );
    let body = format!("ahead v=1 {ahead}\nahead v=2 {now}\n");
    let (status, answer) =
        web::post_bytes(&gateway.http, "/write?precision=s", "", body.as_bytes()).unwrap();
    assert!(
        status == 400 && answer.contains("too far in the future"),
        "{answer}"
    );
    assert_eq!(
        books(&gateway, "influx_http", 2),
        (1, causes(&[("too_early", 1)]))
    );
    let request = write_request("ahead", &[(ahead, 1.0), (now, 1.0)]);
    let (status, answer) =
        web::post_bytes(&gateway.http, "/api/v1/write", SNAPPY, &request).unwrap();
    assert!(
        status == 400 && answer.contains("too far in the future"),
        "{answer}"
    );
    assert_eq!(
        books(&gateway, "remote_write", 2),
        (1, causes(&[("too_early", 1)]))
    );
}

/// FAULTS 23, as far as there are schedules: rules look at UTC, which knows no summer time, and at more than 32 bits.
#[test]
fn dates_are_right_over_2038_leap_seconds_and_summer_time() {
    let gateway = Gateway::start(&[]);
    for (query, expected) in [
        ("year(vector(2147483648))", 2038.0),
        ("day_of_month(vector(2147483648))", 19.0),
        ("hour(vector(2147483648))", 3.0),
        ("minute(vector(1483228799))", 59.0),
        ("day_of_year(vector(1483228800))", 1.0),
        // Before and after clocks are put forward in Europe.
        ("hour(vector(1774745999))", 0.0),
        ("hour(vector(1774746000))", 1.0),
    ] {
        assert_eq!(web::single(&gateway.http, query), Ok(expected), "{query}");
    }
}

/// An agent in this process, whose clock is off by what `offset_ms` says now.
async fn agent(gateway: &Gateway, host: &str, offset_ms: &Arc<AtomicI64>) -> Agent {
    let offset_ms = Arc::clone(offset_ms);
    let clock: Clock = Arc::new(move || {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_millis() as i64 + offset_ms.load(Ordering::Relaxed)
    });
    let sets = [
        format!("gateways=[\"{}\"]", gateway.frames),
        format!("host={host}"),
        "interval=1s".to_owned(),
        "statsd.listen=127.0.0.1:0".to_owned(),
        "status.listen=".to_owned(),
        "spool.dir=".to_owned(),
    ];
    let config = Config::load(None, std::iter::empty(), &sets).unwrap();
    Agent::start(config, clock, 1).await.unwrap()
}

/// FAULTS 21: the skew is a gauge of that host; no rate is negative, neither before nor after the clock is set right.
#[test]
fn an_agents_wrong_clock_is_told_and_makes_no_negative_rate() {
    const HOUR_MS: i64 = 3_600_000;
    let gateway = Gateway::start(&["presence.beat=1s"]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let offsets = [("behind", -HOUR_MS), ("right", 0), ("ahead", HOUR_MS)]
        .map(|(host, ms)| (host, Arc::new(AtomicI64::new(ms))));
    let agents: Vec<Agent> = offsets
        .iter()
        .map(|(host, offset)| runtime.block_on(agent(&gateway, host, offset)))
        .collect();
    for (host, expected_s) in [("behind", -3_600.0), ("right", 0.0), ("ahead", 3_600.0)] {
        eventually(&format!("the skew of {host}"), || {
            let skew = web::single(
                &gateway.http,
                &format!("clock_skew_seconds{{host={host:?}}}"),
            )?;
            ((skew - expected_s).abs() < 60.0)
                .then_some(())
                .ok_or(skew.to_string())
        });
    }
    // What is an hour ahead is refused and counted; who sends it is up all the same.
    assert_eq!(web::single(&gateway.http, r#"up{host="ahead"}"#), Ok(1.0));
    let counted = |cause: &str| account(&gateway, "frames").unwrap()["rejected"][cause].as_u64();
    assert!(counted("too_early") > Some(0));
    // The late clock is set right while counters go on.
    offsets[0].1.store(0, Ordering::Relaxed);
    let counter = r#"node_cpu_seconds_total{host="behind"}"#;
    let any = |query: String| web::query(&gateway.http, &query).map(|found| found.len());
    let new = eventually("samples by the right time", || {
        match any(format!("count_over_time({counter}[10s]) > 3")) {
            Ok(0) => Err("none yet".to_owned()),
            other => other,
        }
    });
    assert!(new > 0);
    let counters = r#"count by (__name__) ({__name__=~".*_total",host="behind"})"#;
    let counters = web::query(&gateway.http, counters).unwrap();
    assert!(counters.len() > 5, "{counters:?}");
    for (counter, _) in counters {
        let counter = counter["__name__"].as_str().unwrap();
        for (function, window) in [("rate", "30s"), ("irate", "2h"), ("increase", "2h")] {
            let query = format!("{function}({counter}{{host=\"behind\"}}[{window}])");
            assert_ne!(any(query.clone()), Ok(0), "{query}");
            assert_eq!(any(format!("{query} < 0")), Ok(0), "{query}");
        }
    }
    for agent in agents {
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(10), agent.stop()).await })
            .unwrap();
    }
}
