use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use weir_wire::{Histogram, MatchOp, Matcher, Value, graphite};

use super::*;

fn named(name: &str) -> Matching {
    Matching::Labels(vec![Matcher::new("__name__", MatchOp::Regex, name)])
}

/// Ten seconds and five of grace, over label `dc`.
fn rule(outputs: &[&str]) -> Rule {
    Rule {
        matching: named("req.*"),
        interval_ms: 10_000,
        grace_ms: 5_000,
        grouping: Grouping::By(vec!["dc".to_owned()]),
        outputs: outputs
            .iter()
            .map(|word| Output::parse(word).unwrap())
            .collect(),
        name: "${metric}:${output}".to_owned(),
        keep: true,
    }
}

/// Rules, an engine, and series that are numbered as they come.
struct House {
    rules: Rules,
    engine: Engine,
    series: Vec<String>,
}

impl House {
    fn new(rules: Vec<Rule>) -> Self {
        Self::capped(rules, Caps::default())
    }

    fn capped(rules: Vec<Rule>, caps: Caps) -> Self {
        Self {
            rules: Rules::new(rules, &Rules::default(), i64::MIN).unwrap(),
            engine: Engine::new(caps),
            series: Vec::new(),
        }
    }

    fn value(&mut self, series: &str, at_s: i64, value: Value, now_s: i64) -> Taken {
        let key = graphite::series_key(series.as_bytes()).unwrap();
        let Some(plan) = self.rules.plan(&key) else {
            return Taken::default();
        };
        let at = self
            .series
            .iter()
            .position(|known| known == series)
            .unwrap_or_else(|| {
                self.series.push(series.to_owned());
                self.series.len() - 1
            });
        let point = Point {
            series: at as u32,
            is_withheld: plan.withholds(at_s * 1_000),
            timestamp_ms: at_s * 1_000,
            value,
        };
        self.engine.take(&plan, &point, now_s * 1_000)
    }

    fn float(&mut self, series: &str, at_s: i64, value: f64, now_s: i64) -> Taken {
        self.value(series, at_s, Value::Float(value), now_s)
    }

    /// What is told then: `series value@seconds`, sorted.
    fn due(&mut self, now_s: i64) -> Vec<String> {
        let emitted = self.engine.due(now_s * 1_000).samples;
        let mut lines: Vec<String> = emitted
            .iter()
            .map(|(key, sample)| {
                let value = match &sample.value {
                    Value::Float(value) => value.to_string(),
                    Value::Histogram(all) => format!("[{} {}]", all.count(), all.sum()),
                };
                format!("{key} {value}@{}", sample.timestamp_ms / 1_000)
            })
            .collect();
        lines.sort();
        lines
    }
}

const TAKEN: Taken = Taken {
    taken: 1,
    late: 0,
    early: 0,
    full: 0,
    partial: 0,
};

#[test]
fn every_output_of_one_interval_by_hand() {
    let outputs = [
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "count_series",
        "last",
        "p50",
        "p75",
        "p90",
        "p999",
        "merge",
    ];
    let mut house = House::new(vec![rule(&outputs)]);
    for (series, at_s, value) in [
        ("req;dc=a;host=1", 0, 4.0),
        ("req;dc=a;host=2", 9, 10.0),
        ("req;dc=a;host=1", 5, 1.0),
        ("req;dc=b;host=3", 5, 7.0),
        ("other;dc=a", 5, 99.0),
    ] {
        house.float(series, at_s, value, 9);
    }
    assert!(house.due(9).is_empty(), "the interval is not over");
    let a: Vec<String> = house
        .due(10)
        .into_iter()
        .filter(|line| line.contains("\"a\""))
        .collect();
    assert_eq!(
        a,
        [
            r#"req:avg{dc="a"} 5@10"#,
            r#"req:count_series{dc="a"} 2@10"#,
            r#"req:count{dc="a"} 3@10"#,
            r#"req:last{dc="a"} 10@10"#,
            r#"req:max{dc="a"} 10@10"#,
            r#"req:merge{dc="a"} [3 15]@10"#,
            r#"req:min{dc="a"} 1@10"#,
            r#"req:p50{dc="a"} 4@10"#,
            r#"req:p75{dc="a"} 7@10"#,
            r#"req:p90{dc="a"} 8.8@10"#,
            r#"req:p999{dc="a"} 9.988@10"#,
            r#"req:sum{dc="a"} 15@10"#,
        ]
    );
    assert!(house.due(11).is_empty(), "nothing changed");
}

#[test]
fn a_late_sample_corrects_within_the_grace_and_is_refused_after_it() {
    let mut house = House::new(vec![rule(&["sum"])]);
    house.float("req;dc=a;host=1", 1, 1.0, 1);
    assert_eq!(house.due(10), [r#"req:sum{dc="a"} 1@10"#]);
    assert_eq!(house.float("req;dc=a;host=2", 2, 2.0, 14), TAKEN);
    assert_eq!(house.due(14), [r#"req:sum{dc="a"} 3@10"#]);
    let late = house.float("req;dc=a;host=3", 3, 4.0, 15);
    assert_eq!((late.taken, late.late), (0, 1));
    assert!(house.due(15).is_empty());
    let late = house.float("req;dc=a;host=3", 3, 4.0, 14);
    assert_eq!(late.late, 1, "over is over, though the clock went back");
    assert_eq!(house.engine.held(), 0);
}

#[test]
fn a_duplicate_changes_nothing_and_another_value_replaces() {
    let mut house = House::new(vec![rule(&["sum", "count"])]);
    house.float("req;dc=a;host=1", 1, 5.0, 1);
    house.float("req;dc=a;host=1", 1, 5.0, 1);
    assert_eq!(
        house.due(10),
        [r#"req:count{dc="a"} 1@10"#, r#"req:sum{dc="a"} 5@10"#]
    );
    house.float("req;dc=a;host=1", 1, 7.0, 11);
    assert_eq!(
        house.due(11),
        [r#"req:count{dc="a"} 1@10"#, r#"req:sum{dc="a"} 7@10"#]
    );
    assert_eq!(house.engine.held(), 1);
}

#[test]
fn a_total_rises_over_resets_and_is_corrected_forward() {
    let mut house = House::new(vec![rule(&["total"])]);
    for (host, at_s, value) in [(1, 1, 100.0), (1, 5, 110.0), (2, 3, 50.0), (2, 9, 5.0)] {
        house.float(&format!("req;dc=a;host={host}"), at_s, value, 9);
    }
    // Host 1 rose by 10; host 2 began again and is at 5.
    assert_eq!(
        house.due(10),
        [r#"req:total{dc="a"} 0@0"#, r#"req:total{dc="a"} 15@10"#]
    );
    house.float("req;dc=a;host=1", 12, 111.0, 12);
    house.float("req;dc=a;host=2", 13, 9.0, 13);
    assert_eq!(house.due(20), [r#"req:total{dc="a"} 20@20"#]);
    // 12 at 18 s: a restart that nobody had seen changes this interval and every one behind it.
    house.float("req;dc=a;host=1", 21, 30.0, 21);
    house.float("req;dc=a;host=1", 18, 12.0, 22);
    assert_eq!(house.due(22), [r#"req:total{dc="a"} 32@20"#]);
    assert_eq!(house.due(30), [r#"req:total{dc="a"} 50@30"#]);
}

#[test]
fn histograms_merge_and_floats_go_with_them() {
    let mut house = House::new(vec![rule(&["merge", "p50", "count", "sum", "max"])]);
    for (host, from) in [(1, 1), (2, 51)] {
        let mut histogram = Histogram::new();
        for value in from..from + 50 {
            histogram.record(f64::from(value), 1).unwrap();
        }
        let value = Value::Histogram(Arc::new(histogram));
        house.value(&format!("req;dc=a;host={host}"), 1, value, 1);
    }
    house.float("req;dc=a;host=3", 1, 200.0, 1);
    let lines = house.due(10);
    assert_eq!(lines[0], r#"req:count{dc="a"} 101@10"#);
    assert_eq!(lines[1], r#"req:max{dc="a"} 200@10"#);
    assert_eq!(lines[2], r#"req:merge{dc="a"} [101 5250]@10"#);
    assert!(lines[3].starts_with(r#"req:p50{dc="a"} 5"#), "{}", lines[3]);
    assert_eq!(lines[4], r#"req:sum{dc="a"} 5250@10"#);
}

#[test]
fn past_the_cap_samples_become_a_summary() {
    let caps = Caps {
        max_exact: 100,
        ..Caps::default()
    };
    let mut house = House::capped(vec![rule(&["sum", "p90", "max", "count"])], caps);
    for at in 0..1_000 {
        house.float(&format!("req;dc=a;host={at}"), 3, f64::from(at), 9);
    }
    let lines = house.due(10);
    assert_eq!(lines[0], r#"req:count{dc="a"} 1000@10"#, "{lines:?}");
    assert_eq!(lines[1], r#"req:max{dc="a"} 999@10"#);
    assert_eq!(lines[3], r#"req:sum{dc="a"} 499500@10"#);
    let percentile: f64 = lines[2].split([' ', '@']).nth(1).unwrap().parse().unwrap();
    assert!((percentile - 900.0).abs() < 10.0, "{percentile}");
    let mut negative = House::capped(
        vec![rule(&["p50"])],
        Caps {
            max_exact: 2,
            ..Caps::default()
        },
    );
    for at in 0..6 {
        negative.float("req;dc=a", at, -1.0, 9);
    }
    let emitted = negative.engine.due(10_000);
    assert!(
        emitted.samples.is_empty() && emitted.unfit > 0,
        "not told, and counted"
    );
}

#[test]
fn bounds_refuse_and_what_is_there_goes_on() {
    let caps = Caps {
        max_groups: 2,
        max_samples: 3,
        ..Caps::default()
    };
    let mut house = House::capped(vec![rule(&["sum"])], caps);
    assert_eq!(house.float("req;dc=a", 1, 1.0, 1), TAKEN);
    assert_eq!(house.float("req;dc=b", 1, 1.0, 1), TAKEN);
    assert_eq!(house.float("req;dc=c", 1, 1.0, 1).full, 1, "a third group");
    assert_eq!(house.float("req;dc=a", 2, 1.0, 2), TAKEN);
    assert_eq!(
        house.float("req;dc=a", 3, 1.0, 3).full,
        1,
        "a fourth sample"
    );
    assert_eq!(house.due(10).len(), 2);
    house.due(15);
    assert_eq!(house.float("req;dc=a", 16, 1.0, 16), TAKEN, "room again");
    house.due(100_000);
    house.due(200_000);
    assert_eq!((house.engine.groups(), house.engine.held()), (0, 0));
    assert_eq!(house.float("req;dc=c", 200_000, 1.0, 200_000), TAKEN);
    assert_eq!(house.float("req;dc=c", 201_000, 1.0, 200_000).early, 1);
}

#[test]
fn totals_never_become_a_summary() {
    let caps = Caps {
        max_exact: 2,
        ..Caps::default()
    };
    let mut house = House::capped(vec![rule(&["total"])], caps);
    assert_eq!(house.float("req;dc=a", 1, 1.0, 1), TAKEN);
    assert_eq!(house.float("req;dc=a", 2, 2.0, 2), TAKEN);
    assert_eq!(house.float("req;dc=a", 3, 3.0, 3).full, 1);
}

#[test]
fn labels_group_and_names_are_made() {
    let mut without = rule(&["sum"]);
    without.grouping = Grouping::Without(vec!["host".to_owned()]);
    without.name = "${metric}_${interval}_${output}".to_owned();
    let mut all = rule(&["count"]);
    all.grouping = Grouping::By(Vec::new());
    all.name = "requests_of_all".to_owned();
    let mut house = House::new(vec![without, all]);
    house.float("req_a;dc=a;host=1;k=v", 1, 1.0, 1);
    house.float("req_b;dc=a;host=2", 1, 2.0, 1);
    assert_eq!(
        house.due(10),
        [
            r#"req_a_10s_sum{dc="a",k="v"} 1@10"#,
            r#"req_b_10s_sum{dc="a"} 2@10"#,
            "requests_of_all 2@10",
        ]
    );
}

#[test]
fn an_interval_that_began_before_the_rule_is_left_to_the_originals() {
    let mut drops = rule(&["sum"]);
    drops.keep = false;
    let since = |rules: Vec<Rule>, before: &Rules, ms| Rules::new(rules, before, ms).unwrap();
    let first = since(vec![drops.clone()], &Rules::default(), 12_345);
    let key = graphite::series_key(b"req;dc=a").unwrap();
    let plan = first.plan(&key).unwrap();
    assert!(!plan.withholds(19_999) && plan.withholds(20_000));
    let mut changed = drops.clone();
    changed.grace_ms = 0;
    let second = since(vec![drops, changed], &first, 30_001);
    let plan = second.plan(&key).unwrap();
    assert!(
        !plan.withholds(39_999) && plan.withholds(40_000),
        "the new rule's interval is not whole"
    );
    let since: Vec<i64> = plan.targets.iter().map(|target| target.since_ms).collect();
    assert_eq!(
        since,
        [12_345, 30_001],
        "a rule that did not change goes on"
    );
    let mut engine = Engine::new(Caps::default());
    let point = Point {
        series: 1,
        is_withheld: false,
        timestamp_ms: 35_000,
        value: Value::Float(1.0),
    };
    let taken = engine.take(&plan, &point, 36_000);
    assert_eq!((taken.taken, taken.partial), (1, 1));
}

#[test]
fn what_is_nowhere_else_is_given_back_until_it_was_told() {
    let mut drops = rule(&["sum"]);
    drops.keep = false;
    let mut house = House::new(vec![drops]);
    house.float("req;dc=a", 1, 1.0, 1);
    house.float("req;dc=a", 11, 2.0, 11);
    house.due(11);
    let untold = house.engine.untold();
    assert_eq!(untold.len(), 1);
    assert_eq!(untold[0].1.timestamp_ms, 11_000);
}

#[test]
fn a_rule_never_takes_what_it_makes() {
    let mut own = rule(&["sum"]);
    own.name = "${metric}".to_owned();
    let rules = Rules::new(vec![own], &Rules::default(), 0).unwrap();
    assert!(
        rules
            .plan(&graphite::series_key(b"req;dc=a").unwrap())
            .is_none()
    );
    assert!(
        rules
            .plan(&graphite::series_key(b"req;dc=a;host=1").unwrap())
            .is_some()
    );
}

#[test]
fn carbons_file_is_read_as_it_is() {
    let text = "
# from carbon's own example
<env>.applications.<app>.all.requests (60) = sum <env>.applications.<app>.*.requests
<env>.applications.<app>.all.latency (60) = p95 <env>.applications.<app>.*.latency
all.<<rest>> (10) = avg host*.<<rest>>
";
    let rules = parse_carbon(text, 0).unwrap();
    assert_eq!(
        rules.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        [3, 4, 5]
    );
    let mut house = House::new(rules.into_iter().map(|(_, rule)| rule).collect());
    for (path, value) in [
        ("prod.applications.apache.www01.requests", 3.0),
        ("prod.applications.apache.www02.requests", 4.0),
        ("prod.applications.apache.www02.latency", 8.0),
        ("prod.applications.apache.a.b.requests", 100.0),
        ("host1.cpu.load", 2.0),
        ("host2.cpu.load", 4.0),
        ("xhost3.cpu.load", 100.0),
    ] {
        house.float(path, 61, value, 61);
    }
    assert_eq!(house.due(70), ["all.cpu.load 3@60"]);
    assert_eq!(
        house.due(120),
        [
            "prod.applications.apache.all.latency 8@60",
            "prod.applications.apache.all.requests 7@60"
        ]
    );
    for (line, word) in [
        ("a (60) = sum", "output_template"),
        ("a (x) = sum b", "frequency"),
        ("a (60) = median b", "median"),
    ] {
        let error = parse_carbon(&format!("\n{line}"), 0).unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.reason.contains(word), "{error}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_part() {
    let refused = |change: &dyn Fn(&mut Rule)| {
        let mut wrong = rule(&["sum"]);
        change(&mut wrong);
        let (at, error) =
            Rules::new(vec![rule(&["sum"]), wrong], &Rules::default(), 0).unwrap_err();
        assert_eq!(at, 1);
        error.part
    };
    let twice = |rule: &mut Rule| rule.outputs = vec![Output::Sum, Output::Sum];
    let path = |pattern: &str, name: &str| {
        let (pattern, name) = (pattern.to_owned(), name.to_owned());
        move |rule: &mut Rule| {
            rule.matching = Matching::Path(pattern.clone());
            rule.name = name.clone();
        }
    };
    assert_eq!(refused(&|rule| rule.interval_ms = 10), "interval");
    assert_eq!(refused(&|rule| rule.grace_ms = -1), "grace");
    assert_eq!(refused(&|rule| rule.outputs.clear()), "outputs");
    assert_eq!(refused(&twice), "outputs");
    assert_eq!(refused(&|rule| rule.matching = named("(")), "match");
    assert_eq!(
        refused(&|rule| rule.matching = Matching::Labels(Vec::new())),
        "match"
    );
    assert_eq!(refused(&path("a.<b", "x")), "match");
    assert_eq!(refused(&path("a.<b>", "x.<c>")), "name");
    let several = |rule: &mut Rule| {
        rule.outputs = vec![Output::Sum, Output::Max];
        rule.name = "one".to_owned();
    };
    assert_eq!(refused(&several), "name");
}

#[test]
fn percentiles_are_named_as_carbon_names_them() {
    for (word, at) in [
        ("p5", 0.05),
        ("p50", 0.5),
        ("p999", 0.999),
        ("p05", 0.05),
        ("p9999", 0.9999),
    ] {
        assert_eq!(Output::parse(word), Some(Output::Percentile(at)), "{word}");
    }
    for word in ["p50", "p75", "p80", "p90", "p95", "p99", "p999", "p05"] {
        assert_eq!(Output::parse(word).unwrap().to_string(), word);
    }
    for word in ["p", "p100", "px", "median", "p1234567"] {
        assert_eq!(Output::parse(word), None, "{word}");
    }
}

/// Samples of an interval, one for each series and time, the last that came.
type Model = BTreeMap<i64, BTreeMap<(usize, i64), f64>>;

proptest! {
    #[test]
    fn the_engine_tells_what_a_naive_model_tells(
        samples in prop::collection::vec((0..4_usize, 0..60_i64, -5..20_i32, 0..25_i64), 1..120),
    ) {
        let mut house = House::new(vec![rule(&["sum", "count", "min", "last", "p50"])]);
        house.series = (0..4).map(|host| format!("req;dc=a;host={host}")).collect();
        let mut model = Model::new();
        let mut told: BTreeMap<String, String> = BTreeMap::new();
        let mut remember = |lines: Vec<String>| {
            for line in lines {
                let (name, rest) = line.split_once(' ').unwrap();
                let (value, at) = rest.split_once('@').unwrap();
                told.insert(format!("{name}@{at}"), value.to_owned());
            }
        };
        // Time goes on by its own; a sample comes up to 25 s after its time, so some are late and some too late.
        let mut samples = samples;
        samples.sort_by_key(|(_, at, _, delay)| at + delay);
        for (host, at, value, delay) in &samples {
            let now = at + delay;
            remember(house.due(now));
            let start = at / 10 * 10;
            let taken = house.float(&format!("req;dc=a;host={host}"), *at, f64::from(*value), now);
            prop_assert_eq!(taken.late == 0, start + 15 > now);
            if taken.late == 0 {
                model.entry(start).or_default().insert((*host, *at), f64::from(*value));
            }
        }
        remember(house.due(1_000));
        prop_assert_eq!(house.engine.held(), 0);
        let mut expected: BTreeMap<String, String> = BTreeMap::new();
        for (start, samples) in &model {
            let mut put = |output: &str, value: f64| {
                expected.insert(format!("req:{output}{{dc=\"a\"}}@{}", start + 10), value.to_string());
            };
            let mut values: Vec<f64> = samples.values().copied().collect();
            put("sum", values.iter().sum());
            put("count", values.len() as f64);
            let last = samples.iter().max_by_key(|((host, at), _)| (*at, *host)).unwrap();
            put("last", *last.1);
            values.sort_by(f64::total_cmp);
            put("min", values[0]);
            let rank = 0.5 * (values.len() - 1) as f64;
            let (low, high) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
            put("p50", low * (1.0 - rank.fract()) + high * rank.fract());
        }
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn a_total_is_the_rise_of_each_series_in_the_order_of_time(
        samples in prop::collection::vec((0..3_usize, 0..60_i64, 0..50_i32), 1..80),
    ) {
        let mut wide = rule(&["total"]);
        wide.grace_ms = 100_000;
        let mut house = House::new(vec![wide]);
        let mut model: BTreeMap<(usize, i64), f64> = BTreeMap::new();
        let mut last = None;
        for (step, (host, at, value)) in samples.iter().enumerate() {
            house.float(&format!("req;dc=a;host={host}"), *at, f64::from(*value), 60);
            model.insert((*host, *at), f64::from(*value));
            if step % 7 == 0 || step + 1 == samples.len() {
                house.due(65);
            }
        }
        // Everything is told once more when one sample changes the first interval.
        house.float("req;dc=a;host=9", 0, 1.0, 70);
        for (_, sample) in house.engine.due(70_000).samples {
            // In the order of time.
            last = match sample.value {
                Value::Float(total) => Some(total),
                Value::Histogram(_) => None,
            };
        }
        let mut rise = 0.0;
        for host in 0..3 {
            let series: Vec<f64> = model.range((host, i64::MIN)..=(host, i64::MAX)).map(|(_, v)| *v).collect();
            for pair in series.windows(2) {
                rise += if pair[1] >= pair[0] { pair[1] - pair[0] } else { pair[1] };
            }
        }
        prop_assert_eq!(last, Some(rise));
    }
}
