use weir_wire::graphite::series_key;

use super::*;

fn read(text: &str) -> Result<MappingFile, String> {
    document::mappings("m.yml", text).map_err(|error| error.to_string())
}

#[test]
fn statsd_exporters_own_example_is_read() {
    let file = read(
        "defaults:
  observer_type: histogram
  histogram_options:
    buckets: [.005, .01, 1]
  match_type: glob
  glob_disable_ordering: false
  ttl: 0
mappings:
- match: \"test.timing.*.*.*\"
  observer_type: summary
  name: \"my_timer\"
  summary_options: {quantiles: [{quantile: 0.99, error: 0.001}]}
  labels:
    provider: \"$2\"
    outcome: \"$3\"
    job: \"${1}_server\"
- match: 'client\\.(\\w+)\\..*'
  match_type: regex
  match_metric_type: timer
  name: \"client_${1}\"
- match: other.*
  action: drop
",
    )
    .unwrap();
    assert_eq!(file.mappings.len(), 3);
    assert_eq!(file.places, ["m.yml:9:10", "m.yml:17:10", "m.yml:21:10"]);
    let key = series_key(b"test.timing.app.db.ok").unwrap();
    let Mapped::Key { rule: 0, key } = file.mappings.map(&key, None).unwrap() else {
        panic!("{key} is not mapped");
    };
    let expected = r#"my_timer{job="app_server",outcome="ok",provider="db"}"#;
    assert_eq!(key.to_string(), expected);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_column() {
    let cases = [
        (
            "mappings:\n- match: a.b*\n  name: n",
            "m.yml:2:10: match: \"a.b*\"",
        ),
        (
            "mappings:\n- match: a.*\n  name: n$2",
            "m.yml:3:9: name: $2",
        ),
        (
            "mappings:\n- match: a.*\n  name: n\n  labels:\n    l: $7",
            "m.yml:5:8: l: $7",
        ),
        (
            "mappings:\n- match: a\n  name: n\n  match_type: perl",
            "m.yml:4:15: \"perl\"",
        ),
        (
            "mappings:\n- match: a\n  name: n\n  match_metric_type: x",
            "m.yml:4:22: \"x\"",
        ),
        (
            "mappings:\n- match: a\n  action: keep",
            "m.yml:3:11: \"keep\"",
        ),
        (
            "mappings:\n- match: a\n",
            "m.yml:2:10: name: say which name",
        ),
        ("mappings:\n- match: a\n  nmae: b", "m.yml:3:3"),
        ("mappings:\n- name: b", "m.yml:2:3"),
        ("mappings: [", "m.yml:1"),
    ];
    for (text, expected) in cases {
        let found = read(text).unwrap_err();
        assert!(found.contains(expected), "{text:?}: {found}");
    }
}

#[test]
fn an_empty_file_maps_nothing() {
    for text in ["", "# only a comment\n", "mappings:\n"] {
        assert!(read(text).unwrap().mappings.is_empty(), "{text:?}");
    }
}

#[test]
fn the_number_changes_with_the_rules_and_refused_ones_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m.yml");
    std::fs::write(&file, "mappings:\n- {match: a.*, name: first}\n").unwrap();
    let mapper = Mapper::open(Some(file.clone())).unwrap();
    let name = || {
        mapper
            .map(series_key(b"a.b").unwrap(), None)
            .map(|key| key.name().to_owned())
    };
    let before = mapper.generation();
    assert_eq!(name(), Ok("first".to_owned()));
    std::fs::write(&file, "mappings:\n- {match: a.*, action: drop}\n").unwrap();
    mapper.take(mapper.read().unwrap());
    assert_eq!(name(), Err(Reject::Unwanted));
    assert_ne!(mapper.generation(), before);
    std::fs::write(&file, "mappings: 7\n").unwrap();
    assert!(mapper.read().is_err());
    assert_eq!(name(), Err(Reject::Unwanted));
}
