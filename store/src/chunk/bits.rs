//! Numbers of a fixed width packed one after the other, least significant bit first, across byte borders.
//! Owns the bit layout and nothing else: what the numbers mean is [`column`](super::column)'s affair.

/// A value of up to this many bits, shifted by up to seven, fits one word.
const NARROW_BITS: u32 = 56;

/// Bytes that `count` values of `width` bits take.
pub(super) fn packed_bytes(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// The lowest `width` bits set; `width` is at most 64.
pub(super) fn mask(width: u32) -> u64 {
    u64::MAX.checked_shr(64 - width).unwrap_or(0)
}

/// Appends the lowest `width` bits of each value; `width` is at most 64.
pub(super) fn pack(values: &[i64], width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (start, bytes) = (out.len(), packed_bytes(values.len(), width));
    // A whole word is stored for each value: the room beyond the end is cut off again.
    out.resize(start + bytes + 16, 0);
    if width <= NARROW_BITS {
        pack_narrow(values, width, &mut out[start..]);
    } else {
        pack_wide(values, width, &mut out[start..]);
    }
    out.truncate(start + bytes);
}

fn pack_narrow(values: &[i64], width: u32, room: &mut [u8]) {
    let (mask, mut word, mut filled, mut at) = (mask(width), 0_u64, 0, 0);
    for &value in values {
        word |= (value as u64 & mask) << filled;
        room[at..at + 8].copy_from_slice(&word.to_le_bytes());
        filled += width;
        at += filled as usize / 8;
        word >>= filled & !7;
        filled &= 7;
    }
}

fn pack_wide(values: &[i64], width: u32, room: &mut [u8]) {
    let (mask, mut word, mut filled, mut at) = (mask(width), 0_u128, 0, 0);
    for &value in values {
        word |= u128::from(value as u64 & mask) << filled;
        room[at..at + 16].copy_from_slice(&word.to_le_bytes());
        filled += width;
        at += filled as usize / 8;
        word >>= filled & !7;
        filled &= 7;
    }
}

/// Fills `out` with the values that begin at bit `start`. What lies past the end of `bytes` reads as zero.
pub(super) fn unpack(bytes: &[u8], start: usize, width: u32, out: &mut [i64]) {
    if width == 0 {
        out.fill(0);
    } else if width <= NARROW_BITS {
        unpack_narrow(bytes, start, width, out);
    } else {
        unpack_wide(bytes, start, width, out);
    }
}

fn unpack_narrow(bytes: &[u8], start: usize, width: u32, out: &mut [i64]) {
    let (mask, mut bit) = (mask(width), start);
    for value in out {
        let word = u64::from_le_bytes(load(bytes, bit / 8));
        *value = (word >> (bit % 8) & mask) as i64;
        bit += width as usize;
    }
}

fn unpack_wide(bytes: &[u8], start: usize, width: u32, out: &mut [i64]) {
    let (mask, mut bit) = (mask(width), start);
    for value in out {
        let word = u128::from_le_bytes(load(bytes, bit / 8));
        *value = ((word >> (bit % 8)) as u64 & mask) as i64;
        bit += width as usize;
    }
}

#[inline]
fn load<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    match bytes.get(at..at + N).and_then(|word| word.try_into().ok()) {
        Some(word) => word,
        None => load_last(bytes.get(at..).unwrap_or_default()),
    }
}

#[cold]
fn load_last<const N: usize>(rest: &[u8]) -> [u8; N] {
    let mut word = [0; N];
    for (to, from) in word.iter_mut().zip(rest) {
        *to = *from;
    }
    word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_value_lies_in_the_lowest_bits() {
        let mut out = vec![0xaa];
        pack(&[1, 2, 3, 4], 3, &mut out);
        assert_eq!(out, [0xaa, 0b1101_0001, 0b1000]);
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut values = [1; 3];
        unpack(&[0xff], 4, 8, &mut values);
        assert_eq!(values, [0x0f, 0, 0]);
        unpack(&[], usize::MAX / 16, 64, &mut values);
        assert_eq!(values, [0; 3]);
    }

    proptest! {
        #[test]
        fn every_width_comes_back(
            raw in proptest::collection::vec(any::<i64>(), 0..200),
            width in 0_u32..=64,
            skip in 0_usize..200,
        ) {
            let values: Vec<i64> = raw.iter().map(|&v| (v as u64 & mask(width)) as i64).collect();
            let mut out = Vec::new();
            pack(&values, width, &mut out);
            prop_assert_eq!(out.len(), packed_bytes(values.len(), width));
            let skip = skip.min(values.len());
            let mut read = vec![-1; values.len() - skip];
            unpack(&out, skip * width as usize, width, &mut read);
            prop_assert_eq!(&read, &values[skip..]);
        }
    }
}
