//! Names of metrics and labels, as Prometheus' receiver translates them (strategy `UnderscoreEscapingWithSuffixes`), or
//! as they are (`NoTranslation`).

use std::borrow::Cow;

use super::units;
use crate::Kind;

/// What becomes of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// `http.server.duration` in `s` is `http_server_duration_seconds`; counters end in `_total`.
    #[default]
    Prometheus,
    /// `otel`: names of metrics and labels keep their dots and get no suffix.
    Otel,
}

/// The name of a metric's series (of histograms without their suffixes); empty where nothing of the name can stay.
#[must_use]
pub fn metric_name<'a>(name: &'a str, unit: &str, kind: Kind, names: Names) -> Cow<'a, str> {
    if names == Names::Otel {
        return Cow::Borrowed(name);
    }
    let mut words: Vec<&str> = split(name).collect();
    let (main, per) = units::words(unit);
    let (main, per) = (cleaned(main), cleaned(&per));
    if !main.is_empty() && !words.contains(&main.as_str()) {
        words.push(&main);
    }
    if !per.is_empty() && per != "per" && !words.contains(&per.as_str()) {
        words.push(&per);
    }
    if kind == Kind::Counter {
        at_end(&mut words, "total");
    }
    // Counters of things are often given the unit 1 and are no ratios.
    if unit == "1" && kind == Kind::Gauge {
        at_end(&mut words, "ratio");
    }
    let mut joined = words.join("_");
    if joined.starts_with(|first: char| first.is_ascii_digit()) {
        joined.insert(0, '_');
    }
    Cow::Owned(joined)
}

/// The name of a label: each character other than `[a-zA-Z0-9_]` becomes an underscore, a digit in front gets `key_`, a
/// single underscore in front `key`; empty where nothing but underscores would stay.
#[must_use]
pub fn label_name(name: &str, names: Names) -> Cow<'_, str> {
    let kept = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if names == Names::Otel || (starts_well && name.chars().all(kept)) {
        return Cow::Borrowed(name);
    }
    let mut out: String = name
        .chars()
        .map(|c| if kept(c) { c } else { '_' })
        .collect();
    if out.bytes().all(|byte| byte == b'_') {
        return Cow::Borrowed("");
    }
    if out.starts_with(|first: char| first.is_ascii_digit()) {
        out.insert_str(0, "key_");
    } else if out.starts_with('_') && !out.starts_with("__") {
        out.insert_str(0, "key");
    }
    Cow::Owned(out)
}

fn split(name: &str) -> impl Iterator<Item = &str> {
    let words = name.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'));
    words.filter(|word| !word.is_empty())
}

fn cleaned(unit: &str) -> String {
    split(unit).collect::<Vec<_>>().join("_")
}

fn at_end<'a>(words: &mut Vec<&'a str>, suffix: &'a str) {
    words.retain(|word| *word != suffix);
    words.push(suffix);
}
