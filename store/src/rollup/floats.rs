//! The floats of a rollup chunk: times, last and count, and of min, max and sum what does not follow from those
//! (docs/format/rollup.md, "Floats"). A reader finds every column by its length and decodes those it wants.

use weir_wire::varint::{self, Reader};

use super::column::{self, read_values, take};
use super::{Aspect, ChunkError, RollupPoint, nearly};

const SAME_COUNT: u8 = 1;
const MIN_IS_LAST: u8 = 2;
const MAX_IS_LAST: u8 = 4;
const SUM_IS_PRODUCT: u8 = 8;
const SUM_IN_STEPS: u8 = 16;
const FORM: u8 = 31;

/// A count that is written as an integer: doubles hold all up to here.
const MAX_COUNT: u64 = 1 << 53;

/// Appends the floats of one or more points.
pub(super) fn write(points: &[&RollupPoint], out: &mut Vec<u8>) {
    let column = |of: fn(&RollupPoint) -> f64| points.iter().map(|point| of(point)).collect();
    let (last, count): (Vec<f64>, Vec<f64>) = (column(|p| p.last), column(|p| p.count));
    let (min, max, sum): (Vec<f64>, _, _) =
        (column(|p| p.min), column(|p| p.max), column(|p| p.sum));
    let times_ms: Vec<i64> = points.iter().map(|point| point.last_ms).collect();
    let (form_at, mut form) = (out.len(), 0);
    out.push(form);
    column::write_times(&times_ms, out);
    form |= write_count(&count, out);
    column::write_values(&last, out);
    form |= write_unless_last(&min, &last, MIN_IS_LAST, out);
    form |= write_unless_last(&max, &last, MAX_IS_LAST, out);
    form |= write_sum(&sum, &product(&count, &last), out);
    out[form_at] = form;
}

fn write_count(count: &[f64], out: &mut Vec<u8>) -> u8 {
    let first = count.first().copied().unwrap_or_default();
    let as_integer = integer(first as u64).map(f64::to_bits);
    if same(count, &vec![first; count.len()]) && as_integer == Some(first.to_bits()) {
        varint::put(out, first as u64);
        return SAME_COUNT;
    }
    column::write_values(count, out);
    0
}

fn write_unless_last(values: &[f64], last: &[f64], if_last: u8, out: &mut Vec<u8>) -> u8 {
    if same(values, last) {
        return if_last;
    }
    column::write_values(values, out);
    0
}

fn write_sum(sum: &[f64], product: &[f64], out: &mut Vec<u8>) -> u8 {
    // Which NaN a product is differs between machines.
    if same(sum, product) && !sum.iter().any(|sum| sum.is_nan()) {
        return SUM_IS_PRODUCT;
    }
    let Some((decimals, steps)) = nearly::split(sum) else {
        column::write_values(sum, out);
        return 0;
    };
    column::write_values(&decimals, out);
    column::write_values(&steps, out);
    SUM_IN_STEPS
}

fn product(count: &[f64], last: &[f64]) -> Vec<f64> {
    count
        .iter()
        .zip(last)
        .map(|(count, last)| count * last)
        .collect()
}

fn same(values: &[f64], others: &[f64]) -> bool {
    let mut pairs = values.iter().zip(others);
    pairs.all(|(value, other)| value.to_bits() == other.to_bits())
}

/// A count that a double holds exactly.
fn integer(count: u64) -> Option<f64> {
    (count <= MAX_COUNT).then_some(count as f64)
}

/// The floats of a chunk, their columns not yet decoded.
#[derive(Debug)]
pub(super) struct Floats<'a> {
    times: &'a [u8],
    count: Count<'a>,
    last: &'a [u8],
    /// `None`: as the last.
    min: Option<&'a [u8]>,
    max: Option<&'a [u8]>,
    sum: Sum<'a>,
}

#[derive(Debug)]
enum Count<'a> {
    Same(f64),
    Column(&'a [u8]),
}

#[derive(Debug)]
enum Sum<'a> {
    Product,
    Column(&'a [u8]),
    InSteps { decimals: &'a [u8], steps: &'a [u8] },
}

impl<'a> Floats<'a> {
    /// Leaves the reader behind the floats; `None` if their outline is not one that [`write`] makes.
    pub(super) fn open(reader: &mut Reader<'a>) -> Option<Self> {
        let form = reader.byte().filter(|form| form & !FORM == 0)?;
        let is = |bit: u8| form & bit != 0;
        Some(Self {
            times: take(reader)?,
            count: if is(SAME_COUNT) {
                Count::Same(integer(reader.unsigned()?)?)
            } else {
                Count::Column(take(reader)?)
            },
            last: take(reader)?,
            min: take_unless(is(MIN_IS_LAST), reader)?,
            max: take_unless(is(MAX_IS_LAST), reader)?,
            sum: match (is(SUM_IS_PRODUCT), is(SUM_IN_STEPS)) {
                (true, true) => return None,
                (true, false) => Sum::Product,
                (false, false) => Sum::Column(take(reader)?),
                (false, true) => Sum::InSteps {
                    decimals: take(reader)?,
                    steps: take(reader)?,
                },
            },
        })
    }

    /// # Errors
    /// Times that [`write`] does not make.
    pub(super) fn times(&self) -> Result<Vec<i64>, ChunkError> {
        column::read_times(self.times)
    }

    /// One column, as long as the times are.
    ///
    /// # Errors
    /// A column that [`write`] does not make.
    pub(super) fn column(&self, aspect: Aspect, points: usize) -> Result<Vec<f64>, ChunkError> {
        match aspect {
            Aspect::Last => read_values(self.last, points),
            Aspect::Min => read_values(self.min.unwrap_or(self.last), points),
            Aspect::Max => read_values(self.max.unwrap_or(self.last), points),
            Aspect::Count => match self.count {
                Count::Same(count) => Ok(vec![count; points]),
                Count::Column(count) => read_values(count, points),
            },
            Aspect::Sum => self.sum(points),
        }
    }

    fn sum(&self, points: usize) -> Result<Vec<f64>, ChunkError> {
        match self.sum {
            Sum::Column(sum) => read_values(sum, points),
            Sum::Product => {
                let count = self.column(Aspect::Count, points)?;
                Ok(product(&count, &read_values(self.last, points)?))
            }
            Sum::InSteps { decimals, steps } => {
                let mut sum = read_values(decimals, points)?;
                nearly::join(&mut sum, &read_values(steps, points)?);
                Ok(sum)
            }
        }
    }

    /// # Errors
    /// Any column that [`write`] does not make.
    pub(super) fn points(&self) -> Result<Vec<RollupPoint>, ChunkError> {
        let times = self.times()?;
        let column = |aspect| self.column(aspect, times.len());
        let (last, count, sum) = (
            column(Aspect::Last)?,
            column(Aspect::Count)?,
            column(Aspect::Sum)?,
        );
        let (min, max) = (column(Aspect::Min)?, column(Aspect::Max)?);
        let point = |(at, &last_ms): (usize, &i64)| RollupPoint {
            last_ms,
            last: last[at],
            count: count[at],
            sum: sum[at],
            min: min[at],
            max: max[at],
            histogram: None,
        };
        Ok(times.iter().enumerate().map(point).collect())
    }
}

/// `Some(None)` for a column that is left out.
fn take_unless<'a>(left_out: bool, reader: &mut Reader<'a>) -> Option<Option<&'a [u8]>> {
    if left_out {
        return Some(None);
    }
    take(reader).map(Some)
}
