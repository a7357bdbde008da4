//! Fail points: the gateway ends itself at a named step of the order of durability, at its first passing and at later
//! ones; after the next start everything acknowledged must be there. A point that is never passed proves nothing.

mod passing;

use std::time::Duration;

use anyhow::{Result, bail};

use crate::arena::{Arena, Ground};
use crate::gateway::Gateway;
use crate::http;
use passing::{Passing, pass};

/// In the order of durability.
const POINTS: [&str; 19] = [
    "journal.append",
    "journal.sync",
    "journal.synced",
    "journal.mark",
    "journal.rotate",
    "journal.dir_sync",
    "journal.list",
    "table.build",
    "table.sync",
    "table.ingest",
    "table.ingested",
    "rollup.build",
    "rollup.ingest",
    "sealed.put",
    "sealed.done",
    "journal.trim",
    "journal.trimmed",
    RETENTION,
    BACKUP,
];
const RETENTION: &str = "retention.drop";
const BACKUP: &str = "backup.copy";
/// Runs of each point that must have ended at it.
const RUNS: usize = 3;
/// A window a second.
const SPEED: u64 = 60;
/// More than all runs of one point take.
const MOST: Duration = Duration::from_secs(300);
/// Load before each run, so that there is something to seal at its start.
const LOAD: Duration = Duration::from_millis(1_500);
/// For the point of retention: what is kept at the start after the load, which spans more, and how that is said.
const KEPT_MS: i64 = 120_000;
const KEPT: [&str; 3] = ["store.raw=2m", "store.minute=0s", "store.hour=0s"];
/// Load for it.
const LONG_LOAD: Duration = Duration::from_secs(5);

/// Runs every point, or those whose names are given; whether all were hit and nothing was wrong.
pub(crate) fn run(ground: &Ground, only: &[String]) -> Result<bool> {
    let mut green = true;
    for (number, point) in POINTS.iter().enumerate() {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == point) {
            continue;
        }
        let data = ground.dir.join(format!("point-{number}"));
        let mut arena = Arena::new(ground, &format!("fail point {point}"), &data, SPEED, MOST)?;
        let outcome = of_point(&mut arena, point);
        green &= arena.close(outcome);
    }
    Ok(green)
}

fn of_point(arena: &mut Arena, point: &str) -> Result<()> {
    let mut gateway = arena.start()?;
    arena.serve(&mut gateway, None)?;
    if point == BACKUP && !can_back_up(&gateway)? {
        arena
            .tally
            .notes
            .push("skipped: this gateway has no backup yet".to_owned());
        gateway.kill()?;
        return Ok(());
    }
    let passings = match point {
        // It is passed once a start, by what the load before has left behind.
        RETENTION => [1; RUNS],
        _ => [1, arena.random.between(2, 3), arena.random.between(4, 8)],
    };
    for passing in passings {
        std::thread::sleep(if point == RETENTION { LONG_LOAD } else { LOAD });
        gateway.must_live()?;
        arena.watch();
        let reached;
        (gateway, reached) = one_run(arena, point, passing, gateway)?;
        println!("   {point} at passing {reached}: {}", arena.tally.verdict);
    }
    arena.finish(gateway)
}

/// Ends the gateway, starts it with the point armed, and once more without; with the passing that was reached.
fn one_run(
    arena: &mut Arena,
    point: &str,
    passing: u64,
    gateway: Gateway,
) -> Result<(Gateway, u64)> {
    gateway.kill()?;
    arena.fleet.rest();
    let mut wanted = passing;
    loop {
        match pass(arena, point, wanted)? {
            Passing::Ended => break,
            Passing::NotReached if wanted > 1 => wanted = wanted.div_ceil(2),
            Passing::NotReached => bail!("{point} was never hit"),
        }
    }
    arena.tally.cycles += 1;
    let mut gateway = arena.start()?;
    arena.compare_recent(&gateway)?;
    arena.serve(&mut gateway, None)?;
    Ok((gateway, wanted))
}

fn can_back_up(gateway: &Gateway) -> Result<bool> {
    match back_up(gateway)? {
        200..300 => Ok(true),
        404 | 405 => Ok(false),
        status => bail!("a backup is answered {status}"),
    }
}

/// Asks for a backup; the gateway names it.
fn back_up(gateway: &Gateway) -> Result<u16> {
    http::post(&gateway.http, "/api/v1/admin/tsdb/snapshot", &[]).map(|(status, _)| status)
}
