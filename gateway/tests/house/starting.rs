//! A gateway that is started after a kill: what comes in is acknowledged before the journal is read back, who asks is
//! told to wait, and nobody is paged for it. The journal is held up by a pipe in the place of its first segment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use weir_wire::frame::{self, Batch, Frame, Hello, Inbox};
use weir_wire::{Sample, SeriesKey, Value};

use crate::programs::{Gateway, eventually};
use crate::web::{get, json, receiver, single};

const RULES: &str = "
- name: start
  interval: 1s
  rules:
  - {alert: instance_down, expr: up == 0}
  - {alert: gone, expr: absent(load)}
";
const WAIT: Duration = Duration::from_secs(30);

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
}

/// One agent's connection.
pub(crate) struct Session {
    pub(crate) stream: TcpStream,
    inbox: Inbox,
    pub(crate) last_sequence: u64,
}

impl Session {
    pub(crate) fn open(address: &str, agent: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        let mut session = Self {
            stream,
            inbox: Inbox::default(),
            last_sequence: 0,
        };
        session.send(&Frame::Hello(Hello {
            version: frame::VERSION,
            token: String::new(),
            agent: agent.into(),
            boot: 7,
            interval_ms: 1_000,
            labels: Vec::new(),
        }));
        match session.next() {
            Frame::Welcome(welcome) => session.last_sequence = welcome.last_sequence,
            other => panic!("{other:?}"),
        }
        session
    }

    pub(crate) fn send(&mut self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame::encode(frame, &mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }

    pub(crate) fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.inbox.take().unwrap() {
                return frame;
            }
            let mut bytes = [0; 1_024];
            let read = self.stream.read(&mut bytes).unwrap();
            assert!(read > 0, "the session was ended");
            self.inbox.room().extend_from_slice(&bytes[..read]);
        }
    }

    /// Sends one sample of `load` and waits for its acknowledgement.
    fn store(&mut self, sequence: u64, timestamp_ms: i64, value: f64) {
        let mut batch = Batch::with_capacity(sequence, 1);
        batch.introduce(0, SeriesKey::bare("load").unwrap().borrowed());
        let value = Value::Float(value);
        batch.push(
            0,
            &Sample {
                timestamp_ms,
                value,
            },
        );
        self.send(&Frame::Batch(batch));
        match self.next() {
            Frame::Ack(ack) => assert_eq!(ack.sequence, sequence),
            other => panic!("{other:?}"),
        }
    }
}

/// The first segment, as a pipe: it gives its bytes to the look at the start, and again once it is let go.
struct Pipe {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Pipe {
    fn in_place_of_the_journal(gateway: &Gateway) -> Self {
        let path = gateway.dir.path().join("journal/00000001.journal");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let pipe = Self { path, bytes };
        pipe.pour();
        pipe
    }

    /// Once somebody reads it.
    fn pour(&self) {
        let (path, bytes) = (self.path.clone(), self.bytes.clone());
        std::thread::spawn(move || std::fs::write(path, bytes));
    }

    fn back_to_a_file(self) {
        std::fs::remove_file(&self.path).unwrap();
        std::fs::write(&self.path, &self.bytes).unwrap();
    }
}

#[test]
fn frames_are_acknowledged_before_the_journal_is_read_back_and_nobody_is_paged() {
    let files = tempfile::tempdir().unwrap();
    let (rules, config) = (
        files.path().join("start.yml"),
        files.path().join("weir.toml"),
    );
    std::fs::write(&rules, RULES).unwrap();
    let (url, webhooks) = receiver(0);
    let text = format!(
        "[presence]\nbeat = \"1s\"\n[alerting]\nrules = [\"{}\"]\ngroup_wait = \"0s\"\ngroup_interval = \"1s\"\n\
         [[alerting.webhooks]]\nname = \"ops\"\nurl = \"{url}\"\n",
        rules.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut gateway = Gateway::start_with(&config);
    let first_ms = now_ms();
    let mut web01 = Session::open(&gateway.frames, "web01");
    web01.store(1, first_ms, 1.0);
    let dead = Session::open(&gateway.frames, "dead01");
    drop(dead);
    // One page is right: dead01 is gone. Rules that were looked at before `load` came may have told of that.
    eventually("the page for dead01", || {
        web01.send(&Frame::Heartbeat);
        let page = webhooks.recv_timeout(Duration::from_millis(300));
        let page = page.map_err(|error| error.to_string())?;
        match page["alerts"][0]["labels"]["host"].as_str() {
            Some("dead01") => Ok(()),
            other => Err(format!("{other:?}: {page}")),
        }
    });
    eventually("load is there", || {
        web01.send(&Frame::Heartbeat);
        let shown = json(&gateway.http, "/api/v1/alerts")?;
        match shown["data"]["alerts"].as_array().map(Vec::len) {
            Some(1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    gateway.program.kill();

    let pipe = Pipe::in_place_of_the_journal(&gateway);
    gateway.restart_until("graphite");
    let mut web01 = Session::open(&gateway.frames, "web01");
    assert_eq!(web01.last_sequence, 1);
    web01.store(2, first_ms + 1, 2.0);
    let (status, body) = get(&gateway.http, "/-/ready").unwrap();
    assert_eq!(status, 503);
    assert!(
        body.contains("starting: 0 % of the journal read back"),
        "{body}"
    );
    assert_eq!(get(&gateway.http, "/-/healthy").unwrap().0, 200);
    for path in [
        "/api/v1/query?query=up",
        "/api/v1/alerts",
        "/render?target=load",
    ] {
        let (status, body) = get(&gateway.http, path).unwrap();
        assert_eq!(status, 503, "{path}");
        assert!(body.contains("starting: "), "{path}: {body}");
    }
    let again = Session::open(&gateway.frames, "web01");
    assert_eq!(again.last_sequence, 2, "what came early is known");
    // Longer than three of its intervals without a word: it is the gateway that was not there.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(get(&gateway.http, "/-/ready").unwrap().0, 503);

    pipe.pour();
    eventually("ready", || match get(&gateway.http, "/-/ready")?.0 {
        200 => Ok(()),
        other => Err(other.to_string()),
    });
    for _ in 0..10 {
        web01.send(&Frame::Heartbeat);
        // A kill may cost a repetition of what was told before it.
        if let Ok(told) = webhooks.recv_timeout(Duration::from_millis(300)) {
            let (alerts, status) = (told["alerts"].as_array().unwrap(), &told["status"]);
            assert_eq!((alerts.len(), status), (1, &"firing".into()), "{told}");
            assert_eq!(alerts[0]["labels"]["host"], "dead01", "{told}");
        }
    }
    assert_eq!(single(&gateway.http, "count_over_time(load[1h])"), Ok(2.0));
    assert_eq!(single(&gateway.http, "sum_over_time(load[1h])"), Ok(3.0));
    let lowest = r#"min_over_time(up{host="web01"}[1h])"#;
    assert_eq!(single(&gateway.http, lowest), Ok(1.0));
    let shown = json(&gateway.http, "/api/v1/alerts").unwrap();
    assert_eq!(
        shown["data"]["alerts"][0]["labels"]["host"], "dead01",
        "{shown}"
    );
    gateway.program.stop();
}

#[test]
fn a_gateway_that_is_stopped_while_it_starts_loses_nothing() {
    let mut gateway = Gateway::start(&[]);
    let first_ms = now_ms();
    Session::open(&gateway.frames, "web01").store(1, first_ms, 1.0);
    gateway.program.kill();
    let pipe = Pipe::in_place_of_the_journal(&gateway);
    gateway.restart_until("graphite");
    Session::open(&gateway.frames, "web01").store(2, first_ms + 1, 2.0);
    let pid = gateway.program.pid();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    // The pipe is all that it still waits for: a file would not keep it.
    pipe.pour();
    gateway.program.ended_well();
    pipe.back_to_a_file();
    gateway.restart();
    assert_eq!(single(&gateway.http, "count_over_time(load[1h])"), Ok(2.0));
    assert_eq!(single(&gateway.http, "sum_over_time(load[1h])"), Ok(3.0));
}
