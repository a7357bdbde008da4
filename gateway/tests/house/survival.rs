//! SIGKILL in the middle: every acknowledged sample is there afterwards, once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::programs::{Gateway, eventually, start_agent};
use crate::web::{json, single};

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Sends lines and waits for the close, which a living gateway does after the disk.
fn send_lines(address: &str, text: &str) -> bool {
    let sent = TcpStream::connect(address).and_then(|mut stream| {
        stream.write_all(text.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.read(&mut [0; 1])
    });
    matches!(sent, Ok(0))
}

/// FAULTS 24, 38, 40.
#[test]
fn acknowledged_samples_survive_sigkill_exactly_once() {
    let mut gateway = Gateway::start(&[]);
    let mut agent = start_agent(&gateway, "web01");
    let statsd = UdpSocket::bind("127.0.0.1:0").unwrap();
    let statsd_address = agent.said["statsd"]
        .split(' ')
        .next_back()
        .unwrap()
        .to_owned();
    let hit = |times: usize| {
        for _ in 0..times {
            statsd
                .send_to(b"shop.hits:1|c|#page:home", &statsd_address)
                .unwrap();
        }
    };
    let start_s = now_s() - 3_000;
    let mut acknowledged = Vec::new();
    hit(100);
    two_more_intervals(&gateway);
    for round in 0..30_u64 {
        let lines: String = (0..50)
            .map(|m| format!("app.m{m} {round} {}\n", start_s + round * 60))
            .collect();
        let killer = (round == 9 || round == 19).then(|| {
            let pid = gateway.program.pid();
            std::thread::spawn(move || {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL)
            })
        });
        let closed = send_lines(&gateway.graphite_tcp, &lines);
        // A killed program's sockets are closed too: in its last round a close says nothing.
        if killer.is_none() {
            assert!(closed, "round {round}");
            acknowledged.push(round);
        }
        if let Some(killer) = killer {
            killer.join().unwrap().unwrap();
            hit(100);
            gateway.restart();
            two_more_intervals(&gateway);
        }
    }
    hit(100);
    assert_eq!(acknowledged.len(), 28);
    check_graphite(&gateway, &acknowledged, start_s);

    let hits = r#"{"shop.hits", page="home", host="web01"}"#;
    eventually("the counter's total", || {
        match single(&gateway.http, hits)? {
            400.0 => Ok(()),
            other => Err(format!("{other} of 400")),
        }
    });
    agent.stop();
    check_agent(&gateway);
    gateway.program.stop();
}

/// Every acknowledged value once, at its time; nothing that was never sent.
fn check_graphite(gateway: &Gateway, acknowledged: &[u64], start_s: u64) {
    let path = format!(
        "/render?target=app.m*&format=json&from={}&until={}",
        start_s - 60,
        start_s + 3_000
    );
    let rendered = json(&gateway.http, &path).unwrap();
    assert_eq!(rendered.as_array().unwrap().len(), 50);
    for metric in [0, 49] {
        let counted = single(
            &gateway.http,
            &format!("count_over_time(app.m{metric}[1h])"),
        )
        .unwrap();
        let added = single(&gateway.http, &format!("sum_over_time(app.m{metric}[1h])")).unwrap();
        // A round that was cut off by the kill may be there or not; an acknowledged one must be, once.
        let extra = counted - acknowledged.len() as f64;
        assert!(
            (0.0..=2.0).contains(&extra),
            "{counted} samples of {}",
            acknowledged.len()
        );
        let least: u64 = acknowledged.iter().sum();
        assert!(added >= least as f64, "{added} is below {least}");
        for round in acknowledged {
            let at = start_s + round * 60;
            let answer = json(
                &gateway.http,
                &format!("/api/v1/query?query=app.m{metric}&time={at}"),
            )
            .unwrap();
            assert_eq!(
                answer["data"]["result"][0]["value"][1],
                round.to_string(),
                "{answer}"
            );
        }
    }
}

/// Waits until the agent has got through again, twice.
fn two_more_intervals(gateway: &Gateway) {
    let counted = r#"count_over_time(node_load1{host="web01"}[1h])"#;
    let count = || single(&gateway.http, counted).unwrap_or(0.0);
    let before = count();
    eventually("two more intervals", || match count() - before {
        2.0.. => Ok(()),
        more => Err(format!("{more}")),
    });
}

/// One sample an interval from the agent's start to its goodbye: none lost over two kills, none twice.
fn check_agent(gateway: &Gateway) {
    let answer = json(
        &gateway.http,
        "/api/v1/query?query=node_load1%7Bhost%3D%22web01%22%7D%5B1h%5D",
    )
    .unwrap();
    let samples = answer["data"]["result"][0]["values"].as_array().unwrap();
    let times: Vec<f64> = samples
        .iter()
        .map(|sample| sample[0].as_f64().unwrap())
        .collect();
    assert!(times.len() >= 6, "{times:?}");
    for pair in times.windows(2) {
        let step = pair[1] - pair[0];
        assert!(
            (0.5..1.6).contains(&step),
            "a step of {step} s in {times:?}"
        );
    }
}

#[test]
fn started_again_after_a_clean_stop_the_data_are_still_there() {
    let mut gateway = Gateway::start(&[]);
    assert!(send_lines(
        &gateway.graphite_tcp,
        &format!("kept;k=v 42 {}\n", now_s())
    ));
    gateway.program.stop();
    gateway.restart();
    assert_eq!(single(&gateway.http, r#"kept{k="v"}"#), Ok(42.0));
}

/// What lies in the sockets at a stop was sent by somebody who cannot be told.
#[test]
fn lines_that_were_sent_before_a_stop_are_stored() {
    let mut gateway = Gateway::start(&[]);
    let at = now_s() - 3_000;
    let lines = |name: &str, form: &dyn Fn(&str, u64) -> String| -> String {
        (0..20_000).map(|n| form(name, at - n)).collect()
    };
    let graphite = lines("stop.graphite", &|name, at| format!("{name} 1 {at}\n"));
    let telnet = lines("stop.telnet", &|name, at| {
        format!("put {name} {at} 1 a=b\n")
    });
    let send = |address: &str, text: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    // They stay open: a stop does not wait for their end.
    let _open = (
        send(&gateway.graphite_tcp, &graphite),
        send(&gateway.opentsdb, &telnet),
    );
    gateway.program.stop();
    gateway.restart();
    for name in ["stop.graphite", "stop.telnet"] {
        let count = format!("count_over_time({{\"{name}\"}}[12h])");
        assert_eq!(single(&gateway.http, &count), Ok(20_000.0), "{name}");
    }
}
