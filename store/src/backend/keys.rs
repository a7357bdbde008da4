//! The bytes of keys and of the small values. Big-endian in keys, so that order of bytes is order of numbers.

use roaring::RoaringBitmap;
use weir_wire::SeriesKey;

use super::SealedWindow;
use crate::index::{Definition, MetricId};
use crate::window::Window;

pub(super) const SEALED_PREFIX: &[u8] = b"sealed/";

/// `window u32 BE, metric u32 BE, series u32 BE`; a chunk's key goes on with `part u32 BE`.
pub(super) fn chunk_prefix(window: Window, metric: MetricId, series: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&window.to_be_bytes());
    key[4..8].copy_from_slice(&metric.to_be_bytes());
    key[8..].copy_from_slice(&series.to_be_bytes());
    key
}

/// The first key behind a window.
pub(super) fn window_end(window: Window) -> Vec<u8> {
    match window.checked_add(1) {
        Some(next) => next.to_be_bytes().to_vec(),
        None => vec![0xff; 17],
    }
}

pub(super) fn sealed_key(window: Window) -> Vec<u8> {
    [SEALED_PREFIX, &window.to_be_bytes()].concat()
}

/// `through u32 LE`, then the roaring bitmap in its portable form.
pub(super) fn sealed_value(sealed: &SealedWindow) -> Vec<u8> {
    let mut value = sealed.through.to_le_bytes().to_vec();
    // Writing to memory cannot fail.
    let _ = sealed.present.serialize_into(&mut value);
    value
}

pub(super) fn read_sealed(key: &[u8], value: &[u8]) -> Option<SealedWindow> {
    let window = key.strip_prefix(SEALED_PREFIX)?.try_into().ok()?;
    let (through, present) = value.split_first_chunk()?;
    Some(SealedWindow {
        window: Window::from_be_bytes(window),
        through: u32::from_le_bytes(*through),
        present: RoaringBitmap::deserialize_from(present).ok()?,
    })
}

/// `metric u32 LE`, then the canonical series key.
pub(super) fn definition_value(definition: &Definition) -> Vec<u8> {
    [&definition.metric.to_le_bytes(), definition.key.as_bytes()].concat()
}

pub(super) fn read_definition(key: &[u8], value: &[u8]) -> Option<Definition> {
    let (metric, bytes) = value.split_first_chunk()?;
    Some(Definition {
        series: u32::from_be_bytes(key.try_into().ok()?),
        metric: u32::from_le_bytes(*metric),
        key: SeriesKey::from_bytes(bytes).ok()?,
    })
}
