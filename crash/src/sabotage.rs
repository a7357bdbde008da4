//! Shows that the harness is able to fail: with one step of the order of durability left out, the comparison must find
//! something lost before long. A sabotage that goes unnoticed fails this part.

use std::path::Path;

use anyhow::Result;

use crate::arena::{Arena, Ground};
use crate::{kill, power};

/// Cycles within which the loss must show.
pub(crate) const CYCLES: u64 = 15;

/// How the gateway is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    PowerLoss,
    Kill,
}

/// What is left out, how the gateway is then ended, and why that may do no harm, where it may.
struct Sabotage {
    failpoints: &'static str,
    end: End,
    harmless: Option<&'static str>,
}

const SABOTAGES: [Sabotage; 6] = [
    must_show("journal.sync=skip", End::PowerLoss),
    must_show("journal.dir_sync=skip", End::PowerLoss),
    Sabotage {
        failpoints: "table.sync=skip",
        end: End::PowerLoss,
        // Seen with strace: fdatasync when the writer finishes, and again after the link into its own directory.
        harmless: Some("RocksDB syncs a table when it is written and again when it is taken in"),
    },
    must_show("sealed.put=skip", End::PowerLoss),
    must_show("sealed.put=skip", End::Kill),
    // The sleep only widens the moment in which the missing barrier would have mattered.
    must_show("barrier=skip;table.ingest=sleep:700", End::Kill),
];

const fn must_show(failpoints: &'static str, end: End) -> Sabotage {
    Sabotage {
        failpoints,
        end,
        harmless: None,
    }
}

/// Runs every sabotage; whether each was noticed.
pub(crate) fn run(ground: &Ground, cycles: u64, only: &[String]) -> Result<bool> {
    let mut noticed = true;
    for (number, sabotage) in SABOTAGES.iter().enumerate() {
        let Sabotage {
            failpoints, end, ..
        } = sabotage;
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
        noticed &= report(&part, failpoints, &arena) || sabotage.may_be_harmless();
    }
    Ok(noticed)
}

impl Sabotage {
    fn may_be_harmless(&self) -> bool {
        if let Some(why) = self.harmless {
            println!("   need not be noticed: {why}");
        }
        self.harmless.is_some()
    }
}

/// Only a comparison that found something counts: a gateway that fails otherwise has not shown that the harness can.
fn report(part: &str, failpoints: &str, arena: &Arena) -> bool {
    let tally = &arena.tally;
    let red = !tally.verdict.clean();
    let word = if red { "noticed" } else { "NOT NOTICED" };
    let took_s = tally.took().as_secs_f64();
    println!(
        "== {part}: {word} after {} cycles, {took_s:.1} s",
        tally.cycles
    );
    println!("   {}", tally.verdict);
    for line in tally.failures.iter().chain(&tally.complaints) {
        println!("   {line}");
    }
    for name in unhit(failpoints, &arena.launch.log) {
        println!("   {name} was never hit: is the gateway built with its fail points?");
    }
    red
}

fn unhit<'a>(failpoints: &'a str, log: &Path) -> Vec<&'a str> {
    let said = std::fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let names = failpoints
        .split(';')
        .filter_map(|one| one.split('=').next());
    names
        .filter(|name| !said.contains(&format!("failpoint {name} hit")))
        .collect()
}
