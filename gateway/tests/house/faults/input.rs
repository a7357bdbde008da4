//! Input that has not its protocol's shape.

use weir_wire::protobuf::{put_bytes, put_double, put_number};

use super::numbers::pickled_text;
use super::{SNAPPY, account, books, causes, now_s, resident_bytes, said, tcp, udp};
use crate::programs::{Gateway, eventually};
use crate::web;

/// FAULTS 1: by each protocol of lines.
#[test]
fn empty_lines_are_passed_over_and_nul_is_no_line() {
    let gateway = Gateway::start(&[]);
    let at = now_s();
    let lines = format!("\n\r\n  \n\0\r\n\0\0 1 {at}\n\r\nempty;by=line 1 {at}\r\n\n");
    tcp(&gateway.graphite_tcp, lines.as_bytes());
    udp(&gateway, lines.as_bytes());
    for protocol in ["graphite_tcp", "graphite_udp"] {
        let refused = causes(&[("malformed", 1), ("bad_text", 1)]);
        assert_eq!(books(&gateway, protocol, 3), (1, refused), "{protocol}");
    }
    let put = format!("\n\r\n\0\nput empty {at} 1 by=put\r\n\n");
    let answer = said(&gateway.opentsdb, put.as_bytes());
    assert_eq!(answer.lines().count(), 1, "{answer:?}");
    let refused = causes(&[("unknown_type", 1)]);
    assert_eq!(books(&gateway, "opentsdb_telnet", 2), (1, refused));
    // InfluxDB takes NUL for a blank.
    let body = b"\n\r\n\0\nempty,by=influx v=1\r\n\n";
    let (status, answer) = web::post_bytes(&gateway.http, "/write", "", body).unwrap();
    assert_eq!((status, answer.as_str()), (204, ""));
    assert_eq!(books(&gateway, "influx_http", 1), (1, Vec::new()));
    assert_eq!(web::single(&gateway.http, "count(empty)"), Ok(2.0));
    assert_eq!(web::single(&gateway.http, "empty_v"), Ok(1.0));
}

/// FAULTS 2.
#[test]
fn a_truncated_datagram_keeps_its_whole_lines() {
    let gateway = Gateway::start(&[]);
    let at = now_s();
    let whole = format!("cut;n=1 1 {at}\ncut;n=2 2 {at}\n");
    // Cut in the name, behind the value, in the time.
    for tail in ["cut;n", "cut;n=3 3 ", "cut;n=3 3 16137"] {
        udp(&gateway, format!("{whole}{tail}").as_bytes());
    }
    let refused = causes(&[("malformed", 2), ("too_old", 1)]);
    assert_eq!(books(&gateway, "graphite_udp", 9), (6, refused));
    assert_eq!(web::single(&gateway.http, "count(cut)"), Ok(2.0));
}

/// FAULTS 4: by each protocol.
#[test]
fn what_is_no_text_is_refused_alone() {
    let gateway = Gateway::start(&[]);
    let at = now_s();
    let bad: [&[u8]; 3] = [b"bad\xff", b"bad\x01", b"bad\x1b[31m"];
    let all = |line: &dyn Fn(&[u8]) -> Vec<u8>| -> Vec<u8> {
        let bad = bad.iter().flat_map(|name| line(name));
        bad.chain(line(b"good")).collect()
    };
    let graphite = all(&|name| [name, format!(" 1 {at}\n").as_bytes()].concat());
    tcp(&gateway.graphite_tcp, &graphite);
    udp(&gateway, &graphite);
    let labels = all(&|value| [b"good;k=", value, format!(" 1 {at}\n").as_bytes()].concat());
    tcp(&gateway.graphite_tcp, &labels);
    let put = all(&|name| [b"put ", name, format!(" {at} 1 by=put\n").as_bytes()].concat());
    let answer = said(&gateway.opentsdb, &put);
    assert_eq!(answer.lines().count(), 3, "{answer}");
    assert!(
        !answer.contains('\x1b'),
        "no control character is sent back"
    );
    let influx = all(&|name| [name, b" v=1\n"].concat());
    let (status, answer) = web::post_bytes(&gateway.http, "/write", "", &influx).unwrap();
    assert_eq!(status, 400);
    assert!(
        answer.contains("not UTF-8, or a control character"),
        "{answer}"
    );
    let pickles = [
        pickled_text("bad\u{1}", at, "1"),
        pickled_text("good", at, "1"),
    ];
    tcp(&gateway.pickle, &pickles.concat());
    for (protocol, lists, refused) in [
        ("graphite_tcp", 2, 3),
        ("graphite_udp", 1, 3),
        ("opentsdb_telnet", 1, 3),
        ("influx_http", 1, 3),
        ("graphite_pickle", 1, 1),
    ] {
        let expected = (lists, causes(&[("bad_text", lists * refused)]));
        let received = lists * (refused + 1);
        assert_eq!(books(&gateway, protocol, received), expected, "{protocol}");
    }
    let found = web::query(&gateway.http, r#"{__name__=~"bad.*"}"#).unwrap();
    assert!(found.is_empty(), "{found:?}");
}

/// FAULTS 3: the connection is kept.
#[test]
fn a_megabyte_without_a_newline_is_skipped() {
    let gateway = Gateway::start(&[]);
    let (at, long) = (now_s(), "x".repeat(1 << 20));
    let lines = format!("kept;n=1 1 {at}\n{long}\nkept;n=2 1 {at}\n");
    tcp(&gateway.graphite_tcp, lines.as_bytes());
    let refused = causes(&[("too_long", 1)]);
    assert_eq!(books(&gateway, "graphite_tcp", 3), (2, refused.clone()));
    let puts = format!("put kept {at} 1 n=3\n{long}\nput kept {at} 1 n=4\n");
    let answer = said(&gateway.opentsdb, puts.as_bytes());
    assert!(answer.contains("longer than 65536 bytes"), "{answer}");
    assert_eq!(books(&gateway, "opentsdb_telnet", 3), (2, refused.clone()));
    let body = format!("kept,n=5 v=1\n{long}\nkept,n=6 v=1\n");
    let (status, answer) = web::post_bytes(&gateway.http, "/write", "", body.as_bytes()).unwrap();
    assert_eq!(status, 400);
    assert!(
        answer.contains("longer than 65536 bytes (line 2)"),
        "{answer}"
    );
    assert_eq!(books(&gateway, "influx_http", 3), (2, refused));
    assert_eq!(web::single(&gateway.http, "count(kept)"), Ok(4.0));
}

/// One series of these labels and one sample as `prometheus.WriteRequest`, in snappy.
fn write_request(series: &[Vec<(&str, &str)>]) -> Vec<u8> {
    let mut request = Vec::new();
    for labels in series {
        let (mut one, mut sample) = (Vec::new(), Vec::new());
        for (key, value) in labels {
            let mut label = Vec::new();
            put_bytes(&mut label, 1, key.as_bytes());
            put_bytes(&mut label, 2, value.as_bytes());
            put_bytes(&mut one, 1, &label);
        }
        put_double(&mut sample, 1, 1.0);
        put_number(&mut sample, 2, now_s() * 1_000);
        put_bytes(&mut one, 2, &sample);
        put_bytes(&mut request, 1, &one);
    }
    snap::raw::Encoder::new().compress_vec(&request).unwrap()
}

/// FAULTS 5: a thousand labels, a megabyte of value, a label twice or without a name; each is told by its limit.
#[test]
fn labels_past_a_limit_are_told_which() {
    let gateway = Gateway::start(&[]);
    let at = now_s();
    let many: Vec<String> = (0..1_000).map(|n| format!("k{n}=v")).collect();
    let (long, huge) = ("v".repeat(5_000), "v".repeat(1 << 20));

    let labels = [
        many.join(";"),
        format!("k={long}"),
        format!("k={huge}"),
        "k=1;k=2".into(),
        "=1".into(),
    ];
    let lines = labels.iter().map(|labels| format!("big;{labels} 1 {at}\n"));
    let lines: String = lines.chain([format!("big;k=good 1 {at}\n")]).collect();
    tcp(&gateway.graphite_tcp, lines.as_bytes());
    let refused = causes(&[("bad_labels", 4), ("too_long", 1)]);
    assert_eq!(books(&gateway, "graphite_tcp", 6), (1, refused.clone()));
    eventually("the log names the limit", || {
        let log = gateway.program.log();
        log.contains("more than 64 labels").then_some(()).ok_or(log)
    });

    let puts: String = labels
        .iter()
        .map(|labels| format!("put big {at} 1 {}\n", labels.replace(';', " ")))
        .collect();
    let answer = said(
        &gateway.opentsdb,
        format!("{puts}put big {at} 1 k=put\n").as_bytes(),
    );
    let told: Vec<&str> = answer.lines().collect();
    let words = [
        "more than 64 labels",
        "longer than 4096 bytes",
        "longer than 65536 bytes",
        "duplicate tag",
        "invalid tag",
    ];
    assert_eq!(told.len(), words.len(), "{answer:.2000}");
    for (told, words) in told.iter().zip(words) {
        assert!(
            told.contains(words) && told.len() < 1_000,
            "{words}: {told:.500}"
        );
    }
    assert_eq!(books(&gateway, "opentsdb_telnet", 6), (1, refused.clone()));

    let body: String = labels
        .iter()
        .map(|labels| format!("big,{} v=1\n", labels.replace(';', ",")))
        .collect();
    let body = format!("{body}big,k=influx v=1\n");
    let (status, answer) = web::post_bytes(&gateway.http, "/write", "", body.as_bytes()).unwrap();
    assert_eq!(status, 400);
    for words in [
        "more than 64 tags (line 1)",
        "than 256 bytes, or its value than 4096 (line 2)",
        "longer than 65536 bytes (line 3)",
        "duplicate tags (line 4)",
        "missing tag key (line 5)",
    ] {
        assert!(answer.contains(words), "{words}: {answer:.4000}");
    }
    assert_eq!(books(&gateway, "influx_http", 6), (1, refused));

    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|label| label.split_once('=').unwrap())
        .collect();
    let labels = [
        many,
        vec![("k", long.as_str())],
        vec![("k", huge.as_str())],
        vec![("k", "1"), ("k", "2")],
        vec![("", "1")],
        vec![("k", "rw")],
    ];
    let series: Vec<_> = labels
        .iter()
        .map(|labels| [&[("__name__", "big")], labels.as_slice()].concat())
        .collect();
    let (status, answer) = web::post_bytes(
        &gateway.http,
        "/api/v1/write",
        SNAPPY,
        &write_request(&series),
    )
    .unwrap();
    assert_eq!(status, 400);
    for words in [
        "more than 64 labels",
        "longer than 4096 bytes",
        "labels of more than 65536 bytes",
        "duplicated label k",
        "invalid metric name or labels",
    ] {
        assert!(answer.contains(words), "{words}: {answer:.4000}");
    }
    assert_eq!(
        books(&gateway, "remote_write", 6),
        (1, causes(&[("bad_labels", 5)]))
    );
    assert_eq!(web::single(&gateway.http, "count(big)"), Ok(3.0));
}

/// FAULTS 9: deep nesting and a length of 2^31 end their connections and cost nothing; code is in `opentsdb`.
#[test]
fn pickles_that_cannot_be_meant_end_their_connection() {
    let gateway = Gateway::start(&[]);
    let at = now_s();
    tcp(&gateway.pickle, &pickled_text("before", at, "1"));
    let before = resident_bytes(&gateway);
    let framed = |program: &[u8]| [&(program.len() as u32).to_be_bytes(), program].concat();
    let deep = |opcode: &[u8], end: &[u8]| framed(&[&opcode.repeat(300_000), end].concat());
    let evil = [
        deep(b"(", b"t."),
        deep(b"]", b"."),
        deep(b"(l", b"."),
        [b"\x80\0\0\0".as_slice(), &[b'x'; 1_000]].concat(),
        [b"\x7f\xff\xff\xff".as_slice(), &[b'x'; 1_000]].concat(),
    ];
    for bytes in &evil {
        let after = pickled_text("after", at, "1");
        assert!(tcp(&gateway.pickle, &[bytes.as_slice(), &after].concat()).is_empty());
    }
    let grown = resident_bytes(&gateway).saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
    let (stored, refused) = books(&gateway, "graphite_pickle", 1 + evil.len() as u64);
    assert_eq!(
        stored, 1,
        "nothing behind a payload that cannot be read is taken: {refused:?}"
    );
    assert_eq!(web::single(&gateway.http, "before"), Ok(1.0));
}

/// FAULTS 10.
#[test]
fn an_unclosed_quote_and_a_wrong_precision_cost_their_lines_only() {
    let gateway = Gateway::start(&[]);
    let at = now_s();
    let write = |query: &str, body: &str| {
        web::post_bytes(&gateway.http, query, "", body.as_bytes()).unwrap()
    };
    let body = format!("q,n=1 v=1 {at}\nq,n=2 s=\"open {at}\nq,n=3 v=1 {at}\n");
    let (status, answer) = write("/write?precision=s", &body);
    assert_eq!(status, 400);
    assert!(answer.contains("unbalanced quotes (line 2)"), "{answer}");
    let body = format!("q,n=4 v=1 {at}\nq,n=5 v=1 {at}000000000\nq,n=6 v=1 {at}000\n");
    let (status, answer) = write("/api/v2/write?precision=s", &body);
    assert_eq!(status, 400);
    for words in [
        "it looks like ns: say precision=ns (line 2)",
        "it looks like ms: say precision=ms (line 3)",
    ] {
        assert!(answer.contains(words), "{words}: {answer}");
    }
    let (status, answer) = write("/write?precision=fortnight", "q,n=7 v=1\n");
    assert_eq!(status, 400);
    assert!(answer.contains("use n, u, ms, s, m or h"), "{answer}");
    // The last body is refused whole, and is one.
    let refused = causes(&[("malformed", 2), ("bad_timestamp", 2)]);
    assert_eq!(books(&gateway, "influx_http", 7), (3, refused));
    assert_eq!(web::single(&gateway.http, "count(q_v)"), Ok(3.0));
}

/// FAULTS 15: labels in any order, by either protocol of lines.
#[test]
fn the_order_of_labels_makes_no_other_series() {
    let gateway = Gateway::start(&[]);
    let at = now_s() - 10;
    let lines = format!(
        "o;a=1;b=2 1 {at}\no;b=2;a=1 2 {}\no b=2,a=1 {} 3\n",
        at + 1,
        at + 2
    );
    tcp(&gateway.graphite_tcp, lines.as_bytes());
    let puts = format!("put o {} 4 b=2 a=1\nput o {} 5 a=1 b=2\n", at + 3, at + 4);
    assert_eq!(said(&gateway.opentsdb, puts.as_bytes()), "");
    let counted = || web::single(&gateway.http, r#"count_over_time(o{a="1",b="2"}[1m])"#);
    eventually("five samples of one series", || {
        (counted()? == 5.0).then_some(()).ok_or("not all".into())
    });
    assert_eq!(web::single(&gateway.http, "count(o)"), Ok(1.0));
    account(&gateway, "graphite_tcp").unwrap();
}
