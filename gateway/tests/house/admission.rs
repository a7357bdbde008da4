//! Admission, the same for every protocol: the loss ledger closes, who floods with new series is throttled alone, and
//! relabelling holds whatever port a series comes by.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::programs::{Gateway, eventually, start_agent};
use crate::{sending, web};

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn lines(address: &str, text: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
}

fn ledger(gateway: &Gateway) -> Vec<Value> {
    let answer = web::json(&gateway.http, "/api/v1/status/ingest").unwrap();
    answer["data"]["protocols"].as_array().unwrap().clone()
}

fn protocol(gateway: &Gateway, name: &str) -> Result<Value, String> {
    let all = ledger(gateway);
    let found = all.iter().find(|one| one["protocol"] == name);
    found.cloned().ok_or(format!("no {name} in {all:?}"))
}

fn sum(causes: &Value) -> u64 {
    let causes = causes.as_object().unwrap().values();
    causes.map(|count| count.as_u64().unwrap()).sum()
}

fn must_close(account: &Value) {
    let count = |key: &str| account[key].as_u64().unwrap();
    let known = count("stored") + sum(&account["rejected"]) + sum(&account["dropped"]);
    assert_eq!(count("received"), known, "{account}");
}

/// Lines, one in four of which is good, one of another name, and two are bad in their ways.
fn mixed(lines: u64, sender: &str) -> String {
    let at = now_s();
    let each = (0..lines).map(|n| match n % 4 {
        0 => format!("mixed.{sender} {n} {}\n", at - lines + n),
        1 => format!("mixed.{sender}.{} 1 {at}\n", n % 50),
        2 => "nonsense\n".to_owned(),
        _ => format!("mixed.nan NaN {at}\n"),
    });
    each.collect()
}

#[test]
fn the_ledger_closes_at_every_look_under_mixed_input_by_several_protocols() {
    let gateway = Gateway::start(&[]);
    let _agent = start_agent(&gateway, "h1");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::Acquire) {
                for protocol in ledger(&gateway) {
                    must_close(&protocol);
                    protocol["sources"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .for_each(must_close);
                }
                looks += 1;
            }
            looks
        });
        let senders = [
            scope.spawn(|| (0..20).for_each(|_| lines(&gateway.graphite_tcp, &mixed(400, "tcp")))),
            scope.spawn(|| {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                for _ in 0..200 {
                    let text = mixed(40, "udp");
                    socket
                        .send_to(text.as_bytes(), &gateway.graphite_udp)
                        .unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                }
            }),
            scope.spawn(|| {
                for _ in 0..20 {
                    let body = "influx,k=v value=1\ninflux,k= value=2\nbroken\n";
                    let sent = web::post_bytes(&gateway.http, "/write", "", body.as_bytes());
                    assert_eq!(sent.unwrap().0, 400);
                }
            }),
        ];
        senders.into_iter().for_each(|one| one.join().unwrap());
        done.store(true, Ordering::Release);
        assert!(looking.join().unwrap() > 3);
    });
    let tcp = protocol(&gateway, "graphite_tcp").unwrap();
    assert_eq!(tcp["received"], 20 * 400);
    assert_eq!(tcp["stored"], 20 * 200);
    assert_eq!(tcp["rejected"]["malformed"], 20 * 100);
    assert_eq!(tcp["sources"][0]["source"], "127.0.0.1");
    eventually(
        "every datagram is known of, read or dropped by the kernel",
        || {
            let udp = protocol(&gateway, "graphite_udp")?;
            let read = udp["received"].as_u64().unwrap();
            let gone = udp["kernel_drops"].as_u64().unwrap() * 40;
            (read + gone == 200 * 40)
                .then_some(())
                .ok_or(udp.to_string())
        },
    );
    let (_, text) = web::get(&gateway.http, "/metrics").unwrap();
    let line =
        r#"weir_ingest_source_stored_total{protocol="graphite_tcp",source="127.0.0.1"} 4000"#;
    assert!(text.contains(line), "{text}");
}

/// FAULTS 16.
#[test]
fn a_flood_of_new_series_is_refused_alone_and_named() {
    let gateway = Gateway::start(&["guard.new_series_per_metric=100"]);
    let at = now_s() - 1;
    lines(
        &gateway.graphite_tcp,
        &format!("calm;id=1 1 {at}\nbomb;id=0 1 {at}\n"),
    );
    let bomb: String = (0..5_000)
        .map(|n| format!("bomb;id={n};zone=a 1 {at}\n"))
        .collect();
    lines(&gateway.graphite_tcp, &bomb);
    let good = format!(
        "calm;id=1 2 {}\ncalm;id=2 1 {at}\nbomb;id=0 2 {}\n",
        at + 1,
        at + 1
    );
    lines(&gateway.graphite_tcp, &good);
    assert_eq!(web::single(&gateway.http, "count(calm)"), Ok(2.0));
    assert_eq!(
        web::single(&gateway.http, r#"bomb{id="0",zone=""}"#),
        Ok(2.0)
    );
    let taken = web::single(&gateway.http, "count(bomb)").unwrap();
    assert!((100.0..120.0).contains(&taken), "{taken}");
    let account = protocol(&gateway, "graphite_tcp").unwrap();
    must_close(&account);
    assert_eq!(account["received"], 5_005);
    let said = web::json(&gateway.http, "/api/v1/status/cardinality").unwrap();
    let offender = &said["data"]["offenders"][0];
    assert_eq!(offender["metric"], "bomb", "{said}");
    assert_eq!(offender["label"], "id", "{said}");
    assert_eq!(offender["source"], "127.0.0.1", "{said}");
    // Where the protocol has a word for it, it is said.
    let body: String = (0..200)
        .map(|n| format!("bomb,id=i{n} value=1\n"))
        .collect();
    let (status, said) = web::post_bytes(&gateway.http, "/write", "", body.as_bytes()).unwrap();
    assert_eq!(status, 429, "{said}");
    let known = b"bomb,id=i1 value=1\n";
    let (status, said) = web::post_bytes(&gateway.http, "/write", "", known).unwrap();
    assert_eq!((status, said.as_str()), (204, ""), "known series");
}

#[test]
fn a_label_is_collapsed_by_configuration_and_when_it_explodes() {
    let gateway = Gateway::start(&[
        "guard.collapse=[{metric=\"req\",label=\"id\"}]",
        "guard.max_values_per_label=20",
        "guard.on_explosion=collapse",
    ]);
    let at = now_s();
    let text: String = (0..50)
        .map(|n| format!("req;id={n};code=200 1 {at}\nboom;id={n};code=200 1 {at}\n"))
        .collect();
    lines(&gateway.graphite_tcp, &text);
    assert_eq!(web::single(&gateway.http, "count(req)"), Ok(1.0));
    assert_eq!(
        web::single(&gateway.http, r#"req{id="other",code="200"}"#),
        Ok(1.0)
    );
    assert_eq!(web::single(&gateway.http, "count(boom)"), Ok(21.0));
    assert_eq!(web::single(&gateway.http, r#"boom{id="other"}"#), Ok(1.0));
}

#[test]
fn relabelling_and_sizes_hold_for_every_protocol() {
    let gateway = Gateway::start(&[
        "admission.relabel=[{source_labels=[\"__name__\"],regex=\"debug_.*\",action=\"drop\"},\
         {regex=\"secret\",action=\"labeldrop\"},{target_label=\"site\",replacement=\"eu\"}]",
        "admission.max_label_value_bytes=20",
    ]);
    let at = now_s();
    let long = "x".repeat(21);
    let text = format!("a;secret=1 1 {at}\ndebug_a 1 {at}\ndebug_a 2 {at}\nb;k={long} 1 {at}\n");
    lines(&gateway.graphite_tcp, &text);
    let body = b"debug_m value=1\nm,secret=2 value=3\n";
    web::post_bytes(&gateway.http, "/write", "", body).unwrap();
    assert_eq!(
        web::single(&gateway.http, r#"a{site="eu",secret=""}"#),
        Ok(1.0)
    );
    assert_eq!(
        web::single(&gateway.http, r#"m_value{site="eu",secret=""}"#),
        Ok(3.0)
    );
    let tcp = protocol(&gateway, "graphite_tcp").unwrap();
    assert_eq!(tcp["rejected"]["unwanted"], 2, "{tcp}");
    assert_eq!(tcp["rejected"]["bad_labels"], 1, "{tcp}");
    assert_eq!(
        protocol(&gateway, "influx_http").unwrap()["rejected"]["unwanted"],
        1
    );
    assert!(web::single(&gateway.http, "debug_a").is_err());
}

/// FAULTS 5: what the sizes of `[admission]` refuse is told by every protocol that answers, and its neighbours are stored.
#[test]
fn who_sends_a_series_that_sizes_refuse_is_told() {
    let gateway = Gateway::start(&["admission.max_label_value_bytes=20"]);
    let (at, long) = (now_s(), "x".repeat(21));
    let told = |status: u16, said: &str| {
        assert_eq!(status, 400, "{said}");
        assert!(said.contains("max_label_value_bytes"), "{said}");
    };
    let (status, said) = web::post_bytes(
        &gateway.http,
        "/write?precision=s",
        "",
        format!("in,k=a value=1 {at}\nin,k={long} value=2 {at}\n").as_bytes(),
    )
    .unwrap();
    told(status, &said);
    assert!(said.contains("\\\"in_value\\\""), "{said}");
    let datapoint =
        |value: &str| json!({"metric": "ts", "timestamp": at, "value": 1, "tags": {"k": value}});
    let body = json!([datapoint("a"), datapoint(&long)]).to_string();
    let (status, said) =
        web::post_bytes(&gateway.http, "/api/put?details", "", body.as_bytes()).unwrap();
    told(status, &said);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["success"], &said["failed"]), (&json!(1), &json!(1)));
    let list = |host: &str| {
        json!({"values": [1], "dstypes": ["gauge"], "dsnames": ["value"], "time": at, "interval": 10,
            "host": host, "plugin": "load", "plugin_instance": "", "type": "load", "type_instance": ""})
    };
    let body = json!([list("a"), list(&long)]).to_string();
    let (status, said) = web::post_bytes(&gateway.http, "/collectd", "", body.as_bytes()).unwrap();
    told(status, &said);
    let point = |value: &str| {
        json!({"timeUnixNano": format!("{at}000000000"), "asInt": "1",
            "attributes": [{"key": "k", "value": {"stringValue": value}}]})
    };
    let metrics = json!([{"name": "ot", "gauge": {"dataPoints": [point("a"), point(&long)]}}]);
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).to_string();
    let kind = "Content-Type: application/json\r\n";
    let (status, said) =
        web::post_bytes(&gateway.http, "/v1/metrics", kind, body.as_bytes()).unwrap();
    let partial: Value = serde_json::from_str(&said).unwrap();
    let partial = &partial["partialSuccess"];
    assert_eq!((status, &partial["rejectedDataPoints"]), (200, &json!("1")));
    told(400, &partial["errorMessage"].to_string());
    let series = |value: &str| {
        let labels = sending::labels(&[("__name__", "rw"), ("k", value)]);
        let sample = sending::sample(1.0, at as i64 * 1_000);
        sending::within(1, &[labels, sample].concat())
    };
    let body = sending::snappy(&[series("a"), series(&long)].concat());
    let kind = [
        "Content-Type: application/x-protobuf",
        "Content-Encoding: snappy",
    ];
    let answer = sending::post(&gateway.http, "/api/v1/write", &kind, &body);
    told(answer.status, &answer.text());
    let written = "X-Prometheus-Remote-Write-Samples-Written";
    assert_eq!(answer.header(written), Some("1"));
    for name in ["in_value", "ts", "ot", "rw", "collectd_load"] {
        assert_eq!(web::single(&gateway.http, name), Ok(1.0), "{name}");
    }
    // A push is taken whole or not at all.
    let body = format!("pg{{k=\"a\"}} 1\npg{{k=\"{long}\"}} 1\n");
    let path = "/metrics/job/j";
    let (status, said) = web::post_bytes(&gateway.http, path, "", body.as_bytes()).unwrap();
    told(status, &said);
    assert!(web::query(&gateway.http, "pg").unwrap().is_empty());
    for name in [
        "influx_http",
        "opentsdb_http",
        "collectd",
        "otlp",
        "remote_write",
        "pushgateway",
    ] {
        sending::sums_close(&gateway.http, name);
        let account = protocol(&gateway, name).unwrap();
        assert!(
            account["rejected"]["bad_labels"].as_u64() > Some(0),
            "{account}"
        );
    }
}
