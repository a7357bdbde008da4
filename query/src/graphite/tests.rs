//! Render and find over a source in memory, against graphite-web's documented results.

use weir_wire::{MatchOp, Matcher, SeriesKey};

use super::*;
use crate::{Aspect, Budget, Selection, SeriesData, Source, SourceError, TimeRange, Wish};

/// Series that stand for themselves, or for sums that rollups keep: of two samples each, 10 the last, 100 the largest.
struct Memory {
    series: Vec<SeriesData>,
    rolled_up: bool,
}

fn holds(matcher: &Matcher, key: &SeriesKey) -> bool {
    let value = key.get(&matcher.name).unwrap_or_default();
    let regex = || {
        regex::Regex::new(&format!("^(?:{})$", matcher.value))
            .unwrap()
            .is_match(value)
    };
    match matcher.op {
        MatchOp::Equal => value == matcher.value,
        MatchOp::NotEqual => value != matcher.value,
        MatchOp::Regex => regex(),
        MatchOp::NotRegex => !regex(),
    }
}

impl Source for Memory {
    fn select(
        &self,
        m: &[Matcher],
        range: TimeRange,
        wish: Wish,
        _: &Budget,
    ) -> Result<Selection, SourceError> {
        let mut series = self.series.clone();
        series.retain(|one| m.iter().all(|matcher| holds(matcher, &one.key)));
        for one in &mut series {
            let within = |time_ms: &i64| (range.from_ms..=range.to_ms).contains(time_ms);
            let kept: Vec<usize> = (0..one.times_ms.len())
                .filter(|at| within(&one.times_ms[*at]))
                .collect();
            one.values = kept.iter().map(|at| one.values[*at]).collect();
            one.times_ms = kept.iter().map(|at| one.times_ms[*at]).collect();
        }
        series.retain(|one| !one.times_ms.is_empty());
        let fixed = match wish.aspect {
            Aspect::Count => Some(2.0),
            Aspect::Last => Some(10.0),
            Aspect::Max => Some(100.0),
            _ => None,
        };
        if let (Some(fixed), true) = (fixed, self.rolled_up) {
            let values = series.iter_mut().flat_map(|one| &mut one.values);
            values.for_each(|value| *value = fixed);
        }
        Ok(Selection {
            series,
            // As of old samples: there are no others, whatever was wished for.
            resolutions: vec![(
                0,
                if self.rolled_up {
                    wish.spacing_ms.max(60_000)
                } else {
                    0
                },
            )],
        })
    }
    fn series(
        &self,
        s: &[Vec<Matcher>],
        _: TimeRange,
        _: &Budget,
    ) -> Result<Vec<SeriesKey>, SourceError> {
        let any = |key: &SeriesKey| {
            s.iter()
                .any(|m| m.iter().all(|matcher| holds(matcher, key)))
        };
        Ok(self
            .series
            .iter()
            .map(|one| one.key.clone())
            .filter(any)
            .collect())
    }
    fn label_names(
        &self,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &Budget,
    ) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }
    fn label_values(
        &self,
        _: &str,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &Budget,
    ) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }
}

/// Samples at 1010, 1020, … seconds.
fn series(name: &str, labels: &[(&str, &str)], values: &[f64]) -> SeriesData {
    SeriesData {
        key: SeriesKey::new(name, labels.iter().copied()).unwrap(),
        times_ms: (1_010_000..).step_by(10_000).take(values.len()).collect(),
        values: values.to_vec(),
        histograms: Vec::new(),
    }
}

fn memory() -> Memory {
    let series = vec![
        series("app.web1.hits", &[], &[0.0, 10.0, 30.0, 5.0]),
        series("app.web2.hits", &[], &[1.0, 1.0, 1.0, 1.0]),
        series(
            "disk.used",
            &[("host", "a"), ("dc", "x")],
            &[7.0, 7.0, 8.0, 8.0],
        ),
        series("top", &[], &[1.0]),
    ];
    Memory {
        series,
        rolled_up: false,
    }
}

fn rendered(target: &str) -> Result<Vec<RenderedSeries>, GraphiteError> {
    rendered_from(&memory(), target)
}

fn rendered_from(memory: &Memory, target: &str) -> Result<Vec<RenderedSeries>, GraphiteError> {
    let request = RenderRequest {
        targets: vec![target.to_owned()],
        from: Some("1000".into()),
        until: Some("1040".into()),
        ..RenderRequest::default()
    };
    render(memory, &request, 2_000_000, &Budget::new(100, 100_000))
}

#[test]
fn rollups_answer_with_what_the_functions_make_of_samples() {
    let memory = Memory {
        rolled_up: true,
        ..memory()
    };
    for (target, values) in [
        ("app.web1.hits", [0.0, 5.0, 15.0, 2.5]),
        ("consolidateBy(app.web1.hits,'sum')", [0.0, 10.0, 30.0, 5.0]),
        (
            "consolidateBy(offset(top,1),'max')",
            [101.0, 101.0, 101.0, 101.0],
        ),
        (
            "keepLastValue(consolidateBy(app.web2.hits,'last'))",
            [10.0, 10.0, 10.0, 10.0],
        ),
        (
            "summarize(app.web2.hits,'10s','max')",
            [100.0, 100.0, 100.0, 100.0],
        ),
        ("summarize(app.web1.hits,'10s')", [0.0, 10.0, 30.0, 5.0]),
    ] {
        let found = rendered_from(&memory, target).unwrap();
        let found: Vec<f64> = found[0].values.iter().flatten().copied().collect();
        assert!(
            !found.is_empty() && values.starts_with(&found),
            "{target}: {found:?}"
        );
    }
    let rates = rendered_from(&memory, "perSecond(app.web1.hits)").unwrap();
    assert_eq!(rates[0].values, [None, Some(0.0), Some(0.0), Some(0.0)]);
}

fn one(target: &str) -> (String, Vec<Option<f64>>) {
    let mut found = rendered(target).unwrap();
    assert_eq!(found.len(), 1, "{target}");
    let found = found.remove(0);
    (found.target, found.values)
}

#[test]
fn a_plain_path_in_graphite_webs_json() {
    let found = rendered("app.web1.hits").unwrap();
    let expected = r#"[{"target":"app.web1.hits","tags":{"name":"app.web1.hits"},"datapoints":[[0.0,1010],[10.0,1020],[30.0,1030],[5.0,1040]]}]"#;
    assert_eq!(render_json(&found, false), expected);
}

#[test]
fn sums_rates_and_names() {
    let sum = (
        "sumSeries(app.*.hits)".to_owned(),
        vec![Some(1.0), Some(11.0), Some(31.0), Some(6.0)],
    );
    assert_eq!(one("sumSeries(app.*.hits)"), sum);
    assert_eq!(
        one("perSecond(app.web1.hits)").1,
        [None, Some(1.0), Some(2.0), None]
    );
    assert_eq!(
        one("aliasByNode(scale(app.web1.hits, 2), 1, -1)").0,
        "web1.hits"
    );
    assert_eq!(one("alias(app.{web1,x}.hits, 'Web one')").0, "Web one");
}

#[test]
fn summarize_starts_at_multiples() {
    let found = rendered("summarize(app.web1.hits,\"20s\",\"max\")")
        .unwrap()
        .remove(0);
    assert_eq!((found.start_s, found.step_s), (1000, 20));
    assert_eq!(found.values, [Some(0.0), Some(30.0), Some(5.0)]);
}

#[test]
fn labelled_series_are_reached_by_tag_and_by_name() {
    let by_tag = rendered("seriesByTag('name=disk.used', 'host=~a|b')").unwrap();
    assert_eq!(by_tag[0].target, "disk.used;dc=x;host=a");
    assert_eq!(
        rendered("disk.used;dc=x;host=a").unwrap()[0].values,
        by_tag[0].values
    );
    assert!(rendered("disk.used").unwrap().is_empty());
    assert!(rendered("disk.used;dc=x").unwrap().is_empty());
}

#[test]
fn grafanas_health_check_needs_no_series() {
    let (name, values) = one("constantLine(100)");
    assert_eq!((name.as_str(), values), ("100", vec![Some(100.0); 3]));
}

#[test]
fn bad_targets_say_what_is_wrong() {
    let unknown = rendered("sumSeries(holtWinters(a.b))").unwrap_err();
    assert_eq!(unknown.to_string(), "unknown function \"holtWinters\"");
    let deep = format!("{}a{}", "group(".repeat(100), ")".repeat(100));
    for bad in [
        "",
        "sum(",
        "sum(a",
        "a b",
        "alias(a,'x",
        "scale(a)",
        "seriesByTag('k!=v')",
        &deep,
    ] {
        assert!(rendered(bad).unwrap_err().is_request(), "{bad}");
    }
}

#[test]
fn max_points_join_into_bands() {
    let values: Vec<f64> = (0..100).map(f64::from).collect();
    let source = Memory {
        series: vec![series("a", &[], &values)],
        rolled_up: false,
    };
    let request = RenderRequest {
        targets: vec!["a".into()],
        from: Some("1000".into()),
        until: Some("2000".into()),
        max_points: Some(10),
        ..RenderRequest::default()
    };
    let found = render(&source, &request, 0, &Budget::new(10, 10_000))
        .unwrap()
        .remove(0);
    assert_eq!(found.step_s, 100);
    assert_eq!(found.start_s.rem_euclid(100), 0);
    assert!(found.values.len() <= 10);
}

#[test]
fn find_walks_the_tree_of_plain_paths() {
    let ask = |query: &str, format| {
        let request = FindRequest {
            query: query.into(),
            format,
            ..FindRequest::default()
        };
        let nodes = find(&memory(), &request, 0, &Budget::new(100, 100)).unwrap();
        find_json(&request, &nodes).to_string()
    };
    let tree = ask("app.*", FindFormat::TreeJson);
    assert!(
        tree.contains(r#""id":"app.web1""#) && tree.contains(r#""expandable":1"#),
        "{tree}"
    );
    assert_eq!(ask("*", FindFormat::NodeList), r#"{"nodes":["app","top"]}"#);
    let complete = r#"{"metrics":[{"is_leaf":"0","name":"app","path":"app."}]}"#;
    assert_eq!(ask("ap", FindFormat::Completer), complete);
    let leaf = r#"[{"is_leaf":true,"path":"app.web1.hits"}]"#;
    assert_eq!(ask("app.web1.*", FindFormat::Json), leaf);
}

#[test]
fn times_as_graphite_writes_them() {
    // 2026-01-31 12:00:00 UTC
    let now_s = 1_769_860_800;
    let at = |text: &str| {
        parse_time(text, now_s * 1_000, None)
            .map(|t| t - now_s)
            .ok()
    };
    assert_eq!(at("now"), Some(0));
    assert_eq!(at("-1h"), Some(-3_600));
    assert_eq!(at("now-5min"), Some(-300));
    assert_eq!(at("-1mon"), Some(-31 * 86_400));
    assert_eq!(at("noon"), Some(0));
    assert_eq!(at("midnight"), Some(-43_200));
    assert_eq!(at("today"), Some(-43_200));
    assert_eq!(at("noon yesterday"), Some(-86_400));
    assert_eq!(at("14:30_20260131"), Some(9_000));
    assert_eq!(at("20260201"), Some(43_200));
    assert_eq!(at("1769860800"), Some(0));
    for bad in [
        "nonsense",
        "-",
        "-1fortnight",
        "25:99_20260131",
        "-99999999999999h",
        "-2147483647y",
        "é",
    ] {
        assert_eq!(at(bad), None, "{bad}");
    }
    assert!(parse_time("now", 0, Some("../../etc/passwd")).is_err());
}

#[test]
fn berlin_is_known_where_the_system_has_zones_and_refused_otherwise() {
    let midnight = parse_time("midnight", 1_769_860_800_000, Some("Europe/Berlin"));
    assert!(matches!(
        midnight,
        Ok(1_769_814_000) | Err(GraphiteError::BadZone(_))
    ));
}
