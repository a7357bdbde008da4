//! One agent: sends its batches in order, keeps what is not acknowledged, and after a break sends that again. Loses
//! acknowledgements on purpose, and sends again what it need not, because each batch must be stored once all the same.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::control::{Control, count};
use crate::random::Random;
use crate::session::Session;

/// Batches under way at most.
const IN_FLIGHT: usize = 16;
const RETRY: Duration = Duration::from_millis(10);
/// One batch in so many is cut off before its acknowledgement is read.
const LOSE_ACK_EVERY: u64 = 40;
/// One batch in so many is the first of a burst, which the gateway meets all at once.
const BURST_EVERY: u64 = 12;
const BURST_BATCHES: u64 = 10;
/// One new session in so many begins with batches that were acknowledged long ago.
const KNOWN_EVERY: u64 = 2;
const KNOWN_BATCHES: u64 = 24;
/// Of those batches one in so many is sent.
const KNOWN_GAPS: u64 = 3;

pub(crate) struct Sender {
    pub(crate) agent: u16,
    pub(crate) boot: u64,
    pub(crate) control: Arc<Control>,
    /// Sequences sent and not acknowledged; the harness sees how many are left.
    pub(crate) waiting: Arc<AtomicU64>,
    pub(crate) random: Random,
    pub(crate) next: u64,
    unacknowledged: VecDeque<u64>,
    /// The last session was cut on purpose: what it sent is sent again whatever the welcome says.
    blind: bool,
    /// Batches that still go without a pause.
    burst: u64,
}

impl Sender {
    pub(crate) fn new(
        agent: u16,
        boot: u64,
        control: Arc<Control>,
        waiting: Arc<AtomicU64>,
    ) -> Self {
        let random = Random::new(control.plan.seed, &[3, agent.into()]);
        Self {
            agent,
            boot,
            control,
            waiting,
            random,
            next: 1,
            unacknowledged: VecDeque::new(),
            blind: false,
            burst: 0,
        }
    }

    /// Until told to stop: session after session.
    pub(crate) fn run(mut self) {
        while !self.control.stopped() {
            let address = *self.control.address.lock();
            let name = format!("a{}", self.agent);
            let opened = address.map(|address| Session::open(address, &name, self.boot));
            match opened {
                Some(Ok(session)) => {
                    // A session ends by the gateway's end, or by ours: what it did not bring through comes in the next.
                    let _ = self.serve(session);
                }
                Some(Err(_)) | None => sleep(RETRY),
            }
        }
    }

    fn serve(&mut self, mut session: Session) -> Result<()> {
        count(&self.control.counts.sessions);
        self.welcomed(session.last_sequence);
        self.send_again(&mut session)?;
        let mut due = Instant::now();
        while !self.control.stopped() {
            if self.may_send() && Instant::now() >= due {
                due = Instant::now() + self.pause();
                self.send_next(&mut session)?;
                if self.random.once_in(LOSE_ACK_EVERY) {
                    count(&self.control.counts.lost_acks);
                    self.blind = true;
                    session.cut();
                    return Ok(());
                }
            }
            if self.burst > 0 && self.may_send() {
                continue;
            }
            match session.acknowledged() {
                Ok(Some(sequence)) => self.acknowledged(sequence),
                Ok(None) => {}
                Err(error) => {
                    if error.to_string().starts_with("refused") {
                        count(&self.control.counts.refused);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn welcomed(&mut self, last_sequence: u64) {
        let highest = self.control.oracle.lock().highest(self.agent);
        if last_sequence < highest {
            count(&self.control.counts.forgotten);
        }
        if self.blind {
            // As one that does not look: the oracle may believe the welcome, the batches go again.
            let mut oracle = self.control.oracle.lock();
            oracle.acknowledged(self.agent, last_sequence);
        } else {
            self.acknowledged(last_sequence);
        }
    }

    fn send_again(&mut self, session: &mut Session) -> Result<()> {
        self.blind = false;
        let first = self.unacknowledged.front().copied().unwrap_or(self.next);
        if self.random.once_in(KNOWN_EVERY) {
            let back = self.random.between(1, KNOWN_BATCHES);
            for sequence in first.saturating_sub(back).max(1)..first {
                // With gaps: what corrected a batch must not come again after it, or nobody would see it stored twice.
                if !self.random.once_in(KNOWN_GAPS) {
                    continue;
                }
                count(&self.control.counts.known);
                session.send(sequence, &self.control.plan.batch(self.agent, sequence))?;
            }
        }
        for sequence in &self.unacknowledged {
            count(&self.control.counts.again);
            session.send(*sequence, &self.control.plan.batch(self.agent, *sequence))?;
        }
        Ok(())
    }

    fn may_send(&self) -> bool {
        !self.control.paused() && self.unacknowledged.len() < IN_FLIGHT
    }

    fn pause(&mut self) -> Duration {
        if self.random.once_in(BURST_EVERY) {
            self.burst = BURST_BATCHES;
        }
        if self.burst > 0 {
            self.burst -= 1;
            return Duration::ZERO;
        }
        let mean_ms = read_pace(&self.control);
        Duration::from_millis(self.random.between(mean_ms / 5, mean_ms * 9 / 5))
    }

    fn send_next(&mut self, session: &mut Session) -> Result<()> {
        let sequence = self.next;
        let points = self.control.plan.batch(self.agent, sequence);
        // IMPORTANT: the oracle first: nothing may be found that it has not heard of.
        let mut oracle = self.control.oracle.lock();
        oracle.sent(self.agent, sequence, &points);
        drop(oracle);
        self.next += 1;
        self.unacknowledged.push_back(sequence);
        self.publish();
        count(&self.control.counts.batches);
        session.send(sequence, &points)
    }

    fn acknowledged(&mut self, sequence: u64) {
        self.control
            .oracle
            .lock()
            .acknowledged(self.agent, sequence);
        while self
            .unacknowledged
            .front()
            .is_some_and(|first| *first <= sequence)
        {
            self.unacknowledged.pop_front();
            count(&self.control.counts.acknowledgements);
        }
        self.publish();
    }

    fn publish(&self) {
        let waiting = self.unacknowledged.len() as u64;
        self.waiting
            .store(waiting, std::sync::atomic::Ordering::Release);
    }
}

fn read_pace(control: &Control) -> u64 {
    crate::control::read(&control.pace_ms)
}
