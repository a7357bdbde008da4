//! The words of the telnet-style protocol, and how a port that speaks HTTP too tells them apart.

use super::Put;
use super::error::shown;

/// What a line asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command<'a> {
    Put(Put<'a>),
    /// Two lines of text about the build are the answer.
    Version,
    Help,
    /// The connection is to be closed.
    Exit,
    Stats,
    DropCaches,
    /// Known, and not taken: a value that was rolled up elsewhere.
    Rollup,
    /// Known, and not taken: an encoded histogram.
    Histogram,
    /// None of OpenTSDB's, or `diediedie`, which nobody should be able to send.
    Unknown(&'a [u8]),
}

impl<'a> Command<'a> {
    /// A command by its word; `put` is read by [`super::parse`] and not known here.
    pub(super) fn of(word: &'a [u8]) -> Self {
        match word {
            b"version" => Command::Version,
            b"help" => Command::Help,
            b"exit" => Command::Exit,
            b"stats" => Command::Stats,
            b"dropcaches" => Command::DropCaches,
            b"rollup" => Command::Rollup,
            b"histogram" => Command::Histogram,
            other => Command::Unknown(other),
        }
    }
}

/// OpenTSDB's answer to an unknown command, without the newline.
#[must_use]
pub fn unknown_command(word: &[u8]) -> String {
    format!("unknown command: {}.  Try `help'.", shown(word))
}

/// Whether a connection with this first byte speaks HTTP: methods are upper case, commands are not.
#[must_use]
pub fn is_http(first: u8) -> bool {
    first.is_ascii_uppercase()
}
