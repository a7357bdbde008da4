use std::collections::HashMap;

use proptest::prelude::*;
use weir_wire::statsd::{self, Dialect, parse};
use weir_wire::{Reject, Value, is_stale};

use super::*;

/// Aggregator of one label, two idle intervals, and room for twelve series and three members.
fn small() -> Aggregator {
    Aggregator::new(AggregatorConfig {
        max_series: 12,
        max_set_members: 3,
        idle_intervals: 2,
        labels: Labels {
            defaults: vec![("host".into(), "web01".into())],
            origin: None,
        },
    })
}

fn record(aggregator: &mut Aggregator, lines: &str) -> Vec<Reject> {
    parse(lines.as_bytes(), Dialect::default())
        .filter_map(|metric| aggregator.record(&metric.unwrap()).err())
        .collect()
}

/// Closes 10 s to 20 s and gives each float as `name=value@milliseconds`, a stale mark as `name=stale@…`.
fn close(aggregator: &mut Aggregator) -> Vec<String> {
    let samples = aggregator.close(10_000, 20_000).samples.into_iter();
    samples
        .map(|(key, sample)| {
            let name = key.to_string().replace(r#"{host="web01"}"#, "");
            let value = match sample.value {
                Value::Float(float) if is_stale(float) => "stale".to_owned(),
                Value::Float(float) => float.to_string(),
                Value::Histogram(histogram) => format!("[{}]", histogram.count()),
            };
            format!("{name}={value}@{}", sample.timestamp_ms)
        })
        .collect()
}

fn values(aggregator: &mut Aggregator) -> HashMap<String, f64> {
    let closed = aggregator.close(10_000, 20_000);
    let floats = closed.samples.iter().filter_map(|(key, sample)| {
        let Value::Float(float) = sample.value else {
            return None;
        };
        Some((key.name().to_owned(), float))
    });
    floats.collect()
}

#[test]
fn a_counter_is_a_total_that_begins_with_0() {
    let mut aggregator = small();
    assert!(record(&mut aggregator, "a:1|c\na:2|c|@0.5").is_empty());
    assert_eq!(close(&mut aggregator), ["a=0@10000", "a=5@20000"]);
    record(&mut aggregator, "a:1|c");
    assert_eq!(close(&mut aggregator), ["a=6@20000"]);
    assert_eq!(close(&mut aggregator), ["a=6@20000"]);
}

#[test]
fn what_is_counted_down_is_a_total_of_its_own() {
    let mut aggregator = small();
    assert!(record(&mut aggregator, "a:5|c\na:-1|c\na:-1|c|@0.5\na:-0|c").is_empty());
    assert_eq!(
        close(&mut aggregator),
        [
            "a=0@10000",
            "a=5@20000",
            "a_decrements=0@10000",
            "a_decrements=3@20000"
        ]
    );
    assert_eq!(
        record(&mut aggregator, "a_decrements:1|g"),
        [Reject::BadName]
    );
}

#[test]
fn the_origin_takes_the_place_of_what_a_client_says() {
    let mut aggregator = Aggregator::new(AggregatorConfig {
        labels: Labels {
            defaults: vec![("gateway".into(), "x".into()), ("dc".into(), "1".into())],
            origin: Some(("gateway".into(), "gw1".into())),
        },
        ..AggregatorConfig::default()
    });
    let lines = "a:1|c|#gateway:mine\na:1|c\na:1|c|#dc:2";
    assert!(record(&mut aggregator, lines).is_empty());
    let closed = aggregator.close(0, 10);
    let last = |labels: &str| {
        let mut samples = closed.samples.iter().rev();
        let found = samples.find(|(key, _)| key.to_string() == format!("a{labels}"));
        found.map(|(_, sample)| sample.value.clone())
    };
    assert_eq!(aggregator.series(), 2);
    assert_eq!(last(r#"{dc="1",gateway="gw1"}"#), Some(Value::Float(2.0)));
    assert_eq!(last(r#"{dc="2",gateway="gw1"}"#), Some(Value::Float(1.0)));
}

/// Calls all of them `one`, lets gauges in only, and drops `x`.
struct Strict(usize);

impl Newcomers for Strict {
    fn rename(
        &mut self,
        key: weir_wire::SeriesKey,
        value: &statsd::Value<'_>,
    ) -> Result<weir_wire::SeriesKey, Reject> {
        match (key.name(), value) {
            ("x", _) => Err(Reject::Unwanted),
            (_, statsd::Value::GaugeSet(_)) => Ok(weir_wire::SeriesKey::bare("one").unwrap()),
            _ => Ok(key),
        }
    }

    fn admit(
        &mut self,
        keys: &mut dyn Iterator<Item = &weir_wire::SeriesKey>,
    ) -> Result<Admitted, Reject> {
        self.0 += 1;
        match keys.count() {
            1 => Ok(Admitted::AsTheyAre),
            _ => Err(Reject::OverLimit),
        }
    }
}

#[test]
fn who_decides_about_new_series_is_asked_once() {
    let (mut aggregator, mut strict) = (small(), Strict(0));
    let lines = "a:1|g\nb:2|g\na:3|g\nx:1|c\nt:1|ms\nt:1|ms";
    let refused: Vec<_> = parse(lines.as_bytes(), Dialect::default())
        .filter_map(|metric| aggregator.record_from(&metric.unwrap(), &mut strict).err())
        .collect();
    assert_eq!(
        refused,
        [Reject::Unwanted, Reject::OverLimit, Reject::OverLimit]
    );
    assert_eq!(strict.0, 3, "one that lives, and twice one that may not");
    assert_eq!(close(&mut aggregator), ["one=3@20000"]);
}

#[test]
fn an_idle_series_ends_and_begins_again() {
    let mut aggregator = small();
    record(&mut aggregator, "a:7|c\ng:5|g");
    close(&mut aggregator);
    assert_eq!(close(&mut aggregator), ["a=7@20000", "g=5@20000"]);
    let ended = aggregator.close(10_000, 20_000);
    assert_eq!((ended.expired, ended.series), (2, 0));
    assert!(ended.samples.iter().all(|(_, sample)| {
        sample.timestamp_ms == 19_999
            && matches!(sample.value, Value::Float(float) if is_stale(float))
    }));
    assert!(close(&mut aggregator).is_empty());
    record(&mut aggregator, "a:1|c\ng:+2|g");
    assert_eq!(
        close(&mut aggregator),
        ["g=2@20000", "a=0@10000", "a=1@20000"]
    );
}

#[test]
fn gauges_are_set_and_changed() {
    let mut aggregator = small();
    record(&mut aggregator, "g:-5|g\nh:10|g\nh:+5|g\nh:-1|g");
    assert_eq!(close(&mut aggregator), ["g=-5@20000", "h=14@20000"]);
    record(&mut aggregator, "h:-4|g\ng:0|g");
    assert_eq!(close(&mut aggregator), ["g=0@20000", "h=10@20000"]);
}

#[test]
fn a_timer_is_a_distribution_and_what_is_derived() {
    let mut aggregator = small();
    record(&mut aggregator, "t:10:20:30|ms\nt:40|h|@0.1");
    assert_eq!(
        close(&mut aggregator),
        [
            "t_count=0@10000",
            "t_count=13@20000",
            "t_sum=0@10000",
            "t_sum=460@20000",
            "t_min=10@20000",
            "t_max=40@20000",
            "t_p50=40@20000",
            "t_p90=40@20000",
            "t_p95=40@20000",
            "t_p99=40@20000",
            "t=[13]@20000",
        ]
    );
    assert_eq!(
        close(&mut aggregator),
        ["t_count=13@20000", "t_sum=460@20000"]
    );
    let ended = close(&mut aggregator);
    assert_eq!(ended.len(), 8, "{ended:?}");
    assert!(ended.iter().all(|text| text.ends_with("=stale@19999")));
}

#[test]
fn few_values_and_many_give_the_same() {
    let percentiles = |count: u32| {
        let mut aggregator = small();
        for value in 1..=count {
            assert!(record(&mut aggregator, &format!("t:{value}|ms")).is_empty());
        }
        values(&mut aggregator)
    };
    for count in [100, 1_024, 1_025, 3_000] {
        let found = percentiles(count);
        let count = f64::from(count);
        for (name, expected) in [
            ("t_count", count),
            ("t_sum", count * (count + 1.0) / 2.0),
            ("t_min", 1.0),
            ("t_max", count),
            ("t_p50", count * 0.5),
            ("t_p99", count * 0.99),
        ] {
            let off = (found[name] - expected).abs() / expected;
            assert!(
                off <= 0.011,
                "{name} of {count}: {} is not {expected}",
                found[name]
            );
        }
    }
}

#[test]
fn weights_that_are_no_whole_numbers_do_not_drift() {
    let mut aggregator = small();
    for _ in 0..300 {
        record(&mut aggregator, "t:1|ms|@0.3");
    }
    let count = values(&mut aggregator)["t_count"];
    assert!((count - 1_000.0).abs() <= 1.0, "{count}");
}

#[test]
fn sets_count_different_members_of_an_interval() {
    let mut aggregator = small();
    assert!(record(&mut aggregator, "s:x|s\ns:y|s\ns:x|s").is_empty());
    assert_eq!(close(&mut aggregator), ["s=2@20000"]);
    assert_eq!(close(&mut aggregator), ["s=0@20000"]);
    let refused = record(&mut aggregator, "s:a|s\nu:b|s\ns:c|s\ns:d|s\ns:c|s\nv:e|s");
    assert_eq!(refused, [Reject::OverLimit, Reject::OverLimit]);
    assert_eq!(close(&mut aggregator), ["s=2@20000", "u=1@20000"]);
    assert!(record(&mut aggregator, "s:d|s").is_empty(), "room again");
}

#[test]
fn the_same_labels_are_one_series_and_the_lines_own_go_first() {
    let mut aggregator = small();
    record(
        &mut aggregator,
        "a:1|c|#x:1,y:2\na:1|c|#y:2,x:1\na;y=2:1|c|#x:1",
    );
    record(&mut aggregator, "a:1|c|#x:1,y:2,x:1");
    assert_eq!(aggregator.series(), 1);
    record(&mut aggregator, "b:1|g|#host:other\nc:1|g|#host:");
    let series: Vec<String> = aggregator
        .close(10_000, 20_000)
        .samples
        .iter()
        .map(|(key, _)| key.to_string())
        .collect();
    assert_eq!(series[0], r#"a{host="web01",x="1",y="2"}"#);
    assert_eq!(series[2..], [r#"b{host="other"}"#, "c"]);
}

#[test]
fn what_is_refused_and_why() {
    let mut aggregator = small();
    let long = format!("{}:1|ms", "x".repeat(2_044));
    let cases = [
        ("a:1e308|c|@0.001", Reject::NotFinite),
        ("t:-1|ms", Reject::BadValue),
        ("t:1e13|ms", Reject::BadValue),
        ("t:1|ms|@1e-10", Reject::BadRate),
        ("a:1|c|#:v", Reject::BadLabels),
        ("a:1|c|#k:1,k:2", Reject::BadLabels),
        ("a:1|c|#__name__:b", Reject::BadLabels),
        (long.as_str(), Reject::BadName),
    ];
    for (line, reason) in cases {
        assert_eq!(
            record(&mut aggregator, line),
            [reason],
            "{}",
            &line[..line.len().min(40)]
        );
    }
    assert_eq!(aggregator.series(), 0, "nothing is kept of what is refused");
    assert!(close(&mut aggregator).is_empty());
}

#[test]
fn a_sum_that_leaves_the_floats_leaves_the_last_one() {
    let mut aggregator = small();
    let refused = record(
        &mut aggregator,
        "a:1e308|c\na:1e308|c\ng:1e308|g\ng:+1e308|g",
    );
    assert_eq!(refused, [Reject::NotFinite, Reject::NotFinite]);
    assert_eq!(values(&mut aggregator)["a"], 1e308);
}

#[test]
fn a_name_belongs_to_its_first_kind_while_it_lives() {
    let mut aggregator = small();
    let refused = record(
        &mut aggregator,
        "a:1|c\na:1|g\na:1|g|#k:v\nt:1|ms\nt_count:1|c",
    );
    assert_eq!(refused, [Reject::BadName, Reject::BadName]);
    let mut other = small();
    assert_eq!(record(&mut other, "t_sum:1|g\nt:1|ms"), [Reject::BadName]);
    for _ in 0..4 {
        close(&mut aggregator);
    }
    assert!(record(&mut aggregator, "a:1|g\nt_count:1|c").is_empty());
}

#[test]
fn new_series_past_the_bound_are_refused_and_old_ones_go_on() {
    let mut aggregator = small();
    for i in 0..12 {
        assert!(record(&mut aggregator, &format!("a{i}:1|c")).is_empty());
    }
    assert_eq!(
        record(&mut aggregator, "b:1|c\na3:1|c\nt:1|ms"),
        [Reject::OverLimit, Reject::OverLimit]
    );
    assert_eq!(values(&mut aggregator)["a3"], 2.0);
    let mut timers = small();
    assert_eq!(
        record(&mut timers, "t:1|ms\nb:1|c\nu:1|ms\nc:1|c\nd:1|c\ne:1|c"),
        [Reject::OverLimit, Reject::OverLimit],
        "a timer is nine series"
    );
}

proptest! {
    #[test]
    fn hostile_lines_never_panic_nor_pass_the_bounds(
        lines in prop::collection::vec("[ab]{1,2}:[0-9.e+-]{1,4}\\|(c|g|ms|s)(\\|@0?\\.[0-9]{1,3})?(\\|#[a-c]{0,2}:?[ab]{0,1})?", 0..40),
        closes in 1..5_usize,
    ) {
        let mut aggregator = small();
        for chunk in lines.chunks(lines.len() / closes + 1) {
            for line in chunk {
                for metric in parse(line.as_bytes(), Dialect::default()).flatten() {
                    let _ = aggregator.record(&metric);
                }
            }
            prop_assert!(aggregator.series() <= 12);
            let closed = aggregator.close(0, 10);
            for (key, sample) in &closed.samples {
                if let Value::Float(float) = sample.value {
                    prop_assert!(float.is_finite() || is_stale(float), "{} {}", key, float);
                }
            }
        }
    }

    #[test]
    fn totals_never_fall(hits in prop::collection::vec((0.0..1e6_f64, 1..100_u32), 1..50)) {
        let mut aggregator = small();
        let mut last = 0.0;
        for (by, percent) in hits {
            record(&mut aggregator, &format!("a:{by}|c|@{}", f64::from(percent) / 100.0));
            let total = values(&mut aggregator)["a"];
            prop_assert!(total >= last);
            last = total;
        }
    }
}

#[test]
fn many_together_are_as_one_by_one() {
    let lines = "a:1|c\na:2|g\na:-3|c\nt:5|ms|@0.1\nt:-1|ms\ns:x|s\ns:y|s\ns:z|s\ns:w|s\nb:1|c|#:v\nt:7|ms\na:4|c";
    let lines = [lines; 4].join("\n");
    let metrics: Vec<_> = parse(lines.as_bytes(), Dialect::default())
        .map(|metric| metric.unwrap())
        .collect();
    let (mut one, mut all) = (small(), small());
    for _ in 0..3 {
        let by_one: Vec<_> = metrics.iter().map(|metric| one.record(metric)).collect();
        let mut together = Vec::new();
        all.record_all(&metrics, &mut Everyone, |_, added| together.push(added));
        assert_eq!(by_one, together);
        assert_eq!(close(&mut one), close(&mut all));
    }
}

#[test]
fn intervals_are_aligned() {
    assert_eq!(end_after(12_345, 10_000), 20_000);
    assert_eq!(end_after(20_000, 10_000), 30_000);
    assert_eq!(end_after(-1, 10_000), 0);
}
