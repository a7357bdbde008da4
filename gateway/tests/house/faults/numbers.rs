//! The table of docs/numbers.md, each cell over its protocol's own way in.

use std::collections::BTreeMap;

use weir_wire::frame::{Batch, Frame};
use weir_wire::{Sample, SeriesKey, Value, exposition, statsd};

use super::{SNAPPY, books, now_s, tcp, write_request};
use crate::programs::Gateway;
use crate::starting::Session;
use crate::web;

const COLUMNS: [&str; 8] = [
    "Graphite",
    "pickle",
    "OpenTSDB",
    "InfluxDB",
    "StatsD",
    "exposition",
    "remote write",
    "agents",
];

/// A row: what is sent, and what comes of it by each protocol.
struct Row {
    sent: String,
    outcomes: Vec<String>,
}

fn table() -> Vec<Row> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/numbers.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let head = rows.next().unwrap();
    assert_eq!(head, format!("sent | {} |", COLUMNS.join(" | ")));
    let row = |line: &str| {
        let mut cells = line.trim_end_matches(" |").split(" | ").map(str::to_owned);
        let sent = cells.next().unwrap();
        let outcomes: Vec<String> = cells.collect();
        assert_eq!(outcomes.len(), COLUMNS.len(), "{line}");
        Row {
            sent: expanded(sent.trim_matches('`')),
            outcomes,
        }
    };
    rows.map(row).collect()
}

/// `{400}` is the digit before it, 400 times.
fn expanded(text: &str) -> String {
    match text.strip_suffix("{400}") {
        Some(front) => {
            let (front, digit) = front.split_at(front.len() - 1);
            format!("{front}{}", digit.repeat(400))
        }
        None => text.to_owned(),
    }
}

fn same(stored: f64, cell: &str) -> bool {
    let expected: f64 = cell.parse().unwrap();
    stored.to_bits() == expected.to_bits() || stored.is_nan() && expected.is_nan()
}

/// FAULTS 6.
#[test]
fn odd_numbers_come_to_what_the_table_says() {
    let rows = table();
    assert!(rows.len() > 10);
    let gateway = Gateway::start(&[]);
    let at = now_s();
    let all = |column: &str| {
        let column = COLUMNS.iter().position(|name| *name == column).unwrap();
        let cells = rows.iter().enumerate();
        let cells =
            cells.map(move |(n, row)| (n, row.sent.as_str(), row.outcomes[column].as_str()));
        cells
            .filter(|(_, _, cell)| *cell != "-")
            .collect::<Vec<_>>()
    };
    let lines = |column: &str, line: &dyn Fn(usize, &str) -> String| -> String {
        all(column)
            .iter()
            .map(|(n, sent, _)| line(*n, sent))
            .collect()
    };
    let graphite = lines("Graphite", &|n, sent| {
        format!("n{n};by=graphite {sent} {at}\n")
    });
    tcp(&gateway.graphite_tcp, graphite.as_bytes());
    let pickles: Vec<u8> = all("pickle")
        .iter()
        .flat_map(|(n, sent, _)| pickled_text(&format!("n{n};by=pickle"), at, sent))
        .collect();
    tcp(&gateway.pickle, &pickles);
    let puts = lines("OpenTSDB", &|n, sent| {
        format!("put n{n} {at} {sent} by=opentsdb\n")
    });
    tcp(&gateway.opentsdb, puts.as_bytes());
    let body = lines("InfluxDB", &|n, sent| {
        format!("n{n},by=influx v={sent} {at}\n")
    });
    web::post_bytes(&gateway.http, "/write?precision=s", "", body.as_bytes()).unwrap();
    for (n, sent, _) in all("remote write") {
        let request = write_request(&format!("n{n}"), &[(at, sent.parse().unwrap())]);
        web::post_bytes(&gateway.http, "/api/v1/write", SNAPPY, &request).unwrap();
    }
    send_frames(&gateway, at, &all("agents"));

    for (column, protocol, series) in [
        ("Graphite", "graphite_tcp", r#"{by="graphite"}"#),
        ("pickle", "graphite_pickle", r#"{by="pickle"}"#),
        ("OpenTSDB", "opentsdb_telnet", r#"{by="opentsdb"}"#),
        ("InfluxDB", "influx_http", r#"_v{by="influx"}"#),
        ("remote write", "remote_write", r#"{room="cellar"}"#),
        ("agents", "frames", r#"{by="agent"}"#),
    ] {
        let (mut stored, mut refused) = (0, BTreeMap::<String, u64>::new());
        let cells = all(column);
        for (n, sent, cell) in &cells {
            if cell.parse::<f64>().is_err() {
                *refused.entry((*cell).to_owned()).or_default() += 1;
                continue;
            }
            stored += 1;
            let found = web::query(&gateway.http, &format!("n{n}{series}")).unwrap();
            let [(_, value)] = found.as_slice() else {
                panic!("{column} {sent:.40}: {found:?}");
            };
            assert!(
                same(*value, cell),
                "{column} {sent:.40}: {value}, not {cell}"
            );
        }
        let expected = (stored, refused.into_iter().collect());
        assert_eq!(
            books(&gateway, protocol, cells.len() as u64),
            expected,
            "{column}"
        );
    }
    statsd_says(&all("StatsD"));
    exposition_says(&all("exposition"));
}

/// As Python's pickle writes a point whose value is a text: the numbers that a text can say, a double cannot.
pub(super) fn pickled_text(path: &str, at_s: u64, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        [
            b"X".as_slice(),
            &(text.len() as u32).to_le_bytes(),
            text.as_bytes(),
        ]
        .concat()
    };
    let time = [b"J".as_slice(), &(at_s as u32).to_le_bytes()].concat();
    let parts = [
        b"\x80\x02](".to_vec(),
        text(path),
        time,
        text(value),
        b"\x86\x86e.".to_vec(),
    ];
    let pickle = parts.concat();
    [&(pickle.len() as u32).to_be_bytes(), pickle.as_slice()].concat()
}

fn send_frames(gateway: &Gateway, at_s: u64, cells: &[(usize, &str, &str)]) {
    let mut session = Session::open(&gateway.frames, "numbers");
    let mut batch = Batch::with_capacity(1, cells.len());
    for (id, (n, sent, _)) in cells.iter().enumerate() {
        let key = SeriesKey::new(&format!("n{n}"), [("by", "agent")]).unwrap();
        batch.introduce(id as u32, key.borrowed());
        let sample = Sample {
            timestamp_ms: at_s as i64 * 1_000,
            value: Value::Float(sent.parse().unwrap()),
        };
        batch.push(id as u32, &sample);
    }
    session.send(&Frame::Batch(batch));
    assert!(matches!(session.next(), Frame::Ack(_)));
}

/// What the agent's and the gateway's listeners read.
fn statsd_says(cells: &[(usize, &str, &str)]) {
    for kind in ["c", "g", "ms"] {
        let dialect = statsd::Dialect {
            signed_gauges: false,
            ..statsd::Dialect::default()
        };
        for (_, sent, cell) in cells {
            let line = format!("n:{sent}|{kind}");
            let read = statsd::parse(line.as_bytes(), dialect).next().unwrap();
            match read.map(|metric| metric.value) {
                Err(reject) => assert_eq!(reject.as_str(), *cell, "{line:.40}"),
                Ok(
                    statsd::Value::Counter(value)
                    | statsd::Value::GaugeSet(value)
                    | statsd::Value::Timer(value),
                ) => {
                    assert!(same(value, cell), "{line:.40}: {value}");
                }
                Ok(other) => panic!("{line:.40}: {other:?}"),
            }
        }
    }
}

fn exposition_says(cells: &[(usize, &str, &str)]) {
    for (_, sent, cell) in cells {
        let text = format!("n {sent}\n");
        match exposition::parse(text.as_bytes(), exposition::Format::Text) {
            Err(error) => assert_eq!(error.reject.as_str(), *cell, "{text:.40}"),
            Ok(families) => match families[0].samples[0].value {
                exposition::Measured::Float(value) => {
                    assert!(same(value, cell), "{text:.40}: {value}")
                }
                ref other => panic!("{text:.40}: {other:?}"),
            },
        }
    }
}
