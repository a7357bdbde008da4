//! Sessions of agents. Batches go to the store in the order they came, acknowledgements come back in that order, each
//! after the disk; a failure ends the session, and the agent sends again what was not acknowledged.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use weir_store::{Chain, Origin, Points, SeriesId, Store, StoreError, Written};
use weir_wire::frame::FrameError;
use weir_wire::frame::{
    self, Ack, Batch, Floats, Frame, Hello, Inbox, Refuse, RefuseCode, VERSION, Welcome,
};
use weir_wire::{KeyRun, Reject, SeriesKey, is_stale};

use super::stranger::Stranger;
use crate::access::{Connection, Denied, Door, Pass, Scope, Visitor};
use crate::admission::{Admission, Sender};
use crate::presence::Presence;

const PROTOCOL: &str = "frames";
const SPEAKS: &str = "agents' frames";
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a word for so many of its intervals, a session is taken for half-open and closed.
const SILENT_INTERVALS: u32 = 6;
/// Batches of one session that may wait for the disk.
const IN_FLIGHT: usize = 64;
/// Series a session may name.
const DICTIONARY: usize = 4_000_000;
/// Series over a limit that a session remembers, and how often it asks for them again.
const REFUSED: usize = 10_000;
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// The listener for agents.
pub struct FrameListener {
    pub listener: TcpListener,
    pub store: Arc<Store>,
    pub admission: Admission,
    pub presence: Arc<Presence>,
    /// The one token of frames.token; empty for none.
    pub token: String,
    pub(crate) door: Door,
}

impl FrameListener {
    /// Serves until told to stop; then sessions acknowledge what they have handed over.
    pub async fn run(self, shutdown: CancellationToken) {
        let (sessions, house) = (TaskTracker::new(), Arc::new(self));
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = house.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (house, shutdown) = (Arc::clone(&house), shutdown.clone());
                    sessions.spawn(async move {
                        let greeted = tokio::select! {
                            () = shutdown.cancelled() => None,
                            greeted = house.door.greet(stream, peer.ip()) => greeted,
                        };
                        let Some((connection, visitor)) = greeted else {
                            return;
                        };
                        metrics::gauge!("weir_frames_sessions").increment(1.0);
                        if let Err(end) = house.session(connection, visitor, shutdown).await {
                            metrics::counter!("weir_frames_sessions_failed_total", "reason" => end.reason()).increment(1);
                            tracing::warn!("session of {peer} ended: {end}");
                        }
                        metrics::gauge!("weir_frames_sessions").decrement(1.0);
                    });
                }
                Err(error) => pause_after(&error).await,
            }
        }
        sessions.close();
        sessions.wait().await;
    }

    async fn session(
        &self,
        connection: Connection,
        mut visitor: Visitor,
        shutdown: CancellationToken,
    ) -> Result<(), End> {
        // Acknowledgements are small and waited for.
        connection.set_nodelay();
        let (read, mut write) = tokio::io::split(connection);
        let mut frames = Frames {
            read,
            inbox: Inbox::default(),
            read_bytes: 0,
            is_first: true,
        };
        let hello = match tokio::time::timeout(HELLO_TIMEOUT, frames.next()).await {
            Err(_) => return Err(End::Silent),
            Ok(first) => first,
        };
        let hello = match self.greet(hello, &visitor) {
            Ok(Some((hello, pass))) => {
                visitor.pass = pass;
                hello
            }
            Ok(None) => return Ok(()),
            Err(End::Stranger(stranger @ (Stranger::Http | Stranger::Tls))) => {
                let _ = write.write_all(&stranger.answer(SPEAKS)).await;
                return Err(End::Stranger(stranger));
            }
            Err(end) => {
                // It may not listen any more; the reason is logged here too.
                let _ = send(&mut write, &Frame::Refuse(end.refusal(0))).await;
                return Err(end);
            }
        };
        let welcome = Welcome {
            version: VERSION,
            last_sequence: self.store.last_sequence(&hello.agent, hello.boot),
        };
        send(&mut write, &Frame::Welcome(welcome)).await?;
        self.presence.heard(&hello);
        let (answers, inbox) = mpsc::channel(IN_FLIGHT + 1);
        let slots = Arc::new(Semaphore::new(IN_FLIGHT));
        let answering = tokio::spawn(answer(write, inbox));
        let session = Session {
            house: self,
            pass: visitor.pass.clone(),
            sender: self.admission.sender(PROTOCOL, visitor.source()),
            hello,
            dictionary: Vec::new(),
            refused: Vec::new(),
            asked_again: Instant::now(),
            chain: Chain::default(),
            answers: answers.clone(),
            slots: Arc::clone(&slots),
            last_sequence: 0,
        };
        let ended = session.run(frames, shutdown).await;
        if let Err(end) = &ended {
            // What is on its way to the disk is answered first. The agent may have left already; then nobody is told.
            let _all_answered = slots.acquire_many(IN_FLIGHT as u32).await;
            let _ = answers.send(Answer::Refusal(end.refusal(0))).await;
        }
        drop(answers);
        let answered = answering.await.unwrap_or(Ok(()));
        ended.and(answered)
    }

    /// `None` for a peer that left without a word.
    fn greet(
        &self,
        first: Result<Option<Frame>, End>,
        visitor: &Visitor,
    ) -> Result<Option<(Hello, Option<Pass>)>, End> {
        let hello = match first? {
            None => return Ok(None),
            Some(Frame::Hello(hello)) => hello,
            Some(_) => return Err(End::Order("a session begins with hello")),
        };
        if hello.version != VERSION {
            return Err(End::Version(hello.version));
        }
        let pass = self.ask(&hello.token).inspect_err(|denied| {
            self.door.refuse(*denied, visitor.address);
        })?;
        if hello.agent.is_empty() {
            return Err(End::Order("hello names no agent"));
        }
        Ok(Some((hello, pass)))
    }

    /// A token of the file, or the one of frames.token; neither is needed where neither is asked for.
    fn ask(&self, shown: &str) -> Result<Option<Pass>, Denied> {
        let access = self.door.access();
        let checked = access.check(shown, Scope::Write);
        if let Ok(pass) = checked {
            return Ok(Some(pass));
        }
        let one = self.token.as_bytes();
        if !one.is_empty() && same_secret(one, shown.as_bytes()) {
            return Ok(None);
        }
        match one.is_empty() && !self.door.asks_for_tokens() {
            true => Ok(None),
            false => checked.map(Some),
        }
    }
}

/// On its way to the agent.
enum Answer {
    /// What became of a batch; its slot is free again once this is sent.
    Batch(u64, Result<Written, StoreError>, OwnedSemaphorePermit),
    Refusal(Refuse),
}

struct Session<'a> {
    house: &'a FrameListener,
    pass: Option<Pass>,
    sender: Sender,
    hello: Hello,
    dictionary: Vec<Result<SeriesId, Reject>>,
    /// Those over a limit, to be asked for again.
    refused: Vec<(u32, SeriesKey)>,
    asked_again: Instant,
    chain: Chain,
    answers: mpsc::Sender<Answer>,
    slots: Arc<Semaphore>,
    /// The newest that this session brought; 0 before the first.
    last_sequence: u64,
}

impl Session<'_> {
    async fn run(mut self, mut frames: Frames, shutdown: CancellationToken) -> Result<(), End> {
        let patience =
            Duration::from_millis(u64::from(self.hello.interval_ms.max(1_000))) * SILENT_INTERVALS;
        loop {
            let next = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = self.answers.closed() => return Ok(()),
                next = tokio::time::timeout(patience, frames.next()) => next,
            };
            let frame = match next.map_err(|_| End::Silent)?? {
                Some(frame) => frame,
                None => return Ok(()),
            };
            let bytes = std::mem::take(&mut frames.read_bytes);
            self.house.admission.pay_bytes(&self.sender, bytes).await;
            // A token that was revoked ends the session; the agent keeps what is not acknowledged.
            if let Some(pass) = &self.pass
                && !self.house.door.access().is_good(pass)
            {
                return Err(End::Token(Denied::Unknown));
            }
            match frame {
                Frame::Batch(batch) => self.take(batch).await?,
                Frame::Heartbeat => {}
                Frame::Goodbye => {
                    self.house.presence.left(&self.hello);
                    return Ok(());
                }
                _ => {
                    return Err(End::Order(
                        "only batches, heartbeats and goodbye follow hello",
                    ));
                }
            }
            self.house.presence.heard(&self.hello);
        }
    }

    async fn take(&mut self, batch: Batch) -> Result<(), End> {
        let sequence = batch.sequence;
        // IMPORTANT: one that was overtaken would be taken for known, acknowledged and lost.
        if sequence <= self.last_sequence {
            return Err(End::Order("sequences ascend within a session, from 1"));
        }
        self.last_sequence = sequence;
        self.learn(&batch)?;
        self.note_clock(&batch);
        let points = self.points(batch)?;
        let origin = Origin {
            agent: self.hello.agent.clone(),
            boot: self.hello.boot,
            sequence,
        };
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return Ok(());
        };
        let answers = self.answers.clone();
        let done = Box::new(move |result| {
            // There is a place for each slot, so this fails only when nobody answers any more.
            let _ = answers.try_send(Answer::Batch(sequence, result, slot));
        });
        let chain = Some(self.chain.clone());
        self.house
            .admission
            .submit(&self.sender, Some(origin), chain, points, done)
            .await;
        Ok(())
    }

    /// What is sent last was measured last.
    fn note_clock(&self, batch: &Batch) {
        let newest = batch.histograms.last().map(|one| one.timestamp_ms);
        if let Some(newest_ms) = newest.max(batch.floats.last_ms()) {
            self.house.presence.stamped(&self.hello, newest_ms);
        }
    }

    fn learn(&mut self, batch: &Batch) -> Result<(), End> {
        self.ask_again();
        let new = &batch.new_series;
        if new.is_empty() {
            return Ok(());
        }
        let known = self.dictionary.len();
        if batch.first_id as usize != known || known + new.len() > DICTIONARY {
            return Err(End::Order("series ids are dense, and bounded"));
        }
        let found = self.house.admission.resolve_many(&self.sender, new);
        let over_limit = new.iter().zip(&found).enumerate();
        for (at, (key, _)) in
            over_limit.filter(|(_, (_, one))| matches!(one, Err(Reject::OverLimit)))
        {
            if self.refused.len() < REFUSED {
                self.refused.push(((known + at) as u32, key.to_key()));
            }
        }
        self.dictionary.extend(found);
        Ok(())
    }

    /// A limit on new series may have room again, and the agent introduces a series only once.
    fn ask_again(&mut self) {
        if self.refused.is_empty() || self.asked_again.elapsed() < ASK_AGAIN {
            return;
        }
        self.asked_again = Instant::now();
        let keys: KeyRun = self.refused.iter().map(|(_, key)| key).collect();
        let found = self.house.admission.resolve_many(&self.sender, &keys);
        let mut found = found.into_iter();
        let dictionary = &mut self.dictionary;
        self.refused.retain(|(id, _)| {
            let now = found.next().unwrap_or(Err(Reject::OverLimit));
            if let Some(known) = dictionary.get_mut(*id as usize) {
                *known = now;
            }
            now == Err(Reject::OverLimit)
        });
    }

    /// The points of series that were taken; what is refused is counted, and its neighbours stay.
    fn points(&self, batch: Batch) -> Result<Points, End> {
        let mut points = self.floats(batch.floats)?;
        for one in &batch.histograms {
            match self.series(one.series)? {
                Ok(series) => points.push_histogram(series, one.timestamp_ms, &one.histogram),
                Err(reason) => self.sender.refuse(reason, 1),
            }
        }
        Ok(points)
    }

    /// The columns go on as they came, but for the series' numbers, when nothing is to be refused.
    fn floats(&self, floats: Floats) -> Result<Points, End> {
        let (ids, times_ms, values) = floats.into_columns();
        let numbers = ids
            .iter()
            .map_while(|id| self.dictionary.get(*id as usize)?.ok());
        let series: Vec<SeriesId> = numbers.collect();
        if series.len() == ids.len() && values.iter().all(|value| storable(*value)) {
            return Ok(Points::from_columns(series, times_ms, values));
        }
        let mut points = Points::with_capacity(ids.len());
        for ((id, at_ms), value) in ids.iter().zip(times_ms).zip(values) {
            match self.series(*id)? {
                Err(reason) => self.sender.refuse(reason, 1),
                Ok(_) if !storable(value) => self.sender.refuse(Reject::NotFinite, 1),
                Ok(series) => points.push(series, at_ms, value),
            }
        }
        Ok(points)
    }

    /// The series, or why it was not taken.
    fn series(&self, id: u32) -> Result<Result<SeriesId, Reject>, End> {
        let series = self.dictionary.get(id as usize).copied();
        series.ok_or(End::Order("a point of a series that was not introduced"))
    }
}

/// The stale mark is the one NaN that means something.
fn storable(value: f64) -> bool {
    value.is_finite() || is_stale(value)
}

/// Sends an acknowledgement for the newest batch that is done; a failed one ends the session.
async fn answer(
    mut write: WriteHalf<Connection>,
    mut inbox: mpsc::Receiver<Answer>,
) -> Result<(), End> {
    let mut answers = Vec::with_capacity(IN_FLIGHT);
    while inbox.recv_many(&mut answers, IN_FLIGHT).await > 0 {
        let load_permille = (inbox.len() * 1_000 / (IN_FLIGHT + 1)) as u16;
        let mut newest = None;
        for one in answers.drain(..) {
            match one {
                Answer::Batch(sequence, result, slot) => {
                    drop(slot);
                    let Err(error) = result else {
                        newest = Some(sequence);
                        continue;
                    };
                    acknowledge(&mut write, newest, load_permille).await?;
                    let end = End::Store(error);
                    send(&mut write, &Frame::Refuse(end.refusal(sequence))).await?;
                    return Err(end);
                }
                Answer::Refusal(refuse) => {
                    acknowledge(&mut write, newest.take(), load_permille).await?;
                    send(&mut write, &Frame::Refuse(refuse)).await?;
                }
            }
        }
        acknowledge(&mut write, newest, load_permille).await?;
    }
    // TLS has a goodbye of its own; who has left does not hear it.
    let _ = write.shutdown().await;
    Ok(())
}

async fn acknowledge(
    write: &mut WriteHalf<Connection>,
    newest: Option<u64>,
    load_permille: u16,
) -> Result<(), End> {
    match newest {
        Some(sequence) => {
            send(
                write,
                &Frame::Ack(Ack {
                    sequence,
                    load_permille,
                }),
            )
            .await
        }
        None => Ok(()),
    }
}

async fn send(write: &mut WriteHalf<Connection>, frame: &Frame) -> Result<(), End> {
    let mut bytes = Vec::new();
    frame::encode(frame, &mut bytes);
    write.write_all(&bytes).await.map_err(End::Io)
}

/// Frames off a socket.
struct Frames {
    read: ReadHalf<Connection>,
    inbox: Inbox,
    /// Not paid for yet.
    read_bytes: u64,
    /// Nothing was read yet: whoever it is may speak anything.
    is_first: bool,
}

impl Frames {
    /// The next frame; `None` at the end of the stream. Loses nothing when the future is dropped.
    async fn next(&mut self) -> Result<Option<Frame>, End> {
        loop {
            if let Some(frame) = self.inbox.take().map_err(End::Frame)? {
                return Ok(Some(frame));
            }
            match self.read.read_buf(self.inbox.room()).await {
                Ok(0) => return Ok(None),
                Ok(bytes) => {
                    self.read_bytes += bytes as u64;
                    if std::mem::take(&mut self.is_first) {
                        self.refuse_strangers()?;
                    }
                }
                Err(error) => return Err(End::Io(error)),
            }
        }
    }

    fn refuse_strangers(&mut self) -> Result<(), End> {
        match Stranger::on_binary(self.inbox.room()) {
            Some(stranger) => Err(End::Stranger(stranger)),
            None => Ok(()),
        }
    }
}

/// Why a session ended other than by the peer's will.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(
        "frame version {0} is not spoken here, only {VERSION}; update the older of agent and gateway"
    )]
    Version(u16),
    #[error("{0}")]
    Token(#[from] Denied),
    #[error("out of order: {0}")]
    Order(&'static str),
    #[error("{0}")]
    Frame(FrameError),
    #[error("{}", .0.complaint(SPEAKS))]
    Stranger(Stranger),
    #[error("nothing was heard in time")]
    Silent,
    #[error("{0}")]
    Store(StoreError),
    #[error("{0}")]
    Io(std::io::Error),
}

impl End {
    fn reason(&self) -> &'static str {
        match self {
            End::Version(_) => "version",
            End::Token(_) => "token",
            End::Order(_) => "order",
            End::Frame(_) => "malformed",
            End::Stranger(_) => "protocol",
            End::Silent => "silent",
            End::Store(_) => "store",
            End::Io(_) => "io",
        }
    }

    fn refusal(&self, sequence: u64) -> Refuse {
        let code = match self {
            End::Version(_) => RefuseCode::Version,
            End::Token(_) => RefuseCode::Token,
            End::Store(StoreError::Busy | StoreError::Full(_)) => RefuseCode::Busy,
            End::Store(_) | End::Io(_) => RefuseCode::Internal,
            End::Frame(FrameError::TooLong(_)) => RefuseCode::TooLarge,
            End::Order(_) | End::Frame(_) | End::Stranger(_) | End::Silent => RefuseCode::Malformed,
        };
        Refuse {
            code,
            sequence,
            message: self.to_string(),
        }
    }
}

/// Takes as long for a wrong secret as for the right one.
fn same_secret(wanted: &[u8], given: &[u8]) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let differing = wanted
        .iter()
        .zip(given)
        .fold(0, |all, (a, b)| all | (a ^ b));
    differing == 0 && wanted.len() == given.len()
}

/// Accepting fails when descriptors run out: trying again at once would only burn the processor.
pub(super) async fn pause_after(error: &std::io::Error) {
    tracing::warn!("cannot accept a connection: {error}");
    metrics::counter!("weir_accept_failures_total").increment(1);
    tokio::time::sleep(Duration::from_millis(100)).await;
}
