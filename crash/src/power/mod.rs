//! Power loss under load: the gateway stands still, the disk takes nothing any more, the gateway is ended, and only what
//! was really written is there at the next start.
//!
//! It stands still first because power takes both at once. An fdatasync that was under way when ext4 is shut down may
//! return success for what is not on disk (seen on Linux 6.18, once in some sixty shutdowns, with a program of ten
//! lines): a gateway that still ran could believe it and acknowledge.

mod disk;
mod names;
mod shutdown;

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::arena::{Arena, Ground};
use crate::gateway::Gateway;
use disk::Disk;

const PART: &str = "power loss";
const SPEED: u64 = 20;
const CYCLE: Duration = Duration::from_secs(6);
const COMPARE_EVERY: u64 = 2;

/// Why power loss cannot be had here; `None` when it can.
pub(crate) fn impossible(dir: &Path) -> Option<String> {
    Disk::impossible(dir)
}

/// Runs the cycles; whether nothing was wrong.
pub(crate) fn run(ground: &Ground, cycles: u64) -> Result<bool> {
    let mut disk = Disk::new(&ground.dir, "power")?;
    let mut arena = Arena::new(ground, PART, &disk.data(), SPEED, CYCLE * cycles as u32)?;
    let outcome = all(&mut arena, &mut disk, cycles);
    arena.tally.notes.push(told(&disk));
    arena.must_have_sealed();
    Ok(arena.close(outcome))
}

/// Cycles on a disk of its own until the counts are no longer good; for sabotage.
pub(crate) fn until_red(
    ground: &Ground,
    part: &str,
    failpoints: &str,
    cycles: u64,
) -> Result<Arena> {
    let mut disk = Disk::new(&ground.dir, "sabotage")?;
    let mut arena = Arena::new(ground, part, &disk.data(), SPEED, CYCLE * cycles as u32)?;
    arena.launch.failpoints = Some(failpoints.to_owned());
    let mut gateway = arena.start()?;
    arena.serve(&mut gateway, None)?;
    for _ in 0..cycles {
        gateway = match cycle(&mut arena, &mut disk, gateway, true) {
            Ok(gateway) => gateway,
            Err(error) => {
                arena.tally.failures.push(format!("{error:#}"));
                return Ok(arena);
            }
        };
        if !arena.tally.green() {
            break;
        }
    }
    gateway.kill()?;
    Ok(arena)
}

fn told(disk: &Disk) -> String {
    if disk.strict() {
        return format!(
            "{} names dropped that no directory sync had made durable",
            disk.dropped
        );
    }
    "NOT CHECKED: the kernel does not trace creations here, so unsynced names were not dropped"
        .to_owned()
}

fn all(arena: &mut Arena, disk: &mut Disk, cycles: u64) -> Result<()> {
    let mut gateway = arena.start()?;
    arena.serve(&mut gateway, None)?;
    for number in 1..=cycles {
        gateway = cycle(arena, disk, gateway, number.is_multiple_of(COMPARE_EVERY))?;
        if number.is_multiple_of(COMPARE_EVERY) {
            println!("   {number} cycles: {}", arena.tally.verdict);
        }
    }
    arena.finish(gateway)
}

fn cycle(arena: &mut Arena, disk: &mut Disk, gateway: Gateway, compared: bool) -> Result<Gateway> {
    sleep(Duration::from_millis(arena.random.between(100, 1_800)));
    arena.watch();
    gateway.freeze()?;
    disk.power_off()?;
    gateway.kill()?;
    let ended = Instant::now();
    arena.fleet.rest();
    arena.tally.cycles += 1;
    disk.power_on()?;
    let mut gateway = arena.start()?;
    arena.tally.ready.push(ended.elapsed());
    if compared {
        arena.compare_recent(&gateway)?;
    }
    arena.serve(&mut gateway, Some(ended))?;
    Ok(gateway)
}
