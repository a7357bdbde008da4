//! What holds in the end: each key with its value as TOML, and the place that said it.

use toml::{Table, Value};

use crate::layers::Layers;

/// A key that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// As it is written in TOML, sections and all: `statsd.listen`.
    pub key: String,
    /// As TOML.
    pub value: String,
    /// A file with line and column, a variable or an option; `None` for the built-in default.
    pub place: Option<String>,
}

/// All of them, ascending by key.
pub(crate) fn effective(layers: &Layers) -> Vec<Said> {
    let mut said = Vec::new();
    walk(&layers.merged(), &mut Vec::new(), layers, &mut said);
    said
}

fn walk(table: &Table, path: &mut Vec<String>, layers: &Layers, said: &mut Vec<Said>) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            Value::Table(inner) => walk(inner, path, layers, said),
            value => said.push(Said {
                key: path
                    .iter()
                    .map(|key| written(key))
                    .collect::<Vec<_>>()
                    .join("."),
                value: value.to_string(),
                place: layers.place_over_defaults(path),
            }),
        }
        path.pop();
    }
}

fn written(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match !key.is_empty() && key.bytes().all(bare) {
        true => key.to_owned(),
        false => Value::String(key.to_owned()).to_string(),
    }
}
