//! Start after kill -9: how long until the server says that it is ready, until it takes a sample, and whether everything
//! that was acknowledged is there. Prometheus' log is as long as the load makes it, so it is also given per GB.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::figures::{cell, megabytes, owned};
use super::{Bench, STEP_S, arrived, end_s};
use crate::fleet::{Load, Protocol, Shape, Voice};
use crate::report::{Goal, Section, number, thousands};
use crate::send::live::now_s;
use crate::send::{Prepared, Sent, Session, Target, until};
use crate::server::{Running, Server, Span};
use crate::watch::{disk_bytes, rss_bytes};

/// Nothing is sealed meanwhile: the journal only grows.
const LONG_WINDOW: &str = "store.window=4h";
const LONG_WINDOW_S: u64 = 4 * 3_600;
/// A sample a second, all of them in the window and none far in the future.
const MAX_ROUNDS: u64 = 590;
const TRY_AGAIN: Duration = Duration::from_millis(20);
const MAX_START: Duration = Duration::from_secs(300);

/// A server's line.
struct Start {
    journal_bytes: u64,
    samples: u64,
    arrived: u64,
    ready_s: f64,
    taken_s: Option<f64>,
    rss_bytes: u64,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Section> {
    let mut ready = Goal::new(
        "start after kill -9, 1 GB of journal: ready",
        "s",
        10.0,
        5.0,
    );
    let mut taken = Goal::new("start after kill -9: a sample acknowledged", "s", 1.0, 1.0);
    let mut section = Section {
        title: "Start after kill -9".to_owned(),
        columns: owned([
            "server",
            "log on disk, MB",
            "samples acknowledged",
            "there after the start",
            "ready, s",
            "ready, s per GB",
            "a sample acknowledged, s",
            "peak RSS after the start, MB",
        ]),
        ..Section::default()
    };
    let mut servers = bench.servers(&["Prometheus"])?;
    servers[0] = bench.weir(&[LONG_WINDOW])?;
    for server in &servers {
        eprintln!("{}", server.name());
        let start = match server.name() {
            "Weir" => weir(bench, server.as_ref()),
            _ => prometheus(bench, server.as_ref()),
        };
        let start = match start {
            Ok(start) => start,
            Err(error) => {
                section
                    .failures
                    .push(format!("{}: {error:#}", server.name()));
                continue;
            }
        };
        let per_gb_s = start.ready_s / (megabytes(start.journal_bytes) / 1e3);
        // The goal is for 1 GB; Weir's log has at least that, the peers' is scaled.
        ready.note(
            server.name(),
            if server.name() == "Weir" {
                start.ready_s
            } else {
                per_gb_s
            },
        );
        if let Some(taken_s) = start.taken_s {
            taken.note(server.name(), taken_s);
        }
        if start.arrived != start.samples {
            let failure = format!(
                "{}: {} of {} samples are there",
                server.name(),
                start.arrived,
                start.samples
            );
            section.failures.push(failure);
        }
        section.rows.push(vec![
            format!("{} {}", server.name(), server.version()),
            number(megabytes(start.journal_bytes)),
            thousands(start.samples as i64),
            thousands(start.arrived as i64),
            number(start.ready_s),
            number(per_gb_s),
            cell(start.taken_s),
            number(megabytes(start.rss_bytes)),
        ]);
    }
    section.goals.extend([ready, taken]);
    Ok(section)
}

fn weir(bench: &Bench<'_>, server: &dyn Server) -> Result<Start> {
    let wanted_bytes = bench.size(1_000_000_000, 20_000_000);
    let shape = Shape {
        series: bench.size(1_000_000, 20_000),
        rounds: MAX_ROUNDS,
        step_s: 1,
        end_s: 0,
        host_base: 0,
        seed: 1,
        conns: 2,
        batch: 5_000,
    };
    let running = Running::start(server, bench.house(server)?)?;
    let from_s = (now_s() - MAX_ROUNDS).max(now_s() / LONG_WINDOW_S * LONG_WINDOW_S);
    let shape = Shape {
        end_s: from_s + MAX_ROUNDS - 1,
        ..shape
    };
    let journal = running.house.data().join("journal");
    let sent = fill(
        &shape,
        &running.target(server, Protocol::Frames),
        &journal,
        wanted_bytes,
    )?;
    let journal_bytes = disk_bytes(&journal);
    ensure!(
        journal_bytes >= wanted_bytes,
        "{} rounds made only {journal_bytes} bytes of journal",
        MAX_ROUNDS
    );
    let house = running.kill()?;

    let start = Instant::now();
    let mut running = Running::spawn(server, house)?;
    let target = running.target(server, Protocol::Frames);
    let (ready_s, taken_s) = thread::scope(|scope| {
        let taking = scope.spawn(|| first_taken(&target, start));
        running.wait_until_ready(server)?;
        let ready_s = start.elapsed().as_secs_f64();
        let taken_s = taking
            .join()
            .map_err(|_| anyhow::anyhow!("a sender panicked"))?;
        anyhow::Ok((ready_s, taken_s?))
    })?;
    let span = Span {
        from_s,
        to_s: shape.end_s,
        step_s: 1,
    };
    let start = Start {
        journal_bytes,
        samples: sent.accepted,
        arrived: arrived(&running, server.dialect(), span)?,
        ready_s,
        taken_s: Some(taken_s),
        rss_bytes: rss_bytes(running.pid())?.0,
    };
    bench.leave(&running.stop()?);
    Ok(start)
}

/// Sends rounds until the journal has its size, and waits for the acknowledgements.
fn fill(shape: &Shape, target: &Target, journal: &Path, wanted_bytes: u64) -> Result<Sent> {
    let full = AtomicBool::new(false);
    until(shape, target, &|| {
        if disk_bytes(journal) >= wanted_bytes {
            full.store(true, Ordering::Relaxed);
        }
        full.load(Ordering::Relaxed)
    })
}

/// Tries until one batch of new series is acknowledged; gives the time since `start`.
fn first_taken(target: &Target, start: Instant) -> Result<f64> {
    let shape = Shape {
        series: 100,
        rounds: 1,
        step_s: 1,
        // Before all that is counted.
        end_s: now_s() - 2 * MAX_ROUNDS,
        host_base: 900_000,
        seed: 1,
        conns: 1,
        batch: 100,
    };
    let load = Load::build(&shape, &mut Voice::new(&shape, Protocol::Frames, 0))?;
    let once = || -> Result<()> {
        let mut session = Session::connect(target)?;
        for (bytes, samples) in load.iter() {
            session.send(bytes, samples)?;
        }
        session.finish().map(drop)
    };
    loop {
        match once() {
            Ok(()) => return Ok(start.elapsed().as_secs_f64()),
            Err(error) if start.elapsed() > MAX_START => {
                return Err(error).context("nothing is taken");
            }
            Err(_) => thread::sleep(TRY_AGAIN),
        }
    }
}

fn prometheus(bench: &Bench<'_>, server: &dyn Server) -> Result<Start> {
    let (series, rounds) = bench.size((1_000_000, 12), (20_000, 3));
    let shape = Shape {
        series,
        rounds,
        step_s: STEP_S,
        end_s: end_s(rounds),
        host_base: 0,
        seed: 1,
        conns: 2,
        batch: 5_000,
    };
    let running = Running::start(server, bench.house(server)?)?;
    let sent = Prepared::build(&shape, server.protocol())?
        .send(&running.target(server, server.protocol()))?;
    let house = running.kill()?;
    let journal_bytes = disk_bytes(&house.data().join("wal"));
    let start = Instant::now();
    let running = Running::start(server, house)?;
    let ready_s = start.elapsed().as_secs_f64();
    let span = Span {
        from_s: shape.time_s(0),
        to_s: shape.end_s,
        step_s: STEP_S,
    };
    let start = Start {
        journal_bytes,
        samples: sent.accepted,
        arrived: arrived(&running, server.dialect(), span)?,
        ready_s,
        taken_s: None,
        rss_bytes: rss_bytes(running.pid())?.0,
    };
    bench.leave(&running.stop()?);
    Ok(start)
}
