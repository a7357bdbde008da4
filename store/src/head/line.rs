//! One series' open samples: a cache line that holds the state of the last sample and the newest bytes, and a chain
//! of slabs of the same size behind it. About two bytes a sample: a control byte, and the step from the sample before.
//!
//! A token is `control u8`, then, if its high bit is set, the time since the last sample as a varint (else it is the
//! same as last time), then by the low seven bits: 0 the last value again; 1 to 8 so many bytes, little-endian, of the
//! zigzagged step of the value as an integer over a power of ten; 9 the eight bytes of any float; 10 an exponent and
//! eight bytes of an integer; from 16 on, the last value at the last step so many times less 14.

use super::arena::{Arena, NONE};
use crate::window::Window;

const TAIL_BYTES: usize = 20;
const SLAB_BYTES: usize = 60;
const TOKEN_BYTES: usize = 16;
/// Samples handed over at once.
const ROOM: usize = 64;
const OTHER_STEP: u8 = 0x80;
const RAW: u8 = 9;
const RESCALED: u8 = 10;
const REPEATS: u8 = 16;
const MOST_REPEATS: u8 = 127;
/// Powers looked at: what has more decimals is kept as it is.
const MAX_EXPONENT: u8 = 9;
const POWERS: [f64; MAX_EXPONENT as usize + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// `1.5 * 2^52`: adding and taking it away again rounds to an integer below 2^51.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
const MAX_INT: f64 = (1_u64 << 50) as f64;

/// There is no sample yet.
const EMPTY: u8 = 1;
/// The last value is a float's bits, not an integer.
const BITS: u8 = 2;
/// No power of ten was found for some value: the search is not repeated in this window.
const TRUE_FLOATS: u8 = 4;

/// Something of this window lies beside the line.
const BESIDE: u8 = 8;

/// State and newest bytes of a series in one window.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Line {
    pub(super) series: u32,
    pub(super) window: Window,
    /// The line of an older window that is not sealed yet.
    pub(super) previous: u32,
    last_offset_ms: u32,
    step_ms: u32,
    first_slab: u32,
    last: i64,
    last_slab: u32,
    in_slabs: u32,
    exponent: u8,
    tail_len: u8,
    flags: u8,
    /// One more than where in the tail a token of repeats can be counted up; 0 for nowhere.
    repeat: u8,
    tail: [u8; TAIL_BYTES],
}

const _: () = assert!(size_of::<Line>() == 64 && size_of::<Slab>() == 64);

/// A run of older bytes.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Slab {
    next: u32,
    bytes: [u8; SLAB_BYTES],
}

impl Line {
    pub(super) fn new(series: u32, window: Window, previous: u32) -> Self {
        Self {
            series,
            window,
            previous,
            last_offset_ms: 0,
            step_ms: 0,
            first_slab: NONE,
            last: 0,
            last_slab: NONE,
            in_slabs: 0,
            exponent: 0,
            tail_len: 0,
            flags: EMPTY,
            repeat: 0,
            tail: [0; TAIL_BYTES],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flags & EMPTY != 0
    }

    /// Whether something of this window lies beside the line.
    pub(super) fn has_beside(&self) -> bool {
        self.flags & BESIDE != 0
    }

    pub(super) fn set_beside(&mut self) {
        self.flags |= BESIDE;
    }

    pub(super) fn last_offset_ms(&self) -> u32 {
        self.last_offset_ms
    }

    pub(super) fn last_value(&self) -> f64 {
        value_of(self.last, self.exponent, self.flags & BITS != 0)
    }

    /// Adds a sample that is later than the last.
    #[inline]
    pub(super) fn push(&mut self, offset_ms: u32, value: f64, slabs: &mut Arena<Slab>) {
        let step_ms = offset_ms - self.last_offset_ms;
        let regular = step_ms == self.step_ms && self.flags & EMPTY == 0;
        let mut token = Token::default();
        if !regular {
            token.byte(OTHER_STEP);
            token.varint(step_ms);
        } else {
            token.byte(0);
        }
        self.put_value(value, &mut token);
        self.last_offset_ms = offset_ms;
        self.step_ms = step_ms;
        self.flags &= !EMPTY;
        if token.bytes[0] == 0 && self.count_up() {
            return;
        }
        self.append(&token, slabs);
    }

    fn put_value(&mut self, value: f64, token: &mut Token) {
        let decimal = self.flags & (BITS | EMPTY) == 0;
        if decimal && let Some(int) = scaled(value, self.exponent) {
            let step = int - self.last;
            self.last = int;
            return token.step(step);
        }
        self.put_other_value(value, token);
    }

    #[cold]
    fn put_other_value(&mut self, value: f64, token: &mut Token) {
        let again = self.flags & EMPTY == 0 && value.to_bits() == self.last_value().to_bits();
        if again {
            return;
        }
        // Once decimals were refused, only the exponent that is there is tried again.
        let powers = match (self.flags & TRUE_FLOATS != 0, self.flags & EMPTY != 0) {
            (true, _) => self.exponent..=self.exponent,
            (false, true) => 0..=MAX_EXPONENT,
            (false, false) => self.exponent..=MAX_EXPONENT,
        };
        for exponent in powers {
            if let Some(int) = scaled(value, exponent) {
                token.bytes[0] |= RESCALED;
                token.byte(exponent);
                token.eight(int.to_le_bytes());
                (self.last, self.exponent) = (int, exponent);
                self.flags &= !BITS;
                return;
            }
        }
        token.bytes[0] |= RAW;
        token.eight(value.to_bits().to_le_bytes());
        self.last = value.to_bits() as i64;
        self.flags |= BITS | TRUE_FLOATS;
    }

    /// Makes one more repeat of the newest token, if it is one.
    fn count_up(&mut self) -> bool {
        let Some(at) = usize::from(self.repeat).checked_sub(1) else {
            return false;
        };
        match self.tail[at] {
            0 => self.tail[at] = REPEATS,
            MOST_REPEATS => return false,
            _ => self.tail[at] += 1,
        }
        true
    }

    fn append(&mut self, token: &Token, slabs: &mut Arena<Slab>) {
        if usize::from(self.tail_len) + token.len > TAIL_BYTES {
            self.flush(slabs);
        }
        let at = usize::from(self.tail_len);
        self.tail[at..at + token.len].copy_from_slice(&token.bytes[..token.len]);
        self.tail_len += token.len as u8;
        self.repeat = if token.bytes[0] == 0 { at as u8 + 1 } else { 0 };
    }

    fn flush(&mut self, slabs: &mut Arena<Slab>) {
        let mut rest = &self.tail[..usize::from(self.tail_len)];
        while !rest.is_empty() {
            let at = self.in_slabs as usize % SLAB_BYTES;
            if at == 0 {
                let new = slabs.add(Slab {
                    next: NONE,
                    bytes: [0; SLAB_BYTES],
                });
                match self.last_slab {
                    NONE => self.first_slab = new,
                    last => slabs.get_mut(last).next = new,
                }
                self.last_slab = new;
            }
            let (now, later) = rest.split_at(rest.len().min(SLAB_BYTES - at));
            slabs.get_mut(self.last_slab).bytes[at..at + now.len()].copy_from_slice(now);
            self.in_slabs += now.len() as u32;
            rest = later;
        }
        self.tail_len = 0;
        self.repeat = 0;
    }

    /// Gives every slab back; the line is to be forgotten.
    pub(super) fn free(&self, slabs: &mut Arena<Slab>) {
        let mut at = self.first_slab;
        while at != NONE {
            let next = slabs.get(at).next;
            slabs.free(at);
            at = next;
        }
    }

    /// About how many samples there are, at most a few times more or less.
    pub(super) fn samples_about(&self) -> usize {
        (self.in_slabs as usize + usize::from(self.tail_len)) / 2 + 8
    }

    /// The first of the slabs, if there is any.
    pub(super) fn first_slab<'s>(&self, slabs: &'s Arena<Slab>) -> Option<&'s Slab> {
        (self.first_slab != NONE).then(|| slabs.get(self.first_slab))
    }

    /// Hands over every sample, ascending, some at a time: milliseconds since the window's start, and values.
    pub(super) fn read(
        &self,
        slabs: &Arena<Slab>,
        bytes: &mut Vec<u8>,
        mut take: impl FnMut(&[u32], &[f64]),
    ) {
        bytes.clear();
        let (mut at, mut left) = (self.first_slab, self.in_slabs as usize);
        while left > 0 {
            let slab = slabs.get(at);
            let here = left.min(SLAB_BYTES);
            bytes.extend_from_slice(&slab.bytes[..here]);
            (at, left) = (slab.next, left - here);
        }
        bytes.extend_from_slice(&self.tail[..usize::from(self.tail_len)]);
        // So that eight bytes can be read wherever a token starts.
        bytes.extend_from_slice(&[0; 8]);
        read_tokens(bytes, &mut Room::default(), &mut take);
    }
}

/// Samples that were read and not handed over yet.
struct Room {
    offsets_ms: [u32; ROOM],
    values: [f64; ROOM],
    len: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            offsets_ms: [0; ROOM],
            values: [0.0; ROOM],
            len: 0,
        }
    }
}

impl Room {
    #[inline(always)]
    fn put(&mut self, offset_ms: u32, value: f64, take: &mut impl FnMut(&[u32], &[f64])) {
        self.offsets_ms[self.len % ROOM] = offset_ms;
        self.values[self.len % ROOM] = value;
        self.len += 1;
        if self.len == ROOM {
            self.empty(take);
        }
    }

    fn empty(&mut self, take: &mut impl FnMut(&[u32], &[f64])) {
        let len = std::mem::take(&mut self.len).min(ROOM);
        take(&self.offsets_ms[..len], &self.values[..len]);
    }
}

fn read_tokens(bytes: &[u8], room: &mut Room, take: &mut impl FnMut(&[u32], &[f64])) {
    let end = bytes.len() - 8;
    let (mut at, mut offset_ms, mut step_ms) = (0, 0_u32, 0_u32);
    let (mut last, mut power, mut value) = (0_i64, POWERS[0], 0.0_f64);
    while at < end {
        let control = bytes[at];
        at += 1;
        if matches!(control, 1..=8) {
            // By far the most tokens: how long each is is all that the next one waits for.
            let width = usize::from(control);
            last += step(bytes, at, width);
            at += width;
            value = last as f64 / power;
            offset_ms += step_ms;
            room.put(offset_ms, value, take);
            continue;
        }
        if control & OTHER_STEP != 0 {
            step_ms = 0;
            for shift in (0..).step_by(7) {
                let byte = bytes[at];
                at += 1;
                step_ms |= u32::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
        }
        match control & !OTHER_STEP {
            0 => {}
            RAW => {
                value = f64::from_le_bytes(eight(bytes, at));
                at += 8;
            }
            RESCALED => {
                power = POWERS[usize::from(bytes[at].min(MAX_EXPONENT))];
                last = i64::from_le_bytes(eight(bytes, at + 1));
                value = last as f64 / power;
                at += 9;
            }
            repeats @ REPEATS..=MOST_REPEATS => {
                for _ in REPEATS..=repeats {
                    offset_ms += step_ms;
                    room.put(offset_ms, value, take);
                }
            }
            width => {
                let width = usize::from(width.min(8));
                last += step(bytes, at, width);
                value = last as f64 / power;
                at += width;
            }
        }
        offset_ms += step_ms;
        room.put(offset_ms, value, take);
    }
    room.empty(take);
}

/// A value's step in so many bytes, one to eight.
#[inline(always)]
fn step(bytes: &[u8], at: usize, width: usize) -> i64 {
    let word = u64::from_le_bytes(eight(bytes, at)) & (u64::MAX >> (64 - 8 * width));
    ((word >> 1) as i64) ^ -((word & 1) as i64)
}

fn eight(bytes: &[u8], at: usize) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    eight
}

#[inline]
fn value_of(last: i64, exponent: u8, bits: bool) -> f64 {
    if bits {
        f64::from_bits(last as u64)
    } else if exponent == 0 {
        last as f64
    } else {
        last as f64 / POWERS[usize::from(exponent)]
    }
}

/// The integer that gives back the very bits of `value` when divided by the power.
#[inline]
fn scaled(value: f64, exponent: u8) -> Option<i64> {
    let power = POWERS[usize::from(exponent)];
    let rounded = (value * power + ROUNDER) - ROUNDER;
    let exact = (rounded / power).to_bits() == value.to_bits();
    (exact && rounded.abs() < MAX_INT).then_some(rounded as i64)
}

/// A token being made.
#[derive(Default)]
struct Token {
    bytes: [u8; TOKEN_BYTES],
    len: usize,
}

impl Token {
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn varint(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    fn eight(&mut self, bytes: [u8; 8]) {
        self.bytes[self.len..self.len + 8].copy_from_slice(&bytes);
        self.len += 8;
    }

    /// A value's step, in as many bytes as it takes; none for 0.
    #[inline]
    fn step(&mut self, step: i64) {
        let zigzag = ((step << 1) ^ (step >> 63)) as u64;
        let width = (64 - zigzag.leading_zeros() as usize).div_ceil(8);
        self.bytes[0] |= width as u8;
        let room = &mut self.bytes[self.len..self.len + 8];
        room.copy_from_slice(&zigzag.to_le_bytes());
        self.len += width;
    }
}
