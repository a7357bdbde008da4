//! The times of a section: count, first, grid, and the column of deviations from the grid if there are any
//! (docs/format/chunk.md, "Times"). The head alone tells count, first and last.

use weir_wire::varint::{self, Reader};

use super::ChunkError;
use super::column::{self, BLOCK, Column};
use super::container::MAX_SAMPLES;
use super::plan::plan;

const SECOND_MS: u64 = 1_000;
const IN_SECONDS: u64 = 1;
const DEVIATING: u64 = 2;
const FLAG_BITS: u32 = 2;

/// What stands before the deviations: `time = first_ms + unit_ms * (step * index + deviation)`, sums wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) count: usize,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    unit_ms: u64,
    step: u64,
    deviating: bool,
}

/// Appends ascending times, one to [`MAX_SAMPLES`].
pub(super) fn write(times: &[i64], out: &mut Vec<u8>) {
    let first = times.first().copied().unwrap_or(0);
    varint::put(out, times.len() as u64);
    varint::put_signed(out, first);
    match regular_step(times) {
        Some(step) => put_step(step, SECOND_MS * u64::from(step % SECOND_MS == 0), out),
        None => write_deviating(times, first, out),
    }
}

/// The distance of all times, if it is the same and leaves room for the flags.
fn regular_step(times: &[i64]) -> Option<u64> {
    let [first, second, ..] = *times else {
        return Some(0);
    };
    let step = second.wrapping_sub(first);
    let differing = times.windows(2).fold(0, |bits, pair| {
        bits | (pair[1].wrapping_sub(pair[0]) ^ step)
    });
    (differing == 0 && step as u64 >> (64 - FLAG_BITS) == 0).then_some(step as u64)
}

/// The step in its unit, with the unit's flag; a unit of 0 stands for milliseconds.
fn put_step(step: u64, unit_ms: u64, out: &mut Vec<u8>) {
    if unit_ms == SECOND_MS {
        varint::put(out, (step / SECOND_MS) << FLAG_BITS | IN_SECONDS);
    } else {
        varint::put(out, step << FLAG_BITS);
    }
}

fn write_deviating(times: &[i64], first: i64, out: &mut Vec<u8>) {
    let offset = |time: &i64| time.wrapping_sub(first) as u64;
    let whole = times.iter().all(|time| offset(time) % SECOND_MS == 0);
    let unit = if whole { SECOND_MS } else { 1 };
    let span = times.last().map_or(0, offset) / unit;
    let steps = (times.len() as u64).saturating_sub(1).max(1);
    let step = span / steps + u64::from(span % steps * 2 >= steps);
    let step = if step >> (64 - FLAG_BITS) == 0 {
        step
    } else {
        0
    };
    let deviations: Vec<i64> = times
        .iter()
        .zip(0_u64..)
        .map(|(time, index)| (offset(time) / unit).wrapping_sub(step.wrapping_mul(index)) as i64)
        .collect();
    varint::put(out, step << FLAG_BITS | DEVIATING | u64::from(whole));
    varint::put(out, span);
    column::write(&deviations, plan(&deviations), out);
}

impl Head {
    /// # Errors
    /// A head cut short, or a count out of bounds.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ChunkError> {
        Self::parse(reader).ok_or(ChunkError::Damaged { what: "times" })
    }

    fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        let count = reader.bounded(MAX_SAMPLES).filter(|&count| count > 0)?;
        let (first_ms, step) = (reader.signed()?, reader.unsigned()?);
        let unit_ms = if step & IN_SECONDS == 0 { 1 } else { SECOND_MS };
        let (deviating, step) = (step & DEVIATING != 0, step >> FLAG_BITS);
        let span = if deviating {
            reader.unsigned()?
        } else {
            step.wrapping_mul(count as u64 - 1)
        };
        Some(Self {
            count,
            first_ms,
            last_ms: first_ms.wrapping_add(span.wrapping_mul(unit_ms) as i64),
            unit_ms,
            step,
            deviating,
        })
    }

    /// Appends the times; the reader stands behind the head and is left behind the times.
    ///
    /// # Errors
    /// Deviations that [`write`] does not make.
    pub(super) fn read_times(
        &self,
        reader: &mut Reader<'_>,
        times: &mut Vec<i64>,
    ) -> Result<(), ChunkError> {
        let (first, unit_ms) = (self.first_ms, self.unit_ms as i64);
        let step_ms = (self.step as i64).wrapping_mul(unit_ms);
        let (start, mut next) = (times.len(), first);
        times.extend((0..self.count).map(|_| {
            let time = next;
            next = next.wrapping_add(step_ms);
            time
        }));
        if self.deviating {
            let mut column = Column::open(reader, self.count)?;
            let mut deviations = [0; BLOCK];
            for block in times[start..].chunks_mut(BLOCK) {
                column.next(&mut deviations[..block.len()]);
                for (time, deviation) in block.iter_mut().zip(deviations) {
                    *time = time.wrapping_add(deviation.wrapping_mul(unit_ms));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(times: &[i64]) -> usize {
        let mut out = Vec::new();
        write(times, &mut out);
        let mut reader = Reader(&out);
        let head = Head::read(&mut reader).unwrap();
        let ends = (times[0], times[times.len() - 1]);
        assert_eq!((head.first_ms, head.last_ms), ends);
        let mut read = Vec::new();
        head.read_times(&mut reader, &mut read).unwrap();
        assert_eq!(read, times);
        assert!(reader.is_empty());
        out.len()
    }

    fn grid(count: i64, deviation_ms: impl Fn(i64) -> i64) -> Vec<i64> {
        let start = 1_700_000_000_000;
        (0..count)
            .map(|i| start + i * 10_000 + deviation_ms(i))
            .collect()
    }

    #[test]
    fn a_grid_is_nine_bytes_and_a_gap_a_few_more() {
        assert_eq!(bytes_of(&grid(180, |_| 0)), 9);
        assert!(bytes_of(&grid(180, |i| i / 90 * 70_000)) <= 9 + 12);
        let jitter = |i: i64| i * 7_919 % 16 - 8;
        assert!(bytes_of(&grid(180, jitter)) <= 9 + 8 + 180 * 5 / 8);
        let late_seconds = |i: i64| i * 7_919 % 2 * 1_000;
        assert!(bytes_of(&grid(180, late_seconds)) <= 9 + 8 + 180 / 8 + 1);
    }

    #[test]
    fn extremes_come_back() {
        bytes_of(&[i64::MIN]);
        bytes_of(&[i64::MAX]);
        bytes_of(&[i64::MIN, i64::MAX]);
        bytes_of(&[i64::MIN, 0, i64::MAX]);
        bytes_of(&[-5_000, -4_000, 0, 1]);
    }

    proptest! {
        #[test]
        fn any_times_come_back(mut times in proptest::collection::vec(any::<i64>(), 1..300), shift in 0_u32..64) {
            times.iter_mut().for_each(|time| *time >>= shift);
            times.sort_unstable();
            times.dedup();
            bytes_of(&times);
        }
    }
}
