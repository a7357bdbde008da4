//! The signals that are passed to the command. Owns which of them it got already, because a terminal sends to all that
//! runs before it.

use std::io;

use rustix::process::{Signal, getpgrp};
use tokio::signal::unix::{self, SignalKind, signal};

/// Those that a program may be told things by.
const PASSED: [(SignalKind, Signal); 6] = [
    (SignalKind::terminate(), Signal::TERM),
    (SignalKind::interrupt(), Signal::INT),
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::quit(), Signal::QUIT),
    (SignalKind::user_defined1(), Signal::USR1),
    (SignalKind::user_defined2(), Signal::USR2),
];

pub(super) struct Signals(Vec<(unix::Signal, Signal)>);

impl Signals {
    /// From now on none of them ends this program.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn listen() -> io::Result<Self> {
        let heard = PASSED.map(|(kind, passed)| Ok((signal(kind)?, passed)));
        heard.into_iter().collect::<io::Result<_>>().map(Self)
    }

    /// The next that comes.
    pub(super) async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (signal, passed) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*passed);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Whether the command has it as well: what a key of a terminal sends goes to all of its foreground.
    pub(super) fn was_for_both(&self, signal: Signal) -> bool {
        let by_key = signal == Signal::INT || signal == Signal::QUIT;
        by_key && foreground() == Some(getpgrp().as_raw_nonzero().get())
    }
}

/// The process group before this program's terminal; `None` without one (proc_pid_stat(5), field 8).
fn foreground() -> Option<i32> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    let group: i32 = fields.split_ascii_whitespace().nth(5)?.parse().ok()?;
    (group > 0).then_some(group)
}
