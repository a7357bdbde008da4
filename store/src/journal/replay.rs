//! Reads the points of the journal back, after `recovery.rs` has looked at it and mended it. Changes nothing.

use std::path::Path;
use std::sync::mpsc::channel;

use super::reading::{Segment, each_segment};
use super::record::{TakePoints, read_points};
use super::recovery::{Damage, Lost};
use super::segment;
use crate::StoreError;

/// Takes what is read back.
pub(crate) trait TakeBack: TakePoints {
    /// The points that come now are of this segment.
    fn begin(&mut self, segment: u32);
    /// So many bytes are behind us since the last call. False ends it.
    fn go_on(&mut self, bytes: u64) -> bool;
}

/// Hands over the points of these segments, in this order. Gives back what could not be read, what was known to be
/// damaged before included.
///
/// # Errors
/// Files that cannot be read.
pub(crate) fn replay(
    dir: &Path,
    segments: &[u32],
    to: &mut impl TakeBack,
) -> Result<Vec<Damage>, StoreError> {
    let asked = segments.iter();
    let asked: Vec<_> = asked
        .map(|number| (*number, segment::path(dir, *number)))
        .collect();
    let mut damage = Vec::new();
    // Two segments are in memory: this one, and the next.
    let (empty, places) = channel();
    let whole = |segment, give: &mut dyn FnMut(Segment) -> bool| give(segment);
    each_segment(&asked, 0, places, whole, |segment| {
        let mut damaged = |bytes: std::ops::Range<usize>| {
            damage.push(Damage {
                path: segment.path.clone(),
                bytes: bytes.start as u64..bytes.end as u64,
                lost: Lost::Bytes,
            });
        };
        segment.bad.iter().cloned().for_each(&mut damaged);
        if segment.end < segment.len() {
            damaged(segment.end..segment.len());
        }
        to.begin(segment.number);
        for (payload, bytes) in segment.groups() {
            if !to.go_on(bytes.len() as u64) {
                return Ok(false);
            }
            if read_points(payload, to).is_none() {
                damaged(bytes);
            }
        }
        // Nobody may want it any more.
        let _ = empty.send(segment.into_place());
        Ok(true)
    })?;
    Ok(damage)
}
