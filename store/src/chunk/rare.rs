//! Positions of the few samples that are written apart: ascending, each as the distance from the one before.
//! Shared by a column's patches and by the floats that no decimal stands for.

use weir_wire::varint::{self, Reader};

/// Writes ascending positions.
#[derive(Debug, Default)]
pub(super) struct Writer {
    next: usize,
}

impl Writer {
    pub(super) fn put(&mut self, position: usize, out: &mut Vec<u8>) {
        varint::put(out, position.saturating_sub(self.next) as u64);
        self.next = position + 1;
    }
}

/// Reads what [`Writer`] wrote; `None` for a position that is not below `count`.
pub(super) fn read(reader: &mut Reader<'_>, next: &mut usize, count: usize) -> Option<usize> {
    let distance = reader.bounded(count)?;
    let position = next.checked_add(distance).filter(|&at| at < count)?;
    *next = position + 1;
    Some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_and_one_too_far_is_refused() {
        let (mut out, mut writer) = (Vec::new(), Writer::default());
        for position in [0, 1, 70, 999] {
            writer.put(position, &mut out);
        }
        assert_eq!(out[..3], [0, 0, 68]);
        let (mut reader, mut next) = (Reader(&out), 0);
        let mut read = |count| read(&mut reader, &mut next, count);
        assert_eq!(
            [read(1_000), read(1_000), read(1_000)],
            [Some(0), Some(1), Some(70)]
        );
        assert_eq!(read(999), None);
    }
}
