//! One load into each server: what it costs until everything can be queried, until the server is idle, and until it is
//! flushed; memory, space on disk, and whether every sample arrived.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::figures::{cell, megabytes, owned, per_million};
use super::latency::{self, Latency};
use super::{Bench, STEP_S, arrived, end_s};
use crate::fleet::names::METRICS;
use crate::fleet::{Protocol, Shape};
use crate::report::{Goal, Section, number, thousands};
use crate::send::{Prepared, Sent};
use crate::server::{self, Dialect, Running, Server, Span, count_files};
use crate::watch::{cpu_s, disk_bytes, rss_bytes, wait_until_idle};

const QUERYABLE: Duration = Duration::from_secs(120);
const ASK_AGAIN: Duration = Duration::from_millis(100);

pub(super) fn text_100k(bench: &Bench<'_>) -> Result<Section> {
    let (series, rounds) = bench.size((100_000, 60), (10_000, 6));
    let servers = bench.servers(&["VictoriaMetrics", "Prometheus", "InfluxDB", "carbon"])?;
    let mut rows = Vec::new();
    let plan = Plan::new("text", series, rounds);
    for server in &servers {
        rows.push(plan.measure(bench, server.as_ref(), server.protocol(), true));
    }
    let title = plan.title();
    Ok(section(
        &title,
        &rows,
        vec![
            (
                Goal::new(&format!("{title}: CPU-s per 1M samples"), "s", 0.30, 0.18),
                Row::cpu_flushed,
            ),
            (
                Goal::new(&format!("{title}: peak RSS"), "MB", 160.0, 100.0),
                Row::rss,
            ),
            (
                Goal::new(&format!("{title}: bytes on disk per sample"), "B", 1.6, 1.3),
                Row::disk,
            ),
            (
                Goal::new("one series, 10 min, HTTP, p50", "ms", 0.23, 0.12),
                |row| row.latency(|l| l.one_p50),
            ),
            (
                Goal::new("sum by (region) of 100k series, p50", "ms", 60.0, 25.0),
                |row| row.latency(|l| l.region_p50),
            ),
        ],
    ))
}

pub(super) fn text_1m(bench: &Bench<'_>) -> Result<Section> {
    let (series, rounds) = bench.size((1_000_000, 12), (20_000, 3));
    let plan = Plan::new("text", series, rounds);
    let servers = bench.servers(&["VictoriaMetrics", "Prometheus"])?;
    let rows: Vec<Row> = servers
        .iter()
        .map(|server| plan.measure(bench, server.as_ref(), server.protocol(), false))
        .collect();
    let title = plan.title();
    Ok(section(
        &title,
        &rows,
        vec![
            (
                Goal::new(&format!("{title}: CPU-s per 1M samples"), "s", 0.50, 0.30),
                Row::cpu_flushed,
            ),
            (
                Goal::new(&format!("{title}: peak RSS"), "MB", 370.0, 250.0),
                Row::rss,
            ),
            (
                Goal::new(&format!("{title}: bytes on disk per sample"), "B", 6.0, 4.0),
                Row::disk,
            ),
        ],
    ))
}

/// Two minutes of series that are all new.
pub(super) fn frames_1m(bench: &Bench<'_>) -> Result<Section> {
    frames(bench, bench.size((1_000_000, 12), (20_000, 3)))
}

/// Ten minutes, over which what a series costs to begin is spread: a fleet's series live for longer than that.
pub(super) fn frames_10min(bench: &Bench<'_>) -> Result<Section> {
    frames(bench, bench.size((1_000_000, 60), (20_000, 6)))
}

fn frames(bench: &Bench<'_>, (series, rounds): (u64, u64)) -> Result<Section> {
    let plan = Plan::new("frames", series, rounds);
    let rows = [plan.measure(bench, bench.weir(&[])?.as_ref(), Protocol::Frames, false)];
    let title = plan.title();
    let goal = Goal::new(&format!("{title}: CPU-s per 1M samples"), "s", 0.12, 0.06);
    Ok(section(&title, &rows, vec![(goal, Row::cpu_flushed)]))
}

pub(super) fn remote_write_100k(bench: &Bench<'_>) -> Result<Section> {
    let size = bench.size((100_000, 60), (10_000, 6));
    let goal = (0.8, 0.4);
    by_http(bench, Protocol::RemoteWrite, size, "Prometheus", goal)
}

pub(super) fn remote_write_1m(bench: &Bench<'_>) -> Result<Section> {
    let size = bench.size((1_000_000, 12), (20_000, 3));
    let goal = (1.5, 0.75);
    by_http(bench, Protocol::RemoteWrite, size, "Prometheus", goal)
}

pub(super) fn influx_100k(bench: &Bench<'_>) -> Result<Section> {
    let size = bench.size((100_000, 60), (10_000, 6));
    let goal = (0.6, 0.3);
    by_http(bench, Protocol::Influx, size, "InfluxDB", goal)
}

/// A peer's own protocol, taken by us and by VictoriaMetrics too.
fn by_http(
    bench: &Bench<'_>,
    protocol: Protocol,
    (series, rounds): (u64, u64),
    owner: &str,
    (reach, further): (f64, f64),
) -> Result<Section> {
    let plan = Plan::new(protocol.title(), series, rounds);
    let rows: Vec<Row> = bench
        .servers(&["VictoriaMetrics", owner])?
        .into_iter()
        .map(|server| {
            plan.measure(
                bench,
                server::by(server, protocol).as_ref(),
                protocol,
                false,
            )
        })
        .collect();
    let title = plan.title();
    let goal = Goal::new(
        &format!("{title}: CPU-s per 1M samples"),
        "s",
        reach,
        further,
    );
    Ok(section(&title, &rows, vec![(goal, Row::cpu_flushed)]))
}

const NOTE: &str = "The goal is for the CPU-seconds that include flushing. InfluxDB's sum by region is one sum a \
                    measurement, which its language can say; the others sum everything.";

/// Which of a row's figures a goal is about.
type Figure = fn(&Row) -> Option<f64>;

/// What every server is sent, so that all get the same samples.
struct Plan {
    what: &'static str,
    shape: Shape,
}

/// A server's line.
#[derive(Debug, Default)]
struct Row {
    server: &'static str,
    version: String,
    protocol: &'static str,
    samples: u64,
    sent: Sent,
    arrived: u64,
    queryable_s: Option<f64>,
    cpu_queryable_s: Option<f64>,
    cpu_idle_s: f64,
    cpu_flushed_s: f64,
    rss_bytes: u64,
    rss_end_bytes: u64,
    disk_bytes: u64,
    latency: Option<Latency>,
    notes: Vec<String>,
    failure: Option<String>,
}

impl Plan {
    fn new(what: &'static str, series: u64, rounds: u64) -> Self {
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
        Self { what, shape }
    }

    fn title(&self) -> String {
        let Shape { series, rounds, .. } = self.shape;
        format!(
            "{}, {} series × {rounds}",
            self.what,
            thousands(series as i64)
        )
    }

    fn span(&self) -> Span {
        Span {
            from_s: self.shape.time_s(0),
            to_s: self.shape.end_s,
            step_s: STEP_S,
        }
    }

    fn measure(
        &self,
        bench: &Bench<'_>,
        server: &dyn Server,
        protocol: Protocol,
        ask: bool,
    ) -> Row {
        eprintln!("{} <- {}", server.name(), protocol.title());
        let mut row = Row {
            server: server.name(),
            version: server.version(),
            protocol: protocol.title(),
            samples: self.shape.samples(),
            ..Row::default()
        };
        if let Err(error) = self.fill(bench, server, protocol, ask, &mut row) {
            row.failure = Some(format!("{}: {error:#}", row.server));
        } else if row.arrived != row.samples {
            let lost = row.samples as i64 - row.arrived as i64;
            row.failure = Some(format!(
                "{}: {lost} of {} samples did not arrive",
                row.server, row.samples
            ));
        }
        row
    }

    fn fill(
        &self,
        bench: &Bench<'_>,
        server: &dyn Server,
        protocol: Protocol,
        ask: bool,
        row: &mut Row,
    ) -> Result<()> {
        let running = Running::start(server, bench.house(server)?)?;
        let pid = running.pid();
        self.load(bench, server, protocol, &running, row)?;
        let dialect = server.dialect();
        if dialect != Dialect::Whisper {
            row.arrived = arrived(&running, dialect, self.span())?;
        }
        if ask && dialect != Dialect::Whisper {
            row.latency = Some(latency::measure(
                &running,
                dialect,
                &self.shape,
                self.span(),
            )?);
        }
        wait_until_idle(pid, bench.patience())?;
        let before_s = cpu_s(pid)?;
        row.notes.extend(server.flush(&running)?);
        wait_until_idle(pid, bench.patience())?;
        row.cpu_flushed_s = row.cpu_idle_s + cpu_s(pid)? - before_s;
        row.rss_end_bytes = rss_bytes(pid)?.0;
        let house = running.stop()?;
        row.disk_bytes = disk_bytes(&house.data());
        if dialect == Dialect::Whisper {
            row.arrived = count_files(&house.data(), self.span())?;
        }
        bench.leave(&house);
        Ok(())
    }

    /// From the first byte until the server is idle.
    fn load(
        &self,
        bench: &Bench<'_>,
        server: &dyn Server,
        protocol: Protocol,
        running: &Running,
        row: &mut Row,
    ) -> Result<()> {
        let pid = running.pid();
        let prepared = Prepared::build(&self.shape, protocol)?;
        wait_until_idle(pid, bench.patience())?;
        let (before_s, start) = (cpu_s(pid)?, Instant::now());
        row.sent = prepared.send(&running.target(server, protocol))?;
        drop(prepared);
        row.notes.extend(row.sent.complaints.clone());
        if server.dialect() != Dialect::Whisper {
            self.wait_until_queryable(running, server.dialect())?;
            row.queryable_s = Some(start.elapsed().as_secs_f64());
            row.cpu_queryable_s = Some(cpu_s(pid)? - before_s);
        }
        if !wait_until_idle(pid, bench.patience())? {
            row.notes.push("never idle".to_owned());
        }
        row.cpu_idle_s = cpu_s(pid)? - before_s;
        row.rss_bytes = rss_bytes(pid)?.0;
        Ok(())
    }

    /// Asks for one metric in a hundred, the last to be sent, until it is whole; what the rest is like is seen later.
    fn wait_until_queryable(&self, running: &Running, dialect: Dialect) -> Result<()> {
        let whole = self.shape.samples() / METRICS as u64;
        let (deadline, mut client) = (Instant::now() + QUERYABLE, running.client()?);
        let mut pause = ASK_AGAIN;
        while dialect
            .count(&mut client, METRICS - 1, self.span())
            .context("count")?
            < whole
        {
            if Instant::now() > deadline {
                break;
            }
            // Ever more seldom, since asking costs the server time that is not the load's.
            thread::sleep(pause);
            pause = pause * 3 / 2;
        }
        Ok(())
    }
}

impl Row {
    fn per_million(&self, figure: f64) -> f64 {
        per_million(figure, self.samples)
    }

    fn cpu_idle(&self) -> Option<f64> {
        Some(self.per_million(self.cpu_idle_s))
    }

    fn cpu_flushed(&self) -> Option<f64> {
        Some(self.per_million(self.cpu_flushed_s))
    }

    fn rss(&self) -> Option<f64> {
        Some(megabytes(self.rss_bytes))
    }

    fn disk(&self) -> Option<f64> {
        Some(self.disk_bytes as f64 / self.samples as f64)
    }

    fn latency(&self, of: fn(&Latency) -> f64) -> Option<f64> {
        self.latency.as_ref().map(of)
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.server.to_owned(),
            self.version.clone(),
            self.protocol.to_owned(),
            thousands(self.samples as i64),
            thousands(self.arrived as i64),
            number(self.sent.wall_s),
            cell(self.queryable_s),
            cell(self.cpu_queryable_s.map(|cpu_s| self.per_million(cpu_s))),
            cell(self.cpu_idle()),
            cell(self.cpu_flushed()),
            cell(self.rss()),
            number(megabytes(self.rss_end_bytes)),
            cell(self.disk()),
            self.latency
                .as_ref()
                .map_or_else(|| "–".to_owned(), Latency::cells),
            self.notes.join("; "),
        ]
    }
}

fn section(title: &str, rows: &[Row], goals: Vec<(Goal, Figure)>) -> Section {
    let mut section = Section {
        title: title.to_owned(),
        columns: owned([
            "server",
            "version",
            "protocol",
            "sent",
            "arrived",
            "sending, s",
            "queryable, s",
            "CPU-s/1M until queryable",
            "until idle",
            "and flushed",
            "peak RSS until idle, MB",
            "with queries and flush",
            "B/sample on disk",
            "queries, ms: one series p50/p99; by region p50/p99",
            "notes",
        ]),
        rows: rows.iter().map(Row::cells).collect(),
        notes: vec![NOTE.to_owned()],
        failures: rows.iter().filter_map(|row| row.failure.clone()).collect(),
        ..Section::default()
    };
    for (mut goal, figure) in goals {
        for row in rows.iter().filter(|row| row.disk_bytes > 0) {
            if let Some(figure) = figure(row) {
                goal.note(row.server, figure);
            }
        }
        section.goals.push(goal);
    }
    section
}
