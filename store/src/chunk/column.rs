//! One column of integers in bytes: a head, the patches, the packed terms (docs/format/chunk.md, "Column").
//! Reads back in blocks without allocating for them. All sums wrap, so every i64 comes back whatever the mode.

use weir_wire::varint::{self, Reader};

use super::bits::{pack, packed_bytes, unpack};
use super::plan::{Mode, Plan};
use super::{ChunkError, rare};

/// How many integers are read at once: two fit a first-level cache many times over.
pub(super) const BLOCK: usize = 128;

const PATCHED: u8 = 0x80;

/// Appends the column as planned.
pub(super) fn write(ints: &[i64], plan: Plan, out: &mut Vec<u8>) {
    out.push(plan.width as u8 | if plan.patched { PATCHED } else { 0 });
    out.push(plan.mode as u8 | (plan.shift as u8) << 2);
    write_lead(ints, plan.mode, out);
    varint::put_signed(out, plan.base);
    if plan.width == 0 && !plan.patched {
        return;
    }
    let mut terms = plan.mode.terms(ints);
    for term in &mut terms {
        *term = term.wrapping_sub(plan.base) >> plan.shift;
    }
    if plan.patched {
        write_patches(&terms, plan, out);
    }
    pack(&terms, plan.width, out);
}

fn write_lead(ints: &[i64], mode: Mode, out: &mut Vec<u8>) {
    let first = ints.first().copied().unwrap_or(0);
    if mode != Mode::Plain {
        varint::put_signed(out, first);
    }
    if mode == Mode::DeltaOfDelta {
        let second = ints.get(1).copied().unwrap_or(first);
        varint::put_signed(out, second.wrapping_sub(first));
    }
}

fn write_patches(terms: &[i64], plan: Plan, out: &mut Vec<u8>) {
    let above = |term: &i64| term >> plan.width;
    varint::put(
        out,
        terms.iter().filter(|term| above(term) != 0).count() as u64,
    );
    let mut positions = rare::Writer::default();
    for (at, term) in terms.iter().enumerate() {
        if above(term) != 0 {
            positions.put(at + plan.mode.lead(), out);
            varint::put_signed(out, above(term));
        }
    }
}

/// A column being read.
#[derive(Debug)]
pub(super) struct Column<'a> {
    mode: Mode,
    base: i64,
    shift: u32,
    width: u32,
    patches: Vec<(usize, i64)>,
    patched: usize,
    /// From the packed terms on to the end of the chunk: what follows only makes for whole words.
    packed: &'a [u8],
    bit: usize,
    at: usize,
    /// The sums as they were before the first integer.
    value: i64,
    slope: i64,
}

impl<'a> Column<'a> {
    /// Reads the head of a column of `count` integers and leaves the reader behind the whole column.
    ///
    /// # Errors
    /// A head that [`write`] does not make, or fewer bytes than it asks for.
    pub(super) fn open(reader: &mut Reader<'a>, count: usize) -> Result<Self, ChunkError> {
        Self::read(reader, count).ok_or(ChunkError::Damaged { what: "column" })
    }

    fn read(reader: &mut Reader<'a>, count: usize) -> Option<Self> {
        let [width, mode] = reader.array()?;
        let (patched, shift) = (width & PATCHED != 0, u32::from(mode >> 2));
        let width = u32::from(width & !PATCHED);
        let mode = *Mode::ALL.get(usize::from(mode & 3))?;
        if width + shift > 64 || (patched && width == 64) {
            return None;
        }
        let (first, second) = match mode {
            Mode::Plain => (0, 0),
            Mode::Delta => (reader.signed()?, 0),
            Mode::DeltaOfDelta => (reader.signed()?, reader.signed()?),
        };
        let base = reader.signed()?;
        let patches = if patched {
            read_patches(reader, width, count)?
        } else {
            Vec::new()
        };
        let packed = reader.0;
        reader.take(packed_bytes(count.saturating_sub(mode.lead()), width))?;
        let (value, slope) = before(mode, first, second, base);
        Some(Self {
            mode,
            base,
            shift,
            width,
            patches,
            patched: 0,
            packed,
            bit: 0,
            at: 0,
            value,
            slope,
        })
    }

    /// Fills `out` with the next integers; the caller asks for no more than there are.
    pub(super) fn next(&mut self, out: &mut [i64]) {
        // The leading integers have no packed term: a term of zero from the sums before them yields them.
        let lead = self.mode.lead().saturating_sub(self.at).min(out.len());
        out[..lead].fill(0);
        unpack(self.packed, self.bit, self.width, &mut out[lead..]);
        self.bit += (out.len() - lead) * self.width as usize;
        self.patch(out);
        self.at += out.len();
        self.add_up(out);
    }

    fn patch(&mut self, out: &mut [i64]) {
        while let Some(&(position, above)) = self.patches.get(self.patched) {
            let Some(term) = out.get_mut(position - self.at) else {
                return;
            };
            *term |= above;
            self.patched += 1;
        }
    }

    fn add_up(&mut self, out: &mut [i64]) {
        let (base, shift) = (self.base, self.shift);
        let term = |packed: i64| base.wrapping_add(packed << shift);
        match self.mode {
            Mode::Plain => {
                for value in out {
                    *value = term(*value);
                }
            }
            Mode::Delta => {
                for value in out {
                    self.value = self.value.wrapping_add(term(*value));
                    *value = self.value;
                }
            }
            Mode::DeltaOfDelta => {
                for value in out {
                    self.slope = self.slope.wrapping_add(term(*value));
                    self.value = self.value.wrapping_add(self.slope);
                    *value = self.value;
                }
            }
        }
    }
}

/// The sums from which terms of `base` alone lead to the first integers.
fn before(mode: Mode, first: i64, second: i64, base: i64) -> (i64, i64) {
    match mode {
        Mode::Plain => (0, 0),
        Mode::Delta => (first.wrapping_sub(base), 0),
        Mode::DeltaOfDelta => {
            let slope = second.wrapping_sub(base);
            (first.wrapping_sub(slope), slope.wrapping_sub(base))
        }
    }
}

fn read_patches(reader: &mut Reader<'_>, width: u32, count: usize) -> Option<Vec<(usize, i64)>> {
    let (patches, mut next) = (reader.bounded(count)?, 0);
    (0..patches)
        .map(|_| {
            let position = rare::read(reader, &mut next, count)?;
            Some((position, reader.signed()? << width))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::plan::plan;
    use super::*;

    fn round_trip(ints: &[i64], plan: Plan) -> (usize, Vec<i64>) {
        let mut out = Vec::new();
        write(ints, plan, &mut out);
        let mut reader = Reader(&out);
        let mut column = Column::open(&mut reader, ints.len()).unwrap();
        assert!(reader.is_empty());
        let mut read = vec![0; ints.len()];
        read.chunks_mut(BLOCK).for_each(|block| column.next(block));
        (out.len(), read)
    }

    #[test]
    fn a_counter_that_restarts_costs_one_patch() {
        let steady: Vec<i64> = (0..300).map(|i| i * 40 + i * i % 13).collect();
        let restarted: Vec<i64> = (0..300)
            .map(|i| steady[i as usize] + if i < 150 { 1_000_000_000 } else { 0 })
            .collect();
        let (without, _) = round_trip(&steady, plan(&steady));
        let (with, read) = round_trip(&restarted, plan(&restarted));
        assert_eq!(read, restarted);
        assert!(with <= without + 16, "{without} {with}");
    }

    proptest! {
        #[test]
        fn every_mode_returns_every_integer(
            ints in proptest::collection::vec(any::<i64>(), 0..300),
            shift in 0_u32..64,
            mode in 0_usize..3,
        ) {
            let ints: Vec<i64> = ints.iter().map(|n| n >> shift).collect();
            prop_assert_eq!(&round_trip(&ints, plan(&ints)).1, &ints);
            let forced = Plan {
                mode: Mode::ALL[mode], base: 0, shift: 0, width: 64, patched: false, cost_bits: 0,
            };
            prop_assert_eq!(&round_trip(&ints, forced).1, &ints);
            let patched = Plan { width: shift, patched: true, ..forced };
            prop_assert_eq!(&round_trip(&ints, patched).1, &ints);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>, count in 0_usize..2_000) {
            if let Ok(mut column) = Column::open(&mut Reader(&bytes), count) {
                let mut read = vec![0; count];
                read.chunks_mut(BLOCK).for_each(|block| column.next(block));
            }
        }
    }
}
