//! Counts what carbon wrote, by reading its files: a head, the archives' places, then points of time and value.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Span;

const HEAD_BYTES: usize = 16;
const ARCHIVE_BYTES: usize = 12;
const POINT_BYTES: usize = 12;

/// Points of a span in the finest archive of every file below the folder.
///
/// # Errors
/// When a file cannot be read or is none of whisper's.
pub(crate) fn count(folder: &Path, span: Span) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sum += count(&path, span)?;
        } else if path.extension().is_some_and(|end| end == "wsp") {
            let bytes = fs::read(&path)?;
            sum += count_in(&bytes, span)
                .with_context(|| format!("{} is no whisper file", path.display()))?;
        }
    }
    Ok(sum)
}

fn count_in(bytes: &[u8], span: Span) -> Option<u64> {
    let archive = bytes.get(HEAD_BYTES..HEAD_BYTES + ARCHIVE_BYTES)?;
    let (from, points) = (
        number(&archive[..4])? as usize,
        number(&archive[8..])? as usize,
    );
    let points = bytes.get(from..from + points * POINT_BYTES)?;
    let times = points
        .chunks_exact(POINT_BYTES)
        .filter_map(|point| number(&point[..4]));
    Some(
        times
            .filter(|time| (span.from_s..=span.to_s).contains(time))
            .count() as u64,
    )
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes
        .try_into()
        .ok()
        .map(|bytes| u32::from_be_bytes(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_the_span_are_counted() {
        let mut bytes = vec![0; HEAD_BYTES];
        for word in [28_u32, 10, 3] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        for time in [100_u32, 0, 110] {
            bytes.extend_from_slice(&time.to_be_bytes());
            bytes.extend_from_slice(&1.5_f64.to_be_bytes());
        }
        let span = |from_s, to_s| Span {
            from_s,
            to_s,
            step_s: 10,
        };
        assert_eq!(count_in(&bytes, span(100, 110)), Some(2));
        assert_eq!(count_in(&bytes, span(101, 109)), Some(0));
        assert_eq!(count_in(&bytes[..50], span(100, 110)), None);
    }
}
