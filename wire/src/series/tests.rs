use proptest::prelude::*;

use super::*;

#[test]
fn order_of_labels_does_not_matter() {
    let one = SeriesKey::new("cpu", [("host", "a"), ("az", "1")]).unwrap();
    let two = SeriesKey::new("cpu", [("az", "1"), ("host", "a"), ("gone", "")]).unwrap();
    assert_eq!(one, two);
    assert_eq!(one.identity(), two.identity());
    assert_eq!(one.to_string(), r#"cpu{az="1",host="a"}"#);
    assert_eq!(one.get("host"), Some("a"));
    assert_eq!(one.get(NAME_LABEL), Some("cpu"));
    assert_eq!(one.get("gone"), None);
}

#[test]
fn order_is_by_name_then_labels_not_by_length() {
    let keys = ["a", "http_requests", "web"].map(|name| SeriesKey::bare(name).unwrap());
    assert!(keys.is_sorted());
    assert!(keys[0] < SeriesKey::new("a", [("k", "v")]).unwrap());
}

#[test]
fn golden_bytes() {
    let key = SeriesKey::new("up", [("host", "a")]).unwrap();
    assert_eq!(key.as_bytes(), b"\x02\x00up\x04\x00host\x01\x00a");
}

#[test]
fn what_makes_no_series_is_named() {
    let long = "x".repeat(5_000);
    assert_eq!(SeriesKey::bare(""), Err(KeyError::EmptyName));
    assert_eq!(SeriesKey::bare(&long), Err(KeyError::LongName));
    assert_eq!(
        SeriesKey::new("a", [("", "v")]),
        Err(KeyError::EmptyLabelName)
    );
    assert_eq!(
        SeriesKey::new("a", [(NAME_LABEL, "v")]),
        Err(KeyError::NameLabel)
    );
    let twice = SeriesKey::new("a", [("k", "1"), ("k", "2")]);
    assert_eq!(twice, Err(KeyError::DuplicateLabel("k".into())));
    assert_eq!(
        SeriesKey::new("a", [("k", long.as_str())]),
        Err(KeyError::LongLabelValue("k".into()))
    );
    let many: Vec<String> = (0..65).map(|i| format!("k{i}")).collect();
    let many = SeriesKey::new("a", many.iter().map(|k| (k.as_str(), "v")));
    assert_eq!(many, Err(KeyError::TooManyLabels));
}

proptest! {
    #[test]
    fn bytes_come_back(name in "[a-z.]{1,20}", labels in prop::collection::btree_map("[a-z]{1,8}", ".{0,12}", 0..8)) {
        let key = SeriesKey::new(&name, labels.iter().map(|(k, v)| (k.as_str(), v.as_str()))).unwrap();
        prop_assert_eq!(SeriesKey::from_bytes(key.as_bytes()).unwrap(), key.clone());
        prop_assert_eq!(key.labels().count(), labels.values().filter(|v| !v.is_empty()).count());
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(key) = SeriesKey::from_bytes(&bytes) {
            prop_assert_eq!(key.as_bytes(), &bytes[..]);
        }
    }
}
