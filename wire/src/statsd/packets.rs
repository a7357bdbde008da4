//! Packets with their length before them (32 bits, least byte first), as Datadog's clients send them over a unix stream.
//! Keeps what is unfinished of one; reads nothing of a packet.

use crate::Reject;

/// A longer packet ends its connection: Datadog's clients send 8 KiB at most.
pub const MAX_PACKET_BYTES: usize = 64 << 10;
const LENGTH_BYTES: usize = 4;

/// One connection's unfinished packet.
#[derive(Debug, Default)]
pub struct Packets {
    unfinished: Vec<u8>,
}

impl Packets {
    /// Hands over every packet that is whole now.
    ///
    /// # Errors
    /// [`Reject::TooLong`] for a length past [`MAX_PACKET_BYTES`]: nothing behind it can be found any more.
    pub fn feed(&mut self, bytes: &[u8], take: impl FnMut(&[u8])) -> Result<(), Reject> {
        self.unfinished.extend_from_slice(bytes);
        let used = whole(&self.unfinished, take)?;
        self.unfinished.drain(..used);
        Ok(())
    }

    /// What a stream may end with.
    ///
    /// # Errors
    /// [`Reject::Malformed`] for a part of a packet.
    pub fn finish(&self) -> Result<(), Reject> {
        match self.unfinished.is_empty() {
            true => Ok(()),
            false => Err(Reject::Malformed),
        }
    }
}

/// Hands over every packet that is whole; how many bytes those were.
fn whole(bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<usize, Reject> {
    let mut used = 0;
    while let Some((length, rest)) = bytes[used..].split_first_chunk::<LENGTH_BYTES>() {
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_PACKET_BYTES {
            return Err(Reject::TooLong);
        }
        let Some(packet) = rest.get(..length) else {
            break;
        };
        take(packet);
        used += LENGTH_BYTES + length;
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_across_reads_and_a_length_of_2_to_the_31_is_refused() {
        let mut bytes = Vec::new();
        for text in ["one", "", "three"] {
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        for end in 0..bytes.len() {
            let (mut found, mut packets) = (Vec::new(), Packets::default());
            for part in [&bytes[..end], &bytes[end..]] {
                let taken = packets.feed(part, |packet| found.push(packet.to_vec()));
                taken.unwrap();
            }
            assert_eq!(found, [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
            assert_eq!(packets.finish(), Ok(()));
        }
        let huge = (1_u32 << 31).to_le_bytes();
        let mut packets = Packets::default();
        assert_eq!(packets.feed(&huge, |_| ()), Err(Reject::TooLong));
    }

    #[test]
    fn half_a_packet_is_no_end() {
        let mut packets = Packets::default();
        packets.feed(&[5, 0, 0, 0, b'a'], |_| ()).unwrap();
        assert_eq!(packets.finish(), Err(Reject::Malformed));
    }
}
