//! A fleet comes back after an outage: not at once, and its backlogs beside its live data stay under twice the usual.

use std::time::Duration;

use tokio::time::Instant;

use super::pace::{Pace, PaceConfig};
use super::pause::{LONGEST, Pause};
use crate::jitter::Jitter;

const AGENTS: u64 = 1_000;
const INTERVAL_S: u64 = 10;
/// Samples of one agent in one interval.
const SAMPLES: f64 = 600.0;
const LIVE: f64 = SAMPLES / INTERVAL_S as f64;

/// As boots are: unlike each other, and near.
fn boot(agent: u64) -> u64 {
    1_795_525_721_000_000_000 + agent * 1_000_003
}

/// How long after an outage's end this agent says hello.
fn hello_after(agent: u64, outage_s: u64) -> Duration {
    let (mut pause, outage) = (Pause::new(boot(agent)), Duration::from_secs(outage_s));
    let mut at = Duration::ZERO;
    while at < outage {
        at += pause.next();
    }
    at - outage
}

/// FAULTS 42: a thousand agents that lost their gateway at one moment come back spread out: in no second do more of them
/// say hello than twice the batches of a second when all is well.
#[test]
fn a_fleet_does_not_come_back_at_once() {
    let steady = AGENTS / INTERVAL_S;
    for outage_s in [1_800_u64, 60] {
        let mut hellos = vec![0_u64; 60];
        for agent in 0..AGENTS {
            hellos[hello_after(agent, outage_s).as_secs() as usize] += 1;
        }
        let peak = hellos.iter().max().unwrap();
        assert!(*peak <= 2 * steady, "after {outage_s} s: {hellos:?}");
        let back: u64 = hellos[..=LONGEST.as_secs() as usize].iter().sum();
        assert_eq!(
            back, AGENTS,
            "and nobody waits longer than the longest pause"
        );
    }
}

/// FAULTS 42: what a thousand agents send after 30 minutes is in no interval more than twice the usual, and all of it has
/// come within an hour. Simulated: the network, the disk and the time. Real: the pauses between tries, the debt for
/// what is sent again, the pace of the backlog and its jitter, each as the sessions ask for them. Counted by interval,
/// since live data come at the ends of intervals, from everybody at once.
#[test]
fn the_backlogs_of_a_fleet_stay_under_twice_the_usual() {
    const OUTAGE_S: u64 = 1_800;
    let usual = AGENTS as f64 * SAMPLES;
    let began = Instant::now();
    let mut sent = vec![0.0; 800];
    let mut last = Duration::ZERO;
    for agent in 0..AGENTS {
        let interval = |at: Duration| (at.as_secs() / INTERVAL_S) as usize;
        let hello = hello_after(agent, OUTAGE_S);
        // One batch was sent when the gateway went, and is sent again; then live ones at each end of an interval.
        sent[interval(hello)] += SAMPLES;
        let live = interval(hello)..sent.len();
        live.for_each(|at| sent[at] += SAMPLES);
        let config = PaceConfig {
            share: 0.8,
            min_rate: 20.0,
        };
        let mut pace = Pace::new(config, began + hello);
        let mut jitter = Jitter::new(boot(agent).rotate_left(32));
        pace.charge(SAMPLES);
        pace.charge(jitter.share() * LIVE * 0.8 * INTERVAL_S as f64);
        let (mut at, mut left) = (hello, OUTAGE_S / INTERVAL_S);
        while left > 0 {
            let wait = pace.wait(began + at, LIVE);
            at += wait;
            if wait.is_zero() {
                sent[interval(at)] += SAMPLES;
                pace.charge(SAMPLES);
                left -= 1;
            }
        }
        last = last.max(at);
    }
    let peak = sent.iter().fold(0.0, |most: f64, one| most.max(*one));
    assert!(peak <= 2.0 * usual, "{} times the usual", peak / usual);
    assert!(last < Duration::from_secs(3_600), "{last:?}");
    let all: f64 = sent.iter().sum();
    let expected = usual * (sent.len() as f64 + 1.0 + (OUTAGE_S / INTERVAL_S) as f64);
    assert!(all <= expected && all > expected - 2.0 * usual);
    assert_eq!(sent[799], usual, "and then all is as usual");
}
