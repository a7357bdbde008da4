//! What a new series costs: one sample of each of a million known series against one of each of a million that were
//! never seen, in a server that has a million already.

use anyhow::{Result, ensure};

use super::figures::{megabytes, owned, per_million};
use super::{Bench, STEP_S, arrived, end_s};
use crate::fleet::names::METRICS;
use crate::fleet::{Protocol, Shape};
use crate::report::{Goal, Section, number, thousands};
use crate::send::Prepared;
use crate::server::{Running, Server, Span};
use crate::watch::{cpu_s, rss_bytes, wait_until_idle};

/// A known series must not be given the cost of a fresh connection, which learns every name again: its price is what a
/// second round over the same connection adds.
const NOTE: &str = "CPU-s until idle, over fresh connections each time: one sample of each series for the first time, one \
                    more of each, two more of each, then one of each of as many others, for the first time. The figure \
                    is the last less what a second round of known series costs (two rounds less one).";
/// All samples that a series gets, for series that are known; the others get one.
const KNOWN_ROUNDS: u64 = 4;

/// CPU-seconds of the four steps, and memory before and after the last.
struct Steps {
    first_s: f64,
    once_s: f64,
    twice_s: f64,
    new_s: f64,
    rss_before: u64,
    rss_after: u64,
    arrived: u64,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Section> {
    let series = bench.size(1_000_000, 10_000);
    let title = format!("{} never-seen series", thousands(series as i64));
    let mut goal = Goal::new(&format!("{title}: CPU-s per 1M"), "s", 6.0, 3.0);
    let mut section = Section {
        title,
        notes: vec![NOTE.to_owned()],
        columns: owned([
            "server",
            "protocol",
            "first",
            "known, one round",
            "known, two rounds",
            "never seen",
            "CPU-s per 1M new",
            "RSS, MB",
            "bytes of memory per new series",
            "sent",
            "arrived",
        ]),
        ..Section::default()
    };
    let mut loads: Vec<(Box<dyn Server>, Protocol)> = Vec::new();
    for server in bench.servers(&["VictoriaMetrics"])? {
        loads.push((server, Protocol::Graphite));
    }
    loads.push((bench.weir(&[])?, Protocol::Frames));
    for (server, protocol) in loads {
        eprintln!("{} <- {}", server.name(), protocol.title());
        match steps(bench, server.as_ref(), protocol, series) {
            Ok(steps) => {
                let figure = per_million(steps.new_s - (steps.twice_s - steps.once_s), series);
                if protocol == Protocol::Graphite {
                    goal.note(server.name(), figure);
                }
                if steps.arrived != (KNOWN_ROUNDS + 1) * series {
                    let failure = format!(
                        "{}: {} of {} samples arrived",
                        server.name(),
                        steps.arrived,
                        (KNOWN_ROUNDS + 1) * series
                    );
                    section.failures.push(failure);
                }
                section
                    .rows
                    .push(cells(server.as_ref(), protocol, &steps, series, figure));
            }
            Err(error) => section
                .failures
                .push(format!("{}: {error:#}", server.name())),
        }
    }
    section.goals.push(goal);
    Ok(section)
}

fn steps(bench: &Bench<'_>, server: &dyn Server, protocol: Protocol, series: u64) -> Result<Steps> {
    let running = Running::start(server, bench.house(server)?)?;
    let pid = running.pid();
    let last_s = end_s(KNOWN_ROUNDS);
    let shape = |host_base, rounds, end_s| Shape {
        series,
        rounds,
        step_s: STEP_S,
        end_s,
        host_base,
        seed: 1,
        conns: 2,
        batch: 5_000,
    };
    let step = |host_base, rounds, end_s| -> Result<f64> {
        let prepared = Prepared::build(&shape(host_base, rounds, end_s), protocol)?;
        wait_until_idle(pid, bench.patience())?;
        let before_s = cpu_s(pid)?;
        let sent = prepared.send(&running.target(server, protocol))?;
        ensure!(sent.complaints.is_empty(), "{}", sent.complaints.join("; "));
        wait_until_idle(pid, bench.patience())?;
        Ok(cpu_s(pid)? - before_s)
    };
    let first_s = step(0, 1, last_s - 3 * STEP_S)?;
    let once_s = step(0, 1, last_s - 2 * STEP_S)?;
    let twice_s = step(0, 2, last_s)?;
    let rss_before = rss_bytes(pid)?.1;
    let new_s = step(series / METRICS as u64, 1, last_s)?;
    let rss_after = rss_bytes(pid)?.1;
    let span = Span {
        from_s: last_s - (KNOWN_ROUNDS - 1) * STEP_S,
        to_s: last_s,
        step_s: STEP_S,
    };
    let arrived = arrived(&running, server.dialect(), span)?;
    bench.leave(&running.stop()?);
    Ok(Steps {
        first_s,
        once_s,
        twice_s,
        new_s,
        rss_before,
        rss_after,
        arrived,
    })
}

fn cells(
    server: &dyn Server,
    protocol: Protocol,
    steps: &Steps,
    series: u64,
    figure: f64,
) -> Vec<String> {
    let grown = steps.rss_after as f64 - steps.rss_before as f64;
    vec![
        format!("{} {}", server.name(), server.version()),
        protocol.title().to_owned(),
        number(steps.first_s),
        number(steps.once_s),
        number(steps.twice_s),
        number(steps.new_s),
        number(figure),
        number(megabytes(steps.rss_after)),
        number(grown / series as f64),
        thousands(((KNOWN_ROUNDS + 1) * series) as i64),
        thousands(steps.arrived as i64),
    ]
}
