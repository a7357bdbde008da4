//! A session of frames: hello, batches up to a window ahead of their acknowledgements, goodbye once all are on disk.
//! The acknowledgements are read by a thread of its own, so that writing never waits for reading.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use weir_wire::frame::{self, Frame, Hello, Inbox, VERSION};

use super::{Channel, PATIENCE, Sent, Target};

/// The gateway closes a session that is silent for six of these.
const INTERVAL_MS: u32 = 60_000;

/// One connection's.
pub(crate) struct Session {
    stream: TcpStream,
    window: u64,
    sequence: u64,
    answers: Arc<Answers>,
}

#[derive(Default)]
struct Answers {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    acknowledged: u64,
    sent: Sent,
    /// Why nothing more will come.
    ended: Option<String>,
}

struct Waiting {
    sequence: u64,
    samples: u64,
    since: Instant,
}

impl Session {
    /// # Errors
    /// When the gateway does not welcome us.
    pub(crate) fn connect(target: &Target) -> Result<Self> {
        let mut stream = TcpStream::connect(target.address)
            .with_context(|| format!("connect to {}", target.address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&bytes_of(&hello(&stream)?))?;
        let (mut reading, mut inbox) = (stream.try_clone()?, Inbox::default());
        match next(&mut reading, &mut inbox)? {
            Some(Frame::Welcome(_)) => {}
            other => bail!("instead of a welcome came {other:?}"),
        }
        let answers = Arc::new(Answers::default());
        let shared = Arc::clone(&answers);
        thread::spawn(move || shared.listen(&mut reading, &mut inbox));
        Ok(Self {
            stream,
            window: target.window.max(1),
            sequence: 0,
            answers,
        })
    }

    /// Waits until no more than `ahead` batches are unanswered.
    ///
    /// # Errors
    /// When the session has ended, or the gateway is silent for too long.
    pub(crate) fn settle(&self, ahead: u64) -> Result<()> {
        let state = self.answers.lock();
        let waiting =
            |state: &mut State| state.ended.is_none() && state.acknowledged + ahead < self.sequence;
        let waited = self
            .answers
            .changed
            .wait_timeout_while(state, PATIENCE, waiting);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        ensure!(
            !timeout.timed_out(),
            "no acknowledgement came in {PATIENCE:?}"
        );
        match &state.ended {
            Some(why) if state.acknowledged + ahead < self.sequence => bail!("{why}"),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// When the session has ended.
    pub(crate) fn send(&mut self, bytes: &[u8], samples: u64) -> Result<()> {
        self.settle(self.window - 1)?;
        self.sequence += 1;
        let mut state = self.answers.lock();
        state.waiting.push_back(Waiting {
            sequence: self.sequence,
            samples,
            since: Instant::now(),
        });
        state.sent.samples += samples;
        state.sent.bytes += bytes.len() as u64;
        drop(state);
        Ok(self.stream.write_all(bytes)?)
    }

    /// What is acknowledged until now, and what it took.
    pub(crate) fn so_far(&self) -> Sent {
        self.answers.lock().sent.clone()
    }

    /// Waits for the last acknowledgement and says goodbye.
    ///
    /// # Errors
    /// When the session ended before that.
    pub(crate) fn finish(mut self) -> Result<Sent> {
        self.settle(0)?;
        // Everything is on disk; a gateway that is gone now need not be told.
        let _ = self.stream.write_all(&bytes_of(&Frame::Goodbye));
        let _ = self.stream.shutdown(Shutdown::Both);
        Ok(std::mem::take(&mut self.answers.lock().sent))
    }
}

impl Channel for Session {
    fn send(&mut self, bytes: &[u8], samples: u64) -> Result<()> {
        Session::send(self, bytes, samples)
    }

    fn finish(self: Box<Self>) -> Result<Sent> {
        Session::finish(*self)
    }
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, stream: &mut TcpStream, inbox: &mut Inbox) {
        let why = loop {
            match next(stream, inbox) {
                Ok(Some(Frame::Ack(ack))) => self.lock().acknowledge(ack.sequence),
                Ok(Some(Frame::Refuse(refuse))) => break format!("refused: {}", refuse.message),
                Ok(Some(other)) => break format!("out of order: {other:?}"),
                Ok(None) => break "the gateway hung up".to_owned(),
                Err(error) => break format!("{error:#}"),
            }
            self.changed.notify_all();
        };
        self.lock().ended = Some(why);
        self.changed.notify_all();
    }
}

impl State {
    fn acknowledge(&mut self, sequence: u64) {
        self.acknowledged = sequence;
        while let Some(oldest) = self
            .waiting
            .pop_front_if(|oldest| oldest.sequence <= sequence)
        {
            self.sent.accepted += oldest.samples;
            self.sent
                .ack_ms
                .push(oldest.since.elapsed().as_secs_f64() * 1e3);
        }
    }
}

/// Unlike any other session of this or another run.
fn hello(stream: &TcpStream) -> Result<Frame> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Frame::Hello(Hello {
        version: VERSION,
        token: String::new(),
        agent: format!("bench-{}", stream.local_addr()?.port()),
        boot: since.as_nanos() as u64,
        interval_ms: INTERVAL_MS,
        labels: Vec::new(),
    }))
}

fn bytes_of(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(frame, &mut bytes);
    bytes
}

fn next(stream: &mut TcpStream, inbox: &mut Inbox) -> Result<Option<Frame>> {
    let mut buffer = [0; 4_096];
    loop {
        if let Some(frame) = inbox.take()? {
            return Ok(Some(frame));
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            length => inbox.room().extend_from_slice(&buffer[..length]),
        }
    }
}
