//! What lies in a lane, and the names of its files.

use std::path::{Path, PathBuf};

use crate::priority::Class;

pub(super) const KINDS: usize = 4;

/// What lies in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Never sent by this path or any other.
    Of(Class),
    /// Sent and not acknowledged: a gateway may have it under the number it has here.
    Unanswered,
}

/// From what goes first for want of room.
pub(super) const ALL: [Kind; KINDS] = [
    Kind::Of(Class::Low),
    Kind::Of(Class::Normal),
    Kind::Of(Class::Critical),
    Kind::Unanswered,
];

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Of(class) => class.as_str(),
            Self::Unanswered => "unanswered",
        }
    }
}

/// `0000000017-normal.spool`
pub(super) fn path(dir: &Path, number: u64, kind: Kind) -> PathBuf {
    dir.join(format!("{number:010}-{}.spool", kind.as_str()))
}

pub(super) fn name_of(file: &str) -> Option<(u64, Kind)> {
    let (number, kind) = file.strip_suffix(".spool")?.split_once('-')?;
    let kind = ALL.into_iter().find(|known| known.as_str() == kind)?;
    Some((number.parse().ok()?, kind))
}

/// Which lane of the four this is.
pub(super) fn lane_of(kind: Kind) -> usize {
    ALL.iter().position(|one| *one == kind).unwrap_or(0)
}
