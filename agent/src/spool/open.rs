//! What former processes left: finds the segments, counts what is damaged, cuts torn tails, and keeps others out of the
//! directory.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use metrics::counter;
use rustix::fs::{FlockOperation, flock};

use super::kind::{self, KINDS, lane_of};
use super::lane::{Place, Segment};
use super::segment;

/// Why there is no spool; the agent goes on in memory and tries again.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("cannot use {} (key spool.dir): {source}", dir.display())]
    Dir { dir: PathBuf, source: io::Error },
    #[error("another agent uses {} (key spool.dir); give each a directory of its own", .0.display())]
    Locked(PathBuf),
}

/// Keeps others out of the directory until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Said aloud: a child that is being started holds a copy of the file until it runs its program, and the lock with it.
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Makes the directory where there is none.
pub(super) fn lock(dir: &Path) -> Result<Lock, SpoolError> {
    let failed = |source| SpoolError::Dir {
        dir: dir.to_owned(),
        source,
    };
    // What is measured is nobody else's business.
    let mut make = DirBuilder::new();
    make.recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(failed)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(dir.join("lock")).map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(_) => Err(SpoolError::Locked(dir.to_owned())),
    }
}

/// The segments of each lane, oldest first, and the number of the next.
pub(super) fn segments(
    dir: &Path,
    marks: [Place; KINDS],
) -> io::Result<([VecDeque<Segment>; KINDS], u64)> {
    let mut found = Vec::new();
    let mut next = 1;
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        if let Some((number, kind)) = name.to_str().and_then(kind::name_of) {
            next = next.max(number + 1);
            found.push((number, kind));
        }
    }
    found.sort_unstable();
    let mut lanes: [VecDeque<Segment>; KINDS] = Default::default();
    for (number, kind) in found {
        let at = lane_of(kind);
        let path = kind::path(dir, number, kind);
        match look(&path, number, marks[at]) {
            Ok(Some(segment)) => lanes[at].push_back(segment),
            Ok(None) => drop(std::fs::remove_file(path)),
            Err(error) => tracing::warn!("{}: {error}; it is left as it is", path.display()),
        }
    }
    Ok((lanes, next))
}

/// `None` for one that holds nothing more.
fn look(path: &Path, number: u64, mark: Place) -> io::Result<Option<Segment>> {
    let bytes = std::fs::read(path)?;
    let read = match segment::read(&bytes) {
        Ok(read) => read,
        // It was made and nothing ever synced to it.
        Err(segment::SegmentError::Header) if bytes.len() <= segment::HEADER_BYTES => {
            return Ok(None);
        }
        Err(error) => {
            counter!("weir_agent_spool_damaged_records_total").increment(1);
            return Err(io::Error::other(error));
        }
    };
    for range in &read.damaged {
        tracing::warn!(
            "{}: bytes {} to {} are damaged and skipped",
            path.display(),
            range.start,
            range.end
        );
        counter!("weir_agent_spool_damaged_records_total").increment(1);
    }
    let good = bytes.len() - read.torn_bytes;
    if read.torn_bytes > 0 {
        tracing::warn!(
            "{}: a torn tail of {} bytes is cut",
            path.display(),
            read.torn_bytes
        );
        counter!("weir_agent_spool_torn_bytes_total").increment(read.torn_bytes as u64);
        OpenOptions::new()
            .write(true)
            .open(path)?
            .set_len(good as u64)?;
    }
    let is_left = |end: u64| {
        Place {
            segment: number,
            offset: end,
        } > mark
    };
    let left: Vec<_> = read
        .records
        .iter()
        .filter(|(_, end)| is_left(*end as u64))
        .collect();
    let Some((last, _)) = left.last() else {
        return Ok(None);
    };
    let times = || left.iter().map(|(record, _)| record.head.taken_ms);
    Ok(Some(Segment {
        number,
        run: read.run,
        bytes: good as u64,
        batches: left.len() as u64,
        samples: left
            .iter()
            .map(|(record, _)| u64::from(record.head.points))
            .sum(),
        last_sequence: last.head.sequence,
        oldest_ms: times().min().unwrap_or(0),
        newest_ms: times().max().unwrap_or(0),
    }))
}
