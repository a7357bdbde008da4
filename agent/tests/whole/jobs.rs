//! `weir-agent push` and `exec` as programs, beside an agent and a gateway's Pushgateway port: what arrives, and which exit
//! code says so.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::taking::{Gateway, config, wall_clock};
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
use weir_agent::app::Agent;

fn agent(gateway: &Gateway) -> (Runtime, Agent, SocketAddr) {
    let runtime = Runtime::new().unwrap();
    let config = config(gateway, &["labels={pool=\"a\"}"]);
    let agent = runtime
        .block_on(Agent::start(config, wall_clock(), 1))
        .unwrap();
    let status = agent.status.unwrap();
    (runtime, agent, status)
}

/// A port where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn weir(status: SocketAddr, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir-agent"));
    command.args(args.iter().take_while(|arg| **arg != "--"));
    command.args(["--set", &format!("status.listen={status}")]);
    command.args(["--set", "host=web01", "--set", "labels={pool=\"a\"}"]);
    command.args(args.iter().skip_while(|arg| **arg != "--"));
    command
}

fn ends(mut command: Command, input: &str) -> (i32, String) {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.stderr(Stdio::piped()).spawn().unwrap();
    // It may have said what is wrong without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// Takes one request; what it said, once it was answered with this.
fn pushgateway(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut said, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(text) = line.strip_prefix("Content-Length: ") {
                length = text.trim().parse().unwrap();
            }
            said.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        write!(stream, "HTTP/1.1 {answer}\r\n\r\nwhy not\n").unwrap();
        said + std::str::from_utf8(&body).unwrap()
    });
    (url, taken)
}

#[test]
fn words_and_text_are_safe_with_the_agent_and_arrive() {
    let mut gateway = Gateway::start();
    let (runtime, agent, status) = agent(&gateway);
    let words = [
        "push",
        "--job",
        "backup",
        "duration_seconds=42",
        "bytes_total=1e9",
    ];
    assert_eq!(ends(weir(status, &words), ""), (0, String::new()));
    let labels = "host=\"web01\",job=\"backup\",pool=\"a\"";
    let arrived = gateway.wait_for(&format!("duration_seconds{{{labels}}}"));
    assert_eq!(arrived.value, 42.0);
    assert_eq!(
        gateway.wait_for(&format!("bytes_total{{{labels}}}")).value,
        1e9
    );
    let time = gateway.wait_for(&format!("push_time_seconds{{{labels}}}"));
    assert!((time.value - arrived.timestamp_ms as f64 / 1_000.0).abs() < 1e-3);

    let text = "# TYPE x counter\nx{job=\"its own\",k=\"v\"} 3\n";
    let labelled = ["push", "--job", "a/b", "--label", "pool=b c"];
    assert_eq!(ends(weir(status, &labelled), text), (0, String::new()));
    let series = "x{host=\"web01\",job=\"a/b\",k=\"v\",pool=\"b c\"}";
    assert_eq!(
        gateway.wait_for(series).value,
        3.0,
        "the group's labels are over the text's"
    );
    runtime.block_on(agent.stop());
}

#[test]
fn what_is_wrong_is_refused_whole_with_the_reason() {
    let gateway = Gateway::start();
    let (runtime, agent, status) = agent(&gateway);
    for (text, reason) in [
        ("fine 1\nbad", "line 2"),
        ("fine 1\nfine 2\n", "before"),
        ("old 1 1613707265000\n", "timestamps"),
        ("push_time_seconds 1\n", "itself"),
        ("fine 1\nodd NaN\n", "numbers only"),
    ] {
        let (code, said) = ends(weir(status, &["push", "--job", "x"]), text);
        assert_eq!(code, 1, "{text}");
        assert!(said.contains(reason), "{said}");
    }
    let page = crate::taking::get(status, "/metrics");
    assert!(page.contains("weir_agent_pushes_refused_total"), "{page}");
    runtime.block_on(agent.stop());
}

#[test]
fn usage_is_2_and_a_configuration_that_is_wrong_64() {
    for args in [
        &["push", "a=1"][..],
        &["push", "--job", "", "a=1"],
        &["push", "--job", "x", "a"],
        &["push", "--job", "x"],
        &["push", "--job", "x", "--label", "job=y", "a=1"],
        &["push", "--job", "x", "--timeout", "soon", "a=1"],
        &["push", "--job", "x", "--gateway", "gw1:9347", "a=1"],
        &["exec", "--job", "x"],
    ] {
        let (code, said) = ends(weir(nobody(), args), "");
        assert_eq!(code, 2, "{args:?}: {said}");
    }
    let wrong = ["push", "--job", "x", "--set", "spoon=1", "a=1"];
    assert_eq!(ends(weir(nobody(), &wrong), "").0, 64);
}

#[test]
fn without_an_agent_a_gateway_takes_it_for_the_same_series() {
    let (url, taken) = pushgateway("200 OK");
    let args = ["push", "--job", "backup", "--gateway", &url, "a=1"];
    let args = [&args[..], &["--set", "token=secret"]].concat();
    assert_eq!(ends(weir(nobody(), &args), ""), (0, String::new()));
    let said = taken.join().unwrap();
    assert!(
        said.starts_with("POST /metrics/job/backup/pool/a/host/web01 HTTP/1.0\r\n"),
        "{said}"
    );
    assert!(said.contains("Authorization: Bearer secret\r\n"), "{said}");
    assert!(said.ends_with("\r\n\r\na 1\n"), "{said}");

    let (url, taken) = pushgateway("400 Bad Request");
    let args = ["push", "--job", "backup", "--gateway", &url, "a=1"];
    let (code, said) = ends(weir(nobody(), &args), "");
    assert_eq!(code, 1);
    assert!(said.contains("400") && said.contains("why not"), "{said}");
    taken.join().unwrap();
}

#[test]
fn nobody_and_whoever_says_nothing_cost_no_more_than_the_time_out() {
    // Connections are taken by the kernel, and nobody answers them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (silent, address))
        .unwrap();
    let begun = Instant::now();
    for (status, input) in [(nobody(), ""), (silent.1, "")] {
        let (code, said) = ends(
            weir(status, &["push", "--job", "x", "--timeout", "600ms", "a=1"]),
            input,
        );
        assert_eq!(code, 3, "{said}");
        assert!(said.contains(&status.to_string()), "{said}");
    }
    // Standard input that never ends.
    let mut open = weir(nobody(), &["push", "--job", "x", "--timeout", "600ms"]);
    let mut child = open
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let held = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    drop(held);
    assert!(begun.elapsed() < Duration::from_secs(60), "nothing hangs");
}

#[test]
fn an_agent_that_comes_within_the_time_out_gets_it() {
    let status = nobody();
    let args = ["push", "--job", "late", "--timeout", "30s", "a=1"];
    let mut push = weir(status, &args).stdin(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let mut gateway = Gateway::start();
    let mut config = config(&gateway, &[]);
    config.status = Some(status);
    let runtime = Runtime::new().unwrap();
    let agent = runtime
        .block_on(Agent::start(config, wall_clock(), 1))
        .unwrap();
    assert_eq!(push.wait().unwrap().code(), Some(0));
    gateway.wait_for("a{host=\"web01\",job=\"late\"}");
    runtime.block_on(agent.stop());
}

#[test]
fn the_agent_takes_pushes_of_its_own_host_and_of_no_page() {
    let gateway = Gateway::start();
    let (runtime, agent, status) = agent(&gateway);
    let ask = |headers: &str, path: &str| {
        let mut stream = std::net::TcpStream::connect(status).unwrap();
        let body = "a 1\n";
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.0\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(ask("", "/metrics/job/x"), "200");
    assert_eq!(
        ask("Origin: http://evil.example\r\n", "/metrics/job/x"),
        "403"
    );
    assert_eq!(ask("", "/metrics/job"), "400");
    assert_eq!(ask("", "/metrics/instance/x"), "400");
    runtime.block_on(agent.stop());
}

/// The report's text by the path of a gateway, and how the program ended.
fn exec(args: &[&str]) -> (i32, String, String) {
    let (url, taken) = pushgateway("200 OK");
    let args = [
        &[
            "exec",
            "--job",
            "nightly",
            "--no-agent",
            "--gateway",
            &url,
            "--",
        ],
        args,
    ]
    .concat();
    let (code, said) = ends(weir(nobody(), &args), "input\n");
    (code, said, taken.join().unwrap())
}

fn figure(report: &str, name: &str) -> Option<f64> {
    let line = report
        .lines()
        .find_map(|line| line.strip_prefix(&format!("weir_job_{name} ")));
    line.map(|value| value.parse().unwrap())
}

#[test]
fn a_command_is_reported_with_what_it_took() {
    let work = "read line; [ \"$line\" = input ] || exit 9; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.2";
    let (code, said, report) = exec(&["sh", "-c", work]);
    assert_eq!(
        (code, said.as_str()),
        (0, ""),
        "cron mails whatever is said"
    );
    assert!(
        report.starts_with("POST /metrics/job/nightly/pool/a/host/web01 "),
        "{report}"
    );
    assert_eq!(figure(&report, "exit_code"), Some(0.0));
    let took = figure(&report, "duration_seconds").unwrap();
    assert!((0.2..60.0).contains(&took), "{took}");
    let cpu = figure(&report, "cpu_user_seconds").unwrap()
        + figure(&report, "cpu_system_seconds").unwrap();
    assert!(cpu > 0.0 && cpu < took, "{cpu}");
    let memory = figure(&report, "max_rss_bytes").unwrap();
    assert!((100e3..1e9).contains(&memory), "{memory}");
    let (begun, ended) = (
        figure(&report, "start_timestamp_seconds").unwrap(),
        figure(&report, "end_timestamp_seconds").unwrap(),
    );
    assert!(begun > 1.6e9 && ended - begun >= 0.19);
    assert_eq!(
        figure(&report, "last_success_timestamp_seconds"),
        Some(ended)
    );
}

#[test]
fn the_commands_exit_code_is_the_programs_whatever_becomes_of_the_report() {
    let (code, said, report) = exec(&["sh", "-c", "echo oops >&2; exit 7"]);
    assert_eq!((code, said.as_str()), (7, "oops\n"));
    assert_eq!(figure(&report, "exit_code"), Some(7.0));
    assert_eq!(figure(&report, "last_success_timestamp_seconds"), None);
    let (code, _, report) = exec(&["sh", "-c", "kill -KILL $$"]);
    assert_eq!((code, figure(&report, "exit_code")), (137, Some(137.0)));
    let (code, said, report) = exec(&["/no/such/command"]);
    assert_eq!((code, figure(&report, "exit_code")), (127, Some(127.0)));
    assert!(said.contains("/no/such/command"), "{said}");
    let (code, _, _) = exec(&["/etc"]);
    assert_eq!(code, 126);

    let lost = [
        "exec",
        "--job",
        "x",
        "--timeout",
        "300ms",
        "--",
        "sh",
        "-c",
        "exit 5",
    ];
    let (code, said) = ends(weir(nobody(), &lost), "");
    assert_eq!(code, 5);
    assert!(
        said.contains("not reported") && said.contains("refused"),
        "{said}"
    );
    let wrong = [
        "exec", "--job", "x", "--set", "spoon=1", "--", "sh", "-c", "exit 6",
    ];
    let (code, said) = ends(weir(nobody(), &wrong), "");
    assert_eq!(
        code, 6,
        "a wrong configuration does not keep a job from running"
    );
    assert!(said.contains("spoon"), "{said}");
}

#[test]
fn signals_are_passed_on() {
    for (signal, expected) in [(Signal::TERM, 43), (Signal::USR1, 44), (Signal::INT, 45)] {
        let script = "trap 'exit 43' TERM; trap 'exit 44' USR1; trap 'exit 45' INT; echo ready; while :; do sleep 0.05; done";
        let args = [
            "exec",
            "--job",
            "x",
            "--timeout",
            "300ms",
            "--",
            "sh",
            "-c",
            script,
        ];
        let mut command = weir(nobody(), &args);
        let mut child: Child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{signal:?}");
    }
}

#[test]
fn without_a_gateway_a_push_is_safe_once_the_spool_has_it_and_without_a_spool_never() {
    let gateway = Gateway::start();
    let spool = tempfile::tempdir().unwrap();
    let dead = format!("gateways=[\"{}\"]", nobody());
    for (dir, code) in [(spool.path().display().to_string(), 0), (String::new(), 3)] {
        let spool_dir = format!("spool.dir={dir}");
        let runtime = Runtime::new().unwrap();
        let config = config(&gateway, &[&dead, &spool_dir]);
        let agent = runtime
            .block_on(Agent::start(config, wall_clock(), 1))
            .unwrap();
        let words = ["push", "--job", "safe", "--timeout", "8s", "pushed_value=1"];
        let (ended, said) = ends(weir(agent.status.unwrap(), &words), "");
        assert_eq!(ended, code, "{said}");
        if !dir.is_empty() {
            let files = std::fs::read_dir(spool.path()).unwrap();
            let bytes = files.map(|file| file.unwrap().metadata().unwrap().len());
            assert!(bytes.sum::<u64>() > 0, "it is on disk when the push ends");
        }
        drop(agent);
        runtime.shutdown_background();
    }
}
