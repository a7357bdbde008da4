//! The guard against floods, by an injected clock.

use weir_wire::SeriesKey;

use super::{Guard, GuardConfig, METRICS, Verdict};

const NOW: i64 = 1_700_000_000_000;

fn guard(change: impl FnOnce(&mut GuardConfig)) -> Guard {
    let mut config = GuardConfig::default();
    change(&mut config);
    Guard::new(config)
}

fn judge(guard: &Guard, source: &str, name: &str, value: &str, now_ms: i64) -> Verdict {
    let key = SeriesKey::new(name, [("id", value), ("host", "h1")]).unwrap();
    guard.judge(source, key.borrowed(), now_ms, |_| 0)
}

fn taken(guard: &Guard, source: &str, name: &str, wanted: u64, now_ms: i64) -> u64 {
    let each = 0..wanted;
    let verdicts = each.map(|n| judge(guard, source, name, &format!("{now_ms}-{n}"), now_ms));
    verdicts.filter(|verdict| *verdict == Verdict::Take).count() as u64
}

#[test]
fn a_source_is_throttled_and_its_neighbour_is_not() {
    let guard = guard(|config| config.source_per_minute = 100);
    assert_eq!(taken(&guard, "bad", "m", 1_000, NOW), 100);
    assert_eq!(taken(&guard, "good", "m", 50, NOW), 50);
    assert_eq!(taken(&guard, "bad", "m", 1_000, NOW + 30_000), 50);
}

#[test]
fn a_metric_is_throttled_and_its_widest_label_is_named() {
    let guard = guard(|config| config.metric_per_minute = 100);
    assert_eq!(taken(&guard, "s", "bad", 1_000, NOW), 100);
    assert_eq!(taken(&guard, "s", "good", 50, NOW), 50);
    let said = guard.to_json(10);
    assert_eq!(said["offenders"][0]["metric"], "bad");
    assert_eq!(said["offenders"][0]["label"], "id");
    assert_eq!(said["offenders"][0]["source"], "s");
    assert_eq!(said["offenders"][0]["refused"], 900);
}

#[test]
fn a_label_stops_at_its_values_and_known_values_go_on() {
    let guard = guard(|config| config.label_values_total = 20);
    assert_eq!(taken(&guard, "s", "m", 100, NOW), 20);
    let known = SeriesKey::new("m", [("id", &*format!("{NOW}-3")), ("host", "h2")]).unwrap();
    let verdict = guard.judge("s", known.borrowed(), NOW, |_| 0);
    assert_eq!(verdict, Verdict::Take);
    assert_eq!(guard.to_json(1)["offenders"][0]["limit"], "label");
}

#[test]
fn an_exploding_label_collapses_where_it_is_so_configured() {
    let guard = guard(|config| {
        config.label_values_per_minute = 30;
        config.collapses = true;
    });
    assert_eq!(taken(&guard, "s", "m", 100, NOW), 30);
    let one_more = judge(&guard, "s", "m", "x", NOW);
    assert_eq!(one_more, Verdict::Collapse("id".to_owned()));
    assert_eq!(judge(&guard, "s", "m", "other", NOW), Verdict::Take);
    assert_eq!(
        taken(&guard, "s", "m", 100, NOW + 60_000),
        30,
        "a minute on"
    );
}

#[test]
fn a_cap_of_a_metric_counts_what_exists() {
    let guard = guard(|config| config.metric_total = 5);
    let key = SeriesKey::bare("m").unwrap();
    let with = |count| guard.judge("s", key.borrowed(), NOW, |_| count);
    assert_eq!((with(4), with(5)), (Verdict::Take, Verdict::Refuse));
}

#[test]
fn exploding_names_share_one_entry_and_memory_stays_bounded() {
    let guard = guard(|config| config.metric_per_minute = 10);
    for number in 0..METRICS + 5_000 {
        judge(&guard, "s", &format!("name{number}"), "v", NOW);
    }
    let watched = guard.watched.lock();
    assert!(watched.metrics.len() <= METRICS + 1);
    assert_eq!(
        watched.offences.latest().len(),
        1,
        "they share one there too"
    );
    drop(watched);
    assert_eq!(judge(&guard, "s", "one_more", "v", NOW), Verdict::Refuse);
}

#[test]
fn a_configured_label_is_named_until_it_is_other() {
    let guard = guard(|config| config.collapsed = vec![(String::new(), "id".to_owned())]);
    let key = SeriesKey::new("m", [("id", "1")]).unwrap();
    assert_eq!(guard.collapsed_label(key.borrowed()), Some("id"));
    let other = SeriesKey::new("m", [("id", "other")]).unwrap();
    assert_eq!(guard.collapsed_label(other.borrowed()), None);
}
