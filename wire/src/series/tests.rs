use proptest::prelude::*;

use super::*;

/// FAULTS 15.
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

/// FAULTS 5.
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
        let mut run = KeyRun::from_iter([&SeriesKey::bare("a").unwrap()]);
        prop_assert_eq!(run.push_bytes(&bytes).is_ok(), SeriesKey::from_bytes(&bytes).is_ok());
        if let Ok(key) = SeriesKey::from_bytes(&bytes) {
            prop_assert_eq!(key.as_bytes(), &bytes[..]);
        }
    }
}

#[test]
fn a_run_takes_keys_and_siblings_and_checks_them() {
    let key = |name| SeriesKey::new(name, [("host", "a"), ("az", "1")]).unwrap();
    let mut run = KeyRun::default();
    run.push_bytes(key("cpu").as_bytes()).unwrap();
    run.push_bytes(key("mem").as_bytes()).unwrap();
    run.push_sibling("disk").unwrap();
    let bad_name = b"\x01\x00\xff\x04\x00host\x01\x00a";
    assert_eq!(run.push_bytes(bad_name), Err(KeyError::NotCanonical));
    let mut nameless = key("cpu").as_bytes()[5..].to_vec();
    nameless.splice(0..0, [0, 0]);
    assert_eq!(run.push_bytes(&nameless), Err(KeyError::EmptyName));
    assert_eq!(run.push_sibling(""), Err(KeyError::EmptyName));
    let names = ["cpu", "mem", "disk"];
    assert_eq!(run, names.map(key).iter().collect());
    let found = (0..run.len()).map(|at| run.get(at).unwrap().to_key());
    assert!(found.eq(names.map(key)) && run.get(3).is_none());
    assert!(run.iter().map(KeyRef::to_key).eq(names.map(key)));
}

#[test]
fn a_sibling_past_the_longest_key_is_refused() {
    let value = "v".repeat(4_096);
    let labels: Vec<String> = (0..7).map(|n| format!("k{n}")).collect();
    let labels = labels.iter().map(|label| (label.as_str(), value.as_str()));
    let last = ("z", &value[..3_900]);
    let key = SeriesKey::new("a", labels.chain([last])).unwrap();
    let mut run = KeyRun::from_iter([&key]);
    let name = "n".repeat(limits::NAME_BYTES);
    assert_eq!(run.push_sibling(&name), Err(KeyError::LongKey));
    let mut bytes = (name.len() as u16).to_le_bytes().to_vec();
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(key.borrowed().label_bytes());
    assert_eq!(run.push_bytes(&bytes), Err(KeyError::NotCanonical));
    assert_eq!(run.len(), 1);
}
