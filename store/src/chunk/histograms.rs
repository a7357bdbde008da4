//! The histograms section: times, then each distribution's own encoding with its length before it.
//! How a distribution is encoded is weir-wire's affair.

use std::ops::RangeInclusive;

use weir_wire::{Histogram, varint};

use super::container::Section;
use super::{ChunkError, times};

/// Appends one or more distributions, ascending by time.
pub(super) fn write(distributions: &[(i64, &Histogram)], out: &mut Vec<u8>) {
    let times: Vec<i64> = distributions.iter().map(|(time, _)| *time).collect();
    times::write(&times, out);
    let mut encoded = Vec::new();
    for (_, histogram) in distributions {
        encoded.clear();
        histogram.encode(&mut encoded);
        varint::put_bytes(out, &encoded);
    }
}

/// Appends the distributions of the range; the others are passed over unread.
///
/// # Errors
/// Bytes that [`write`] does not make.
pub(super) fn read(
    mut section: Section<'_>,
    range: &RangeInclusive<i64>,
    out: &mut Vec<(i64, Histogram)>,
) -> Result<(), ChunkError> {
    let mut times = Vec::new();
    section.head.read_times(&mut section.rest, &mut times)?;
    for time in times {
        let what = "histogram length";
        let left = section.rest.0.len();
        let encoded = section
            .rest
            .bytes(left)
            .ok_or(ChunkError::Damaged { what })?;
        if range.contains(&time) {
            let histogram = Histogram::decode(encoded).map_err(ChunkError::Histogram)?;
            out.push((time, histogram));
        }
    }
    section.finish()
}
