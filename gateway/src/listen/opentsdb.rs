//! OpenTSDB's port: HTTP to whoever begins with one of its methods, otherwise the telnet-style protocol. A `put` that is
//! taken has no answer, as there; one that is refused has a line that says why. What was put is handed over before any
//! answer is written.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use weir_store::Clock;
use weir_wire::graphite::{Keys, MAX_LINE_BYTES};
use weir_wire::opentsdb::{self, Command, Fault, Put, Rules, is_http, unknown_command};
use weir_wire::{Lines, Reject};

use super::accept::{Entry, accept_all};
use super::intake::Intake;
use super::last_reads::LastReads;
use super::stranger::Stranger;
use crate::access::{Connection, Door, Visitor};
use crate::admission::Admission;
use crate::http::serve_connection;

const PROTOCOL: &str = "opentsdb_telnet";
const READ_BYTES: usize = 64 << 10;
/// Of answers to one read; a sender that does not listen is not answered without end.
const ANSWER_BYTES: usize = 64 << 10;
const HELP: &str = "available commands: put version help exit\n";
const SPEAKS: &str = "OpenTSDB's telnet protocol and its HTTP";
/// How long a client may take to say which of the two it speaks, and to read its answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// The listener.
pub struct OpenTsdbTcp {
    pub listener: TcpListener,
    pub admission: Admission,
    pub clock: Clock,
    pub max_connections: usize,
    pub(crate) door: Door,
    pub rules: Rules,
    /// What HTTP on this port is answered by.
    pub http: Router,
}

impl OpenTsdbTcp {
    /// Serves until told to stop; then connections get to store what they have read.
    pub async fn run(self, shutdown: CancellationToken) {
        let (admission, clock) = (self.admission, self.clock);
        let port = Arc::new(Port {
            entry: Entry {
                door: self.door,
                admission: admission.clone(),
                protocol: PROTOCOL,
                max_connections: self.max_connections,
            },
            clock,
            rules: self.rules,
            http: self.http,
        });
        accept_all(
            self.listener,
            self.max_connections,
            shutdown,
            move |stream, peer, shutdown| Arc::clone(&port).serve(stream, peer, shutdown),
        )
        .await;
    }
}

/// What every connection needs.
struct Port {
    entry: Entry,
    clock: Clock,
    rules: Rules,
    http: Router,
}

impl Port {
    async fn serve(self: Arc<Self>, stream: TcpStream, peer: IpAddr, shutdown: CancellationToken) {
        let mut reads = LastReads::new(shutdown.clone());
        let begun = reads.or_end(self.begin(stream, peer)).await;
        let Some((mut connection, visitor, first)) = begun.flatten() else {
            return;
        };
        if is_http(first) {
            return serve_connection(connection, visitor, self.http.clone(), shutdown).await;
        }
        let sender = self.entry.admit(&mut connection, &visitor);
        let admission = self.entry.admission.clone();
        let intake = Intake::new(sender, admission, Arc::clone(&self.clock));
        if let Some(stranger) = Stranger::by_first_byte(first) {
            return refuse(stranger, connection, &intake).await;
        }
        serve_telnet(connection, intake, Answers::new(self.rules), shutdown).await;
    }

    /// Through the door; who speaks HTTP shows a token by request, anybody else before the first line.
    async fn begin(&self, stream: TcpStream, peer: IpAddr) -> Option<(Connection, Visitor, u8)> {
        let door = &self.entry.door;
        let (mut connection, visitor) = door.greet(stream, peer).await?;
        let first = tokio::time::timeout(PATIENCE, connection.first_byte()).await;
        let first = first.ok()??;
        if is_http(first) {
            return Some((connection, visitor, first));
        }
        let (connection, visitor) = door.ask_for_token(connection, visitor).await?;
        Some((connection, visitor, first))
    }
}

/// TLS where it is not spoken.
async fn refuse(stranger: Stranger, mut connection: Connection, intake: &Intake) {
    intake.refuse(Reject::Malformed, 1);
    tracing::warn!(
        "{PROTOCOL} from {} was refused: {}",
        intake.sender().source(),
        stranger.complaint(SPEAKS)
    );
    let _ = connection.write_all(&stranger.answer(SPEAKS)).await;
    let _ = connection.shutdown().await;
}

/// One connection's answers, and whether it is over.
struct Answers {
    rules: Rules,
    text: String,
    over: bool,
}

async fn serve_telnet(
    mut stream: Connection,
    mut intake: Intake,
    mut answers: Answers,
    shutdown: CancellationToken,
) {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; READ_BYTES]);
    let mut reads = LastReads::new(shutdown);
    while !answers.over {
        let Some(read) = reads.or_end(stream.read(&mut buffer)).await else {
            break;
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
                return self.say(&format!(
                    "error: {reason}: a line is longer than {MAX_LINE_BYTES} bytes"
                ));
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
