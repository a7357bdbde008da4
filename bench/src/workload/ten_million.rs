//! The whole fleet: ten million series by frames, a sample of each every 10 s, ten minutes, with a query a second. Whether
//! it holds, what it takes, and whether anything was dropped.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::figures::{megabytes, owned, per_million, quantile};
use super::{Bench, STEP_S, arrived};
use crate::fleet::names::{Host, METRICS};
use crate::fleet::{Protocol, Shape};
use crate::http::Client;
use crate::report::{Goal, Section, number, thousands};
use crate::send::live::{self, Lived, now_s};
use crate::server::{Dialect, Running, Server, Span, ask};
use crate::watch::{cpu_s, disk_bytes, rss_bytes, wait_until_idle};

const SECOND: Duration = Duration::from_secs(1);
/// A session's dictionary holds four million.
const CONNECTIONS: u64 = 4;

/// What a second's look saw.
#[derive(Debug, Default)]
struct Seen {
    query_ms: Vec<f64>,
    queries_failed: u64,
    rss_bytes: Vec<u64>,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Section> {
    let shape = Shape {
        series: bench.size(10_000_000, 40_000),
        rounds: bench.size(60, 2),
        step_s: STEP_S,
        end_s: now_s() / STEP_S * STEP_S,
        host_base: 0,
        seed: 1,
        conns: CONNECTIONS,
        batch: 5_000,
    };
    let server = bench.weir(&[])?;
    let running = Running::start(server.as_ref(), bench.house(server.as_ref())?)?;
    let pid = running.pid();
    let rate = shape.series as f64 / STEP_S as f64;
    let target = crate::send::Target {
        rate,
        ..running.target(server.as_ref(), Protocol::Frames)
    };
    let introduced_s = Mutex::new(0.0);
    let note = || {
        if let (Ok(mut noted), Ok(now_s)) = (introduced_s.lock(), cpu_s(pid)) {
            *noted = now_s;
        }
    };
    let (over, dialect) = (AtomicBool::new(false), server.dialect());
    let (lived, seen) = thread::scope(|scope| {
        let looking = scope.spawn(|| look(&running, dialect, &over));
        let lived = live::run(&shape, &target, &note);
        over.store(true, Ordering::Relaxed);
        let seen = looking
            .join()
            .map_err(|_| anyhow::anyhow!("the looker panicked"))?;
        anyhow::Ok((lived?, seen?))
    })?;
    let steady_s = cpu_s(pid)?
        - *introduced_s
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
    let peak_bytes = rss_bytes(pid)?.0;
    let refused = refused(&mut running.client()?)?;
    let span = Span {
        from_s: lived.first_s,
        to_s: lived.last_s,
        step_s: STEP_S,
    };
    wait_until_idle(pid, bench.patience())?;
    let arrived = arrived(&running, dialect, span)?;
    let disk = disk_bytes(&running.house.data());
    bench.leave(&running.stop()?);
    Ok(section(
        &shape,
        &lived,
        &seen,
        &Ending {
            steady_s,
            peak_bytes,
            refused,
            arrived,
            disk,
        },
        server.as_ref(),
    ))
}

struct Ending {
    steady_s: f64,
    peak_bytes: u64,
    refused: f64,
    arrived: u64,
    disk: u64,
}

/// Each second a query for a minute of one series, and the memory.
fn look(running: &Running, dialect: Dialect, over: &AtomicBool) -> Result<Seen> {
    let (mut seen, mut client) = (Seen::default(), running.client()?);
    let mut due = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let to_s = now_s() / STEP_S * STEP_S;
        let span = Span {
            from_s: to_s - 60,
            to_s,
            step_s: STEP_S,
        };
        let turn = seen.rss_bytes.len();
        let path = dialect.one_series(
            turn * 13 % METRICS,
            &Host::new(turn as u64 % 400).name,
            span,
        );
        let start = Instant::now();
        match ask(&mut client, &path) {
            Ok(_) => seen.query_ms.push(start.elapsed().as_secs_f64() * 1e3),
            Err(_) => {
                seen.queries_failed += 1;
                client = running.client()?;
            }
        }
        seen.rss_bytes.push(rss_bytes(running.pid())?.1);
        due += SECOND;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(seen)
}

/// What the gateway says that it rejected or dropped.
fn refused(client: &mut Client) -> Result<f64> {
    let text = client.get("/metrics")?.text();
    let names = ["weir_ingest_dropped_total", "weir_ingest_rejected_total"];
    let lines = text
        .lines()
        .filter(|line| names.iter().any(|name| line.starts_with(name)));
    lines
        .map(|line| {
            line.rsplit(' ')
                .next()
                .and_then(|word| word.parse::<f64>().ok())
                .context("a counter")
        })
        .sum()
}

fn section(
    shape: &Shape,
    lived: &Lived,
    seen: &Seen,
    ending: &Ending,
    server: &dyn Server,
) -> Section {
    let samples = shape.series * (shape.rounds + 1);
    let (introduction, steady) = (&lived.introduction, &lived.steady);
    let title = format!(
        "{} series, a sample each every {STEP_S} s, by frames",
        thousands(shape.series as i64)
    );
    let mut rss = Goal::new(&format!("{title}: peak RSS"), "MB", 10_737.0, 6_442.0);
    rss.note("Weir", megabytes(ending.peak_bytes));
    let mut behind = Goal::new(&format!("{title}: behind its time"), "s", 1.0, 1.0);
    behind.note("Weir", steady.behind_s);
    let mut lost = Goal::new(
        &format!("{title}: samples dropped or refused"),
        "",
        0.0,
        0.0,
    );
    lost.note("Weir", ending.refused);
    let rows = [
        ("version", server.version()),
        (
            "introduction: samples",
            thousands(introduction.samples as i64),
        ),
        ("introduction: seconds", number(introduction.wall_s)),
        ("steady: samples", thousands(steady.samples as i64)),
        ("steady: acknowledged", thousands(steady.accepted as i64)),
        ("steady: seconds", number(steady.wall_s)),
        ("steady: most behind its time, s", number(steady.behind_s)),
        (
            "steady: acknowledgement p50/p99, ms",
            format!(
                "{}/{}",
                number(quantile(&steady.ack_ms, 0.5)),
                number(quantile(&steady.ack_ms, 0.99))
            ),
        ),
        (
            "steady: CPU-s per 1M samples, queries included",
            number(per_million(ending.steady_s, steady.samples)),
        ),
        (
            "query a second: asked, failed",
            format!("{}, {}", seen.query_ms.len(), seen.queries_failed),
        ),
        (
            "query p50/p99, ms",
            format!(
                "{}/{}",
                number(quantile(&seen.query_ms, 0.5)),
                number(quantile(&seen.query_ms, 0.99))
            ),
        ),
        ("RSS peak, MB", number(megabytes(ending.peak_bytes))),
        (
            "RSS at the end, MB",
            number(megabytes(seen.rss_bytes.last().copied().unwrap_or(0))),
        ),
        ("disk at the end, MB", number(megabytes(ending.disk))),
        (
            "dropped or refused, by its own counters",
            number(ending.refused),
        ),
        ("sent", thousands(samples as i64)),
        ("arrived, by query", thousands(ending.arrived as i64)),
    ];
    let mut failures = Vec::new();
    if ending.arrived != samples {
        failures.push(format!("{} of {samples} samples arrived", ending.arrived));
    }
    Section {
        title,
        columns: owned(["what", "measured"]),
        rows: rows
            .map(|(what, measured)| vec![what.to_owned(), measured])
            .into(),
        goals: vec![rss, behind, lost],
        failures,
        ..Section::default()
    }
}
