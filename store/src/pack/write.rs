//! Making packs: chunks are added in the order of their places until the pack is full.

use weir_wire::varint;

use super::{FORM_BITS, FULL_BYTES, MAX_MEMBERS, Member, Place, SAME_TIMES, TIMES, VERSION, WHOLE};
use crate::chunk;

/// A pack being made.
#[derive(Debug, Default)]
pub(crate) struct Packing {
    count: usize,
    last: Place,
    directory: Vec<u8>,
    bodies: Vec<u8>,
    /// Those of the last chunk that brought its own.
    times: Vec<u8>,
}

impl Packing {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count >= MAX_MEMBERS || self.bodies.len() >= FULL_BYTES
    }

    /// Of the chunk that was added last.
    pub(crate) fn last(&self) -> Place {
        self.last
    }

    /// Adds a chunk; places ascend. Where `times_end` is known, floats alone stand in it, whose times end there.
    pub(crate) fn add(&mut self, place: Place, chunk: &[u8], times_end: Option<usize>) {
        match times_end {
            None => self.put(place, WHOLE, chunk, &[]),
            Some(end) => {
                let (times, values) = (&chunk[chunk::FLOATS_HEAD.len()..end], &chunk[end..]);
                self.add_floats(place, times, values);
            }
        }
    }

    /// Adds a chunk of another pack.
    pub(crate) fn add_member(&mut self, member: &Member<'_>) {
        match member.floats() {
            Some((times, values)) => self.add_floats(member.place, times, values),
            None => self.put(member.place, WHOLE, member.whole(), &[]),
        }
    }

    fn add_floats(&mut self, place: Place, times: &[u8], values: &[u8]) {
        if !times.is_empty() && self.times == times {
            return self.put(place, SAME_TIMES, values, &[]);
        }
        self.times.clear();
        self.times.extend_from_slice(times);
        self.put(place, TIMES, times, values);
    }

    fn put(&mut self, place: Place, form: u64, first: &[u8], second: &[u8]) {
        let (metric, series) = place;
        let (last_metric, last_series) = self.last;
        let step = metric.wrapping_sub(last_metric);
        varint::put(&mut self.directory, u64::from(step));
        let from = if step == 0 { last_series } else { 0 };
        varint::put(&mut self.directory, u64::from(series.wrapping_sub(from)));
        let length = (first.len() + second.len()) as u64;
        varint::put(&mut self.directory, length << FORM_BITS | form);
        if form == TIMES {
            varint::put(&mut self.directory, first.len() as u64);
        }
        self.bodies.extend_from_slice(first);
        self.bodies.extend_from_slice(second);
        self.last = place;
        self.count += 1;
    }

    /// Appends the pack, and is empty again.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(VERSION);
        varint::put(out, self.count as u64);
        varint::put_bytes(out, &self.directory);
        out.extend_from_slice(&self.bodies);
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
        self.count = 0;
        self.last = Place::default();
        self.directory.clear();
        self.bodies.clear();
        self.times.clear();
    }
}
