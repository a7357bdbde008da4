//! A fleet as it lives: every series is introduced in one round as fast as it is taken, then a round each step at a
//! steady rate, stamped with the clock. Rounds after the first are built while sending: ten minutes of ten million
//! series are not held in memory.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::{Pacer, Sent, Session, Target, joined};
use crate::fleet::{Load, Protocol, Shape, Voice};

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lived {
    pub(crate) introduction: Sent,
    pub(crate) steady: Sent,
    /// Time stamps of the introduction and of the last round.
    pub(crate) first_s: u64,
    pub(crate) last_s: u64,
}

/// What the connections share: the barrier, and when the steady rounds begin.
struct Meeting {
    all_here: Barrier,
    steady_from_s: AtomicU64,
}

/// Introduces at `shape.end_s`, then sends `shape.rounds` rounds. `introduced` is called between the two.
///
/// # Errors
/// When a connection fails.
pub(crate) fn run(shape: &Shape, target: &Target, introduced: &(dyn Fn() + Sync)) -> Result<Lived> {
    shape.check()?;
    let meeting = Meeting {
        all_here: Barrier::new(shape.conns as usize),
        steady_from_s: AtomicU64::new(0),
    };
    let mut lived = Lived::default();
    thread::scope(|scope| {
        let meeting = &meeting;
        let life = move |conn| live(shape, target, conn, meeting, introduced);
        let threads: Vec<_> = (0..shape.conns)
            .map(|conn| scope.spawn(move || life(conn)))
            .collect();
        for thread in threads {
            let (introduction, steady) = joined(thread)?;
            lived.introduction.join(introduction);
            lived.steady.join(steady);
        }
        anyhow::Ok(())
    })?;
    lived.first_s = shape.end_s;
    lived.last_s = meeting.steady_from_s.into_inner() + (shape.rounds - 1) * shape.step_s;
    Ok(lived)
}

fn live(
    shape: &Shape,
    target: &Target,
    conn: u64,
    meeting: &Meeting,
    introduced: &(dyn Fn() + Sync),
) -> Result<(Sent, Sent)> {
    let mut voice = Voice::new(shape, Protocol::Frames, conn);
    let first = Shape {
        rounds: 1,
        ..shape.clone()
    };
    let load = Load::build(&first, &mut voice);
    let session = Session::connect(target);
    meeting.all_here.wait();
    // Whoever fails must not leave the others waiting.
    let introduction = load.and_then(|load| introduce(load, session?));
    meeting.meet(shape, introduced);
    let (session, introduction) = introduction?;
    let rate = target.rate / shape.conns as f64;
    let steady = rounds(shape, voice, session, Pacer::start(rate), meeting)?;
    let steady = steady.without(&introduction);
    Ok((introduction, steady))
}

fn introduce(load: Load, mut session: Session) -> Result<(Session, Sent)> {
    let start = Instant::now();
    for (bytes, samples) in load.iter() {
        session.send(bytes, samples)?;
    }
    session.settle(0)?;
    let sent = Sent {
        wall_s: start.elapsed().as_secs_f64(),
        ..session.so_far()
    };
    Ok((session, sent))
}

fn rounds(
    shape: &Shape,
    mut voice: Voice,
    mut session: Session,
    mut pacer: Pacer,
    meeting: &Meeting,
) -> Result<Sent> {
    let start = Instant::now();
    let from_s = meeting.steady_from_s.load(Ordering::Acquire);
    for round in 0..shape.rounds {
        voice.round(from_s + round * shape.step_s, |bytes, samples| {
            pacer.wait(samples);
            session.send(bytes, samples)
        })?;
    }
    Ok(Sent {
        behind_s: pacer.behind_s(),
        wall_s: start.elapsed().as_secs_f64(),
        ..session.finish()?
    })
}

impl Meeting {
    /// All wait for all; one of them sets the time.
    fn meet(&self, shape: &Shape, introduced: &(dyn Fn() + Sync)) {
        if self.all_here.wait().is_leader() {
            introduced();
            let from_s = (now_s() / shape.step_s * shape.step_s).max(shape.end_s + shape.step_s);
            self.steady_from_s.store(from_s, Ordering::Release);
        }
        self.all_here.wait();
    }
}

/// The wall clock, in seconds since 1970.
pub(crate) fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
