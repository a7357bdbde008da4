//! The values of a floats section: a form byte, a column, the strays (docs/format/chunk.md, "Values").
//! Chooses between decimals and ordered bits; does not know times.

use weir_wire::varint::{self, Reader};

use super::column::{self, BLOCK, Column};
use super::decimal::{self, Decimals, MAX_EXPONENT};
use super::plan::{Plan, plan};
use super::{ChunkError, rare};

const FORM: u8 = 0x1f;
const ORDERED: u8 = 0x1f;
const STRAYS: u8 = 0x20;
/// From this width on ordered bits may be as small.
const WIDE_BITS: u32 = 40;
/// What the lowest of ordered bits takes in a column's head.
const BASE_BITS: usize = 72;
const STRAY_BITS: usize = 8 + 64;

/// Appends the values, the smaller way; every bit of each comes back.
pub(super) fn write(values: &[f64], out: &mut Vec<u8>) {
    let decimals = decimal::to_decimals(values).map(|found| (plan(&found.ints), found));
    match decimals {
        Some((plan, found)) if found.strays.is_empty() && plan.width < WIDE_BITS => {
            write_decimals(&found, plan, out);
        }
        decimals => write_smaller(values, decimals, out),
    }
}

fn write_smaller(values: &[f64], decimals: Option<(Plan, Decimals)>, out: &mut Vec<u8>) {
    let ordered: Vec<i64> = values.iter().copied().map(decimal::to_ordered).collect();
    let ordered_plan = plan(&ordered);
    match decimals {
        Some((plan, found)) if cost_bits(plan, &found) <= ordered_plan.cost_bits + BASE_BITS => {
            write_decimals(&found, plan, out);
        }
        _ => {
            out.push(ORDERED);
            column::write(&ordered, ordered_plan, out);
        }
    }
}

fn cost_bits(plan: Plan, decimals: &Decimals) -> usize {
    plan.cost_bits + decimals.strays.len() * STRAY_BITS
}

fn write_decimals(decimals: &Decimals, plan: Plan, out: &mut Vec<u8>) {
    let strays = &decimals.strays;
    out.push(decimals.exponent as u8 | if strays.is_empty() { 0 } else { STRAYS });
    column::write(&decimals.ints, plan, out);
    if strays.is_empty() {
        return;
    }
    varint::put(out, strays.len() as u64);
    let mut positions = rare::Writer::default();
    for (position, bits) in strays {
        positions.put(*position, out);
        out.extend_from_slice(&bits.to_le_bytes());
    }
}

/// Appends the next `count` values of the reader.
///
/// # Errors
/// Bytes that [`write`] does not make.
pub(super) fn read(
    reader: &mut Reader<'_>,
    count: usize,
    values: &mut Vec<f64>,
) -> Result<(), ChunkError> {
    let what = "values";
    let form = reader.byte().ok_or(ChunkError::Damaged { what })?;
    let (kind, strays) = (form & FORM, form & STRAYS != 0);
    let known = usize::from(kind) <= MAX_EXPONENT || (kind == ORDERED && !strays);
    if !known || form & !(FORM | STRAYS) != 0 {
        return Err(ChunkError::Damaged { what });
    }
    let mut column = Column::open(reader, count)?;
    let start = values.len();
    values.resize(start + count, 0.0);
    let mut ints = [0; BLOCK];
    for block in values[start..].chunks_mut(BLOCK) {
        let ints = &mut ints[..block.len()];
        column.next(ints);
        to_floats(kind, ints, block);
    }
    if strays {
        read_strays(reader, &mut values[start..]).ok_or(ChunkError::Damaged { what })?;
    }
    Ok(())
}

fn to_floats(kind: u8, ints: &[i64], block: &mut [f64]) {
    if kind != ORDERED {
        return decimal::from_decimals(ints, usize::from(kind), block);
    }
    for (value, &int) in block.iter_mut().zip(ints) {
        *value = decimal::from_ordered(int);
    }
}

fn read_strays(reader: &mut Reader<'_>, values: &mut [f64]) -> Option<()> {
    let (strays, mut next) = (reader.bounded(values.len())?, 0);
    for _ in 0..strays {
        let position = rare::read(reader, &mut next, values.len())?;
        *values.get_mut(position)? = f64::from_le_bytes(reader.array()?);
    }
    Some(())
}
