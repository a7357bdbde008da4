//! FAULTS 15: the same labels by any protocol, in any order, are one series.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::json;

use crate::opentsdb::{pickled, talk};
use crate::programs::Gateway;
use crate::sending::{labels, now_ms, post, sample, send, snappy, within};
use crate::web::{query, single};

fn lines(address: &str, text: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn the_same_labels_by_any_protocol_are_one_series() {
    let gateway = Gateway::start(&[
        "influx.bare_field=value",
        "otlp.names=otel",
        "pushgateway.timestamps=true",
    ]);
    let (http, start_s) = (&gateway.http, now_ms() / 1_000 - 60);
    let at = |number: i64| start_s + number;
    lines(
        &gateway.graphite_tcp,
        &format!("one;job=j;a=1 1 {}\none a=1,job=j {} 2\n", at(1), at(2)),
    );
    lines(
        &gateway.opentsdb,
        &format!(
            "put one {} 3 a=1 job=j\nput one {} 4 job=j a=1\n",
            at(3),
            at(4)
        ),
    );
    let influx = format!("one,job=j,a=1 value=5 {}\n", at(5));
    assert_eq!(
        post(http, "/write?precision=s", &[], influx.as_bytes()).status,
        204
    );
    let put =
        json!({"metric": "one", "timestamp": at(6), "value": 6, "tags": {"job": "j", "a": "1"}});
    assert_eq!(
        post(http, "/api/put", &[], put.to_string().as_bytes()).status,
        204
    );
    let pairs = [("job", "j"), ("a", "1"), ("__name__", "one")];
    let message = within(1, &[labels(&pairs), sample(7.0, at(7) * 1_000)].concat());
    assert_eq!(
        post(http, "/api/v1/write", &[], &snappy(&message)).status,
        204
    );
    let pushed = format!("one{{a=\"1\"}} 8 {}\n", at(8) * 1_000);
    assert_eq!(
        send(http, "PUT", "/metrics/job/j", &[], pushed.as_bytes()).status,
        200
    );
    let point = json!({"timeUnixNano": format!("{}000000000", at(9)), "asDouble": 9.0,
                       "attributes": [{"key": "a", "value": {"stringValue": "1"}}]});
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "j"}}]});
    let metric = json!({"name": "one", "gauge": {"dataPoints": [point]}});
    let otlp = json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]});
    let headers = ["Content-Type: application/json"];
    let answer = post(http, "/v1/metrics", &headers, otlp.to_string().as_bytes());
    assert_eq!(answer.text(), "{}");
    talk(&gateway.pickle, &pickled("one;a=1;job=j", at(10), 10.0));
    assert_eq!(query(http, "one").unwrap().len(), 1);
    let of = |what: &str| {
        single(
            http,
            &format!("{what}_over_time(one{{a=\"1\", job=\"j\"}}[5m])"),
        )
    };
    assert_eq!((of("count"), of("sum")), (Ok(10.0), Ok(55.0)));
}
