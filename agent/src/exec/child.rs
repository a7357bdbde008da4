//! The command itself: started with this program's input and output, given the signals that are meant for it, waited for,
//! and what it came to.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};

use super::signals::Signals;
use super::usage::{Usage, of_children};

/// As a shell says it.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;
const BY_SIGNAL: i32 = 128;

/// How it went.
pub(super) struct Ended {
    pub(super) code: u8,
    pub(super) duration: Duration,
    pub(super) usage: Usage,
}

/// Runs it to its end.
pub(super) async fn run(command: &[OsString], signals: &mut Signals) -> Ended {
    let begun = Instant::now();
    let (program, args) = match command.split_first() {
        Some((program, args)) => (program.clone(), args),
        None => (OsString::new(), &[][..]),
    };
    let code = match Command::new(&program).args(args).spawn() {
        Ok(child) => code(wait(child, signals).await),
        Err(error) => {
            eprintln!("weir-agent: {}: {error}", program.display());
            match error.kind() {
                io::ErrorKind::NotFound => NOT_FOUND,
                _ => NOT_RUNNABLE,
            }
        }
    };
    Ended {
        code,
        duration: begun.elapsed(),
        usage: of_children(),
    }
}

/// Waits without taking its number away: as long as it has that, no signal can reach another process instead.
async fn wait(mut child: Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    let pid = Pid::from_child(&child);
    let mut ended = tokio::task::spawn_blocking(move || {
        let kept = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), kept), Err(Errno::INTR)) {}
    });
    loop {
        tokio::select! {
            _ = &mut ended => return child.wait(),
            signal = signals.next() => {
                if !signals.was_for_both(signal) {
                    // It may have ended just now.
                    let _ = kill_process(pid, signal);
                }
            }
        }
    }
}

fn code(status: io::Result<ExitStatus>) -> u8 {
    let number = match &status {
        Ok(status) => status
            .code()
            .or(status.signal().map(|signal| BY_SIGNAL + signal)),
        Err(_) => None,
    };
    number
        .and_then(|number| u8::try_from(number).ok())
        .unwrap_or(NOT_RUNNABLE)
}
