//! The way to a gateway: one session at a time with the first gateway that answers. Batches go out in order, a bounded
//! number ahead of their acknowledgements; after a break everything unacknowledged is sent again under the same
//! (agent, boot, sequence), so that the gateway knows what it has.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use weir_wire::frame::{self, Ack, Dictionary, Frame, FrameError, Hello, Inbox, Refuse, VERSION};

use crate::queue::{Batch, Queue};
use crate::status::Status;
use crate::tls::{self, Socket, TlsConfig, TlsError};

/// Batches sent ahead of their acknowledgement.
const AHEAD: u64 = 32;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

type Reading = tokio::io::ReadHalf<Box<dyn Socket>>;
type Writing = tokio::io::WriteHalf<Box<dyn Socket>>;

/// The queue, and a bell that rings when something was put in.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub queue: Mutex<Queue>,
    pub filled: Notify,
}

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

pub(crate) struct Uplink {
    pub gateways: Vec<String>,
    /// `None`: without TLS.
    pub tls: Option<TlsConfig>,
    pub identity: Identity,
    pub outbox: Arc<Outbox>,
    pub status: Arc<Status>,
    /// How long shutdown waits for acknowledgements.
    pub grace: Duration,
    /// A gateway that does not acknowledge for so long is left for another.
    pub patience: Duration,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum End {
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

impl Uplink {
    /// Works until `shutdown`, then delivers what is queued within the grace and says goodbye.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut pause = Pause::new(self.identity.boot);
        let deadline = grace_after(shutdown.clone(), self.grace);
        tokio::pin!(deadline);
        for gateway in self.gateways.iter().cycle() {
            let session = self.session(gateway, &shutdown, &mut pause);
            let ended = tokio::select! {
                ended = session => ended,
                () = &mut deadline => break,
            };
            self.status.disconnected();
            gauge!("weir_agent_connected").set(0.0);
            let Err(end) = ended else {
                return;
            };
            counter!("weir_agent_sessions_failed_total").increment(1);
            self.status.failed(gateway, &end.to_string());
            tracing::warn!("gateway {gateway}: {end}");
            tokio::select! {
                () = sleep(pause.next()) => {}
                () = &mut deadline => break,
            }
        }
        let left = self.outbox.queue.lock().len();
        tracing::warn!("stopped with {left} batches that no gateway acknowledged");
    }

    /// One connection, from hello to goodbye; `Ok` only after a goodbye.
    async fn session(
        &self,
        gateway: &str,
        shutdown: &CancellationToken,
        pause: &mut Pause,
    ) -> Result<(), End> {
        let stream = within(CONNECT_TIMEOUT, TcpStream::connect(gateway)).await??;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Socket> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => within(CONNECT_TIMEOUT, tls::connect(tls, gateway, stream)).await??,
        };
        let (read, mut write) = tokio::io::split(stream);
        let mut frames = Frames {
            read,
            inbox: Inbox::default(),
        };
        send(&mut write, &Frame::Hello(self.hello()), self.patience).await?;
        match within(CONNECT_TIMEOUT, frames.next()).await?? {
            Frame::Welcome(welcome) => self.outbox.queue.lock().acknowledge(welcome.last_sequence),
            Frame::Refuse(refuse) => return Err(End::Refused(refuse)),
            _ => return Err(End::Order),
        }
        self.status.connected(gateway);
        gauge!("weir_agent_connected").set(1.0);
        tracing::info!("connected to gateway {gateway}");
        let session = Session {
            uplink: self,
            pause,
            write,
            dictionary: Dictionary::default(),
            sent: 0,
            acknowledged: 0,
            heard: Instant::now(),
        };
        session.run(frames, shutdown).await
    }

    fn hello(&self) -> Hello {
        let identity = &self.identity;
        Hello {
            version: VERSION,
            token: identity.token.clone(),
            agent: identity.host.clone(),
            boot: identity.boot,
            interval_ms: u32::try_from(identity.interval.as_millis()).unwrap_or(u32::MAX),
            labels: identity.labels.clone(),
        }
    }
}

struct Session<'a> {
    uplink: &'a Uplink,
    /// Back to short once something was acknowledged: a welcome alone proves nothing.
    pause: &'a mut Pause,
    write: Writing,
    dictionary: Dictionary,
    /// The newest sequence sent, and the newest acknowledged, in this session; 0 before the first.
    sent: u64,
    acknowledged: u64,
    /// When something last moved: an acknowledgement, or a first batch after none was waiting.
    heard: Instant,
}

impl Session<'_> {
    async fn run(mut self, mut frames: Frames, shutdown: &CancellationToken) -> Result<(), End> {
        let mut beat = tokio::time::interval(self.uplink.identity.interval);
        loop {
            let outbox = &self.uplink.outbox;
            let filled = outbox.filled.notified();
            self.send_waiting().await?;
            if shutdown.is_cancelled() && outbox.queue.lock().is_empty() {
                send(&mut self.write, &Frame::Goodbye, self.uplink.patience).await?;
                self.write.shutdown().await?;
                return Ok(());
            }
            tokio::select! {
                frame = frames.next() => self.take(frame?)?,
                () = filled => {}
                _ = beat.tick() => self.beat().await?,
                () = shutdown.cancelled(), if !shutdown.is_cancelled() => {}
            }
        }
    }

    async fn send_waiting(&mut self) -> Result<(), End> {
        loop {
            let next = self.uplink.outbox.queue.lock().after(self.sent);
            let Some(batch) = next.filter(|_| self.waiting() < AHEAD) else {
                return Ok(());
            };
            if self.waiting() == 0 {
                self.heard = Instant::now();
            }
            let frame = self.frame(&batch);
            send(&mut self.write, &frame, self.uplink.patience).await?;
            counter!("weir_agent_sent_batches_total").increment(1);
            if self.acknowledged == 0 {
                // What was dropped or acknowledged before is not waited for.
                self.acknowledged = batch.sequence - 1;
            }
            self.sent = batch.sequence;
        }
    }

    fn waiting(&self) -> u64 {
        self.sent.saturating_sub(self.acknowledged)
    }

    fn frame(&mut self, batch: &Batch) -> Frame {
        let mut said = frame::Batch::with_capacity(batch.sequence, batch.points.len());
        for (key, sample) in &batch.points {
            let (series, new) = self.dictionary.id(key);
            if new {
                said.introduce(series, key.borrowed());
            }
            said.push(series, sample);
        }
        Frame::Batch(said)
    }

    fn take(&mut self, frame: Frame) -> Result<(), End> {
        match frame {
            Frame::Ack(Ack {
                sequence,
                load_permille,
            }) => {
                self.acknowledged = sequence;
                self.heard = Instant::now();
                self.pause.reset();
                gauge!("weir_agent_gateway_load_permille").set(f64::from(load_permille));
                self.uplink.outbox.queue.lock().acknowledge(sequence);
                self.uplink.status.acknowledged();
                Ok(())
            }
            Frame::Refuse(refuse) => Err(End::Refused(refuse)),
            _ => Err(End::Order),
        }
    }

    async fn beat(&mut self) -> Result<(), End> {
        let patience = self.uplink.patience;
        if self.waiting() > 0 && self.heard.elapsed() > patience {
            return Err(End::Timeout(patience));
        }
        send(&mut self.write, &Frame::Heartbeat, patience).await
    }
}

struct Frames {
    read: Reading,
    inbox: Inbox,
}

impl Frames {
    /// Loses nothing when the future is dropped.
    async fn next(&mut self) -> Result<Frame, End> {
        loop {
            if let Some(frame) = self.inbox.take()? {
                return Ok(frame);
            }
            if self.read.read_buf(self.inbox.room()).await? == 0 {
                return Err(End::Closed);
            }
        }
    }
}

/// A gateway that reads nothing holds the session up only as long as there is patience.
async fn send(write: &mut Writing, frame: &Frame, patience: Duration) -> Result<(), End> {
    let mut bytes = Vec::new();
    frame::encode(frame, &mut bytes);
    Ok(within(patience, write.write_all(&bytes)).await??)
}

async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, End> {
    timeout(limit, future)
        .await
        .map_err(|_| End::Timeout(limit))
}

async fn grace_after(shutdown: CancellationToken, grace: Duration) {
    shutdown.cancelled().await;
    sleep(grace).await;
}

/// Pauses between tries: doubling, and each between half and all of it, so that a fleet does not come back at once.
struct Pause {
    longest: Duration,
    seed: u64,
}

impl Pause {
    fn new(seed: u64) -> Self {
        Self {
            longest: FIRST_PAUSE,
            seed: seed | 1,
        }
    }

    fn reset(&mut self) {
        self.longest = FIRST_PAUSE;
    }

    fn next(&mut self) -> Duration {
        // xorshift64: enough to spread a fleet.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let share = 0.5 + (self.seed % 1_000) as f64 / 2_000.0;
        let pause = self.longest.mul_f64(share);
        self.longest = (self.longest * 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAULTS 42: a thousand agents that lost their gateway at one moment come back spread out: in no second do more of them
    /// say hello than twice the batches of a second when all is well.
    #[test]
    fn a_fleet_does_not_come_back_at_once() {
        const AGENTS: u64 = 1_000;
        const INTERVAL_S: u64 = 10;
        let steady = AGENTS / INTERVAL_S;
        for outage_s in [1_800_u64, 60] {
            let mut hellos = vec![0_u64; 60];
            for agent in 0..AGENTS {
                // As boots are: unlike each other, and near.
                let mut pause = Pause::new(1_795_525_721_000_000_000 + agent * 1_000_003);
                let mut at = Duration::ZERO;
                while at.as_secs() < outage_s {
                    at += pause.next();
                }
                hellos[(at.as_secs() - outage_s) as usize] += 1;
            }
            let peak = hellos.iter().max().unwrap();
            assert!(*peak <= 2 * steady, "after {outage_s} s: {hellos:?}");
            let back: u64 = hellos[..=LONGEST_PAUSE.as_secs() as usize].iter().sum();
            assert_eq!(
                back, AGENTS,
                "and nobody waits longer than the longest pause"
            );
        }
    }
}
