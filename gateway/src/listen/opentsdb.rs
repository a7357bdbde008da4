//! OpenTSDB's port: HTTP to whoever begins with one of its methods, otherwise the telnet-style protocol. A `put` that is
//! taken has no answer, as there; one that is refused has a line that says why. What was put is handed over before any
//! answer is written. Where the port asks for tokens, a line `auth TOKEN` comes first, which HTTP does not know.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use weir_store::Clock;
use weir_wire::Reject;
use weir_wire::graphite::Keys;
use weir_wire::opentsdb::{self, Command, Fault, Put, Rules, is_http, unknown_command};

use super::accept::{Entry, accept};
use super::intake::Intake;
use super::lines::Lines;
use crate::access::{Connection, Door, Visitor};
use crate::admission::Admission;
use crate::http::serve_connection;

const PROTOCOL: &str = "opentsdb_telnet";
const READ_BYTES: usize = 64 << 10;
/// Of answers to one read; a sender that does not listen is not answered without end.
const ANSWER_BYTES: usize = 64 << 10;
const HELP: &str = "available commands: put version help exit\n";
/// How long a client may take to say which of the two it speaks, and to read its answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// The listener.
pub struct OpenTsdbTcp {
    pub listener: TcpListener,
    pub admission: Admission,
    pub clock: Clock,
    pub max_connections: usize,
    pub rules: Rules,
    /// What HTTP on this port is answered by.
    pub http: Router,
    pub(crate) door: Door,
}

impl OpenTsdbTcp {
    /// Serves until told to stop; then connections get to store what they have read.
    pub async fn run(self, shutdown: CancellationToken) {
        let (admission, clock, rules, http) = (self.admission, self.clock, self.rules, self.http);
        let entry = Entry {
            door: self.door,
            admission: admission.clone(),
            protocol: PROTOCOL,
            max_connections: self.max_connections,
        };
        accept(
            self.listener,
            entry,
            shutdown,
            move |connection, visitor, sender, shutdown| {
                let intake = Intake::new(sender, admission.clone(), Arc::clone(&clock));
                let answers = Answers::new(rules);
                serve(
                    connection,
                    visitor,
                    http.clone(),
                    (intake, answers),
                    shutdown,
                )
            },
        )
        .await;
    }
}

/// One connection's answers, and whether it is over.
struct Answers {
    rules: Rules,
    text: String,
    over: bool,
}

async fn serve(
    mut stream: Connection,
    visitor: Visitor,
    http: Router,
    (intake, answers): (Intake, Answers),
    shutdown: CancellationToken,
) {
    let mut first = [0];
    let read = tokio::select! {
        () = shutdown.cancelled() => return,
        read = tokio::time::timeout(PATIENCE, stream.read(&mut first)) => read,
    };
    if !matches!(read, Ok(Ok(1..))) {
        return;
    }
    stream.put_back(first.to_vec());
    match is_http(first[0]) {
        true => serve_connection(stream, visitor, http, shutdown).await,
        false => serve_telnet(stream, intake, answers, shutdown).await,
    }
}

async fn serve_telnet(
    mut stream: Connection,
    mut intake: Intake,
    mut answers: Answers,
    shutdown: CancellationToken,
) {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; READ_BYTES]);
    while !answers.over {
        let read = tokio::select! {
            () = shutdown.cancelled() => break,
            read = stream.read(&mut buffer) => read,
        };
        match read {
            Ok(bytes @ 1..) => lines.feed(&buffer[..bytes], |line| answers.take(&mut intake, line)),
            Ok(0) => {
                lines.finish(|line| answers.take(&mut intake, line));
                answers.over = true;
            }
            Err(_) => break,
        }
        intake.store().await;
        let text = std::mem::take(&mut answers.text);
        let written = tokio::time::timeout(PATIENCE, stream.write_all(text.as_bytes()));
        if !matches!(written.await, Ok(Ok(()))) {
            break;
        }
    }
    intake.all_stored().await;
    // TLS has a goodbye of its own; who has left does not hear it.
    let _ = stream.shutdown().await;
}

impl Answers {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            text: String::new(),
            over: false,
        }
    }

    fn take(&mut self, intake: &mut Intake, line: Result<&[u8], Reject>) {
        if self.over {
            return;
        }
        let line = match line {
            Ok(line) => line,
            Err(reason) => {
                intake.refuse(reason, 1);
                return self.say(&format!("error: {reason}"));
            }
        };
        match opentsdb::parse(line, self.rules) {
            Ok(Some(Command::Put(put))) => {
                if let Err(fault) = point(&put, intake) {
                    self.refuse(&fault, intake);
                }
            }
            Ok(Some(command)) => self.obey(&command, intake),
            Ok(None) => {}
            Err(fault) => self.refuse(&fault, intake),
        }
    }

    fn obey(&mut self, command: &Command<'_>, intake: &Intake) {
        match command {
            Command::Version => self.say(&format!(
                "weir-gateway {} takes OpenTSDB's put\nBuilt for the telnet protocol of OpenTSDB 2.4",
                env!("CARGO_PKG_VERSION")
            )),
            Command::Help => self.text.push_str(HELP),
            Command::Exit => self.over = true,
            Command::Rollup | Command::Histogram => {
                intake.refuse(Reject::Unsupported, 1);
                self.say("error: rollups are made here of what is put; send the samples");
            }
            Command::Unknown(word) => {
                intake.refuse(Reject::UnknownType, 1);
                self.say(&unknown_command(word));
            }
            Command::Put(_) | Command::Stats | Command::DropCaches => {
                self.say("error: ask the gateway's HTTP port, at /metrics");
            }
        }
    }

    fn refuse(&mut self, fault: &Fault, intake: &Intake) {
        intake.refuse(fault.reject, 1);
        self.say(&fault.to_string());
    }

    fn say(&mut self, line: &str) {
        if self.text.len() < ANSWER_BYTES {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

fn point(put: &Put<'_>, intake: &mut Intake) -> Result<(), Fault> {
    let key = |keys: &mut Keys| opentsdb::series_key(put.identity).map(|key| keys.push_key(&key));
    intake.float(put.identity.hash(), key, Some(put.timestamp_ms), put.value)
}
