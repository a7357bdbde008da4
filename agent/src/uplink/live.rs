//! A session for what is made now: batches go out in order, a bounded number ahead of their acknowledgements. A gateway
//! that is slow to acknowledge gets nothing more until it does; what comes meanwhile goes to the spool.

use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use weir_wire::frame::{Ack, Frame};

use super::Uplink;
use super::link::{End, Frames, Link, Out};
use super::pause::Pause;

/// Batches, and about how many bytes, sent ahead of their acknowledgement.
const AHEAD: usize = 32;
const AHEAD_BYTES: usize = 8 << 20;
/// Without an acknowledgement for so long nothing more is sent: the less a gateway may have, the less is sent again.
const SLOW: Duration = Duration::from_secs(3);

pub(super) struct Live<'a> {
    uplink: &'a Uplink,
    /// Back to short once something was acknowledged: a welcome alone proves nothing.
    pause: &'a mut Pause,
    out: Out,
    /// The newest sequence sent in this session; 0 before the first.
    sent: u64,
    /// Up to here batches were sent by earlier sessions.
    sent_before: u64,
    /// When something last moved: an acknowledgement, or a first batch after none was waiting.
    heard: Instant,
}

impl<'a> Live<'a> {
    /// From welcome to goodbye; `Ok` only after a goodbye.
    pub(super) async fn run(
        uplink: &'a Uplink,
        pause: &'a mut Pause,
        link: Link,
        shutdown: &CancellationToken,
    ) -> Result<(), End> {
        let sent_before = {
            let mut queue = uplink.outbox.queue.lock();
            queue.acknowledge(link.last_sequence);
            queue.last_sequence()
        };
        let session = Self {
            uplink,
            pause,
            out: link.out,
            sent: 0,
            sent_before,
            heard: Instant::now(),
        };
        session.talk(link.frames, shutdown).await
    }

    async fn talk(mut self, mut frames: Frames, shutdown: &CancellationToken) -> Result<(), End> {
        let mut beat = tokio::time::interval(self.uplink.caller.identity.interval);
        // Early enough to say goodbye within the grace.
        let mut leave = Instant::now();
        let backlog = &self.uplink.backlog_closed;
        loop {
            let outbox = &self.uplink.outbox;
            let filled = outbox.filled.notified();
            self.send_waiting().await?;
            let is_stopping = shutdown.is_cancelled();
            let is_done = backlog.is_cancelled() && outbox.queue.lock().is_empty();
            if is_stopping && is_done {
                return self.leave().await;
            }
            if !is_stopping {
                leave = Instant::now() + self.uplink.grace.mul_f64(0.8);
            }
            tokio::select! {
                frame = frames.next() => self.take(frame?)?,
                () = filled => {}
                _ = beat.tick() => self.beat().await?,
                () = shutdown.cancelled(), if !is_stopping => {}
                () = backlog.cancelled(), if is_stopping && !backlog.is_cancelled() => {}
                () = sleep_until(leave), if is_stopping => return self.leave().await,
            }
        }
    }

    async fn send_waiting(&mut self) -> Result<(), End> {
        loop {
            let (in_flight, next) = {
                let mut queue = self.uplink.outbox.queue.lock();
                let (in_flight, bytes) = queue.in_flight(self.sent);
                let is_slow = in_flight > 0 && self.heard.elapsed() > SLOW;
                if in_flight >= AHEAD || bytes >= AHEAD_BYTES || is_slow {
                    return Ok(());
                }
                (in_flight, queue.next(self.sent))
            };
            let Some((sequence, batch)) = next else {
                return Ok(());
            };
            if in_flight == 0 {
                self.heard = Instant::now();
            }
            // From here on the gateway may have it.
            self.sent = sequence;
            self.out.send_batch(sequence, &batch.points).await?;
            counter!("weir_agent_sent_batches_total").increment(1);
            if sequence <= self.sent_before {
                self.uplink.outbox.sent_again(batch.points.len());
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), End> {
        match frame {
            Frame::Ack(Ack {
                sequence,
                load_permille,
            }) => {
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
        let patience = self.uplink.caller.patience;
        let (in_flight, _) = self.uplink.outbox.queue.lock().in_flight(self.sent);
        if in_flight > 0 && self.heard.elapsed() > patience {
            return Err(End::Timeout(patience));
        }
        self.out.send(&Frame::Heartbeat).await
    }

    /// The gateway takes a goodbye from the boot that it heard last; the heartbeat sees to it that this is ours, and not the
    /// backlog's.
    async fn leave(&mut self) -> Result<(), End> {
        self.out.send(&Frame::Heartbeat).await?;
        self.out.send(&Frame::Goodbye).await?;
        self.out.close().await
    }
}
