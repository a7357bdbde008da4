//! What other senders' protocols bring, over real sockets, and what a query returns of it: the same labels are one series,
//! whatever the protocol; what is refused costs no neighbour and is answered in the protocol's own words.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};

use serde_json::Value;
use weir_wire::protobuf::{put_bytes, put_double, put_number};

use crate::programs::Gateway;
use crate::web::{self, escape};

fn now_s() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// The values of a series between two times, in their order.
fn values(gateway: &Gateway, query: &str, from_s: u64, to_s: u64) -> Vec<String> {
    let path = format!(
        "/api/v1/query?query={}&time={to_s}",
        escape(&format!("{query}[{}s]", to_s - from_s + 1))
    );
    let answer = web::json(&gateway.http, &path).unwrap();
    let found = answer["data"]["result"].as_array().unwrap();
    assert!(found.len() <= 1, "{query} is one series: {answer}");
    let Some(one) = found.first() else {
        return Vec::new();
    };
    let values = one["values"].as_array().unwrap();
    values
        .iter()
        .map(|pair| pair[1].as_str().unwrap().to_owned())
        .collect()
}

fn send(gateway: &Gateway, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
    web::post_bytes(&gateway.http, path, headers, body).unwrap()
}

fn tcp(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    // A reset is an answer too.
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// `{name, room="cellar", value}` of one series as `prometheus.WriteRequest`, in snappy.
fn write_request(name: &str, samples: &[(u64, f64)]) -> Vec<u8> {
    let (mut series, mut request) = (Vec::new(), Vec::new());
    for (key, value) in [("__name__", name), ("room", "cellar")] {
        let mut label = Vec::new();
        put_bytes(&mut label, 1, key.as_bytes());
        put_bytes(&mut label, 2, value.as_bytes());
        put_bytes(&mut series, 1, &label);
    }
    for (at_s, value) in samples {
        let mut sample = Vec::new();
        put_double(&mut sample, 1, *value);
        put_number(&mut sample, 2, at_s * 1_000);
        put_bytes(&mut series, 2, &sample);
    }
    put_bytes(&mut request, 1, &series);
    snap::raw::Encoder::new().compress_vec(&request).unwrap()
}

const SNAPPY: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
    X-Prometheus-Remote-Write-Version: 0.1.0\r\n";

#[test]
fn the_same_labels_by_any_protocol_are_one_series() {
    let gateway = Gateway::start(&[]);
    let from = now_s() - 100;
    let line = format!("temperature;room=cellar 1 {from}\n");
    tcp(&gateway.graphite_tcp, line.as_bytes());
    let put = format!("put temperature {} 2 room=cellar\n", from + 1);
    assert_eq!(tcp(&gateway.opentsdb, put.as_bytes()), "");
    let json = format!(
        r#"[{{"metric":"temperature","timestamp":{},"value":3,"tags":{{"room":"cellar"}}}}]"#,
        from + 2
    );
    assert_eq!(send(&gateway, "/api/put", "", json.as_bytes()).0, 204);
    let request = write_request("temperature", &[(from + 3, 4.0)]);
    assert_eq!(send(&gateway, "/api/v1/write", SNAPPY, &request).0, 204);
    // One series a field: `temperature` of the measurement `room` would be another; so the field's name is in it.
    let influx = format!("house,room=cellar temperature=5 {}\n", from + 4);
    assert_eq!(
        send(&gateway, "/write?precision=s", "", influx.as_bytes()).0,
        204
    );
    tcp(
        &gateway.pickle,
        &pickled("temperature;room=cellar", from + 5, 6.0),
    );

    let found = values(&gateway, r#"temperature{room="cellar"}"#, from, from + 50);
    assert_eq!(found, ["1", "2", "3", "4", "6"]);
    let found = values(
        &gateway,
        r#"house_temperature{room="cellar"}"#,
        from,
        from + 50,
    );
    assert_eq!(found, ["5"]);
}

/// As Python's own pickle writes it.
fn pickled(path: &str, at_s: u64, value: f64) -> Vec<u8> {
    let program = format!(
        "import pickle,struct,sys; p=pickle.dumps([({path:?}, ({at_s}, {value}))], protocol=2); \
         sys.stdout.buffer.write(struct.pack('!L', len(p)) + p)"
    );
    let made = Command::new("python3")
        .args(["-c", &program])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(made.status.success());
    made.stdout
}

#[test]
fn influx_says_what_it_refused_and_keeps_the_rest() {
    let gateway = Gateway::start(&[]);
    let at = now_s() - 10;
    let body = format!("a,h=1 v=1 {at}\nbroken\nb v=2i,w=t,x=\"text\" {at}\nc v= {at}\n");
    let (status, answer) = send(&gateway, "/write?precision=s", "", body.as_bytes());
    let error: Value = serde_json::from_str(&answer).unwrap();
    let error = error["error"].as_str().unwrap();
    assert_eq!(status, 400);
    assert!(
        error.starts_with("partial write: unable to parse 'broken': missing fields")
            && error.ends_with("dropped=2"),
        "{error}"
    );
    let (status, answer) = send(
        &gateway,
        "/api/v2/write?org=o&bucket=b&precision=s",
        "",
        b"broken",
    );
    let said: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, &said["code"]), (400, &Value::from("invalid")));
    assert_eq!(send(&gateway, "/write?precision=x", "", b"a v=1").0, 400);
    for (series, value) in [(r#"a_v{h="1"}"#, "1"), ("b_v", "2"), ("b_w", "1")] {
        assert_eq!(
            values(&gateway, series, at - 5, at + 5),
            [value],
            "{series}"
        );
    }
    assert_eq!(web::get(&gateway.http, "/ping").unwrap().0, 204);
}

#[test]
fn opentsdb_words_its_refusals() {
    let gateway = Gateway::start(&[]);
    let at = now_s() - 10;
    let said = tcp(
        &gateway.opentsdb,
        format!("put m {at} x h=1\nput m {at} 7 h=1\nnonsense\nversion\n").as_bytes(),
    );
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("put: invalid value:"), "{said}");
    assert!(lines[1].starts_with("unknown command: nonsense"), "{said}");
    assert!(lines[2].starts_with("weir-gateway"), "{said}");
    assert_eq!(values(&gateway, r#"m{h="1"}"#, at - 5, at + 5), ["7"]);
    let http = tcp(&gateway.opentsdb, b"GET / HTTP/1.1\r\n\r\n");
    assert!(http.starts_with("HTTP/1.1 404"), "{http}");
    assert!(http.contains("/api/put"), "{http}");

    let body = format!(
        r#"[{{"metric":"j","timestamp":{at},"value":"1.5","tags":{{"h":"1"}}}},{{"metric":"j","timestamp":{at},"value":"x","tags":{{"h":"1"}}}}]"#
    );
    let (status, answer) = send(&gateway, "/api/put?details", "", body.as_bytes());
    let said: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (status, &said["success"], &said["failed"]),
        (400, &Value::from(1), &Value::from(1))
    );
    assert_eq!(
        said["errors"][0]["error"],
        "Unable to parse value to a number"
    );
    let deep = "[".repeat(100_000);
    assert_eq!(send(&gateway, "/api/put", "", deep.as_bytes()).0, 400);
    assert_eq!(values(&gateway, r#"j{h="1"}"#, at - 5, at + 5), ["1.5"]);
}

#[test]
fn remote_write_keeps_what_is_good_and_refuses_what_is_damaged() {
    let gateway = Gateway::start(&[]);
    let at = now_s() - 10;
    let request = write_request("rw", &[(at, 1.0), (at + 1, f64::INFINITY)]);
    assert_eq!(send(&gateway, "/api/v1/write", SNAPPY, &request).0, 204);
    assert_eq!(values(&gateway, "rw", at - 5, at + 5), ["1", "+Inf"]);
    // Sent again it changes nothing.
    assert_eq!(send(&gateway, "/api/v1/write", SNAPPY, &request).0, 204);
    let nameless = write_request("", &[(at, 1.0)]);
    assert_eq!(send(&gateway, "/api/v1/write", SNAPPY, &nameless).0, 400);
    let early = write_request("rw", &[(at + 86_400, 1.0)]);
    let (status, why) = send(&gateway, "/api/v1/write", SNAPPY, &early);
    assert!(status == 400 && why.contains("in the future"), "{why}");
    assert_eq!(
        send(&gateway, "/api/v1/write", SNAPPY, b"\xff\xff\xff").0,
        400
    );
    // It claims to unpack to four gigabytes.
    let bomb = b"\xff\xff\xff\xff\x0f\x00";
    assert_eq!(send(&gateway, "/api/v1/write", SNAPPY, bomb).0, 413);
    let json = "Content-Type: application/json\r\n";
    assert_eq!(send(&gateway, "/api/v1/write", json, b"{}").0, 415);
    let metrics = web::get(&gateway.http, "/metrics").unwrap().1;
    let count = |name: &str| {
        let all = metrics.lines().filter(|line| line.starts_with(name));
        let ours = all.filter(|line| line.contains("remote_write"));
        ours.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum::<f64>()
    };
    assert_eq!(count("weir_ingest_stored_total"), 4.0);
    assert_eq!(
        count("weir_ingest_received_total"),
        count("weir_ingest_stored_total") + count("weir_ingest_rejected_total")
    );
}

#[test]
fn a_pickle_with_code_ends_its_connection_and_runs_nothing() {
    let gateway = Gateway::start(&[]);
    let at = now_s() - 10;
    let evil = b"cos\nsystem\n(S'touch /tmp/weir-pickle-ran'\ntR.";
    let mut bytes = pickled("before", at, 1.0);
    bytes.extend_from_slice(&(evil.len() as u32).to_be_bytes());
    bytes.extend_from_slice(evil);
    bytes.extend_from_slice(&pickled("after", at, 1.0));
    assert_eq!(tcp(&gateway.pickle, &bytes), "");
    assert_eq!(values(&gateway, "before", at - 5, at + 5), ["1"]);
    assert_eq!(
        values(&gateway, "after", at - 5, at + 5),
        Vec::<String>::new()
    );
    assert!(!std::path::Path::new("/tmp/weir-pickle-ran").exists());
}
