//! The sessions for what is on disk: oldest first, beside the live one and to the same gateway, paced, and never while
//! live data waits. A run of sequences has sessions of its own, since a gateway takes sequences of a boot in
//! their order: what is older than the live data would be taken for known.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use weir_wire::frame::{Frame, RefuseCode};

use super::Outbox;
use super::link::{Caller, End, Frames, Link, Out};
use super::pace::{Pace, PaceConfig};
use super::pause::Pause;
use crate::jitter::Jitter;
use crate::spool::{Record, Spool};
use crate::spooler::Depot;
use crate::status::Status;

/// Records sent ahead of their acknowledgement.
const AHEAD: usize = 8;
/// While live data waits, and while everything that may be in flight is.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long a stop waits for acknowledgements; what is not acknowledged stays on disk.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// So often in a row the same record may be refused as one that cannot be taken.
const REFUSALS: u32 = 3;

pub(crate) struct Backlog {
    pub caller: Caller,
    pub outbox: Arc<Outbox>,
    pub depot: Arc<Depot>,
    pub status: Arc<Status>,
    pub pace: PaceConfig,
    pub live: watch::Receiver<Option<String>>,
    /// Cancelled when the last session has ended.
    pub closed: CancellationToken,
}

/// What outlives a session.
struct Memory {
    pace: Pace,
    pause: Pause,
    jitter: Jitter,
    /// The record that was refused, and how often in a row.
    refused: (u64, u32),
}

impl Backlog {
    /// Works until `shutdown`; what is sent by then is waited for, for a while.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let seed = self.caller.identity.boot.rotate_left(32);
        let mut memory = Memory {
            pace: Pace::new(self.pace, Instant::now()),
            pause: Pause::new(seed),
            jitter: Jitter::new(seed),
            refused: (0, 0),
        };
        // Another may have been at it before, with what it had in flight.
        self.on_spool(Spool::rewind).await;
        while let Some((gateway, run)) = self.next_session(&shutdown).await {
            let ended = self.session(&gateway, run, &shutdown, &mut memory).await;
            let refused = matches!(&ended, Err(End::Refused(refuse)) if is_for_good(refuse.code));
            self.give_up_or_rewind(refused, &mut memory.refused).await;
            let Err(end) = ended else {
                continue;
            };
            counter!("weir_agent_sessions_failed_total").increment(1);
            self.status.failed(&gateway, &format!("spool: {end}"));
            tracing::warn!("gateway {gateway}, for what is spooled: {end}");
            let pause = memory.pause.next();
            let _ = shutdown.run_until_cancelled(sleep(pause)).await;
        }
        self.closed.cancel();
    }

    /// A gateway that live data goes to, and a run that is to be sent; `None` at a stop.
    async fn next_session(&self, shutdown: &CancellationToken) -> Option<(String, u64)> {
        let mut live = self.live.clone();
        loop {
            let gateway = async { live.wait_for(Option::is_some).await.ok()?.clone() };
            let gateway = shutdown.run_until_cancelled(gateway).await??;
            match self.on_spool(Spool::next_run).await.flatten() {
                Some(run) => return Some((gateway, run)),
                None => {
                    shutdown
                        .run_until_cancelled(self.depot.filled.notified())
                        .await?
                }
            }
        }
    }

    /// A record that no gateway can read must not hold up the rest for ever.
    async fn give_up_or_rewind(&self, is_refused: bool, refused: &mut (u64, u32)) {
        let (mut sequence, mut times) = *refused;
        let now = self.on_spool(move |spool| {
            match spool.first_handed_out().filter(|_| is_refused) {
                Some(first) if first == sequence => times += 1,
                Some(first) => (sequence, times) = (first, 1),
                None => {}
            }
            if times >= REFUSALS {
                tracing::warn!(
                    "batch {sequence} of the spool is refused again and again; it is dropped"
                );
                spool.give_up_first();
                times = 0;
            }
            spool.rewind();
            (sequence, times)
        });
        *refused = now.await.unwrap_or_default();
    }

    async fn session(
        &self,
        gateway: &str,
        run: u64,
        shutdown: &CancellationToken,
        memory: &mut Memory,
    ) -> Result<(), End> {
        let Link {
            mut frames,
            out,
            last_sequence,
        } = match shutdown
            .run_until_cancelled(self.caller.call(gateway, run))
            .await
        {
            None => return Ok(()),
            Some(link) => link?,
        };
        let interval = self.caller.identity.interval;
        let live = self.outbox.queue.lock().per_second();
        // Not everybody at the same moment of an interval.
        let usual = live * self.pace.share * interval.as_secs_f64();
        memory.pace.charge(memory.jitter.share() * usual);
        let mut session = Session {
            backlog: self,
            memory,
            out,
            run,
            known: last_sequence,
            in_flight: Vec::new(),
            is_at_end: false,
            heard: Instant::now(),
        };
        let mut live = self.live.clone();
        let ended = session.talk(&mut frames, &mut live, shutdown).await;
        if ended.is_ok() {
            session.out.close().await?;
            frames.ended().await;
        }
        ended
    }

    /// Files are read and deleted on a thread that may block. `None` while there is no spool.
    async fn on_spool<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spool) -> T + Send + 'static,
    ) -> Option<T> {
        let depot = Arc::clone(&self.depot);
        let work = tokio::task::spawn_blocking(move || {
            let mut spool = depot.spool.lock();
            let spool = spool.as_mut()?;
            let done = work(spool);
            depot.show(spool);
            Some(done)
        });
        work.await.ok().flatten()
    }
}

struct Session<'a> {
    backlog: &'a Backlog,
    memory: &'a mut Memory,
    out: Out,
    run: u64,
    /// The gateway has this run up to here.
    known: u64,
    /// Sequences that are not acknowledged.
    in_flight: Vec<u64>,
    /// There is nothing more of this run.
    is_at_end: bool,
    heard: Instant,
}

impl Session<'_> {
    async fn talk(
        &mut self,
        frames: &mut Frames,
        live: &mut watch::Receiver<Option<String>>,
        shutdown: &CancellationToken,
    ) -> Result<(), End> {
        live.mark_unchanged();
        let mut beat = tokio::time::interval(self.backlog.caller.identity.interval);
        let mut leave = Instant::now();
        loop {
            let is_stopping = shutdown.is_cancelled();
            if !is_stopping {
                leave = Instant::now() + LAST_WAIT;
            }
            let is_over = self.is_at_end || is_stopping;
            if is_over && self.in_flight.is_empty() {
                return Ok(());
            }
            let (is_due, wait) = self.next_look();
            tokio::select! {
                frame = frames.next() => self.take(frame?).await?,
                () = sleep(wait), if !is_over => {
                    if is_due {
                        self.send_next().await?;
                    }
                }
                _ = beat.tick() => self.beat().await?,
                _ = live.changed() => return Ok(()),
                () = shutdown.cancelled(), if !is_stopping => {}
                () = sleep_until(leave), if is_stopping => return Ok(()),
            }
        }
    }

    /// Whether something may be sent after so long a wait.
    fn next_look(&mut self) -> (bool, Duration) {
        let (outbox, now) = (&self.backlog.outbox, Instant::now());
        let (is_live_waiting, per_second) = {
            let mut queue = outbox.queue.lock();
            (queue.is_waiting(), queue.per_second())
        };
        let pace = &mut self.memory.pace;
        pace.charge(outbox.take_sent_again() as f64);
        let wait = pace.wait(now, per_second);
        match is_live_waiting || self.in_flight.len() >= AHEAD {
            true => (false, LOOK_AGAIN),
            // The rate may change meanwhile.
            false if wait > LOOK_AGAIN * 10 => (false, LOOK_AGAIN * 10),
            false => (true, wait),
        }
    }

    async fn send_next(&mut self) -> Result<(), End> {
        let run = self.run;
        let record = self.backlog.on_spool(move |spool| spool.next(run)).await;
        let Some(Record { sequence, points }) = record.flatten() else {
            self.is_at_end = true;
            return Ok(());
        };
        if sequence <= self.known {
            return self.acknowledge(sequence).await;
        }
        if self.in_flight.is_empty() {
            self.heard = Instant::now();
        }
        self.in_flight.push(sequence);
        self.memory.pace.charge(points.len() as f64);
        self.out.send_batch(sequence, &points).await?;
        counter!("weir_agent_spool_sent_batches_total").increment(1);
        Ok(())
    }

    async fn take(&mut self, frame: Frame) -> Result<(), End> {
        match frame {
            Frame::Ack(ack) => {
                self.heard = Instant::now();
                self.memory.pause.reset();
                self.acknowledge(ack.sequence).await
            }
            Frame::Refuse(refuse) => Err(End::Refused(refuse)),
            _ => Err(End::Order),
        }
    }

    async fn acknowledge(&mut self, sequence: u64) -> Result<(), End> {
        self.in_flight.retain(|one| *one > sequence);
        let done = self
            .backlog
            .on_spool(move |spool| spool.acknowledge(sequence));
        done.await;
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), End> {
        let patience = self.backlog.caller.patience;
        if !self.in_flight.is_empty() && self.heard.elapsed() > patience {
            return Err(End::Timeout(patience));
        }
        self.out.send(&Frame::Heartbeat).await
    }
}

/// Another try changes nothing.
fn is_for_good(code: RefuseCode) -> bool {
    matches!(code, RefuseCode::Malformed | RefuseCode::TooLarge)
}
