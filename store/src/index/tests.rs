use proptest::prelude::*;

use super::*;
use crate::journal::{Record, put_definitions, read_all};
use weir_wire::MatchOp;

fn index() -> Index {
    let mut index = Index::default();
    for (name, labels) in [
        ("cpu", vec![("host", "a"), ("az", "1")]),
        ("cpu", vec![("host", "b")]),
        ("mem", vec![("host", "a")]),
        ("a.b", vec![]),
    ] {
        let key = SeriesKey::new(name, labels).unwrap();
        let id = index.add(key.borrowed(), 10).unwrap();
        index.presence.mark_window(5, [id.0]);
    }
    index
}

fn found(matchers: &[(&str, MatchOp, &str)]) -> Vec<u32> {
    let matchers: Vec<_> = matchers
        .iter()
        .map(|(n, op, v)| Matcher::new(*n, *op, *v))
        .collect();
    {
        let index = index();
        index
            .matching(&matchers, index.all())
            .unwrap()
            .iter()
            .collect()
    }
}

#[test]
fn matchers_follow_prometheus() {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    assert_eq!(found(&[("__name__", Equal, "cpu")]), [0, 1]);
    assert_eq!(found(&[("__name__", Equal, "cpu"), ("az", Equal, "")]), [1]);
    assert_eq!(found(&[("host", NotEqual, "a")]), [1, 3]);
    assert_eq!(found(&[("host", NotEqual, "")]), [0, 1, 2]);
    assert_eq!(found(&[("host", Regex, "a|b")]), [0, 1, 2]);
    assert_eq!(found(&[("host", Regex, ".*")]), [0, 1, 2, 3]);
    assert_eq!(found(&[("host", NotRegex, "a")]), [1, 3]);
    assert_eq!(found(&[("host", NotRegex, "")]), [0, 1, 2]);
    assert_eq!(found(&[("nothing", Equal, "x")]), Vec::<u32>::new());
    assert_eq!(found(&[("host", Regex, "\\w")]), [0, 1, 2]);
    assert_eq!(found(&[]), [0, 1, 2, 3]);
}

#[test]
fn windows_without_samples_hide_a_series() {
    let mut index = index();
    let window_ms = 1_800_000;
    let seen = |index: &Index, from: i64, to: i64| {
        index
            .presence
            .between(from * window_ms, to * window_ms, window_ms, 0)
            .len()
    };
    assert_eq!(
        (seen(&index, 5, 5), seen(&index, 6, 9), seen(&index, 9, 1)),
        (4, 0, 0)
    );
    // Days stand for the windows that are gone.
    index
        .presence
        .mark_day(0, &RoaringBitmap::from_iter([1, 2]));
    assert_eq!((seen(&index, 0, 3), seen(&index, 48, 60)), (2, 0));
    index.presence.forget_windows_before(6);
    assert_eq!(seen(&index, 5, 5), 2);
}

#[test]
fn a_series_that_leaves_takes_its_labels_along() {
    let mut index = index();
    let cpu_a = index.key(SeriesId(0)).unwrap();
    index.remove(&RoaringBitmap::from_iter([0, 2]));
    assert_eq!(
        (
            index.len(),
            index.find(cpu_a.borrowed()),
            index.key(SeriesId(2))
        ),
        (2, None, None)
    );
    let all = index.all();
    assert_eq!(index.label_names(&all), ["__name__", "host"]);
    assert_eq!(values(&index, "host", &all), ["b"]);
    assert_eq!(values(&index, "__name__", &all), ["a.b", "cpu"]);
    let again = index.add(cpu_a.borrowed(), 10).unwrap();
    assert_eq!(again, SeriesId(4), "numbers are not given out twice");
    assert_eq!(
        (index.find(cpu_a.borrowed()), index.metric(again)),
        (Some(again), index.metric(SeriesId(1)))
    );
}

#[test]
fn what_is_held_goes_with_the_series_there_are() {
    let mut index = Index::default();
    let key = |pod: u32| SeriesKey::new("up", [("pod", format!("p{pod}").as_str())]).unwrap();
    let stays = index.add(key(0).borrowed(), 1 << 20).unwrap();
    for pod in 1..400_000 {
        let id = index.add(key(pod).borrowed(), 1 << 20).unwrap();
        assert_eq!(id.0, pod);
        index.remove(&RoaringBitmap::from_iter([pod]));
    }
    assert_eq!((index.len(), index.end()), (1, 400_000));
    let held = index.keys.places_bytes();
    assert!(held < 400_000 / 4, "{held}");
    assert_eq!(index.key(stays), Some(key(0)));
    assert_eq!(index.all(), RoaringBitmap::from_iter([0]));
    let next = index.add(key(7).borrowed(), 1 << 20).unwrap();
    assert_eq!(next, SeriesId(400_000));
    assert_eq!(index.numbers().collect::<Vec<_>>(), [0, 400_000]);
    assert_eq!(index.key(next), Some(key(7)));
    assert!(!index.has(SeriesId(70_000)) && !index.has(SeriesId(u32::MAX)));
}

#[test]
fn a_metric_goes_with_its_last_series_and_its_number_is_no_other_metrics() {
    let mut index = Index::default();
    let key = |name: &str| SeriesKey::new(name, Vec::<(&str, &str)>::new()).unwrap();
    let first = index.add(key("a").borrowed(), 10).unwrap();
    let before = index.metric(first).unwrap();
    index.remove(&RoaringBitmap::from_iter([first.0]));
    let others = ["b", "a"].map(|name| {
        let id = index.add(key(name).borrowed(), 10).unwrap();
        index.metric(id).unwrap()
    });
    assert!(!others.contains(&before) && others[0] != others[1]);
    // What was written down holds, whichever comes first.
    let mut restored = Index::default();
    for (series, metric) in [(9, 4), (5, 2)] {
        restored.restore(&Definition {
            series,
            metric,
            key: key(if series == 9 { "a" } else { "b" }),
        });
    }
    let c = restored.add(key("c").borrowed(), 10).unwrap();
    assert_eq!((c, restored.metric(c)), (SeriesId(10), Some(5)));
    assert_eq!(restored.metric(SeriesId(5)), Some(2));
}

fn values(index: &Index, label: &str, series: &RoaringBitmap) -> Vec<String> {
    let mut values = Values::new(label, series);
    std::iter::repeat_with(|| values.go_on(index))
        .find_map(|found| found)
        .unwrap()
}

#[test]
fn the_values_of_a_label_are_looked_through_in_slices_where_there_are_many() {
    let mut index = Index::default();
    for pod in 0..9_000 {
        let pod = format!("p{:05}", pod * 7 % 9_000);
        let key = SeriesKey::new("up", [("pod", pod.as_str()), ("az", "1")]).unwrap();
        index.add(key.borrowed(), 1 << 20).unwrap();
    }
    let all = index.all();
    let mut slices = Values::new("pod", &all);
    assert_eq!(slices.go_on(&index), None);
    let found = values(&index, "pod", &all);
    assert!(found.len() == 9_000 && found.is_sorted());
    let some = RoaringBitmap::from_iter([1, 8_999]);
    assert_eq!(values(&index, "pod", &some), ["p00007", "p08993"]);
    assert_eq!(values(&index, "az", &some), ["1"]);
    assert_eq!(values(&index, "none", &some), Vec::<String>::new());
}

fn cardinality(index: &Index, limit: usize) -> Cardinality {
    let mut counting = Counting::new(limit);
    std::iter::repeat_with(|| counting.go_on(index))
        .find_map(|found| found)
        .unwrap()
}

#[test]
fn a_count_lets_others_in_between() {
    let mut index = Index::default();
    let add = |index: &mut Index, pod: u32| {
        let key = SeriesKey::new("up", [("pod", format!("p{pod:05}").as_str())]).unwrap();
        index.add(key.borrowed(), 1 << 20).unwrap()
    };
    for pod in 0..20_000 {
        add(&mut index, pod);
    }
    let mut counting = Counting::new(3);
    let mut slices = 1;
    let found = loop {
        if let Some(found) = counting.go_on(&index) {
            break found;
        }
        // Whoever waits with a series comes in here.
        add(&mut index, 20_000 + slices);
        slices += 1;
    };
    assert!(slices > 4, "{slices}");
    assert_eq!(found.series, u64::from(20_000 + slices - 1));
    assert_eq!(found.by_metric.len(), 1);
    let pairs = [("pod=p00000".to_owned(), 1), ("pod=p00001".to_owned(), 1)];
    assert_eq!(found.by_pair[1..], pairs);
    assert_eq!(cardinality(&index, 0).by_pair, []);
}

#[test]
fn what_has_most_series_is_named() {
    let cardinality = cardinality(&index(), 2);
    assert_eq!(cardinality.series, 4);
    assert_eq!(
        cardinality.by_metric,
        [("cpu".to_owned(), 2), ("a.b".to_owned(), 1)]
    );
    assert_eq!(
        cardinality.by_label,
        [("__name__".to_owned(), 3), ("host".to_owned(), 2)]
    );
    assert_eq!(cardinality.by_pair[0], ("__name__=cpu".to_owned(), 2));
}

#[test]
fn a_bad_or_huge_expression_is_refused_by_name() {
    for bad in ["(", "a)|(b", "(a{1000}){1000}{1000}"] {
        let index = index();
        let refused = index.matching(&[Matcher::new("host", MatchOp::Regex, bad)], index.all());
        assert!(
            matches!(refused, Err(StoreError::BadMatcher { .. })),
            "{bad}"
        );
    }
}

#[test]
fn the_same_series_is_found_and_the_cap_holds() {
    let mut index = index();
    let key = SeriesKey::new("cpu", [("az", "1"), ("host", "a")]).unwrap();
    assert_eq!(index.find(key.borrowed()), Some(SeriesId(0)));
    assert!(matches!(
        index.add(SeriesKey::bare("x").unwrap().borrowed(), 4),
        Err(StoreError::TooManySeries { limit: 4 })
    ));
    assert_eq!(
        index.label_names(&RoaringBitmap::from_iter([0, 3])),
        ["__name__", "az", "host"]
    );
    assert_eq!(
        values(&index, "host", &RoaringBitmap::from_iter([0, 1, 2])),
        ["a", "b"]
    );
}

fn keys() -> impl Strategy<Value = Vec<SeriesKey>> {
    let labels = prop::collection::btree_map("[ab]", "[xy]", 0..3);
    let key = (labels, "[mn]{1,2}").prop_map(|(labels, name)| {
        let labels = labels.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        SeriesKey::new(&name, labels).unwrap()
    });
    // A host's follow each other.
    prop::collection::vec(prop::collection::vec(key, 1..6), 0..8)
        .prop_map(|hosts| hosts.into_iter().flatten().collect())
}

fn definition(index: &Index, series: u32) -> Option<Definition> {
    Some(Definition {
        series,
        metric: index.metric(SeriesId(series))?,
        key: index.key(SeriesId(series))?,
    })
}

proptest! {
    /// Whatever is resolved together is as if it had been resolved one by one, series that leave in between too.
    #[test]
    fn many_at_once_are_as_one_by_one(
        batches in prop::collection::vec((keys(), prop::collection::vec(0..40_u32, 0..4)), 1..5),
        limit in prop_oneof![Just(1_000_usize), 5..20_usize],
    ) {
        let (mut one, mut many) = (Index::default(), Index::default());
        for (keys, gone) in batches {
            let each: Vec<_> = keys
                .iter()
                .map(|key| {
                    let key = key.borrowed();
                    one.find(key).or_else(|| one.add(key, limit).ok())
                })
                .collect();
            let wanted: Vec<_> = keys.iter().map(|key| Wanted::new(key.borrowed())).collect();
            let mut found = Vec::new();
            many.find_all(&wanted, &mut found);
            many.add_all(&wanted, limit, &mut found);
            prop_assert_eq!(&found, &each);
            found.clear();
            many.find_all(&wanted, &mut found);
            prop_assert_eq!(&found, &each);
            let gone: RoaringBitmap = gone.into_iter().collect();
            one.remove(&gone);
            many.remove(&gone);
        }
        prop_assert_eq!(cardinality(&many, 100), cardinality(&one, 100));
        let definitions = |index: &Index| -> Vec<_> {
            (0..index.end()).filter_map(|series| definition(index, series)).collect()
        };
        prop_assert_eq!(definitions(&many), definitions(&one));
        for label in ["__name__", "a", "b"] {
            let carried = |index: &Index| -> Vec<_> {
                let mut values: Vec<_> = index
                    .symbols
                    .values(label)
                    .map(|(value, series)| (value.to_owned(), series.clone()))
                    .collect();
                values.sort_by(|a, b| a.0.cmp(&b.0));
                values
            };
            prop_assert_eq!(carried(&many), carried(&one));
        }
    }

    #[test]
    fn what_is_written_down_comes_back(keys in keys(), gone in prop::collection::vec(0..40_u32, 0..4)) {
        let mut index = Index::default();
        for key in &keys {
            if index.find(key.borrowed()).is_none() {
                index.add(key.borrowed(), 1_000).unwrap();
            }
        }
        index.remove(&gone.into_iter().collect());
        let mut bytes = Vec::new();
        index.define(0..index.end(), |run| put_definitions(&run, &mut bytes));
        let back = read_all(&bytes).unwrap().into_iter().map(|record| match record {
            Record::Definition(definition) => definition,
            other => panic!("{other:?}"),
        });
        let there = (0..index.end()).filter_map(|series| definition(&index, series));
        prop_assert_eq!(back.collect::<Vec<_>>(), there.collect::<Vec<_>>());
    }
}
