//! One session with the gateway, as an agent has it: hello, batches with a dictionary, acknowledgements. Blocking, with
//! a read that gives up soon, so that one thread can send and listen.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use weir_wire::frame::{self, Batch, Dictionary, Frame, Hello, Inbox, VERSION};

use crate::plan::Planned;

const CONNECT: Duration = Duration::from_secs(2);
const WELCOME: Duration = Duration::from_secs(10);
/// How long one look for an acknowledgement lasts.
const LOOK: Duration = Duration::from_millis(5);
const READ_BYTES: usize = 16 << 10;
/// Twelve times this without a word ends a session at the gateway.
const INTERVAL_MS: u32 = 60_000;

/// An open session.
pub(crate) struct Session {
    stream: TcpStream,
    inbox: Inbox,
    dictionary: Dictionary,
    /// What the gateway had when the session began.
    pub(crate) last_sequence: u64,
}

impl Session {
    /// Connects and is welcomed.
    pub(crate) fn open(address: SocketAddr, agent: &str, boot: u64) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT).context("connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WELCOME))?;
        let mut session = Self {
            stream,
            inbox: Inbox::default(),
            dictionary: Dictionary::default(),
            last_sequence: 0,
        };
        session.put(&Frame::Hello(Hello {
            version: VERSION,
            token: String::new(),
            agent: agent.to_owned(),
            boot,
            interval_ms: INTERVAL_MS,
            labels: Vec::new(),
        }))?;
        session.last_sequence = match session.next()? {
            Some(Frame::Welcome(welcome)) => welcome.last_sequence,
            Some(other) => bail!("instead of a welcome came {other:?}"),
            None => bail!("no welcome in {WELCOME:?}"),
        };
        session.stream.set_read_timeout(Some(LOOK))?;
        Ok(session)
    }

    /// Sends a batch, its series spelled out where this session has not named them yet.
    pub(crate) fn send(&mut self, sequence: u64, points: &[Planned]) -> Result<()> {
        let mut batch = Batch::with_capacity(sequence, points.len());
        for point in points {
            let key = point.line.key()?;
            let (series, new) = self.dictionary.id(&key);
            if new {
                batch.introduce(series, key.borrowed());
            }
            batch.push(series, &point.sample);
        }
        self.put(&Frame::Batch(batch))
    }

    /// The newest sequence acknowledged since the last call, after a short look.
    pub(crate) fn acknowledged(&mut self) -> Result<Option<u64>> {
        let mut newest = None;
        while let Some(frame) = self.next()? {
            match frame {
                Frame::Ack(ack) => newest = newest.max(Some(ack.sequence)),
                Frame::Refuse(refuse) => bail!("refused: {}", refuse.message),
                other => bail!("instead of an acknowledgement came {other:?}"),
            }
            self.stream.set_nonblocking(true)?;
        }
        Ok(newest)
    }

    /// Ends it at once, in the middle of whatever is under way.
    pub(crate) fn cut(self) {
        // It may be gone already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn put(&mut self, frame: &Frame) -> Result<()> {
        let mut bytes = Vec::new();
        frame::encode(frame, &mut bytes);
        self.stream.set_nonblocking(false)?;
        self.stream.write_all(&bytes).context("send")
    }

    /// `None` when nothing came in time.
    fn next(&mut self) -> Result<Option<Frame>> {
        let mut bytes = [0; READ_BYTES];
        loop {
            if let Some(frame) = self.inbox.take()? {
                return Ok(Some(frame));
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => bail!("the gateway closed the session"),
                Ok(count) => self.inbox.room().extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    self.stream.set_nonblocking(false)?;
                    return Ok(None);
                }
                Err(error) => return Err(error).context("listen"),
            }
        }
    }
}
