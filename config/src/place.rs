//! From a deserialiser's complaint to the place in the text and to words that help.

use toml::de::{DeTable, DeValue};

/// The keys down to what is wrong: serde names the table, and an unknown field only in its message.
pub(crate) fn key_path(path: &str, message: &str) -> Vec<String> {
    let mut keys: Vec<String> = path
        .split(['.', '[', ']'])
        .filter(|key| !key.is_empty() && *key != "?")
        .map(str::to_owned)
        .collect();
    if let Some(field) = unknown_field(message)
        && keys.last().map(String::as_str) != Some(field)
    {
        keys.push(field.to_owned());
    }
    keys
}

/// What is wrong with which key, on one line.
pub(crate) fn reason(path: &[String], message: &str) -> String {
    let key = path.join(".");
    let message = message.lines().next().unwrap_or_default();
    match unknown_field(message) {
        Some(_) => {
            let expected = message.split_once("expected").map(|(_, rest)| rest);
            let expected =
                expected.map(|rest| format!("; known here:{}", rest.trim_start_matches(" one of")));
            format!("unknown key `{key}`{}", expected.unwrap_or_default())
        }
        None => format!("`{key}`: {message}"),
    }
}

fn unknown_field(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field `")?;
    rest.split('`').next()
}

/// The byte at which a key stands in the text.
pub(crate) fn offset(text: &str, path: &[String]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut found = None;
    for key in path {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == key) else {
            break;
        };
        found = Some(name.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found
}

/// `file:line:column`, both from 1, the column in characters.
pub(crate) fn at(name: &str, text: &str, offset: usize) -> String {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    format!("{name}:{line}:{column}")
}
