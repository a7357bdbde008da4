//! Figures computed by hand from etsy's rules.

use std::collections::BTreeMap;

use weir_wire::statsd::{Dialect, parse};
use weir_wire::{Reject, Value};

use super::*;

fn record(etsy: &mut Etsy, lines: &str) -> Vec<Reject> {
    parse(lines.as_bytes(), Dialect::ETSY)
        .filter_map(|metric| etsy.record(&metric.unwrap()).err())
        .collect()
}

/// All but the aggregator's own, by path.
fn flush(etsy: &mut Etsy, at_ms: i64) -> BTreeMap<String, f64> {
    let mut all = everything(etsy, at_ms);
    all.retain(|path, _| !path.contains("statsd."));
    all
}

fn everything(etsy: &mut Etsy, at_ms: i64) -> BTreeMap<String, f64> {
    let closed = etsy.close(at_ms, || 3.0);
    let each = closed.samples.into_iter().map(|(key, sample)| {
        assert_eq!(sample.timestamp_ms, at_ms);
        let Value::Float(value) = sample.value else {
            panic!("{key} is no number");
        };
        (key.to_string(), value)
    });
    each.collect()
}

fn expected(paths: &[(&str, f64)]) -> BTreeMap<String, f64> {
    paths
        .iter()
        .map(|(path, value)| ((*path).to_owned(), *value))
        .collect()
}

#[test]
fn every_kind_in_the_old_namespace() {
    let mut etsy = Etsy::new(EtsyConfig::default());
    let lines = "hits:3|c\nhits:1|c|@0.5\nhits:-1|c\nload:2|g\nload:+1|g\nseen:a|s\nseen:b|s\nseen:a|s\nt:4|ms";
    assert!(record(&mut etsy, lines).is_empty());
    let of_timer = [
        ("count", 1.0),
        ("count_ps", 0.1),
        ("std", 0.0),
        ("upper", 4.0),
        ("lower", 4.0),
        ("sum", 4.0),
        ("sum_squares", 16.0),
        ("mean", 4.0),
        ("median", 4.0),
        ("count_90", 1.0),
        ("mean_90", 4.0),
        ("upper_90", 4.0),
        ("sum_90", 4.0),
        ("sum_squares_90", 16.0),
    ];
    let mut all = expected(&[
        ("stats.hits", 0.4),
        ("stats_counts.hits", 4.0),
        ("stats.gauges.load", 3.0),
        ("stats.sets.seen.count", 2.0),
    ]);
    all.extend(of_timer.map(|(figure, value)| (format!("stats.timers.t.{figure}"), value)));
    assert_eq!(flush(&mut etsy, 10_000), all);
    let idle = expected(&[
        ("stats.hits", 0.0),
        ("stats_counts.hits", 0.0),
        ("stats.gauges.load", 3.0),
        ("stats.sets.seen.count", 0.0),
        ("stats.timers.t.count", 0.0),
        ("stats.timers.t.count_ps", 0.0),
    ]);
    assert_eq!(flush(&mut etsy, 20_000), idle, "idle ones are sent on");
}

#[test]
fn percentiles_of_both_ends_and_bins() {
    let mut etsy = Etsy::new(EtsyConfig {
        percentiles: vec![50.0, -20.0, 99.9, 1.0],
        histograms: vec![
            Bins {
                metric: "api".into(),
                ends: vec![2.0, 4.5, f64::INFINITY],
            },
            Bins {
                metric: String::new(),
                ends: vec![1.0, 3.0],
            },
        ],
        ..EtsyConfig::default()
    });
    record(
        &mut etsy,
        "api.t:5|ms|@0.1\napi.t:1|ms\napi.t:3|ms\napi.t:2|ms\napi.t:4|ms\nb:2|ms\nb:9|ms",
    );
    let all = flush(&mut etsy, 10_000);
    for (figure, value) in [
        ("count", 14.0),
        ("count_ps", 1.4),
        ("sum", 15.0),
        ("sum_squares", 55.0),
        ("mean", 3.0),
        ("median", 3.0),
        ("lower", 1.0),
        ("upper", 5.0),
        ("std", 2.0_f64.sqrt()),
        // round(2.5) is 3
        ("count_50", 3.0),
        ("upper_50", 3.0),
        ("sum_50", 6.0),
        ("mean_50", 2.0),
        ("sum_squares_50", 14.0),
        ("count_top20", 1.0),
        ("lower_top20", 5.0),
        ("sum_top20", 5.0),
        ("sum_squares_top20", 25.0),
        ("count_99_9", 5.0),
        ("upper_99_9", 5.0),
        ("histogram.bin_2", 1.0),
        ("histogram.bin_4_5", 3.0),
        ("histogram.bin_inf", 1.0),
    ] {
        assert_eq!(
            all.get(&format!("stats.timers.api.t.{figure}")),
            Some(&value),
            "{figure}"
        );
    }
    assert!(
        !all.contains_key("stats.timers.api.t.count_1"),
        "none is inside"
    );
    assert_eq!(all["stats.timers.b.histogram.bin_1"], 0.0);
    assert_eq!(
        all["stats.timers.b.histogram.bin_3"], 1.0,
        "what is past the last end is dropped"
    );
    assert_eq!(all["stats.timers.b.median"], 5.5);
}

#[test]
fn the_new_namespace_with_every_prefix_and_tags() {
    let mut etsy = Etsy::new(EtsyConfig {
        namespaces: Namespaces {
            legacy: false,
            global_prefix: "site".into(),
            counter: "c".into(),
            timer: String::new(),
            gauge: "g".into(),
            set: "s".into(),
            own: "own".into(),
            global_suffix: "end".into(),
        },
        timer_metrics: vec!["count".into(), "mean_percent".into()],
        ..EtsyConfig::default()
    });
    record(&mut etsy, "a:1|c|#k:v\na:1|g\na:1|ms\na:x|s");
    etsy.saw(1, 2, 4);
    assert_eq!(
        everything(&mut etsy, 10_000),
        expected(&[
            (r#"site.c.a.rate.end{k="v"}"#, 0.1),
            (r#"site.c.a.count.end{k="v"}"#, 1.0),
            ("site.g.a.end", 1.0),
            ("site.a.count.end", 1.0),
            ("site.a.mean_90.end", 1.0),
            ("site.s.a.count.end", 1.0),
            ("site.c.own.bad_lines_seen.rate.end", 0.1),
            ("site.c.own.bad_lines_seen.count.end", 1.0),
            ("site.c.own.packets_received.rate.end", 0.2),
            ("site.c.own.packets_received.count.end", 2.0),
            ("site.c.own.metrics_received.rate.end", 0.4),
            ("site.c.own.metrics_received.count.end", 4.0),
            ("site.own.numStats.end", 7.0),
            ("site.own.graphiteStats.calculationtime.end", 3.0),
            ("site.own.processing_time.end", 3.0),
        ])
    );
}

#[test]
fn its_own_figures_stand_where_etsys_do() {
    let mut etsy = Etsy::new(EtsyConfig {
        flush_counts: false,
        ..EtsyConfig::default()
    });
    assert_eq!(
        record(&mut etsy, "statsd.packets_received:1|c"),
        [Reject::BadName]
    );
    everything(&mut etsy, 10_000);
    assert_eq!(
        everything(&mut etsy, 21_000),
        expected(&[
            ("stats.statsd.bad_lines_seen", 0.0),
            ("stats.statsd.packets_received", 0.0),
            ("stats.statsd.metrics_received", 0.0),
            ("stats.gauges.statsd.timestamp_lag", 1.0),
            ("statsd.numStats", 4.0),
            ("stats.statsd.graphiteStats.calculationtime", 3.0),
            ("stats.statsd.processing_time", 3.0),
        ])
    );
}

#[test]
fn idle_ones_are_deleted_each_by_its_own_word() {
    let all = Deleted {
        counters: true,
        timers: true,
        sets: true,
        gauges: true,
    };
    let mut etsy = Etsy::new(EtsyConfig {
        deleted: all,
        gauges_max_ttl: 3,
        ..EtsyConfig::default()
    });
    let own = etsy.series();
    record(&mut etsy, "c:1|c\ng:1|g\nt:1|ms\ns:1|s");
    assert_eq!(flush(&mut etsy, 10_000).len(), 18);
    for at_ms in [20_000, 30_000] {
        let left = flush(&mut etsy, at_ms);
        assert_eq!(left, expected(&[("stats.gauges.g", 1.0)]), "{at_ms}");
    }
    assert!(flush(&mut etsy, 40_000).is_empty());
    assert_eq!(etsy.series(), own);
    let mut etsy = Etsy::new(EtsyConfig {
        deleted: Deleted {
            timers: true,
            ..Deleted::default()
        },
        ..EtsyConfig::default()
    });
    record(&mut etsy, "c:1|c\ng:1|g\nt:1|ms\ns:1|s");
    flush(&mut etsy, 10_000);
    assert_eq!(flush(&mut etsy, 20_000).len(), 4);
}

#[test]
fn bounds_hold_and_what_lives_goes_on() {
    let mut etsy = Etsy::new(EtsyConfig {
        max_series: 14,
        max_values: 2,
        max_set_members: 1,
        ..EtsyConfig::default()
    });
    assert_eq!(etsy.series(), 10);
    let lines = "a:1|c\nb:1|c\nc:1|c\na:1|c\nt:1|ms\ng:1|g";
    assert_eq!(record(&mut etsy, lines), [Reject::OverLimit; 3]);
    assert_eq!(flush(&mut etsy, 10_000)["stats_counts.a"], 2.0);
    let mut etsy = Etsy::new(EtsyConfig {
        max_values: 2,
        max_set_members: 1,
        ..EtsyConfig::default()
    });
    let lines = "t:1:1:1|ms\nt:1|ms\nt:2|ms\nt:3|ms\ns:a|s\ns:b|s\nu:c|s\nt:-1|ms\nh:1e200|ms";
    let refused = record(&mut etsy, lines);
    let full = Reject::OverLimit;
    assert_eq!(refused[..5], [full, full, full, full, full], "{refused:?}");
    assert_eq!(refused[5..], [full, Reject::BadValue, Reject::NotFinite]);
    let all = flush(&mut etsy, 10_000);
    assert_eq!(
        (all["stats.timers.t.count"], all["stats.sets.s.count"]),
        (2.0, 1.0)
    );
    assert!(!all.contains_key("stats.sets.u.count"));
    assert!(record(&mut etsy, "t:1|ms\nu:c|s").is_empty(), "room again");
}

#[test]
fn no_two_metrics_write_one_series() {
    let mut etsy = Etsy::new(EtsyConfig::default());
    assert!(record(&mut etsy, "x:1|ms").is_empty());
    assert_eq!(record(&mut etsy, "timers.x.mean:1|c"), [Reject::BadName]);
}
