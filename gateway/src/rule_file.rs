//! Rule files as text: read within bounds, parsed, and what is wrong in them told with file, line and column. Knows no
//! kind of rule.

use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Options};

/// A rule file may be so long.
const FILE_BYTES: u64 = 16 << 20;

/// What is wrong, and where: `file:line:column`, or the file alone.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub(crate) struct FileError {
    pub(crate) place: String,
    pub(crate) reason: String,
}

impl FileError {
    pub(crate) fn new(place: String, reason: String) -> Self {
        Self { place, reason }
    }

    pub(crate) fn at(file: &str, at: Location, reason: String) -> Self {
        Self::new(place(file, at), reason)
    }
}

/// `file:line:column`.
pub(crate) fn place(file: &str, at: Location) -> String {
    format!("{file}:{}:{}", at.line(), at.column())
}

/// The text of a file.
pub(crate) fn read(file: &Path) -> Result<String, FileError> {
    let cannot = |reason: String| FileError::new(file.display().to_string(), reason);
    let mut text = String::new();
    let opened = std::fs::File::open(file);
    let read = opened.and_then(|file| file.take(FILE_BYTES + 1).read_to_string(&mut text));
    read.map_err(|error| cannot(format!("cannot be read: {error}")))?;
    if text.len() as u64 > FILE_BYTES {
        return Err(cannot(format!(
            "the file is longer than {FILE_BYTES} bytes"
        )));
    }
    Ok(text)
}

/// The YAML in a text; an empty one is the default.
pub(crate) fn parse<T: DeserializeOwned + Default>(file: &str, text: &str) -> Result<T, FileError> {
    let documents: Vec<T> = serde_saphyr::from_multiple_with_options(text, Options::default())
        .map_err(|error| refusal(file, &error))?;
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (first, None) => Ok(first.unwrap_or_default()),
        (_, Some(_)) => {
            let reason = "more than one YAML document; give one";
            Err(FileError::new(file.to_owned(), reason.to_owned()))
        }
    }
}

fn refusal(file: &str, error: &serde_saphyr::Error) -> FileError {
    let mut reason = error.without_snippet().to_string();
    let Some(at) = error.location() else {
        return FileError::new(file.to_owned(), reason);
    };
    let suffix = format!(" at line {}, column {}", at.line(), at.column());
    reason = reason.replace(&suffix, "");
    FileError::at(file, at, reason)
}
