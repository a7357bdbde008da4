//! Which segments hold, or may hold, what was acknowledged: the file `SEGMENTS` beside them. A segment that is in it and
//! not in the directory was lost. Bytes in docs/format/journal.md. Knows nothing of what segments hold.
//!
//! IMPORTANT: a number is put in once its file is durable, and taken out, durably, before the file is deleted; so that
//! no crash leaves a number without a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::fail;
use crate::lock::sync_dir;

const MAGIC: &[u8; 8] = b"WEIRSEGS";
const VERSION: u32 = 1;
/// Magic, version and count.
const HEAD_BYTES: usize = 16;
const ENTRY_BYTES: usize = 12;
const SUM_BYTES: usize = 4;

/// Numbers of segments, and how many bytes each was closed with; 0 where that is not known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct List(BTreeMap<u32, u64>);

impl FromIterator<(u32, u64)> for List {
    fn from_iter<T: IntoIterator<Item = (u32, u64)>>(segments: T) -> Self {
        Self(segments.into_iter().collect())
    }
}

impl List {
    /// The list of a journal: empty where there is none, `None` where it is damaged.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = path(dir);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(decode(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(Self::default())),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    pub(super) fn put(&mut self, number: u32) {
        self.0.insert(number, 0);
    }

    pub(super) fn close(&mut self, number: u32, bytes: u64) {
        if let Some(listed) = self.0.get_mut(&number) {
            *listed = bytes;
        }
    }

    pub(super) fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        self.0.retain(|number, _| stays(*number));
    }

    /// Ascending, each with its bytes where they are known.
    pub(super) fn segments(&self) -> impl Iterator<Item = (u32, Option<u64>)> {
        let segments = self.0.iter();
        segments.map(|(number, bytes)| (*number, (*bytes > 0).then_some(*bytes)))
    }

    pub(super) fn newest(&self) -> u32 {
        self.0.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Takes the place of the list before; durable on return.
    ///
    /// # Errors
    /// Of the file system; either of the two may be found then.
    pub(super) fn store(&self, dir: &Path) -> Result<(), StoreError> {
        let (path, beside) = (path(dir), dir.join("SEGMENTS.new"));
        fail::pass("journal.list").map_err(StoreError::io("write", &path))?;
        File::create(&beside)
            .and_then(|mut file| {
                file.write_all(&self.encode())?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&beside, &path))
            .map_err(StoreError::io("write", &path))?;
        if fail::pass("journal.dir_sync").map_err(StoreError::io("sync", dir))? {
            sync_dir(dir)?;
        }
        Ok(())
    }

    /// Leaves none; durable on return.
    ///
    /// # Errors
    /// Of the file system.
    pub(super) fn remove(dir: &Path) -> Result<(), StoreError> {
        // Half of the one that there was no room for.
        let _ = std::fs::remove_file(dir.join("SEGMENTS.new"));
        let path = path(dir);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path)(error))
            }
            _ => sync_dir(dir),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.0.len() * ENTRY_BYTES + SUM_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.0.len() as u32).to_le_bytes());
        for (number, held) in &self.0 {
            bytes.extend_from_slice(&number.to_le_bytes());
            bytes.extend_from_slice(&held.to_le_bytes());
        }
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }
}

pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("SEGMENTS")
}

fn decode(bytes: &[u8]) -> Option<List> {
    let (bytes, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
    let (head, entries) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let version = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    let count = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
    let good = &head[..8] == MAGIC
        && version == VERSION
        && crc32c::crc32c(bytes) == u32::from_le_bytes(*sum)
        && entries.len() as u64 == u64::from(count) * ENTRY_BYTES as u64;
    good.then_some(())?;
    let entries = entries.chunks_exact(ENTRY_BYTES).map(|entry| {
        let (number, held) = entry.split_first_chunk::<4>()?;
        Some((
            u32::from_le_bytes(*number),
            u64::from_le_bytes(held.try_into().ok()?),
        ))
    });
    entries.collect::<Option<_>>().map(List)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_as_the_format_says_and_any_bit_of_it_counts() {
        let mut list = List::default();
        for number in [3, 7] {
            list.put(number);
        }
        list.close(3, 0x0102);
        let bytes = list.encode();
        assert_eq!(&bytes[..16], b"WEIRSEGS\x01\0\0\0\x02\0\0\0");
        assert_eq!(&bytes[16..28], [3, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decode(&bytes), Some(list));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bad), None, "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), None, "cut at {cut}");
        }
    }
}
