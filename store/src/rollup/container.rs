//! What is around the columns: version, tables, checksum (docs/format/rollup.md, "Rollup chunk"); points to tables
//! and back. Nothing is decoded before the checksum is right.

use std::sync::Arc;

use weir_wire::Histogram;
use weir_wire::varint::Reader;

use super::floats::{self, Floats};
use super::{Aspect, RollupPoint, histograms};
use crate::chunk::ChunkError;

/// The most points in one chunk, of the shortest buckets in use more than a month: it bounds what a reader allocates.
pub(super) const MAX_POINTS: usize = 65_535;

const VERSION: u8 = 1;
const VERSION_BITS: u8 = 0x0f;
const FLOATS: u8 = 0x10;
const HISTOGRAMS: u8 = 0x20;
const CRC_BYTES: usize = 4;

/// Appends the bytes of a rollup chunk of points strictly ascending by time.
///
/// # Panics
/// On more than 65,535 points.
pub(crate) fn encode(points: &[RollupPoint], out: &mut Vec<u8>) {
    assert!(points.len() <= MAX_POINTS, "too many points for one chunk");
    let floats: Vec<_> = points.iter().filter(|point| point.has_floats()).collect();
    let histograms: Vec<_> = points.iter().filter_map(histogram_of).collect();
    let start = out.len();
    out.push(VERSION);
    if !floats.is_empty() {
        out[start] |= FLOATS;
        floats::write(&floats, out);
    }
    if !histograms.is_empty() {
        out[start] |= HISTOGRAMS;
        histograms::write(&histograms, out);
    }
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Every point of a chunk.
///
/// # Errors
/// Any damage; a format from the future.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<RollupPoint>, ChunkError> {
    let tables = Tables::open(bytes)?;
    let floats = tables
        .floats
        .as_ref()
        .map_or(Ok(Vec::new()), Floats::points)?;
    Ok(merge(floats, tables.histograms(i64::MIN, i64::MAX)?))
}

/// Appends the times and the values of one aspect, and the histograms of every aspect, within `[from_ms, to_ms]`. A
/// point of histograms alone has none of the values. On an error all is as it was.
///
/// # Errors
/// Any damage but in what is passed over, where the checksum alone speaks; a format from the future.
pub(crate) fn decode_aspect(
    bytes: &[u8],
    aspect: Aspect,
    from_ms: i64,
    to_ms: i64,
    times_ms: &mut Vec<i64>,
    values: &mut Vec<f64>,
    histograms: &mut Vec<(i64, Arc<Histogram>)>,
) -> Result<(), ChunkError> {
    let tables = Tables::open(bytes)?;
    let distributions = tables.histograms(from_ms, to_ms)?;
    if let Some(floats) = &tables.floats {
        let times = floats.times()?;
        let first = times.partition_point(|&time_ms| time_ms < from_ms);
        let end = times.partition_point(|&time_ms| time_ms <= to_ms);
        if first < end {
            let column = floats.column(aspect, times.len())?;
            times_ms.extend_from_slice(&times[first..end]);
            values.extend_from_slice(&column[first..end]);
        }
    }
    histograms.extend(distributions);
    Ok(())
}

fn histogram_of(point: &RollupPoint) -> Option<(i64, &Histogram)> {
    let histogram = point.histogram.as_deref()?;
    Some((point.last_ms, histogram))
}

/// A chunk whose checksum is right, cut into its tables.
struct Tables<'a> {
    floats: Option<Floats<'a>>,
    histograms: Option<Reader<'a>>,
}

impl<'a> Tables<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, ChunkError> {
        let what = "too short";
        let (&head, rest) = bytes.split_first().ok_or(ChunkError::Damaged { what })?;
        check_version(head)?;
        let (rest, crc) = rest
            .split_last_chunk()
            .ok_or(ChunkError::Damaged { what })?;
        let body = &bytes[..bytes.len() - CRC_BYTES];
        if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
            return Err(ChunkError::Damaged { what: "checksum" });
        }
        Self::cut(head, Reader(rest)).ok_or(ChunkError::Damaged { what: "rollup" })
    }

    fn cut(head: u8, mut rest: Reader<'a>) -> Option<Self> {
        let known = head & !(VERSION_BITS | FLOATS | HISTOGRAMS) == 0;
        let floats = match head & FLOATS {
            0 => None,
            _ => Some(Floats::open(&mut rest)?),
        };
        let histograms = (head & HISTOGRAMS != 0).then_some(rest);
        let whole = histograms.is_some() || rest.is_empty();
        (known && whole).then_some(Self { floats, histograms })
    }

    fn histograms(
        &self,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<(i64, Arc<Histogram>)>, ChunkError> {
        let Some(mut rest) = self.histograms else {
            return Ok(Vec::new());
        };
        let histograms = histograms::read(&mut rest, &(from_ms..=to_ms))?;
        let what = "bytes after the histograms";
        rest.is_empty()
            .then_some(histograms)
            .ok_or(ChunkError::Damaged { what })
    }
}

fn check_version(head: u8) -> Result<(), ChunkError> {
    match (head & VERSION_BITS, VERSION) {
        (found, known) if found == known => Ok(()),
        (found, known) => Err(ChunkError::Version { found, known }),
    }
}

/// Brings floats and histograms of the same time together in one point.
fn merge(floats: Vec<RollupPoint>, histograms: Vec<(i64, Arc<Histogram>)>) -> Vec<RollupPoint> {
    if histograms.is_empty() {
        return floats;
    }
    let mut points = Vec::with_capacity(floats.len() + histograms.len());
    let mut histograms = histograms.into_iter().peekable();
    for mut point in floats {
        while let Some((time_ms, before)) = histograms.next_if(|next| next.0 < point.last_ms) {
            points.push(RollupPoint::of_histogram(time_ms, before));
        }
        let beside = histograms.next_if(|next| next.0 == point.last_ms);
        point.histogram = beside.map(|(_, histogram)| histogram);
        points.push(point);
    }
    points.extend(histograms.map(|(time_ms, alone)| RollupPoint::of_histogram(time_ms, alone)));
    points
}
