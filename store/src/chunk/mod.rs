//! Stand-in until the codec arrives.
use weir_wire::varint::{Reader, put, put_bytes, put_signed};
use weir_wire::{Histogram, Sample, Value};
#[derive(Debug, thiserror::Error)]
#[error("damaged chunk")]
pub(crate) struct ChunkError;
pub(crate) fn encode(samples: &[Sample], out: &mut Vec<u8>) {
    let start = out.len();
    for s in samples {
        put_signed(out, s.timestamp_ms);
        match &s.value {
            Value::Float(f) => {
                put(out, 0);
                out.extend_from_slice(&f.to_le_bytes());
            }
            Value::Histogram(h) => {
                put(out, 1);
                let mut b = Vec::new();
                h.encode(&mut b);
                put_bytes(out, &b);
            }
        }
    }
    let sum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}
pub(crate) fn decode(
    bytes: &[u8],
    from_ms: i64,
    to_ms: i64,
    out: &mut Vec<Sample>,
) -> Result<(), ChunkError> {
    let (body, sum) = bytes.split_last_chunk::<4>().ok_or(ChunkError)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return Err(ChunkError);
    }
    let mut r = Reader(body);
    while !r.is_empty() {
        let timestamp_ms = r.signed().ok_or(ChunkError)?;
        let value = match r.unsigned() {
            Some(0) => Value::Float(f64::from_le_bytes(r.array().ok_or(ChunkError)?)),
            _ => Value::Histogram(std::sync::Arc::new(
                Histogram::decode(r.bytes(1 << 17).ok_or(ChunkError)?).map_err(|_| ChunkError)?,
            )),
        };
        if (from_ms..=to_ms).contains(&timestamp_ms) {
            out.push(Sample {
                timestamp_ms,
                value,
            });
        }
    }
    Ok(())
}
