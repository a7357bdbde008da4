use super::*;
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
        let definition = index.add(&key, 10).unwrap();
        index.mark(5, definition.series);
    }
    index
}

fn found(matchers: &[(&str, MatchOp, &str)]) -> Vec<u32> {
    let matchers: Vec<_> = matchers
        .iter()
        .map(|(n, op, v)| Matcher::new(*n, *op, *v))
        .collect();
    index().matching(&matchers, 0..=9).unwrap().iter().collect()
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
    assert_eq!(found(&[("nothing", Equal, "x")]), []);
    assert_eq!(found(&[("host", Regex, "\\w")]), [0, 1, 2]);
    assert_eq!(found(&[]), [0, 1, 2, 3]);
}

#[test]
fn windows_without_samples_hide_a_series() {
    assert!(index().matching(&[], 6..=9).unwrap().is_empty());
    assert!(
        index()
            .matching(&[], std::ops::RangeInclusive::new(1, 0))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_bad_or_huge_expression_is_refused_by_name() {
    for bad in ["(", "a)|(b", "(a{1000}){1000}{1000}"] {
        let refused = index().matching(&[Matcher::new("host", MatchOp::Regex, bad)], 0..=9);
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
    assert_eq!(index.find(&key), Some(SeriesId(0)));
    assert!(matches!(
        index.add(&SeriesKey::bare("x").unwrap(), 4),
        Err(StoreError::TooManySeries { limit: 4 })
    ));
    assert_eq!(
        index.label_names(&RoaringBitmap::from_iter([0, 3])),
        ["__name__", "az", "host"]
    );
    assert_eq!(
        index.label_values("host", &RoaringBitmap::from_iter([0, 1, 2])),
        ["a", "b"]
    );
}
