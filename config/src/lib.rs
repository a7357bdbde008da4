//! One TOML file a program, laid over the defaults embedded in it, with its drop-ins; over that the environment and `--set`.
//!
//! What is wrong is refused with the place it came from and what would be right; nothing is adjusted silently.
//! Knows no key: the program's own types say what is allowed.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod drop_in;
mod duration;
mod effective;
mod layers;
mod place;
mod size;
#[cfg(test)]
mod tests;

pub use drop_in::drop_ins;
pub use duration::{DurationText, parse_duration};
pub use effective::Said;
pub use size::{SizeText, parse_size};

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Why a configuration is refused; the text names the place and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}: {source}", file.display())]
    Read {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{place}: {reason}")]
    Invalid { place: String, reason: String },
}

/// Reads the file (the defaults alone where there is none), lays the environment (`WEIR_SECTION__KEY`) and the
/// `section.key=value` pairs over it, and gives the program's own type back, with the places of its keys.
///
/// Values of both are TOML; one that is no TOML is taken as text, so that `--set http.listen=127.0.0.1:0` works.
///
/// # Errors
/// A file that cannot be read; TOML that does not parse; an unknown key; a value of the wrong type: with file,
/// line and column, or the name of the variable or option.
pub fn load<T: DeserializeOwned>(
    program_defaults: &'static str,
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
    sets: &[String],
) -> Result<(T, Places), ConfigError> {
    load_files(program_defaults, file.as_slice(), env, sets)
}

/// The same of several files, each laid over those before it.
///
/// # Errors
/// As [`load`].
pub fn load_files<T: DeserializeOwned>(
    program_defaults: &'static str,
    files: &[impl AsRef<Path>],
    env: impl Iterator<Item = (String, String)>,
    sets: &[String],
) -> Result<(T, Places), ConfigError> {
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        texts.push((file.as_ref(), read(file.as_ref())?));
    }
    let layers = layers::gather(program_defaults, &texts, env, sets)?;
    let merged = toml::Value::Table(layers.merged());
    match serde_path_to_error::deserialize(merged) {
        Ok(read) => Ok((read, Places(layers))),
        Err(error) => {
            let path = place::key_path(&error.path().to_string(), &error.inner().to_string());
            Err(ConfigError::Invalid {
                place: layers.place_of(&path),
                reason: place::reason(&path, &error.inner().to_string()),
            })
        }
    }
}

/// Where each key was said: for values that can be read but not meant.
pub struct Places(layers::Layers);

impl Places {
    /// Every key with the value that holds and where that was said.
    #[must_use]
    pub fn effective(&self) -> Vec<Said> {
        effective::effective(&self.0)
    }

    /// An error whose place is a key gets the place where that key was said, and names the key.
    #[must_use]
    pub fn locate(&self, error: ConfigError) -> ConfigError {
        match error {
            ConfigError::Invalid { place: key, reason } => {
                let path: Vec<String> = key.split('.').map(str::to_owned).collect();
                ConfigError::Invalid {
                    place: self.0.place_of(&path),
                    reason: format!("`{key}`: {reason}"),
                }
            }
            other => other,
        }
    }
}

fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|source| ConfigError::Read {
        file: file.to_owned(),
        source,
    })
}

/// A text; anything else is refused with what would be right.
fn text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
    right: &'static str,
) -> Result<String, D::Error> {
    struct Text(&'static str);

    impl serde::de::Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str(self.0)
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }

    deserializer.deserialize_str(Text(right))
}
