//! The histograms of a rollup chunk: times, then each merged distribution behind its length. How a distribution is
//! encoded is weir-wire's affair.

use std::ops::RangeInclusive;
use std::sync::Arc;

use weir_wire::Histogram;
use weir_wire::varint::{self, Reader};

use super::ChunkError;
use super::column;

/// Appends one or more distributions, ascending by time.
pub(super) fn write(histograms: &[(i64, &Histogram)], out: &mut Vec<u8>) {
    let times: Vec<i64> = histograms.iter().map(|(time_ms, _)| *time_ms).collect();
    column::write_times(&times, out);
    let mut encoded = Vec::new();
    for (_, histogram) in histograms {
        encoded.clear();
        histogram.encode(&mut encoded);
        varint::put_bytes(out, &encoded);
    }
}

/// The distributions of a range of times; the others are passed over unread. The reader is left behind them all.
///
/// # Errors
/// Bytes that [`write`] does not make.
pub(super) fn read(
    reader: &mut Reader<'_>,
    range_ms: &RangeInclusive<i64>,
) -> Result<Vec<(i64, Arc<Histogram>)>, ChunkError> {
    let what = "rollup histograms";
    let times = column::take(reader).ok_or(ChunkError::Damaged { what })?;
    let mut histograms = Vec::new();
    for time_ms in column::read_times(times)? {
        let encoded = column::take(reader).ok_or(ChunkError::Damaged { what })?;
        if range_ms.contains(&time_ms) {
            let histogram = Histogram::decode(encoded).map_err(ChunkError::Histogram)?;
            histograms.push((time_ms, Arc::new(histogram)));
        }
    }
    Ok(histograms)
}
