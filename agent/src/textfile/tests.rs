use std::fs;
use std::path::Path;

use weir_aggregate::Labels;

use super::folder::{Found, read};
use super::read::MAX_FILE_BYTES;
use super::*;

fn labels() -> Labels {
    Labels {
        defaults: vec![("host".to_owned(), "web01".to_owned())],
        origin: None,
    }
}

fn values(found: &Found) -> Vec<String> {
    let own = found.samples.iter();
    let own = own.filter(|(key, _)| key.name() != "node_textfile_mtime_seconds");
    own.map(|(key, value)| format!("{key} {value}")).collect()
}

fn put(dir: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(dir.join(name), text).unwrap();
}

#[test]
fn files_are_read_by_name_with_this_hosts_labels() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        "b.prom",
        "b{host=\"other\"} -0.5\nb{k=\"odd\"} NaN\nb{k=\"more\"} +Inf\n",
    );
    put(
        dir.path(),
        "a.prom",
        "# HELP a x\n# TYPE a counter\na_total{k=\"v\"} 3\n",
    );
    put(dir.path(), "c.prom.tmp", "half a fi");
    put(dir.path(), "empty.prom", "");
    let found = read(dir.path(), &labels());
    assert_eq!(
        values(&found),
        [
            "a_total{host=\"web01\",k=\"v\"} 3",
            "b{host=\"other\"} -0.5",
            "node_textfile_scrape_error{host=\"web01\"} 0",
        ]
    );
    assert!(found.problems.is_empty());
    assert_eq!(found.not_finite, 2, "frames carry numbers only");
    let path = dir.path().join("a.prom");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    let times: Vec<_> = found
        .samples
        .iter()
        .filter(|(key, _)| key.name() == "node_textfile_mtime_seconds")
        .collect();
    assert_eq!(times.len(), 3, "empty.prom was read too");
    let (key, value) = times[0];
    assert_eq!(key.get("file"), path.to_str());
    assert_eq!(*value, since.as_secs() as f64, "whole seconds");
}

#[test]
fn a_bad_file_is_named_and_skipped_whole_and_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a_good.prom", "good 1\n");
    for (name, text, reason) in [
        ("cut.prom", "fine 1\ncut 2", "line 2"),
        (
            "stamped.prom",
            "fine 1\nstamped 1 1613707265000\n",
            "timestamps",
        ),
        ("twice.prom", "twice 1\ntwice 2\n", "twice"),
        ("other.prom", "good 2\n", "before it already"),
        ("text.prom", "\u{e4}\u{0}\n", "line 1"),
        ("name.prom", "0bad 1\n", "line 1"),
    ] {
        put(dir.path(), name, text);
        let found = read(dir.path(), &labels());
        assert_eq!(
            values(&found),
            [
                "good{host=\"web01\"} 1",
                "node_textfile_scrape_error{host=\"web01\"} 1"
            ],
            "{name}"
        );
        let said = found.problems[0].to_string();
        assert!(said.contains(name) && said.contains(reason), "{said}");
        fs::remove_file(dir.path().join(name)).unwrap();
    }
}

#[test]
fn what_is_too_large_or_no_file_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let line = b"# a comment that goes on and on and on and on and on\n";
    let times = MAX_FILE_BYTES as usize / line.len() + 1;
    put(dir.path(), "large.prom", line.repeat(times));
    let pipe = dir.path().join("pipe.prom");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(pipe)
            .status()
            .unwrap()
            .success()
    );
    fs::create_dir(dir.path().join("folder.prom")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("link.prom")).unwrap();
    let found = read(dir.path(), &labels());
    let named: Vec<String> = found.problems.iter().map(Problem::to_string).collect();
    assert_eq!(named.len(), 4, "{named:?}");
    for (said, reason) in named
        .iter()
        .zip(["regular", "longer", "No such", "regular"])
    {
        let reason = match said.contains("link.prom") {
            true => "No such",
            false => reason,
        };
        assert!(said.contains(reason), "{said}");
    }
    let missing = read(&dir.path().join("none"), &labels());
    assert_eq!(
        values(&missing),
        ["node_textfile_scrape_error{host=\"web01\"} 1"]
    );
}

#[test]
fn a_series_that_is_gone_ends_once() {
    let (mut alive, found) = (HashSet::new(), |names: &[&str]| Found {
        samples: names
            .iter()
            .map(|name| (SeriesKey::bare(name).unwrap(), 1.0))
            .collect(),
        not_finite: 0,
        problems: Vec::new(),
    });
    let ends = |points: &[Point]| {
        let stale = points.iter().filter(|(_, sample)| match sample.value {
            Value::Float(value) => weir_wire::is_stale(value),
            Value::Histogram(_) => false,
        });
        stale
            .map(|(key, _)| key.name().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ends(&points(found(&["a", "b"]), &mut alive, 1)), [""; 0]);
    assert_eq!(ends(&points(found(&["a"]), &mut alive, 2)), ["b"]);
    assert_eq!(ends(&points(found(&["a"]), &mut alive, 3)), [""; 0]);
}
