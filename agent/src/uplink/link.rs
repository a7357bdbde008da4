//! A connection to a gateway, from hello on: frames out with a session's dictionary, frames in. Who says what is decided
//! by the sessions.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use weir_wire::frame::{self, Dictionary, Frame, FrameError, Hello, Inbox, Refuse, VERSION};

use crate::queue::Point;
use crate::tls::{self, Socket, TlsConfig, TlsError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a gateway may take to end its side once we ended ours.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a session needs to know of this agent.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub host: String,
    pub token: String,
    /// Unlike in every start.
    pub boot: u64,
    pub interval: Duration,
    pub labels: Vec<(String, String)>,
}

/// How a gateway is called.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// `None`: without TLS.
    pub tls: Option<TlsConfig>,
    pub identity: Identity,
    /// A gateway that does not acknowledge, or read, for so long is left for another.
    pub patience: Duration,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("refused ({:?}): {}", .0.code, .0.message)]
    Refused(Refuse),
    #[error("the gateway closed the connection")]
    Closed,
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    #[error("the gateway said something out of order")]
    Order,
}

/// Both ways, apart so that one can be waited for while the other is used.
pub(super) struct Link {
    pub frames: Frames,
    pub out: Out,
    /// What the gateway has of this (agent, boot).
    pub last_sequence: u64,
}

pub(super) struct Out {
    write: tokio::io::WriteHalf<Box<dyn Socket>>,
    dictionary: Dictionary,
    patience: Duration,
}

pub(super) struct Frames {
    read: tokio::io::ReadHalf<Box<dyn Socket>>,
    inbox: Inbox,
}

impl Caller {
    /// Connects and says hello as this boot; returns once the gateway welcomed it.
    pub(super) async fn call(&self, gateway: &str, boot: u64) -> Result<Link, End> {
        let stream = within(CONNECT_TIMEOUT, TcpStream::connect(gateway)).await??;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Socket> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => within(CONNECT_TIMEOUT, tls::connect(tls, gateway, stream)).await??,
        };
        let (read, write) = tokio::io::split(stream);
        let mut frames = Frames {
            read,
            inbox: Inbox::default(),
        };
        let mut out = Out {
            write,
            dictionary: Dictionary::default(),
            patience: self.patience,
        };
        out.send(&Frame::Hello(self.hello(boot))).await?;
        match within(CONNECT_TIMEOUT, frames.next()).await?? {
            Frame::Welcome(welcome) => Ok(Link {
                frames,
                out,
                last_sequence: welcome.last_sequence,
            }),
            Frame::Refuse(refuse) => Err(End::Refused(refuse)),
            _ => Err(End::Order),
        }
    }

    fn hello(&self, boot: u64) -> Hello {
        let identity = &self.identity;
        Hello {
            version: VERSION,
            token: identity.token.clone(),
            agent: identity.host.clone(),
            boot,
            interval_ms: u32::try_from(identity.interval.as_millis()).unwrap_or(u32::MAX),
            labels: identity.labels.clone(),
        }
    }
}

impl Out {
    /// A gateway that reads nothing holds the session up only as long as there is patience.
    pub(super) async fn send(&mut self, frame: &Frame) -> Result<(), End> {
        let mut bytes = Vec::new();
        frame::encode(frame, &mut bytes);
        Ok(within(self.patience, self.write.write_all(&bytes)).await??)
    }

    pub(super) async fn send_batch(&mut self, sequence: u64, points: &[Point]) -> Result<(), End> {
        let mut said = frame::Batch::with_capacity(sequence, points.len());
        for (key, sample) in points {
            let (series, new) = self.dictionary.id(key);
            if new {
                said.introduce(series, key.borrowed());
            }
            said.push(series, sample);
        }
        self.send(&Frame::Batch(said)).await
    }

    /// Ends our side.
    pub(super) async fn close(&mut self) -> Result<(), End> {
        Ok(within(CLOSE_TIMEOUT, self.write.shutdown()).await??)
    }
}

impl Frames {
    /// Loses nothing when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Frame, End> {
        loop {
            if let Some(frame) = self.inbox.take()? {
                return Ok(frame);
            }
            if self.read.read_buf(self.inbox.room()).await? == 0 {
                return Err(End::Closed);
            }
        }
    }

    /// Waits until the gateway ended its side: then it has read everything.
    pub(super) async fn ended(&mut self) {
        let _ = timeout(CLOSE_TIMEOUT, async { while self.next().await.is_ok() {} }).await;
    }
}

async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, End> {
    timeout(limit, future)
        .await
        .map_err(|_| End::Timeout(limit))
}
