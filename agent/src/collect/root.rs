//! Where the host's files are found, and the only way they are read: whole, as text, and never more than a limit.
//! It parses nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// More than any host's `/proc/stat` or table of mounts; a larger file is not what it seems.
const MAX_FILE_BYTES: usize = 8 << 20;
/// Names that are taken of one folder; what is past them is not looked at.
const MAX_NAMES: usize = 4096;

/// Why a collector gives nothing.
#[derive(Debug, Error)]
pub(super) enum CollectError {
    #[error("cannot read /{path}: {source}")]
    Read { path: String, source: io::Error },
    #[error("/{path} is larger than {MAX_FILE_BYTES} bytes; it is not read")]
    TooLarge { path: String },
    #[error("/{path} has no line of the expected form")]
    Odd { path: &'static str },
    #[error("cannot start the thread that asks file systems: {0}")]
    Thread(io::Error),
    #[error("cannot ask the kernel for {what}: {source}")]
    Call {
        what: &'static str,
        source: io::Error,
    },
    /// Not a failure: a host may be without.
    #[error("this host has no {what}")]
    Absent { what: &'static str },
    #[error("systemd gave no answer: {0}")]
    Bus(#[from] super::systemd::BusError),
}

impl CollectError {
    /// A file that is not there means that the host has no `what`; any other error stays itself.
    pub(super) fn absent(self, what: &'static str) -> Self {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Self::Absent { what }
            }
            other => other,
        }
    }
}

pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// `path` below this root, whether it begins with "/" or not.
    pub(super) fn join(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    /// The whole file as text; what is no UTF-8 becomes U+FFFD, as names in `/proc` may be any bytes.
    pub(super) fn read(&self, path: &str) -> Result<String, CollectError> {
        let mut text = String::new();
        self.read_into(path, &mut text)?;
        Ok(text)
    }

    /// The same into a buffer that is used again and again.
    pub(super) fn read_into(&self, path: &str, text: &mut String) -> Result<(), CollectError> {
        self.read_start(path, MAX_FILE_BYTES + 1, text)?;
        if text.len() > MAX_FILE_BYTES {
            return Err(CollectError::TooLarge {
                path: path.to_owned(),
            });
        }
        Ok(())
    }

    /// Not more than the file's first bytes, of which a character that is cut off becomes U+FFFD.
    pub(super) fn read_start(
        &self,
        path: &str,
        max_bytes: usize,
        text: &mut String,
    ) -> Result<(), CollectError> {
        let mut bytes = std::mem::take(text).into_bytes();
        bytes.clear();
        read_bounded(&self.join(path), max_bytes, &mut bytes).map_err(|source| {
            CollectError::Read {
                path: path.to_owned(),
                source,
            }
        })?;
        *text = String::from_utf8(bytes)
            .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned());
        Ok(())
    }

    /// A file that is one number.
    pub(super) fn read_number(&self, path: &'static str) -> Result<u64, CollectError> {
        let text = self.read(path)?;
        text.trim().parse().map_err(|_| CollectError::Odd { path })
    }

    /// The names in a folder, sorted; those that are no text are left out.
    pub(super) fn names_in(&self, path: &str) -> Result<Vec<String>, CollectError> {
        let folder = std::fs::read_dir(self.join(path));
        let entries = folder.map_err(|source| CollectError::Read {
            path: path.to_owned(),
            source,
        })?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.take(MAX_NAMES).collect();
        names.sort_unstable();
        Ok(names)
    }
}

fn read_bounded(path: &Path, max_bytes: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut file = File::open(path)?.take(max_bytes as u64);
    file.read_to_end(bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_large_is_refused_and_odd_bytes_are_text() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path().to_owned());
        std::fs::write(root.join("/a"), b"x\xffy").unwrap();
        std::fs::write(root.join("b"), vec![b'1'; MAX_FILE_BYTES + 1]).unwrap();
        assert_eq!(root.read("a").unwrap(), "x\u{fffd}y");
        assert!(matches!(root.read("b"), Err(CollectError::TooLarge { .. })));
        assert!(
            root.read("c")
                .unwrap_err()
                .to_string()
                .starts_with("cannot read /c: ")
        );
    }
}
