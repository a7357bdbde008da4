//! Why alerting cannot be opened, or new rules are not taken.

use std::path::PathBuf;

/// One enum for the crate; the text names the place and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AlertingError {
    /// A rule file is wrong: `place` is `file:line:column`, or the file alone.
    #[error("{place}: {reason}")]
    Rule { place: String, reason: String },
    #[error("cannot read rule file {}: {source}", file.display())]
    ReadRules {
        file: PathBuf,
        source: std::io::Error,
    },
    /// A pattern of rule files is wrong, or names one file that does not exist.
    #[error("rule files {pattern:?}: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("{0}")]
    Config(String),
    #[error("webhook {name:?}: {reason}")]
    Webhook { name: String, reason: String },
    #[error("cannot use {}: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Written by a later version of Weir.
    #[error(
        "{} has format version {found} and this program knows up to {known}; run the version that wrote it, or move the file away",
        path.display()
    )]
    FutureVersion {
        path: PathBuf,
        found: u32,
        known: u32,
    },
}

impl AlertingError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
