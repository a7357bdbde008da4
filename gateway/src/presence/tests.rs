use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

fn hello(boot: u64) -> Hello {
    Hello {
        version: 1,
        token: String::new(),
        agent: "web01".into(),
        boot,
        interval_ms: 10_000,
        labels: vec![("az".into(), "1".into())],
    }
}

const HOUR_MS: i64 = 3_600_000;

/// By a clock that is set by hand; a beat each ten seconds.
fn presence_at(now_ms: i64, forget_after_ms: i64) -> (Presence, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(now_ms));
    let clock = Arc::clone(&now);
    let clock = Arc::new(move || clock.load(Ordering::Relaxed));
    (Presence::new(clock, 10_000, forget_after_ms), now)
}

#[test]
fn up_falls_after_three_missed_intervals_and_ends_with_goodbye() {
    let (presence, now) = presence_at(1_000_000, HOUR_MS);
    presence.heard(&hello(1));
    let up = |presence: &Presence| {
        let beat = presence.beat();
        presence.settle(&beat);
        beat.first().map(|(_, up)| *up)
    };
    assert_eq!(
        presence.beat()[0].0.to_string(),
        r#"up{az="1",host="web01"}"#
    );
    now.fetch_add(30_000, Ordering::Relaxed);
    assert_eq!(up(&presence), Some(1.0));
    now.fetch_add(1, Ordering::Relaxed);
    assert_eq!(up(&presence), Some(0.0));
    presence.heard(&hello(2));
    presence.left(&hello(1));
    assert_eq!(
        up(&presence),
        Some(1.0),
        "the goodbye of an earlier boot is not this one's"
    );
    presence.left(&hello(2));
    assert!(is_stale(up(&presence).unwrap()));
    assert_eq!(up(&presence), None);
}

#[test]
fn a_host_that_comes_back_with_other_labels_is_not_down() {
    let (presence, _) = presence_at(1_000_000, HOUR_MS);
    presence.heard(&hello(1));
    let mut moved = hello(2);
    moved.labels = vec![("az".into(), "2".into())];
    presence.heard(&moved);
    let beat = presence.beat();
    let states: Vec<bool> = beat.iter().map(|(_, up)| is_stale(*up)).collect();
    assert_eq!(states, [true, false], "{beat:?}");
    presence.settle(&beat);
    assert_eq!(presence.beat().len(), 1);
}

#[test]
fn who_was_heard_while_starting_is_not_down() {
    let (presence, now) = presence_at(1_000_000, HOUR_MS);
    let named = |agent: &str, az: &str| Hello {
        agent: agent.into(),
        labels: vec![("az".into(), az.into())],
        ..hello(2)
    };
    presence.heard(&named("web01", "1"));
    presence.heard(&named("web02", "2"));
    presence.heard(&named("web03", "1"));
    presence.left(&named("web03", "1"));
    // The journal took long, and the agents' frames had to wait.
    let now_ms = now.fetch_add(60_000, Ordering::Relaxed) + 60_000;
    let key = |agent: &str, az: &str| key_of(&named(agent, az)).unwrap();
    let known = presence.expect(
        now_ms,
        vec![
            (true, key("web01", "1")),
            (false, key("web02", "1")),
            (false, key("web03", "1")),
            (true, key("web04", "1")),
            (false, key("web05", "1")),
        ],
    );
    assert_eq!(known, 6);
    let states: Vec<(String, String)> = presence
        .beat()
        .into_iter()
        .map(|(key, up)| {
            let state = if is_stale(up) {
                "stale".to_owned()
            } else {
                up.to_string()
            };
            (
                format!("{}/{}", key.get("host").unwrap(), key.get("az").unwrap()),
                state,
            )
        })
        .collect();
    let expected = [
        ("web01/1", "1"),
        ("web02/1", "stale"),
        ("web02/2", "1"),
        ("web03/1", "stale"),
        ("web04/1", "0"),
        ("web05/1", "1"),
    ];
    let expected = expected.map(|(host, state)| (host.to_owned(), state.to_owned()));
    let mut states = states;
    states.sort();
    assert_eq!(states, expected);
}

#[test]
fn a_host_silent_for_long_is_forgotten() {
    let (presence, now) = presence_at(0, HOUR_MS);
    presence.heard(&hello(1));
    now.store(3_600_000, Ordering::Relaxed);
    let last = presence.beat();
    assert!(is_stale(last[0].1), "its series ends");
    assert_eq!(presence.beat().len(), 1, "until that is on disk");
    presence.settle(&last);
    assert!(presence.beat().is_empty());
}

/// FAULTS 22: nobody is called down because our clock was set, and who is down stays so.
#[test]
fn a_clock_that_is_set_calls_nobody_down() {
    const DAY: i64 = 86_400_000;
    let (presence, now) = presence_at(10 * DAY, HOUR_MS);
    let named = |agent: &str| Hello {
        agent: agent.into(),
        ..hello(1)
    };
    let states = |presence: &Presence| -> Vec<f64> {
        let beat = presence.beat();
        presence.settle(&beat);
        beat.iter().map(|(_, up)| *up).collect()
    };
    presence.heard(&named("down"));
    states(&presence);
    now.fetch_add(50_000, Ordering::Relaxed);
    presence.heard(&named("up"));
    assert_eq!(states(&presence), [0.0, 1.0]);
    for jump_ms in [DAY, -DAY, 90 * DAY, -90 * DAY] {
        now.fetch_add(jump_ms + 10_000, Ordering::Relaxed);
        presence.heard(&named("heard after it"));
        assert_eq!(states(&presence), [0.0, 1.0, 1.0], "{jump_ms}");
        now.fetch_add(10_000, Ordering::Relaxed);
        presence.heard(&named("up"));
        presence.heard(&named("heard after it"));
        assert_eq!(states(&presence), [0.0, 1.0, 1.0], "{jump_ms}");
    }
    now.fetch_add(31_000, Ordering::Relaxed);
    assert_eq!(
        states(&presence),
        [0.0, 0.0, 0.0],
        "silence is seen as ever"
    );
}

/// FAULTS 21: the newest of a while tells the clock, and a backlog does not.
#[test]
fn a_clock_that_is_off_is_told_beside_up() {
    const HOUR: i64 = 3_600_000;
    let (presence, now) = presence_at(100 * HOUR, 24 * HOUR);
    let skew = |presence: &Presence| {
        let beat = presence.beat();
        let found = beat.iter().find(|(key, _)| key.name() == SKEW);
        found.map(|(key, seconds)| (key.to_string(), *seconds))
    };
    let at = |now: &AtomicI64| now.load(Ordering::Relaxed);
    presence.stamped(&hello(1), 5);
    presence.heard(&hello(1));
    assert_eq!(skew(&presence), None);
    let key = r#"clock_skew_seconds{az="1",host="web01"}"#.to_owned();
    presence.stamped(&hello(1), at(&now) - HOUR);
    assert_eq!(skew(&presence), Some((key.clone(), -3_600.0)));
    // What waited in the agent's queue, and then what is new.
    presence.stamped(&hello(1), at(&now) - HOUR / 2);
    presence.stamped(&hello(1), at(&now) + 500);
    presence.stamped(&hello(1), at(&now) - HOUR);
    assert_eq!(skew(&presence), Some((key.clone(), 0.5)));
    // A clock that goes wrong is seen once the good batches are old.
    for _ in 0..7 {
        now.fetch_add(10_000, Ordering::Relaxed);
        presence.heard(&hello(1));
        presence.stamped(&hello(1), at(&now) - HOUR);
    }
    assert_eq!(skew(&presence), Some((key.clone(), -3_600.0)));
    now.fetch_add(31_000, Ordering::Relaxed);
    assert_eq!(skew(&presence), None, "who is silent has no clock");
    presence.left(&hello(1));
    assert!(is_stale(skew(&presence).unwrap().1));
}
