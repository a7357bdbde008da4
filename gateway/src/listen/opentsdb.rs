//! OpenTSDB's telnet-style protocol. A `put` that is taken has no answer, as there; one that is refused has a line that says
//! why. What was put is handed over before any answer is written.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use weir_store::Clock;
use weir_wire::Reject;
use weir_wire::opentsdb::{self, Command, Fault, Put, Rules, is_http, unknown_command};

use super::accept::accept;
use super::intake::Intake;
use super::lines::Lines;
use crate::admission::{Admission, Source};

const PROTOCOL: &str = "opentsdb_telnet";
const READ_BYTES: usize = 64 << 10;
/// Of answers to one read; a sender that does not listen is not answered without end.
const ANSWER_BYTES: usize = 64 << 10;
const HELP: &str = "available commands: put version help exit\n";
const NO_HTTP: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    this port speaks OpenTSDB's telnet protocol: send HTTP to the gateway's HTTP port, at /api/put\n";

/// The listener.
pub struct OpenTsdbTcp {
    pub listener: TcpListener,
    pub admission: Admission,
    pub clock: Clock,
    pub max_connections: usize,
}

impl OpenTsdbTcp {
    /// Serves until told to stop; then connections get to store what they have read.
    pub async fn run(self, shutdown: CancellationToken) {
        let (admission, clock) = (self.admission, self.clock);
        accept(
            self.listener,
            self.max_connections,
            shutdown,
            |(stream, peer), shutdown| {
                let sender = admission.sender(PROTOCOL, Source::Peer(peer));
                let intake = Intake::new(sender, admission.clone(), Arc::clone(&clock));
                serve(stream, intake, shutdown)
            },
        )
        .await;
    }
}

/// One connection's answers, and whether it is over.
#[derive(Default)]
struct Answers {
    text: String,
    over: bool,
}

async fn serve(mut stream: TcpStream, mut intake: Intake, shutdown: CancellationToken) {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; READ_BYTES]);
    let (mut answers, mut first) = (Answers::default(), true);
    while !answers.over {
        let read = tokio::select! {
            () = shutdown.cancelled() => break,
            read = stream.read(&mut buffer) => read,
        };
        let bytes = match read {
            Ok(bytes @ 1..) => &buffer[..bytes],
            Ok(0) => {
                lines.finish(|line| answers.take(&mut intake, line));
                break;
            }
            _ => break,
        };
        if std::mem::take(&mut first) && is_http(bytes[0]) {
            intake.refuse(Reject::Malformed, 1);
            let _ = stream.write_all(NO_HTTP.as_bytes()).await;
            break;
        }
        lines.feed(bytes, |line| answers.take(&mut intake, line));
        intake.store().await;
        let text = std::mem::take(&mut answers.text);
        if stream.write_all(text.as_bytes()).await.is_err() {
            break;
        }
    }
    intake.all_stored().await;
}

impl Answers {
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
        match opentsdb::parse(line, Rules::default()) {
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
    let mut fault = None;
    let taken = intake.float(
        put.identity.hash(),
        |keys| {
            let read = opentsdb::series_key(put.identity);
            let key = read.map_err(|why| fault.insert(why).reject)?;
            keys.push_key(&key);
            Ok(())
        },
        Some(put.timestamp_ms),
        put.value,
    );
    match (taken, fault) {
        (Err(_), Some(fault)) => Err(fault),
        _ => Ok(()),
    }
}
