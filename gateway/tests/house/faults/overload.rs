//! Queries that are too much, and those that nobody waits for any more: what comes in is stored meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{account, now_s, tcp};
use crate::programs::{Gateway, eventually};
use crate::web::{self, escape};

/// FAULTS 46: each limit is named, and what comes in meanwhile is stored.
#[test]
fn queries_past_a_limit_are_refused_by_its_name() {
    let gateway = Gateway::start(&[
        "query.max_samples=1000",
        "query.max_series=50",
        "query.timeout=20s",
    ]);
    let at = now_s() - 300;
    let lines: String = (0..100)
        .flat_map(|series| (0..30).map(move |n| format!("huge;n={series} 1 {}\n", at + n * 10)))
        .collect();
    tcp(&gateway.graphite_tcp, lines.as_bytes());
    let nested = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let alternatives: String = (0..20_000).map(|n| format!("|alternative{n}")).collect();
    let refused = [
        ("huge".to_owned(), "more than 50 series"),
        (
            r#"sum_over_time(huge{n=~"[0-9]"}[1h]) + sum_over_time(huge{n=~"1.|2.|3."}[1h])"#
                .to_owned(),
            "more than 1000",
        ),
        (
            r#"{__name__=~"((a{1000}){1000}){10}"}"#.to_owned(),
            "size limit",
        ),
        (nested, "nest"),
        (
            format!("{{__name__=~\"x{alternatives}\"}}"),
            "longer than 262144 bytes",
        ),
    ];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..50 {
                tcp(
                    &gateway.graphite_tcp,
                    format!("meanwhile;n={n} 1 {}\n", now_s()).as_bytes(),
                );
            }
        });
        for (query, words) in &refused {
            let form = format!("query={}", escape(query));
            let (status, answer) = web::post(&gateway.http, "/api/v1/query", &form).unwrap();
            let said: Value = serde_json::from_str(&answer)
                .unwrap_or_else(|error| panic!("{error}: {answer:.300}"));
            let error = said["error"].as_str().unwrap();
            assert!((400..500).contains(&status), "{status}: {error:.300}");
            assert!(error.contains(words), "{words}: {error:.300}");
            assert!(
                error.len() < 2_000,
                "{} bytes of error for {words}",
                error.len()
            );
        }
    });
    let steps = format!(
        "/api/v1/query_range?query=vector(1)&start={}&end={}&step=1",
        at - 100_000,
        at
    );
    let (status, answer) = web::get(&gateway.http, &steps).unwrap();
    assert!(
        status == 400 && answer.contains("11,000 points"),
        "{answer}"
    );
    // A catastrophe for engines that go back: here it is a walk.
    let query = format!("count({{__name__=~\"({})*b\"}})", "a*".repeat(30));
    assert!(web::query(&gateway.http, &query).unwrap().is_empty());
    let stored = account(&gateway, "graphite_tcp").unwrap();
    assert_eq!(stored["stored"], 3_050, "{stored}");
}

/// A query that would go on for minutes, and is not limited by what it reads.
const ENDLESS: &str = "quantile_over_time(0.5, vector(time() % 1009)[1d:1s])";

/// FAULTS 47: the one place for a query is free again at once.
#[test]
fn a_query_whose_reader_left_is_cancelled() {
    let gateway = Gateway::start(&[
        "query.concurrent=1",
        "query.max_samples=1000000000000",
        "query.timeout=10m",
    ]);
    let at = now_s();
    let path = format!(
        "/api/v1/query_range?query={}&start={}&end={}&step=1",
        escape(ENDLESS),
        at - 11_000,
        at
    );
    let ask = || {
        let mut reader = TcpStream::connect(&gateway.http).unwrap();
        write!(reader, "GET {path} HTTP/1.1\r\nHost: weir\r\n\r\n").unwrap();
        reader.set_nonblocking(true).unwrap();
        reader
    };
    for _ in 0..3 {
        let mut reader = ask();
        eventually("the place is taken", || {
            // It may have come while our own question had the place.
            if matches!(reader.read(&mut [0; 1]), Ok(1)) {
                reader = ask();
            }
            match web::get(&gateway.http, "/api/v1/query?query=1")? {
                (503, said) if said.contains("limit 1") => Ok(()),
                (status, said) => Err(format!("{status} {said}")),
            }
        });
        drop(reader);
        eventually("the place is free", || {
            match web::get(&gateway.http, "/api/v1/query?query=1")? {
                (200, _) => Ok(()),
                (status, said) => Err(format!("{status} {said}")),
            }
        });
    }
}

/// FAULTS 47: an answer of megabytes that nobody reads holds no place either.
#[test]
fn a_reader_that_does_not_read_holds_no_place() {
    let gateway = Gateway::start(&["query.concurrent=1"]);
    let at = now_s() - 3_000;
    let lines: String = (0..2_000)
        .map(|series| format!("wide;n={series};pad={} 1 {at}\n", "x".repeat(500)))
        .collect();
    tcp(&gateway.graphite_tcp, lines.as_bytes());
    let path = format!(
        "/api/v1/query_range?query=last_over_time(wide[1h])&start={at}&end={}&step=10",
        at + 2_000
    );
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut reader = TcpStream::connect(&gateway.http).unwrap();
        write!(reader, "GET {path} HTTP/1.1\r\nHost: weir\r\n\r\n").unwrap();
        slow.push(reader);
        eventually("the place is free", || {
            match web::get(&gateway.http, "/api/v1/query?query=1")? {
                (200, _) => Ok(()),
                (status, said) => Err(format!("{status} {said}")),
            }
        });
    }
}
