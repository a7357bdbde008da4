//! A column of times or of values in the bytes of the chunk codec (docs/format/chunk.md, "Times" and "Values"), each
//! behind its length. The codec writes whole chunks: their frame is the same for all columns of a length, so it is
//! taken off when a column is written and put around it again when it is read.

use weir_wire::varint::{self, Reader};

use crate::chunk::{self, ChunkError};

/// Times that nobody looks at: the first at 0, all the same.
const NO_TIMES: [u8; 2] = [0x00, 0x01];
/// Values that nobody looks at: zeros, of any number.
const NO_VALUES: [u8; 4] = [0; 4];
const SECOND_MS: i64 = 1_000;

/// Appends one or more ascending times.
pub(super) fn write_times(times_ms: &[i64], out: &mut Vec<u8>) {
    let mut chunk = Vec::new();
    chunk::encode_floats(times_ms, &vec![0.0; times_ms.len()], &mut chunk);
    let end = chunk.len() - NO_VALUES.len();
    varint::put_bytes(out, &chunk[chunk::FLOATS_HEAD.len()..end]);
}

/// Appends one or more values.
pub(super) fn write_values(values: &[f64], out: &mut Vec<u8>) {
    let (mut chunk, mut head) = (Vec::new(), Vec::new());
    let times: Vec<i64> = (0..values.len() as i64).map(|at| at * SECOND_MS).collect();
    chunk::encode_floats(&times, values, &mut chunk);
    put_head(values.len(), &mut head);
    varint::put_bytes(out, &chunk[head.len()..]);
}

/// # Errors
/// Bytes that [`write_times`] does not make; times that do not ascend.
pub(super) fn read_times(bytes: &[u8]) -> Result<Vec<i64>, ChunkError> {
    let mut chunk = chunk::FLOATS_HEAD.to_vec();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(&NO_VALUES);
    let times = read(&chunk)?.0;
    if times.is_sorted_by(|before, after| before < after) {
        Ok(times)
    } else {
        let what = "rollup times";
        Err(ChunkError::Damaged { what })
    }
}

/// # Errors
/// Bytes that [`write_values`] does not make of so many values.
pub(super) fn read_values(bytes: &[u8], count: usize) -> Result<Vec<f64>, ChunkError> {
    let mut chunk = Vec::with_capacity(bytes.len() + 16);
    put_head(count, &mut chunk);
    chunk.extend_from_slice(bytes);
    Ok(read(&chunk)?.1)
}

/// The bytes of a column, unread.
pub(super) fn take<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    reader.bytes(reader.0.len())
}

fn put_head(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&chunk::FLOATS_HEAD);
    varint::put(out, count as u64);
    out.extend_from_slice(&NO_TIMES);
}

fn read(chunk: &[u8]) -> Result<(Vec<i64>, Vec<f64>), ChunkError> {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    chunk::decode_floats(chunk, &mut times, &mut values)?;
    Ok((times, values))
}
