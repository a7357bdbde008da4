//! StatsD over UDP: the highest rate at which no datagram is lost, and what a metric costs the server there. The generator
//! runs beside it on the same machine, so that the rate is also the generator's.

use std::time::Duration;

use anyhow::{Context, Result};

use super::Bench;
use super::figures::{megabytes, owned, per_million};
use crate::report::{Goal, Section, number, thousands};
use crate::send::statsd::{Datagrams, SentDatagrams};
use crate::server::{self, Running};
use crate::watch::{cpu_s, rss_bytes, wait_until_idle};

const PACKED_BYTES: usize = 1_400;
/// Rates that are tried below the one that lost.
const TRIES: usize = 8;
const SLOWER: f64 = 0.75;
const NOTE: &str = "70 % counters, 20 % timers, 5 % gauges, 5 % sets over 10,000 names, from one socket. First as fast as the \
                    generator goes; while datagrams are lost (`drops` of /proc/net/udp), slower by 25 % each time. The \
                    figures are of the first run that lost none. etsy's server runs without a backend.";

struct Found {
    sent: SentDatagrams,
    cpu_s: f64,
    rss: u64,
    arrived: Option<u64>,
    first_rate: f64,
    first_lost: f64,
    /// Packets, also at the lowest rate that was tried.
    lost: u64,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<Section> {
    let mut section = Section {
        title: "StatsD over UDP".to_owned(),
        notes: vec![NOTE.to_owned()],
        columns: owned([
            "server",
            "packets",
            "metrics/s without loss",
            "CPU-s/1M there",
            "flat out, metrics/s",
            "lost of those, %",
            "peak RSS, MB",
            "sent",
            "arrived",
        ]),
        ..Section::default()
    };
    for (title, pack_bytes, reach, further) in [
        ("one metric a packet", 0, 1.3, 0.8),
        ("packets of 1,400 B", PACKED_BYTES, 0.25, 0.12),
    ] {
        let load = Datagrams::build(pack_bytes);
        let what = format!("StatsD, {title}: CPU-s per 1M metrics");
        let mut goal = Goal::new(&what, "s", reach, further);
        for peer in [false, true] {
            if peer && bench.options.no_peers {
                continue;
            }
            let (name, found) = server(bench, peer, &load)?;
            goal.note(name, per_million(found.cpu_s, found.sent.metrics));
            if found
                .arrived
                .is_some_and(|arrived| arrived != found.sent.metrics)
            {
                section.failures.push(format!(
                    "{name}, {title}: {:?} of {} metrics arrived",
                    found.arrived, found.sent.metrics
                ));
            }
            if found.lost > 0 && !peer {
                section.failures.push(format!(
                    "{name}, {title}: packets are lost at every rate that was tried"
                ));
            }
            section.rows.push(cells(name, title, &found));
        }
        section.goals.push(goal);
    }
    Ok(section)
}

fn cells(name: &str, title: &str, found: &Found) -> Vec<String> {
    let rate = found.sent.metrics as f64 / found.sent.wall_s;
    let arrived = found.arrived.map(|arrived| thousands(arrived as i64));
    vec![
        name.to_owned(),
        title.to_owned(),
        match found.lost {
            0 => thousands(rate as i64),
            lost => format!("none; {} with {lost} packets lost", thousands(rate as i64)),
        },
        number(per_million(found.cpu_s, found.sent.metrics)),
        thousands(found.first_rate as i64),
        number(found.first_lost * 100.0),
        number(megabytes(found.rss)),
        thousands(found.sent.metrics as i64),
        arrived.unwrap_or_else(|| "–".to_owned()),
    ]
}

/// A server from fresh at each rate, until one loses nothing.
fn server(bench: &Bench<'_>, peer: bool, load: &Datagrams) -> Result<(&'static str, Found)> {
    let time = bench.size(Duration::from_secs(12), Duration::from_secs(2));
    let (mut rate, mut first) = (0.0, None);
    let mut left = TRIES;
    loop {
        left -= 1;
        let folder = bench.folder.join("statsd");
        let _ = std::fs::remove_dir_all(&folder);
        let house = server::House::new(folder)?;
        let to = house.other;
        let server = match peer {
            true => server::etsy(&bench.options.work.join("peers/statsd"))?,
            false => bench.weir(&[&format!("statsd.listen=\"{to}\"")])?,
        };
        let running = Running::start(server.as_ref(), house)?;
        // Every name is known, and every page of the buffers is there.
        load.send(to, 100_000.0, Duration::from_secs(2))?;
        wait_until_idle(running.pid(), bench.patience())?;
        let (before_s, lost, known) = (
            cpu_s(running.pid())?,
            drops(to.port())?,
            arrived(&running, peer)?,
        );
        let sent = load.send(to, rate, time)?;
        wait_until_idle(running.pid(), bench.patience())?;
        let lost = drops(to.port())? - lost;
        let share = lost as f64 / sent.packets as f64;
        let sent_rate = sent.metrics as f64 / sent.wall_s;
        let (first_rate, first_lost) = *first.get_or_insert((sent_rate, share));
        eprintln!("{}: {sent_rate:.0}/s, {lost} packets lost", server.name());
        if lost == 0 || left == 0 {
            let found = Found {
                sent,
                cpu_s: cpu_s(running.pid())? - before_s,
                rss: rss_bytes(running.pid())?.0,
                arrived: arrived(&running, peer)?
                    .zip(known)
                    .map(|(after, before)| after - before),
                first_rate,
                first_lost,
                lost,
            };
            return Ok((server.name(), found));
        }
        bench.leave(&running.kill()?);
        rate = sent_rate * (1.0 - share).max(0.3) * SLOWER;
    }
}

/// What the gateway's ledger says of metrics; the peer is not asked.
fn arrived(running: &Running, peer: bool) -> Result<Option<u64>> {
    if peer {
        return Ok(None);
    }
    let answer = running.client()?.get("/api/v1/status/ingest")?;
    let said: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let all = said["data"]["protocols"].as_array().context("no ledger")?;
    let udp = all.iter().find(|one| one["protocol"] == "statsd_udp");
    Ok(udp.and_then(|udp| udp["aggregated"].as_u64()))
}

/// Datagrams dropped by the sockets that are bound to a port.
fn drops(port: u16) -> Result<u64> {
    let table = std::fs::read_to_string("/proc/net/udp")?;
    let ends = format!(":{port:04X}");
    let rows = table.lines().skip(1).filter_map(|row| {
        let mut words = row.split_whitespace();
        let local = words.nth(1)?;
        local
            .ends_with(&ends)
            .then(|| words.next_back()?.parse::<u64>().ok())?
    });
    Ok(rows.sum())
}
