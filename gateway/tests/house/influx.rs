//! InfluxDB's lines by HTTP and UDP.

use std::net::UdpSocket;

use crate::programs::{Gateway, eventually};
use crate::sending::{Answer, counted, gzip, now_ms, post, send, sums_close};
use crate::web::{query, single};

fn write(gateway: &Gateway, path: &str, lines: &str) -> Answer {
    post(&gateway.http, path, &[], lines.as_bytes())
}

#[test]
fn lines_become_one_series_a_field() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let lines = format!(
        "cpu,host=a idle=98.5,used=1i,on=t,note=\"a text\" {now}000000\n# a comment\n\ncpu,host=b idle=1 {now}000000\n"
    );
    let answer = write(&gateway, "/write?db=any&u=x&p=y", &lines);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert!(answer.header("X-Influxdb-Version").is_some(), "{answer:?}");
    for (expr, value) in [
        (r#"cpu_idle{host="a"}"#, 98.5),
        (r#"cpu_used{host="a"}"#, 1.0),
        (r#"cpu_on{host="a"}"#, 1.0),
        (r#"cpu_idle{host="b"}"#, 1.0),
    ] {
        assert_eq!(single(&gateway.http, expr), Ok(value), "{expr}");
    }
    let seconds = format!("v2,host=a x=3 {}", now / 1_000);
    let packed = gzip(seconds.as_bytes());
    let path = "/api/v2/write?org=o&bucket=b&precision=s";
    let answer = post(&gateway.http, path, &["Content-Encoding: gzip"], &packed);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(single(&gateway.http, "v2_x"), Ok(3.0));
    let unsupported = ["protocol=\"influx_http\"", "reason=\"unsupported\""];
    assert_eq!(
        counted(&gateway.http, "weir_ingest_rejected_total", &unsupported),
        1.0
    );
    sums_close(&gateway.http, "influx_http");
}

#[test]
fn a_past_range_from_before_1980_is_imported() {
    let kept = ["store.raw=80y", "store.minute=80y", "store.hour=80y"];
    let gateway = Gateway::start(&kept);
    let lines = "past v=1 1\npast v=2 86400\npast v=3 315532799\n";
    let answer = write(&gateway, "/write?db=x&precision=s", lines);
    assert_eq!(answer.status, 204, "{answer:?}");
    for (at, value) in [("1", 1.0), ("86400", 2.0), ("315532799", 3.0)] {
        let expr = format!("past_v @ {at}");
        assert_eq!(single(&gateway.http, &expr), Ok(value), "{expr}");
    }
    sums_close(&gateway.http, "influx_http");
}

/// FAULTS 10 and 20.
#[test]
fn a_bad_line_is_told_with_its_number_and_the_others_stored() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let lines = format!(
        "good a=1 {now}000000\nopen a=\"x {now}\nunit a=1 {}\ngood b=2\n",
        now / 1_000
    );
    let answer = write(&gateway, "/write?db=x", &lines);
    assert_eq!(answer.status, 400, "{answer:?}");
    let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let error = error["error"].as_str().unwrap();
    assert!(
        error.starts_with("partial write: unable to parse 'open"),
        "{error}"
    );
    assert!(error.contains("unbalanced quotes (line 2)"), "{error}");
    assert!(error.contains("say precision=s (line 3)"), "{error}");
    assert!(error.ends_with("dropped=2"), "{error}");
    assert_eq!(single(&gateway.http, "good_a"), Ok(1.0));
    assert_eq!(single(&gateway.http, "good_b"), Ok(2.0));

    let answer = write(&gateway, "/api/v2/write?bucket=b", "nothing");
    let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &error["code"]), (400, &"invalid".into()));
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("unable to parse 'nothing': missing fields"),
        "{message}"
    );
    let answer = write(&gateway, "/write?db=x&precision=fortnight", "a b=1");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("fortnight"), "{}", answer.text());
    sums_close(&gateway.http, "influx_http");
}

/// FAULTS 11.
#[test]
fn a_bomb_is_refused() {
    let gateway = Gateway::start(&["http.max_write=1MiB"]);
    let bomb = gzip(&vec![b'\n'; 2 << 20]);
    let answer = post(&gateway.http, "/write", &["Content-Encoding: gzip"], &bomb);
    assert_eq!(answer.status, 413, "{answer:?}");
    let answer = post(&gateway.http, "/write", &["Content-Encoding: br"], b"x");
    assert_eq!(answer.status, 415, "{answer:?}");
}

#[test]
fn clients_find_a_server_and_their_database() {
    let gateway = Gateway::start(&[]);
    let ping = send(&gateway.http, "GET", "/ping", &[], b"");
    assert_eq!(ping.status, 204);
    assert_eq!(ping.header("X-Influxdb-Version"), Some("1.8.10"));
    assert_eq!(send(&gateway.http, "HEAD", "/ping", &[], b"").status, 204);
    let health = send(&gateway.http, "GET", "/health", &[], b"");
    assert!(
        health.text().contains("\"status\":\"pass\""),
        "{}",
        health.text()
    );
    let form = ["Content-Type: application/x-www-form-urlencoded"];
    let made = post(&gateway.http, "/query", &form, b"q=CREATE+DATABASE+%22x%22");
    assert_eq!(
        (made.status, made.text().as_str()),
        (200, "{\"results\":[{\"statement_id\":0}]}")
    );
    let asked = send(&gateway.http, "GET", "/query?q=SELECT+1", &[], b"");
    assert_eq!(asked.status, 400);
    assert!(asked.text().contains("/api/v1/query"), "{}", asked.text());
}

#[test]
fn fields_can_go_into_a_label_and_lines_come_by_udp() {
    let gateway = Gateway::start(&[
        "influx.udp_listen=127.0.0.1:0",
        "influx.udp_precision=s",
        "influx.field=label",
        "influx.bare_field=value",
    ]);
    let now = now_ms() / 1_000;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let lines = format!("disk,host=a free=5,value=7 {now}\nnonsense\n");
    socket
        .send_to(lines.as_bytes(), gateway.influx_udp.as_deref().unwrap())
        .unwrap();
    eventually("both series", || {
        single(&gateway.http, r#"disk{host="a", field="free"}"#)
    });
    assert_eq!(single(&gateway.http, r#"disk{field=""}"#), Ok(7.0));
    assert_eq!(query(&gateway.http, "disk").unwrap().len(), 2);
    sums_close(&gateway.http, "influx_udp");
}
