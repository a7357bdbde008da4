//! What is refused, and how it is told: configuration, ports, directories, lines and frames.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use weir_wire::SeriesKey;
use weir_wire::frame::{self, Batch, Frame, Hello, Inbox, RefuseCode};

use crate::programs::{Gateway, agent_path, eventually, gateway_path, run};
use crate::web::{get, query, single};

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[test]
fn a_wrong_configuration_names_file_line_and_what_would_be_right() {
    let files = tempfile::tempdir().unwrap();
    let config = files.path().join("weir.toml");
    let path = config.to_str().unwrap();
    std::fs::write(&config, "[http]\nlisten = \"127.0.0.1:9347\"\nlitsen = 1\n").unwrap();
    let (code, text) = run(&gateway_path(), &["check", "--config", path]);
    assert_eq!(code, 64, "{text}");
    assert!(
        text.contains("weir.toml:3:1: unknown key `http.litsen`; known here: `listen`"),
        "{text}"
    );
    std::fs::write(&config, "interval = \"ten\"\n").unwrap();
    let (code, text) = run(&agent_path(), &["check", "--config", path]);
    assert_eq!(code, 64, "{text}");
    assert!(
        text.contains("weir.toml:1:1") && text.contains("10s"),
        "{text}"
    );
}

#[test]
fn a_rule_that_cannot_be_evaluated_is_named_with_its_file() {
    let files = tempfile::tempdir().unwrap();
    let rules = files.path().join("bad.yml");
    std::fs::write(
        &rules,
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: 'sum(rate('\n",
    )
    .unwrap();
    let set = format!("alerting.rules=[\"{}\"]", rules.display());
    let (code, text) = run(&gateway_path(), &["check", "--set", &set]);
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("bad.yml"), "{text}");
}

#[test]
fn the_printed_defaults_are_a_valid_file() {
    let files = tempfile::tempdir().unwrap();
    for program in [gateway_path(), agent_path()] {
        let (code, text) = run(&program, &["config"]);
        assert_eq!(code, 0);
        let file = files.path().join("printed.toml");
        std::fs::write(&file, text).unwrap();
        let (code, text) = run(&program, &["check", "--config", file.to_str().unwrap()]);
        assert_eq!(code, 0, "{text}");
    }
}

#[test]
fn a_second_gateway_is_told_which_port_and_which_lock() {
    let gateway = Gateway::start(&[]);
    let other = tempfile::tempdir().unwrap();
    let set = |key: &str, value: &str| format!("{key}={value}");
    let any = "127.0.0.1:0";
    let (http, frames) = (set("http.listen", &gateway.http), set("frames.listen", any));
    let (graphite, dir) = (
        set("graphite.listen", any),
        set("data_dir", other.path().to_str().unwrap()),
    );
    let (code, text) = run(
        &gateway_path(),
        &[
            "--set", &http, "--set", &frames, "--set", &graphite, "--set", &dir,
        ],
    );
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains(&gateway.http) && text.contains("http.listen"),
        "{text}"
    );
    let (http, dir) = (
        set("http.listen", any),
        set("data_dir", gateway.dir.path().to_str().unwrap()),
    );
    let (code, text) = run(
        &gateway_path(),
        &[
            "--set", &http, "--set", &frames, "--set", &graphite, "--set", &dir,
        ],
    );
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("LOCK") && text.contains("in use by process"),
        "{text}"
    );
}

/// FAULTS 1, 3, 6, 17, 20: over one connection, which is kept.
#[test]
fn bad_lines_are_counted_by_cause_and_their_neighbours_stored() {
    let gateway = Gateway::start(&[]);
    let at = now_s();
    let mut text = format!(
        "good.one 1 {at}\ngarbage\nbad.time 1 never\nbad.value NaN {at}\nbad.unit 1 {at}000\n"
    );
    text.push_str(&"x".repeat(1_000_000));
    text.push_str(&format!(
        "\ntoo.early 1 {}\ngood.two;k=v 2 {at}\r\nCPU.load host=w1,region=us {at} 50\n",
        at + 3_600
    ));
    let mut stream = TcpStream::connect(&gateway.graphite_tcp).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(single(&gateway.http, "good.one"), Ok(1.0));
    assert_eq!(single(&gateway.http, r#"good.two{k="v"}"#), Ok(2.0));
    assert_eq!(
        single(&gateway.http, r#"CPU.load{host="w1", region="us"}"#),
        Ok(50.0)
    );
    let (_, metrics) = get(&gateway.http, "/metrics").unwrap();
    let counted = |name: &str, labels: &str| {
        let line = metrics
            .lines()
            .find(|line| line.starts_with(&format!("{name}{{{labels}")));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    let tcp = r#"protocol="graphite_tcp""#;
    for reason in [
        "malformed",
        "bad_timestamp",
        "not_finite",
        "too_long",
        "too_early",
    ] {
        let labels = format!("{tcp},reason=\"{reason}\"");
        assert!(
            counted("weir_ingest_rejected_total", &labels) >= 1.0,
            "{reason}: {metrics}"
        );
    }
    assert_eq!(counted("weir_ingest_received_total", tcp), 9.0);
    assert_eq!(counted("weir_ingest_stored_total", tcp), 3.0);
}

#[test]
fn lines_come_by_udp_too() {
    let gateway = Gateway::start(&[]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let text = format!("udp.one 1 {0}\nnonsense\nudp.two 2 -1", now_s());
    socket
        .send_to(text.as_bytes(), &gateway.graphite_udp)
        .unwrap();
    eventually("both lines", || {
        match query(&gateway.http, r#"{__name__=~"udp[.].+"}"#)?.len() {
            2 => Ok(()),
            other => Err(format!("{other} series")),
        }
    });
}

/// FAULTS 39.
#[test]
fn a_frame_version_from_the_future_and_garbage_are_answered_by_name() {
    let gateway = Gateway::start(&[]);
    let hello = Hello {
        version: 99,
        token: String::new(),
        agent: "x".into(),
        boot: 1,
        interval_ms: 1_000,
        labels: Vec::new(),
    };
    let mut bytes = Vec::new();
    frame::encode(&Frame::Hello(hello), &mut bytes);
    let refusal = answer(&gateway.frames, &bytes);
    assert_eq!(refusal.code, RefuseCode::Version);
    assert!(
        refusal.message.contains("99") && refusal.message.contains('1'),
        "{}",
        refusal.message
    );
    let garbage = answer(&gateway.frames, b"\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5");
    assert!(matches!(
        garbage.code,
        RefuseCode::Malformed | RefuseCode::TooLarge
    ));
    assert_eq!(get(&gateway.http, "/-/healthy").unwrap().0, 200);
}

#[test]
fn a_frame_with_a_nan_keeps_its_neighbours_and_a_broken_one_is_refused() {
    let gateway = Gateway::start(&[]);
    let hello = Hello {
        version: frame::VERSION,
        token: String::new(),
        agent: "x".into(),
        boot: 1,
        interval_ms: 1_000,
        labels: Vec::new(),
    };
    let key = |name: &str| SeriesKey::bare(name).unwrap();
    let batch = |sequence, points: &[(u32, f64)]| {
        let mut batch = Batch::with_capacity(sequence, points.len());
        if sequence == 1 {
            batch.introduce(0, key("nan").borrowed());
            batch.introduce(1, key("good").borrowed());
        }
        for (series, value) in points {
            batch.floats.push(*series, now_s() as i64 * 1_000, *value);
        }
        Frame::Batch(batch)
    };
    let mut bytes = Vec::new();
    frame::encode(&Frame::Hello(hello), &mut bytes);
    frame::encode(&batch(1, &[(0, f64::NAN), (1, 7.0)]), &mut bytes);
    frame::encode(&batch(2, &[(9, 1.0)]), &mut bytes);
    let answers = answers(&gateway.frames, &bytes);
    assert!(matches!(&answers[0], Frame::Welcome(welcome) if welcome.last_sequence == 0));
    assert!(
        answers
            .iter()
            .any(|frame| matches!(frame, Frame::Ack(ack) if ack.sequence == 1)),
        "{answers:?}"
    );
    assert!(
        matches!(answers.last(), Some(Frame::Refuse(refuse)) if refuse.message.contains("not introduced")),
        "{answers:?}"
    );
    assert_eq!(single(&gateway.http, "good"), Ok(7.0));
    assert!(
        query(&gateway.http, "nan_is_no_series or {\"nan\"}")
            .unwrap()
            .is_empty()
    );
    let (_, metrics) = get(&gateway.http, "/metrics").unwrap();
    let counted = r#"weir_ingest_rejected_total{protocol="frames",reason="not_finite"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}

fn answers(address: &str, bytes: &[u8]) -> Vec<Frame> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    let mut inbox = Inbox::default();
    let _ = stream.read_to_end(inbox.room());
    std::iter::from_fn(|| inbox.take().unwrap()).collect()
}

fn answer(address: &str, bytes: &[u8]) -> frame::Refuse {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    match frame::decode(&answer) {
        Ok(Some((Frame::Refuse(refusal), _))) => refusal,
        other => panic!("{other:?}"),
    }
}
