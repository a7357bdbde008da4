//! Shows that the harness is able to fail: with one step of the order of durability left out, the comparison must find
//! something lost before long. A sabotage that goes unnoticed fails this part.

use std::time::Duration;

use anyhow::Result;

use crate::arena::{Arena, Ground};
use crate::verdict::Fault;
use crate::{kill, power};

/// Cycles within which the loss must show.
pub(crate) const CYCLES: u64 = 15;

/// How the gateway is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    PowerLoss,
    Kill,
}

/// What is left out, and what shows it. A sleep only widens the moment in which the missing step would have mattered.
const SABOTAGES: [(&str, End); 6] = [
    ("journal.sync=skip", End::PowerLoss),
    ("journal.dir_sync=skip", End::PowerLoss),
    ("table.sync=skip", End::PowerLoss),
    ("sealed.put=skip", End::PowerLoss),
    ("sealed.put=skip", End::Kill),
    ("barrier=skip;table.ingest=sleep:700", End::Kill),
];

/// Runs every sabotage; whether each was noticed.
pub(crate) fn run(ground: &Ground, cycles: u64, only: &[String]) -> Result<bool> {
    let mut noticed = true;
    for (number, (failpoints, end)) in SABOTAGES.iter().enumerate() {
        if !only.is_empty() && !only.iter().any(|wanted| failpoints.contains(wanted)) {
            continue;
        }
        let part = format!("sabotage {number}: {failpoints}, {end:?}");
        let arena = match end {
            End::PowerLoss => power::until_red(ground, &part, failpoints, cycles)?,
            End::Kill => {
                let data = ground.dir.join(format!("sabotage-{number}"));
                kill::until_red(ground, &part, &data, failpoints, cycles)?
            }
        };
        noticed &= report(&part, &arena);
    }
    Ok(noticed)
}

fn report(part: &str, arena: &Arena) -> bool {
    let (tally, took) = (&arena.tally, arena.tally.took());
    let red = !tally.verdict.clean() || !tally.complaints.is_empty() || !tally.failures.is_empty();
    let word = if red { "noticed" } else { "NOT NOTICED" };
    println!(
        "== {part}: {word} after {} cycles, {:.1} s",
        tally.cycles,
        Duration::as_secs_f64(&took)
    );
    println!(
        "   {} lost; {}",
        tally.verdict.count(Fault::Lost),
        tally.verdict
    );
    for line in tally.failures.iter().chain(&tally.complaints) {
        println!("   {line}");
    }
    red
}
