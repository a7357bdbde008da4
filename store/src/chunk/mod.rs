//! A chunk: the samples of one series over one window in a few hundred bytes, as docs/format/chunk.md describes.
//! Every bit of every float comes back; whether the bytes are what was written is for the checksum of the pack that holds
//! them. Pure: no files, no RocksDB, no clock.

mod bits;
mod column;
mod container;
mod decimal;
mod floats;
mod histograms;
mod plan;
mod rare;
#[cfg(test)]
mod tests;
mod times;

use std::sync::Arc;

use weir_wire::{Histogram, HistogramError};
#[cfg(test)]
use weir_wire::{Sample, Value};

use crate::columns::Columns;
use container::{Kind, MAX_SAMPLES, Section, Sections};

/// What a chunk of one section of floats begins with; times and values follow.
pub(crate) const FLOATS_HEAD: [u8; 1] = [container::VERSION | Kind::Floats as u8];

/// Why bytes are not a chunk that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChunkError {
    #[error("chunk format {found} is not {known}: read it with the version of weir that wrote it")]
    Version { found: u8, known: u8 },
    #[error("chunk is damaged ({what}): restore it from a backup or drop it")]
    Damaged { what: &'static str },
    #[error("chunk holds a histogram that cannot be read: restore it from a backup or drop it")]
    Histogram(#[source] HistogramError),
}

/// What a chunk's head tells. An empty chunk has no samples from `i64::MAX` to `i64::MIN`.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) count: usize,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
}

/// Appends a chunk of one series' samples, strictly ascending by time, floats and histograms in any mixture.
///
/// # Panics
/// On more than 16 million samples: a window has fewer milliseconds.
#[cfg(test)]
pub(crate) fn encode(samples: &[Sample], out: &mut Vec<u8>) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    let mut distributions = Vec::new();
    for sample in samples {
        match &sample.value {
            Value::Float(value) => {
                times.push(sample.timestamp_ms);
                values.push(*value);
            }
            Value::Histogram(histogram) => {
                distributions.push((sample.timestamp_ms, Arc::as_ref(histogram)));
            }
        }
    }
    encode_parts(&times, &values, &distributions, out);
}

/// Appends a chunk of one series' samples. Where they are floats alone, in one section, gives back where their times end
/// in `out`: what stands before is the same for every series with samples at these times.
///
/// # Panics
/// As [`encode_floats`].
pub(crate) fn encode_columns(columns: &Columns, out: &mut Vec<u8>) -> Option<usize> {
    if columns.histograms.is_empty() && (1..=MAX_SAMPLES).contains(&columns.times_ms.len()) {
        out.extend_from_slice(&FLOATS_HEAD);
        times::write(&columns.times_ms, out);
        let times_end = out.len();
        floats::write(&columns.values, out);
        return Some(times_end);
    }
    let histograms = columns.histograms.iter();
    let histograms: Vec<_> = histograms
        .map(|(time, one)| (*time, Arc::as_ref(one)))
        .collect();
    encode_parts(&columns.times_ms, &columns.values, &histograms, out);
    None
}

/// Appends every sample; the chunk's come after all that is there. On an error `out` is as it was.
///
/// # Errors
/// Any damage, wherever it is in the chunk; a format from the future.
pub(crate) fn decode_columns(bytes: &[u8], out: &mut Columns) -> Result<(), ChunkError> {
    let (floats, histograms) = (out.times_ms.len(), out.histograms.len());
    let read = Sections::open(bytes)
        .and_then(|mut sections| sections.try_for_each(|section| read_section(section?, out)));
    read.inspect_err(|_| {
        out.times_ms.truncate(floats);
        out.values.truncate(floats);
        out.histograms.truncate(histograms);
    })
}

fn read_section(section: Section<'_>, out: &mut Columns) -> Result<(), ChunkError> {
    if section.kind == Kind::Floats {
        return read_floats(section, &mut out.times_ms, &mut out.values);
    }
    let mut distributions = Vec::new();
    histograms::read(section, &(i64::MIN..=i64::MAX), &mut distributions)?;
    let distributions = distributions.into_iter();
    out.histograms
        .extend(distributions.map(|(time, one)| (time, Arc::new(one))));
    Ok(())
}

/// Appends a chunk of floats: what [`encode`] makes of the same samples.
///
/// # Panics
/// On more than 16 million samples; if the columns differ in length.
pub(crate) fn encode_floats(times: &[i64], values: &[f64], out: &mut Vec<u8>) {
    encode_parts(times, values, &[], out);
}

/// Appends the samples within `[from_ms, to_ms]`, ascending. On an error `out` is as it was.
///
/// # Errors
/// Any damage, wherever it is in the chunk; a format from the future.
#[cfg(test)]
pub(crate) fn decode(
    bytes: &[u8],
    from_ms: i64,
    to_ms: i64,
    out: &mut Vec<Sample>,
) -> Result<(), ChunkError> {
    let range = from_ms..=to_ms;
    let (mut times, mut values, mut distributions) = (Vec::new(), Vec::new(), Vec::new());
    for section in Sections::open(bytes)? {
        let section = section?;
        if section.head.first_ms > to_ms || section.head.last_ms < from_ms {
            continue;
        }
        match section.kind {
            Kind::Floats => read_floats(section, &mut times, &mut values)?,
            Kind::Histograms => histograms::read(section, &range, &mut distributions)?,
        }
    }
    let floats = times.into_iter().zip(values);
    let floats = floats.filter(|(time, _)| range.contains(time));
    merge(floats, distributions.into_iter(), out);
    Ok(())
}

/// Appends the floats' times and values; histograms are left out. On an error both are as they were.
///
/// # Errors
/// Any damage, wherever it is in the floats; a format from the future.
pub(crate) fn decode_floats(
    bytes: &[u8],
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), ChunkError> {
    let (times_before, values_before) = (times.len(), values.len());
    let mut sections = Sections::open(bytes)?;
    let read = sections.try_for_each(|section| match section? {
        floats if floats.kind == Kind::Floats => read_floats(floats, times, values),
        _ => Ok(()),
    });
    read.inspect_err(|_| {
        times.truncate(times_before);
        values.truncate(values_before);
    })
}

/// What the head tells, without a look at the samples.
///
/// # Errors
/// A head that is damaged beyond reading; a format from the future.
#[cfg(test)]
pub(crate) fn summary(bytes: &[u8]) -> Result<Summary, ChunkError> {
    let mut summary = Summary {
        count: 0,
        first_ms: i64::MAX,
        last_ms: i64::MIN,
    };
    for section in Sections::open(bytes)? {
        let head = section?.head;
        summary.count += head.count;
        summary.first_ms = summary.first_ms.min(head.first_ms);
        summary.last_ms = summary.last_ms.max(head.last_ms);
    }
    Ok(summary)
}

/// What goes into one section.
enum Content<'a> {
    Floats(&'a [i64], &'a [f64]),
    Histograms(&'a [(i64, &'a Histogram)]),
}

fn encode_parts(
    times: &[i64],
    values: &[f64],
    distributions: &[(i64, &Histogram)],
    out: &mut Vec<u8>,
) {
    assert_eq!(times.len(), values.len(), "one value for each time");
    let floats = times.chunks(MAX_SAMPLES).zip(values.chunks(MAX_SAMPLES));
    let floats = floats.map(|(times, values)| (Kind::Floats, Content::Floats(times, values)));
    let histograms = distributions.chunks(MAX_SAMPLES);
    let histograms = histograms.map(|part| (Kind::Histograms, Content::Histograms(part)));
    let sections: Vec<_> = floats.chain(histograms).collect();
    container::write(&sections, write_content, out);
}

fn write_content(content: &Content<'_>, out: &mut Vec<u8>) {
    match content {
        Content::Floats(times, values) => {
            times::write(times, out);
            floats::write(values, out);
        }
        Content::Histograms(distributions) => histograms::write(distributions, out),
    }
}

fn read_floats(
    mut section: Section<'_>,
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), ChunkError> {
    section.head.read_times(&mut section.rest, times)?;
    floats::read(&mut section.rest, section.head.count, values)?;
    section.finish()
}

/// Interleaves by time; at the same time the float comes first.
#[cfg(test)]
fn merge(
    floats: impl Iterator<Item = (i64, f64)>,
    distributions: impl Iterator<Item = (i64, Histogram)>,
    out: &mut Vec<Sample>,
) {
    let mut distributions = distributions
        .map(|(timestamp_ms, histogram)| Sample {
            timestamp_ms,
            value: Value::Histogram(Arc::new(histogram)),
        })
        .peekable();
    for (timestamp_ms, value) in floats {
        while let Some(before) = distributions.next_if(|next| next.timestamp_ms < timestamp_ms) {
            out.push(before);
        }
        out.push(Sample {
            timestamp_ms,
            value: Value::Float(value),
        });
    }
    out.extend(distributions);
}
