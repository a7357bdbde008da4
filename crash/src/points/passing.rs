//! One start with a point armed: load until the gateway has ended itself there, or until it is clear that it will not.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::{BACKUP, KEPT, KEPT_MS, RETENTION, back_up};
use crate::arena::Arena;
use crate::gateway::{Gateway, Started, Tail};

/// The slowest step comes round every fifteen seconds.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(100);

/// What an armed start came to.
pub(super) enum Passing {
    Ended,
    NotReached,
}

/// Starts with the point armed at this passing.
pub(super) fn pass(arena: &mut Arena, point: &str, passing: u64) -> Result<Passing> {
    let mut said = Tail::new(&arena.launch.log);
    arena.launch.failpoints = Some(format!("{point}=abort@{passing}"));
    if point == RETENTION {
        arena.launch.sets = KEPT.map(str::to_owned).to_vec();
        // Counted from the newest sample, which is older than what the agents might have sent by now.
        arena.kept_from_ms = arena.fleet.newest_ms() - KEPT_MS;
    }
    let ended = until_ended(arena, point);
    arena.launch.failpoints = None;
    arena.launch.sets.clear();
    arena.fleet.rest();
    let Some(status) = ended? else {
        return Ok(Passing::NotReached);
    };
    if status.signal() != Some(Signal::ABORT.as_raw()) {
        bail!("armed with {point}=abort@{passing}, the gateway ended with {status}");
    }
    if !said.read().contains(&format!("failpoint {point} hit")) {
        bail!("the gateway ended, but did not say that it hit {point}");
    }
    Ok(Passing::Ended)
}

fn until_ended(arena: &mut Arena, point: &str) -> Result<Option<ExitStatus>> {
    let mut gateway = match arena.launch.start()? {
        Started::Ended(status) => return Ok(Some(status)),
        Started::Ready(gateway) => gateway,
    };
    // With so short a retention everything sent would be too old.
    if point != RETENTION {
        arena.fleet.aim(&gateway);
    }
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if let Some(status) = gateway.wait(LOOK)? {
            return Ok(Some(status));
        }
        if point == BACKUP {
            ask_for_backup(&gateway);
        }
    }
    gateway.kill()?;
    Ok(None)
}

/// The gateway may end in the middle of it: the answer does not matter.
fn ask_for_backup(gateway: &Gateway) {
    let _ = back_up(gateway);
}
