//! SIGKILL at random moments under load, and sometimes again while the gateway is still starting.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::arena::{Arena, Ground};
use crate::gateway::Gateway;

const PART: &str = "kill -9";
/// Samples' times pass so much faster than the clock: a window of a minute every three seconds.
const SPEED: u64 = 20;
/// More than a cycle takes.
const CYCLE: Duration = Duration::from_secs(5);
const COMPARE_EVERY: u64 = 5;
/// After so many cycles the gateway is stopped in good order, and its directory checked.
const CHECK_EVERY: u64 = 25;
/// One cycle in so many ends at once, in the first sealing; and one in so many while starting.
const AT_ONCE_EVERY: u64 = 6;
const WHILE_STARTING_EVERY: u64 = 8;

/// Runs the cycles; whether nothing was wrong.
pub(crate) fn run(ground: &Ground, cycles: u64) -> Result<bool> {
    let data = ground.dir.join("kill");
    let mut arena = Arena::new(
        ground,
        PART,
        &data,
        SPEED,
        CYCLE * cycles.min(u32::MAX.into()) as u32,
    )?;
    let outcome = all(&mut arena, cycles);
    arena.must_have_sealed();
    Ok(arena.close(outcome))
}

/// Cycles on a directory of its own until the counts are no longer good; for sabotage.
pub(crate) fn until_red(
    ground: &Ground,
    part: &str,
    data: &Path,
    failpoints: &str,
    cycles: u64,
) -> Result<Arena> {
    let mut arena = Arena::new(ground, part, data, SPEED, CYCLE * cycles as u32)?;
    arena.launch.failpoints = Some(failpoints.to_owned());
    let mut gateway = arena.start()?;
    arena.serve(&mut gateway, None)?;
    for _ in 0..cycles {
        gateway = match cycle(&mut arena, gateway, true) {
            Ok(gateway) => gateway,
            Err(error) => {
                arena.tally.failures.push(format!("{error:#}"));
                break;
            }
        };
        if !arena.tally.green() {
            break;
        }
    }
    Ok(arena)
}

fn all(arena: &mut Arena, cycles: u64) -> Result<()> {
    let mut gateway = arena.start()?;
    arena.serve(&mut gateway, None)?;
    for number in 1..=cycles {
        gateway = cycle(arena, gateway, number.is_multiple_of(COMPARE_EVERY))?;
        if number.is_multiple_of(COMPARE_EVERY) {
            println!("   {number} cycles: {}", arena.tally.verdict);
        }
        if number.is_multiple_of(CHECK_EVERY) && number < cycles {
            gateway = checked(arena, gateway)?;
        }
    }
    arena.finish(gateway)
}

fn checked(arena: &mut Arena, gateway: Gateway) -> Result<Gateway> {
    arena.fleet.rest();
    arena.watch();
    gateway.stop()?;
    arena.check_stopped()?;
    let mut gateway = arena.start()?;
    arena.serve(&mut gateway, None)?;
    Ok(gateway)
}

/// Half of them after something was acknowledged that the head never saw.
fn end_while_starting(arena: &mut Arena) -> Result<()> {
    arena.tally.while_starting += 1;
    if arena.random.once_in(2) {
        let after = Duration::from_millis(arena.random.below(120));
        return arena.launch.start_and_kill(after);
    }
    let mut gateway = arena.start_slowly()?;
    arena.fleet.aim(&gateway);
    arena.fleet.wait_for_acknowledgement(&mut gateway)?;
    sleep(Duration::from_millis(arena.random.below(300)));
    gateway.kill()?;
    arena.fleet.rest();
    arena.tally.before_ready += 1;
    Ok(())
}

/// Load, the end, the start after it, and a comparison before anybody can send anything again.
fn cycle(arena: &mut Arena, gateway: Gateway, compared: bool) -> Result<Gateway> {
    let at_once = arena.random.once_in(AT_ONCE_EVERY);
    let load_ms = if at_once {
        arena.random.below(150)
    } else {
        arena.random.between(300, 1_800)
    };
    sleep(Duration::from_millis(load_ms));
    arena.watch();
    gateway.kill()?;
    let ended = Instant::now();
    arena.fleet.rest();
    arena.tally.cycles += 1;
    if arena.random.once_in(WHILE_STARTING_EVERY) {
        end_while_starting(arena)?;
    }
    let mut gateway = arena.start()?;
    arena.tally.ready.push(ended.elapsed());
    if compared {
        arena.compare_recent(&gateway)?;
    }
    arena.serve(&mut gateway, Some(ended))?;
    Ok(gateway)
}
