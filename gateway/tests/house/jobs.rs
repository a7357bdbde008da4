//! Jobs' metrics by `weir-agent push` and `exec`: by an agent and straight to a gateway they are the same series; and the
//! field's own client pushes to an agent.

use std::process::Command;

use crate::programs::{Gateway, Program, agent_path, eventually, run, start_agent};
use crate::tools;
use crate::web::single;

fn status(agent: &Program) -> String {
    let url = agent.said["status"].trim_start_matches("http://");
    url.trim_end_matches('/').to_owned()
}

fn is(gateway: &Gateway, query: &str, expected: f64) {
    eventually(query, || match single(&gateway.http, query)? {
        value if value == expected => Ok(()),
        other => Err(other.to_string()),
    });
}

#[test]
fn by_an_agent_and_straight_to_a_gateway_they_are_one_series() {
    let gateway = Gateway::start(&[]);
    let agent = start_agent(&gateway, "web01");
    let listen = format!("status.listen={}", status(&agent));
    let push = |more: &[&str], metric: &str| {
        let args = [
            "push",
            "--job",
            "backup",
            "--set",
            "host=web01",
            "--set",
            &listen,
        ];
        run(&agent_path(), &[&args, more, &[metric]].concat())
    };
    let series = "bytes_total{host='web01',job='backup'}";
    assert_eq!(push(&[], "bytes_total=1e9"), (0, String::new()));
    is(&gateway, series, 1e9);
    let url = format!("http://{}", gateway.http);
    assert_eq!(
        push(&["--no-agent", "--gateway", &url], "bytes_total=2e9"),
        (0, String::new())
    );
    is(&gateway, series, 2e9);
    let count = single(&gateway.http, "count({__name__='bytes_total'})");
    assert_eq!(count, Ok(1.0));
    let age = single(
        &gateway.http,
        "time() - push_time_seconds{host='web01',job='backup'}",
    )
    .unwrap();
    assert!((-5.0..60.0).contains(&age), "{age}");
    let (code, said) = push(&["--no-agent", "--gateway", &url], "push_time_seconds=1");
    assert_eq!(code, 1, "{said}");

    let args = [
        "exec",
        "--job",
        "nightly",
        "--set",
        "host=web01",
        "--set",
        &listen,
        "--",
    ];
    let (code, _) = run(
        &agent_path(),
        &[&args[..], &["sh", "-c", "exit 3"]].concat(),
    );
    assert_eq!(code, 3);
    is(
        &gateway,
        "weir_job_exit_code{host='web01',job='nightly'}",
        3.0,
    );
}

const PROMETHEUS: &str = r#"
import sys
from prometheus_client import CollectorRegistry, Gauge, Histogram, push_to_gateway, pushadd_to_gateway
registry = CollectorRegistry()
Gauge("job_last_success_unixtime", "x", registry=registry).set(42)
Histogram("took_seconds", "x", registry=registry).observe(0.3)
push_to_gateway(sys.argv[1], job="batch A", registry=registry)
pushadd_to_gateway(sys.argv[1], job="batch A", grouping_key={"path": "/var/tmp"}, registry=registry)
"#;

#[test]
fn prometheus_client_pushes_to_an_agent() {
    let gateway = Gateway::start(&[]);
    let agent = start_agent(&gateway, "web01");
    let python = tools::python_with(&["prometheus_client"]);
    tools::run(Command::new(python).args(["-c", PROMETHEUS, &status(&agent)]));
    is(
        &gateway,
        "job_last_success_unixtime{host='web01',job='batch A',path=''}",
        42.0,
    );
    is(
        &gateway,
        "job_last_success_unixtime{host='web01',job='batch A',path='/var/tmp'}",
        42.0,
    );
    is(
        &gateway,
        "took_seconds_bucket{host='web01',job='batch A',path='',le='0.5'}",
        1.0,
    );
}
