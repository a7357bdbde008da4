//! The answers that Grafana and scripts read, to the letter, on data sent over a real socket.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::{Value, json};

use crate::programs::Gateway;
use crate::web::{self, escape, get};

/// Far enough in the past not to be the future, near enough to be kept; on a minute.
fn start_s() -> u64 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs() / 60 * 60 - 600
}

fn house() -> (Gateway, u64) {
    let gateway = Gateway::start(&[]);
    let start = start_s();
    let mut text = String::new();
    for step in 0..=10 {
        let at = start + step * 60;
        text += &format!("web.a.cpu {step} {at}\nweb.b.cpu {} {at}\n", step * 2);
        text += &format!("http_requests;code=200;host=a {} {at}\n", step * 60);
    }
    let mut stream = TcpStream::connect(&gateway.graphite_tcp).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    (gateway, start)
}

#[test]
fn prometheus_answers() {
    let (gateway, start) = house();
    let ask = |path: String| web::json(&gateway.http, &path).unwrap();
    let data = |path: String| ask(path)["data"].clone();
    let end = start + 600;

    let at = format!(
        "/api/v1/query?query={}&time={end}",
        escape(r#"http_requests{code="200"}"#)
    );
    let metric = json!({"__name__": "http_requests", "code": "200", "host": "a"});
    let vector =
        json!({"resultType": "vector", "result": [{"metric": metric, "value": [end, "600"]}]});
    assert_eq!(ask(at), json!({"status": "success", "data": vector}));

    let range = format!(
        "/api/v1/query_range?query={}&start={}&end={end}&step=60",
        escape("rate(http_requests[5m])"),
        end - 60
    );
    let metric = json!({"code": "200", "host": "a"});
    let values = json!([[end - 60, "1"], [end, "1"]]);
    assert_eq!(
        data(range),
        json!({"resultType": "matrix", "result": [{"metric": metric, "values": values}]})
    );

    assert_eq!(
        data("/api/v1/labels".into()),
        json!(["__name__", "code", "host"])
    );
    let names = json!(["http_requests", "web.a.cpu", "web.b.cpu"]);
    assert_eq!(data("/api/v1/label/__name__/values".into()), names);
    assert_eq!(
        data(format!(
            "/api/v1/label/host/values?match[]={}",
            escape(r#"{code="200"}"#)
        )),
        json!(["a"])
    );
    assert_eq!(
        data("/api/v1/series?match[]=http_requests&match[]=web.a.cpu".into()),
        json!([{"__name__": "http_requests", "code": "200", "host": "a"}, {"__name__": "web.a.cpu"}])
    );
    assert_eq!(
        data("/api/v1/query?query=1%2B1&time=1".into()),
        json!({"resultType": "scalar", "result": [1, "2"]})
    );
}

#[test]
fn prometheus_refusals() {
    let (gateway, _) = house();
    let refused = |path: &str| {
        let (status, body) = get(&gateway.http, path).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["status"], "error", "{body}");
        (
            status,
            body["errorType"].as_str().unwrap().to_owned(),
            body["error"].as_str().unwrap().to_owned(),
        )
    };
    let (status, kind, error) = refused("/api/v1/query?query=sum(");
    assert_eq!((status, kind.as_str()), (400, "bad_data"));
    assert!(
        error.starts_with(r#"invalid parameter "query": "#) && error.contains("parse error"),
        "{error}"
    );
    let (status, kind, _) = refused("/api/v1/query_range?query=up&start=0&end=9999999&step=1");
    assert_eq!((status, kind.as_str()), (400, "bad_data"));
    let (status, kind, _) = refused("/api/v1/query_range?query=up&start=10&end=1&step=1");
    assert_eq!((status, kind.as_str()), (400, "bad_data"));
    let (status, kind, _) = refused("/api/v1/series");
    assert_eq!((status, kind.as_str()), (400, "bad_data"));
}

#[test]
fn graphite_answers() {
    let (gateway, start) = house();
    let ask = |path: String| web::json(&gateway.http, &path).unwrap();
    let found = ask("/metrics/find?query=web.*".into());
    let texts: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["text"].as_str())
        .collect();
    assert_eq!(texts, ["a", "b"], "{found}");
    assert_eq!(
        (&found[0]["id"], &found[0]["leaf"], &found[0]["expandable"]),
        (&json!("web.a"), &json!(0), &json!(1))
    );

    let (from, until) = (start - 60, start + 600);
    let rendered = ask(format!(
        "/render?target=web.{{a,b}}.cpu&from={from}&until={until}&format=json"
    ));
    let targets: Vec<&str> = rendered
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["target"].as_str())
        .collect();
    assert_eq!(targets, ["web.a.cpu", "web.b.cpu"]);
    let points = rendered[1]["datapoints"].as_array().unwrap();
    assert!(points.contains(&json!([20.0, start + 600])), "{points:?}");
    let (status, body) = get(
        &gateway.http,
        "/render?target=nonsense(web.a.cpu)&format=json",
    )
    .unwrap();
    assert_eq!(status, 400);
    assert!(body.contains("nonsense"), "{body}");
}

#[test]
fn the_page_and_every_answer_are_guarded() {
    let (gateway, _) = house();
    let mut stream = TcpStream::connect(&gateway.http).unwrap();
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(
        head.contains("content-security-policy: default-src 'none'"),
        "{head}"
    );
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    assert_eq!(get(&gateway.http, "/../../etc/passwd").unwrap().0, 404);
    assert_eq!(get(&gateway.http, "/-/ready").unwrap().0, 200);
}
