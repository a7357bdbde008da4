//! Paths of a Pushgateway: a group has a job, and its labels written out again name the same group.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::pushgateway::{Group, parse};

fuzz_target!(|data: &[u8]| {
    let Ok(path) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(group) = parse(path) else { return };
    assert!(!group.job().is_empty());
    if group.labels().all(|(name, _)| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.starts_with("U__")
    }) && let Ok(again) = parse(&written(&group))
    {
        assert_eq!(again.key(), group.key());
    }
});

fn written(group: &Group) -> String {
    let mut path = format!("/metrics/job/{}", percent(group.job()));
    for (name, value) in group.labels().filter(|(name, _)| *name != "job") {
        path += &format!("/{name}/{}", percent(value));
    }
    path
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
