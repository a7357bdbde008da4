//! The layers of a configuration, weakest first: defaults, file, environment, `--set`.

use toml::{Table, Value};

use crate::{ConfigError, place};

/// Prefix of the environment's keys; `__` stands between a section and its key.
const ENV_PREFIX: &str = "WEIR_";
/// The programs' own log level: not a key of the file.
const NOT_KEYS: [&str; 1] = ["WEIR_LOG"];

struct Layer {
    /// As a person would say where it is: a file, a variable, an option.
    name: String,
    /// The text, where places in it can be told by line and column.
    text: Option<String>,
    table: Table,
}

/// Everything that was said, strongest last.
pub(crate) struct Layers(Vec<Layer>);

pub(crate) fn gather(
    defaults: &str,
    files: &[(&std::path::Path, String)],
    env: impl Iterator<Item = (String, String)>,
    sets: &[String],
) -> Result<Layers, ConfigError> {
    let mut layers = vec![from_text("the built-in defaults".to_owned(), defaults)?];
    for (path, text) in files {
        layers.push(from_text(path.display().to_string(), text)?);
    }
    let mut env: Vec<_> = env.filter(|(name, _)| is_key(name)).collect();
    env.sort();
    for (name, value) in env {
        let path = name[ENV_PREFIX.len()..].to_lowercase().replace("__", ".");
        layers.push(from_pair(
            format!("environment variable {name}"),
            &path,
            &value,
        ));
    }
    for set in sets {
        let (path, value) = set.split_once('=').ok_or_else(|| ConfigError::Invalid {
            place: format!("--set {set}"),
            reason: "must be section.key=value".to_owned(),
        })?;
        layers.push(from_pair(
            format!("--set {}", path.trim()),
            path.trim(),
            value.trim(),
        ));
    }
    Ok(Layers(layers))
}

fn is_key(variable: &str) -> bool {
    variable.starts_with(ENV_PREFIX) && !NOT_KEYS.contains(&variable)
}

fn from_text(name: String, text: &str) -> Result<Layer, ConfigError> {
    let table = text
        .parse::<Table>()
        .map_err(|error| ConfigError::Invalid {
            place: match error.span() {
                Some(span) => place::at(&name, text, span.start),
                None => name.clone(),
            },
            reason: error.message().to_owned(),
        })?;
    Ok(Layer {
        name,
        text: Some(text.to_owned()),
        table,
    })
}

fn from_pair(name: String, path: &str, value: &str) -> Layer {
    let value = format!("v = {value}")
        .parse::<Table>()
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| Value::String(value.to_owned()));
    let mut keys = path.rsplit('.');
    let last = keys.next().unwrap_or_default().to_owned();
    let table = keys.fold(Table::from_iter([(last, value)]), |inner, key| {
        Table::from_iter([(key.to_owned(), Value::Table(inner))])
    });
    Layer {
        name,
        text: None,
        table,
    }
}

impl Layers {
    pub(crate) fn merged(&self) -> Table {
        let mut merged = Table::new();
        for layer in &self.0 {
            lay_over(&mut merged, &layer.table);
        }
        merged
    }

    /// Where a key was said, if not in the defaults alone.
    pub(crate) fn place_over_defaults(&self, path: &[String]) -> Option<String> {
        let mut over = self.0.iter().skip(1).rev();
        let said = over.find(|layer| holds(&layer.table, path));
        said.map(|layer| layer.place_of(path))
    }

    /// Where the strongest layer that says something about this key says it.
    pub(crate) fn place_of(&self, path: &[String]) -> String {
        for length in (1..=path.len()).rev() {
            let said = self
                .0
                .iter()
                .rev()
                .find(|layer| holds(&layer.table, &path[..length]));
            if let Some(layer) = said {
                return layer.place_of(&path[..length]);
            }
        }
        self.0
            .last()
            .map(|layer| layer.name.clone())
            .unwrap_or_default()
    }
}

impl Layer {
    fn place_of(&self, path: &[String]) -> String {
        let offset = self
            .text
            .as_deref()
            .and_then(|text| Some((text, place::offset(text, path)?)));
        match offset {
            Some((text, offset)) => place::at(&self.name, text, offset),
            None => self.name.clone(),
        }
    }
}

fn lay_over(under: &mut Table, over: &Table) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => lay_over(inner, value),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

fn holds(table: &Table, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    match table.get(first) {
        Some(Value::Table(inner)) => holds(inner, rest),
        // Within an array the path goes on by index: the key itself is place enough.
        Some(Value::Array(_)) => true,
        Some(_) => rest.is_empty(),
        None => false,
    }
}
