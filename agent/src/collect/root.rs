//! Where the host's files are found, and the only way they are read: whole, as text, and never more than a limit.
//! It parses nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// More than any host's `/proc/stat` or table of mounts; a larger file is not what it seems.
const MAX_FILE_BYTES: usize = 8 << 20;

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
        let bytes = read_bounded(&self.join(path)).map_err(|source| CollectError::Read {
            path: path.to_owned(),
            source,
        })?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(CollectError::TooLarge {
                path: path.to_owned(),
            });
        }
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned()))
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
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
