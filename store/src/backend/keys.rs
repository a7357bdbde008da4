//! The bytes of keys and of the small values. Big-endian in keys, so that order of bytes is order of numbers.

use roaring::RoaringBitmap;
use weir_wire::SeriesKey;

use super::{Dropped, RolledDay, SealedWindow, Tier};
use crate::index::{Day, Definition};
use crate::pack::Place;
use crate::window::Window;

pub(super) const SEALED_PREFIX: &[u8] = b"sealed/";
pub(super) const DAY_PREFIX: &[u8] = b"day/";
const MINUTES: u8 = 1;
const HOURS: u8 = 2;

/// The key of a pack: `window u32 BE, part u32 BE`, then metric and series of its last chunk, `u32 BE` both. The first
/// key of a part that is not below a chunk's place is that of the pack it is in, if it is in any.
pub(super) fn pack_key(window: Window, part: u32, (metric, series): Place) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&window.to_be_bytes());
    key[4..8].copy_from_slice(&part.to_be_bytes());
    key[8..12].copy_from_slice(&metric.to_be_bytes());
    key[12..].copy_from_slice(&series.to_be_bytes());
    key
}

/// Window, part and the place of the last chunk.
pub(super) fn read_pack_key(key: &[u8]) -> Option<(Window, u32, Place)> {
    let key: &[u8; 16] = key.try_into().ok()?;
    let number = |at: usize| u32::from_be_bytes([key[at], key[at + 1], key[at + 2], key[at + 3]]);
    Some((number(0), number(4), (number(8), number(12))))
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

pub(super) fn purged_key(policy: u128, tier: Tier) -> Vec<u8> {
    [b"purged/", &[tier as u8][..], &policy.to_be_bytes()].concat()
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

/// `before u32 LE`, `through u32 LE`.
pub(super) fn dropped_value(dropped: Dropped) -> [u8; 8] {
    let mut value = [0; 8];
    value[..4].copy_from_slice(&dropped.before.to_le_bytes());
    value[4..].copy_from_slice(&dropped.through.to_le_bytes());
    value
}

/// It once was the first number alone.
pub(super) fn read_dropped(value: &[u8]) -> Option<Dropped> {
    let (before, through) = value.split_first_chunk()?;
    let through = match through {
        [] => Dropped::UNKNOWN,
        through => u32::from_le_bytes(through.try_into().ok()?),
    };
    let before = Window::from_le_bytes(*before);
    Some(Dropped { before, through })
}

pub(super) fn day_key(day: Day) -> Vec<u8> {
    [DAY_PREFIX, &day.to_be_bytes()].concat()
}

/// `part u32 LE`, then two roaring bitmaps in their portable form: present, stale; then a byte of the tiers with points.
pub(super) fn day_value(rolled: &RolledDay) -> Vec<u8> {
    let mut value = rolled.part.to_le_bytes().to_vec();
    // Writing to memory cannot fail.
    let _ = rolled.present.serialize_into(&mut value);
    let _ = rolled.stale.serialize_into(&mut value);
    let tiers = [(rolled.minutes, MINUTES), (rolled.hours, HOURS)];
    let tiers = tiers.iter().filter(|(has, _)| *has);
    value.push(tiers.map(|(_, bit)| bit).sum());
    value
}

pub(super) fn read_day(key: &[u8], value: &[u8]) -> Option<(Day, RolledDay)> {
    let day = key.strip_prefix(DAY_PREFIX)?.try_into().ok()?;
    let (part, mut bitmaps) = value.split_first_chunk()?;
    let part = u32::from_le_bytes(*part);
    let present = RoaringBitmap::deserialize_from(&mut bitmaps).ok()?;
    let stale = RoaringBitmap::deserialize_from(&mut bitmaps).ok()?;
    let tiers = match bitmaps {
        // There once was no such byte, and mostly both were made.
        [] if part > 0 => MINUTES | HOURS,
        [] => 0,
        [tiers] => *tiers,
        _ => return None,
    };
    let rolled = RolledDay {
        present,
        stale,
        part,
        minutes: tiers & MINUTES != 0,
        hours: tiers & HOURS != 0,
    };
    Some((Day::from_be_bytes(day), rolled))
}

/// `metric u32 LE`, then the canonical series key.
pub(super) fn read_definition(key: &[u8], value: &[u8]) -> Option<Definition> {
    let (metric, bytes) = value.split_first_chunk()?;
    Some(Definition {
        series: u32::from_be_bytes(key.try_into().ok()?),
        metric: u32::from_le_bytes(*metric),
        key: SeriesKey::from_bytes(bytes).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_was_and_as_it_is_written() {
        let rolled = RolledDay {
            present: RoaringBitmap::from_iter([1, 2]),
            stale: RoaringBitmap::from_iter([2]),
            part: 3,
            minutes: false,
            hours: true,
        };
        let read = |value: &[u8]| read_day(&day_key(9), value);
        let mut value = day_value(&rolled);
        assert_eq!(read(&value), Some((9, rolled.clone())));
        value.pop();
        let minutes = true;
        assert_eq!(read(&value), Some((9, RolledDay { minutes, ..rolled })));
    }

    #[test]
    fn what_was_dropped_is_read_as_it_was_and_as_it_is_written() {
        let dropped = Dropped {
            before: 7,
            through: 300,
        };
        assert_eq!(read_dropped(&dropped_value(dropped)), Some(dropped));
        let told_before = read_dropped(&7_u32.to_le_bytes()).unwrap();
        assert_eq!((told_before.before, told_before.through), (7, u32::MAX));
        assert_eq!(read_dropped(&[7; 5]), None);
    }
}
