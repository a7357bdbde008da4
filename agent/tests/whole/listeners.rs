//! What comes by each of the agent's listeners is what a gateway gets: real sockets, real files.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;

use crate::taking::{Gateway, config, wall_clock};
use weir_agent::app::Agent;
use weir_agent::config::Config;

const LONG: Duration = Duration::from_secs(3_600);

/// What an agent sends by its goodbye, as `series value`, after what was said to it; the interval never ends by itself.
fn sent(more: &[&str], say: impl FnOnce(&Agent)) -> Vec<String> {
    let mut gateway = Gateway::start();
    let config = Config {
        interval: LONG,
        ..config(&gateway, more)
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let agent = runtime
        .block_on(Agent::start(config, wall_clock(), 1))
        .unwrap();
    say(&agent);
    // Connections are accepted and read by tasks; what they hold when a stop comes is theirs.
    std::thread::sleep(Duration::from_millis(300));
    runtime.block_on(agent.stop());
    let rest = gateway.rest();
    rest.iter()
        .map(|sample| format!("{} {}", sample.series, sample.value))
        .collect()
}

fn packed(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

#[test]
fn statsd_by_four_ways_is_one_interval_each_in_its_dialect() {
    let dir = tempfile::tempdir().unwrap();
    let (datagrams, stream) = (dir.path().join("d.sock"), dir.path().join("s.sock"));
    let sets = [
        &*format!("statsd.unix_listen={}", datagrams.display()),
        &*format!("statsd.unix_stream_listen={}", stream.display()),
        "labels={pool=\"a\"}",
    ];
    let sent = sent(&sets, |agent| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.send_to(b"hits:1|c\ntemp:10|g", agent.statsd.unwrap())
            .unwrap();
        let mut tcp = TcpStream::connect(agent.statsd_tcp.unwrap()).unwrap();
        // The last line has no newline; a close ends it.
        tcp.write_all(b"hits:2|c\ntemp:-3|g\r\nhits:4|c").unwrap();
        drop(tcp);
        let unix = UnixDatagram::unbound().unwrap();
        unix.send_to(b"hits:8|c\nlevel:-5|g|#pool:b", &datagrams)
            .unwrap();
        let mut unix = UnixStream::connect(&stream).unwrap();
        unix.write_all(&packed("hits:16|c\nat:7|g|T1613707265"))
            .unwrap();
        unix.write_all(&packed("hits:32|c")[..5]).unwrap();
        drop(unix);
    });
    for expected in [
        "hits{host=\"web01\",pool=\"a\"} 31",
        "level{host=\"web01\",pool=\"b\"} -5",
        "at{host=\"web01\",pool=\"a\"} 7",
    ] {
        assert!(sent.contains(&expected.to_owned()), "{expected}: {sent:#?}");
    }
    // The signed change came before or after the gauge was set: the ways are not ordered.
    assert!(
        sent.iter().any(
            |line| line.starts_with("temp{") && (line.ends_with(" 7") || line.ends_with(" 10"))
        )
    );
    assert!(
        !datagrams.exists() && !stream.exists(),
        "files go with the agent"
    );
}

#[test]
fn a_packet_of_two_gigabytes_ends_its_connection_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let stream = dir.path().join("s.sock");
    let set = format!("statsd.unix_stream_listen={}", stream.display());
    let sent = sent(&[&set], |_| {
        let mut bad = UnixStream::connect(&stream).unwrap();
        bad.write_all(&(1_u32 << 31).to_le_bytes()).unwrap();
        let mut good = UnixStream::connect(&stream).unwrap();
        good.write_all(&packed("hits:3|c")).unwrap();
    });
    assert!(
        sent.contains(&"hits{host=\"web01\"} 3".to_owned()),
        "{sent:#?}"
    );
}

#[test]
fn graphites_lines_go_on_as_they_are_with_the_hosts_labels() {
    let mut gateway = Gateway::start();
    let config = Config {
        interval: LONG,
        ..config(&gateway, &["graphite.listen=127.0.0.1:0"])
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let agent = runtime
        .block_on(Agent::start(config, wall_clock(), 1))
        .unwrap();
    let (tcp, udp) = agent.graphite.unwrap();
    let before = wall_clock()();
    let mut lines = TcpStream::connect(tcp).unwrap();
    lines
        .write_all(
            b"a.b 1 1613707265\nbad line\na.b 2 1613707275\nc;host=own 3 1613707265\nnow 4 -1\n",
        )
        .unwrap();
    let first = gateway.wait_for("a.b{host=\"web01\"}");
    assert_eq!((first.timestamp_ms, first.value), (1_613_707_265_000, 1.0));
    let second = gateway.wait_for("a.b{host=\"web01\"}");
    assert_eq!(
        (second.timestamp_ms, second.value),
        (1_613_707_275_000, 2.0)
    );
    assert_eq!(gateway.wait_for("c{host=\"own\"}").value, 3.0);
    let now = gateway.wait_for("now{host=\"web01\"}").timestamp_ms;
    assert!((before..=wall_clock()()).contains(&now));
    let datagram = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagram
        .send_to(b"d 5 1613707265\nd 6 1613707275", udp)
        .unwrap();
    assert_eq!(gateway.wait_for("d{host=\"web01\"}").value, 5.0);
    // What was read and waits for company goes by a stop.
    lines.write_all(b"last 7 1613707265\nhalf a li").unwrap();
    drop(lines);
    std::thread::sleep(Duration::from_millis(300));
    runtime.block_on(agent.stop());
    let rest = gateway.rest();
    assert!(
        rest.iter()
            .any(|sample| sample.series == "last{host=\"web01\"}"),
        "{rest:?}"
    );
}

#[test]
fn dropped_files_are_sent_each_interval_until_they_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (good, bad) = (dir.path().join("good.prom"), dir.path().join("bad.prom"));
    std::fs::write(&good, "backup_bytes 12\n").unwrap();
    std::fs::write(&bad, "backup_bytes").unwrap();
    let mut gateway = Gateway::start();
    let config = config(
        &gateway,
        &[&format!("textfile.directory={}", dir.path().display())],
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let agent = runtime
        .block_on(Agent::start(config, wall_clock(), 1))
        .unwrap();
    let error = "node_textfile_scrape_error{host=\"web01\"}";
    assert_eq!(gateway.wait_for("backup_bytes{host=\"web01\"}").value, 12.0);
    assert_eq!(gateway.wait_for(error).value, 1.0);
    let status = crate::taking::get(agent.status.unwrap(), "/status");
    assert!(status.contains("bad.prom"), "{status}");
    std::fs::remove_file(&bad).unwrap();
    gateway.wait_until(error, 0.0);
    let mtime = format!(
        "node_textfile_mtime_seconds{{file={:?},host=\"web01\"}}",
        good.display().to_string()
    );
    assert!(gateway.wait_for(&mtime).value > 1.6e9);
    std::fs::remove_file(&good).unwrap();
    let stale = weir_wire::stale();
    gateway.wait_until("backup_bytes{host=\"web01\"}", stale);
    runtime.block_on(agent.stop());
}
