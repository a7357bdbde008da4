use std::time::Duration;

use serde::Deserialize;

use super::*;

const DEFAULTS: &str = "interval = \"10s\"\n[http]\nlisten = \"127.0.0.1:9347\"\nworkers = 2\n";

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Config {
    interval: DurationText,
    http: Http,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Http {
    listen: String,
    workers: u32,
}

fn load_text(text: &str, env: &[(&str, &str)], sets: &[&str]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weir.toml");
    std::fs::write(&file, text).unwrap();
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    let loaded = load(DEFAULTS, Some(&file), env, &sets).map(|(config, _)| config);
    loaded.map_err(|e| {
        e.to_string()
            .replace(&file.display().to_string(), "weir.toml")
    })
}

#[test]
fn each_layer_is_over_the_one_before() {
    let config = load_text(
        "[http]\nworkers = 3\n",
        &[
            ("WEIR_INTERVAL", "1m"),
            ("WEIR_HTTP__WORKERS", "4"),
            ("WEIR_LOG", "debug"),
            ("HOME", "x"),
        ],
        &["http.workers=5", "http.listen=127.0.0.1:0"],
    )
    .unwrap();
    assert_eq!(config.interval.0, Duration::from_secs(60));
    assert_eq!(
        config.http,
        Http {
            listen: "127.0.0.1:0".into(),
            workers: 5
        }
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let unknown = load_text("# a comment\n[http]\n  listne = \"x\"\n", &[], &[]).unwrap_err();
    assert_eq!(
        unknown,
        "weir.toml:3:3: unknown key `http.listne`; known here: `listen` or `workers`"
    );
    let kind = load_text("[http]\nworkers = \"two\"\n", &[], &[]).unwrap_err();
    assert_eq!(
        kind,
        "weir.toml:2:1: `http.workers`: invalid type: string \"two\", expected u32"
    );
    let duration = load_text("interval = \"10 parsecs\"\n", &[], &[]).unwrap_err();
    assert!(
        duration
            .starts_with("weir.toml:1:1: `interval`: \"10 parsecs\" is no duration; write it as"),
        "{duration}"
    );
    let syntax = load_text("interval = \n", &[], &[]).unwrap_err();
    assert!(syntax.starts_with("weir.toml:1:1"), "{syntax}");
}

#[test]
fn variables_and_options_are_named_too() {
    let variable = load_text("", &[("WEIR_HTTP__PORT", "1")], &[]).unwrap_err();
    assert!(
        variable.starts_with("environment variable WEIR_HTTP__PORT: unknown key `http.port`"),
        "{variable}"
    );
    let option = load_text("", &[], &["http.workers=x"]).unwrap_err();
    assert!(
        option.starts_with("--set http.workers: `http.workers`: invalid type"),
        "{option}"
    );
    let shape = load_text("", &[], &["http.workers"]).unwrap_err();
    assert_eq!(shape, "--set http.workers: must be section.key=value");
}

#[test]
fn what_cannot_be_meant_is_located_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weir.toml");
    std::fs::write(&file, "\n[http]\nworkers = 0\n").unwrap();
    let (_, places) = load::<Config>(DEFAULTS, Some(&file), std::iter::empty(), &[]).unwrap();
    let located = places.locate(ConfigError::Invalid {
        place: "http.workers".into(),
        reason: "give 1".into(),
    });
    assert!(
        located
            .to_string()
            .ends_with("weir.toml:3:1: `http.workers`: give 1"),
        "{located}"
    );
}

#[test]
fn durations() {
    assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5_400)));
    assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
    for bad in [
        "",
        "10",
        "s",
        "1x",
        "-1s",
        "1.5h",
        "99999999999999999999s",
        "9999999999999999y",
        "1µs",
    ] {
        assert_eq!(parse_duration(bad), None, "{bad}");
    }
}

#[test]
fn drop_ins_are_laid_over_the_file_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weir.toml");
    std::fs::write(&file, "interval = \"1s\"\n[http]\nworkers = 1\n").unwrap();
    assert!(drop_ins(&file).unwrap().is_empty());
    let inside = folder.path().join("weir.conf.d");
    std::fs::create_dir(&inside).unwrap();
    for (name, text) in [
        ("20.toml", "[http]\nworkers = 20\n"),
        ("10.toml", "[http]\nworkers = 10\nlisten = \"here\"\n"),
        ("30.toml.off", "nonsense"),
        (".40.toml", "nonsense"),
    ] {
        std::fs::write(inside.join(name), text).unwrap();
    }
    let files: Vec<_> = std::iter::once(file.clone())
        .chain(drop_ins(&file).unwrap())
        .collect();
    let sets = ["interval=\"2s\"".to_owned()];
    let loaded = load_files::<Config>(DEFAULTS, &files, std::iter::empty(), &sets);
    let (config, places) = loaded.unwrap();
    assert_eq!(
        (config.http.workers, config.http.listen.as_str()),
        (20, "here")
    );
    let said: Vec<String> = places
        .effective()
        .into_iter()
        .map(|said| format!("{}={} {:?}", said.key, said.value, said.place))
        .collect();
    let place = |name: &str, at: &str| Some(format!("{}:{at}", inside.join(name).display()));
    assert_eq!(
        said,
        [
            format!("http.listen=\"here\" {:?}", place("10.toml", "3:1")),
            format!("http.workers=20 {:?}", place("20.toml", "2:1")),
            "interval=\"2s\" Some(\"--set interval\")".to_owned(),
        ]
    );
    std::fs::write(inside.join("50.toml"), "[http]\nworkers = \"x\"\n").unwrap();
    let files = [file.clone(), inside.join("50.toml")];
    let refused = load_files::<Config>(DEFAULTS, &files, std::iter::empty(), &[]);
    let text = refused.err().unwrap().to_string();
    assert!(text.contains("50.toml:2:1"), "{text}");
}

#[test]
fn what_was_not_said_is_a_default() {
    let none: [&std::path::Path; 0] = [];
    let loaded = load_files::<Config>(DEFAULTS, &none, std::iter::empty(), &[]);
    let said = loaded.unwrap().1.effective();
    assert!(said.iter().all(|said| said.place.is_none()), "{said:?}");
}
