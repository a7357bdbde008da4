//! METRICS.md and the code name the same metrics.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every word `weir_…` between the given marks.
fn names(text: &str, mark: char) -> BTreeSet<String> {
    let words = text.split(mark).filter(|word| word.starts_with("weir_"));
    let whole = words.filter(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    whole
        .filter(|word| !CRATES.contains(word))
        .map(str::to_owned)
        .collect()
}

/// Names of crates, which look alike.
const CRATES: [&str; 2] = ["weir_gateway", "weir_agent"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_page_lists_what_the_code_counts() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for part in [
        "gateway/src",
        "store/src",
        "alerting/src",
        "query/src",
        "agent/src",
        "aggregate/src",
    ] {
        sources(&house.join(part), &mut files);
    }
    let texts = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap());
    let in_code: BTreeSet<String> = texts.flat_map(|text| names(&text, '"')).collect();
    let on_page = names(
        &std::fs::read_to_string(house.join("METRICS.md")).unwrap(),
        '`',
    );
    assert!(
        in_code.len() > 40,
        "the search finds too little: {in_code:?}"
    );
    let unlisted: Vec<_> = in_code.difference(&on_page).collect();
    let invented: Vec<_> = on_page.difference(&in_code).collect();
    assert!(unlisted.is_empty(), "not in METRICS.md: {unlisted:?}");
    assert!(invented.is_empty(), "only in METRICS.md: {invented:?}");
}
