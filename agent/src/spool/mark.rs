//! How far each lane's records are acknowledged, in a small file beside them. It is never synced: where it is lost or
//! old, records are sent again under their numbers, and the gateway knows them.

use std::io;
use std::path::Path;

use weir_wire::varint::Reader;

use super::kind::KINDS;
use super::lane::Place;

const FILE: &str = "mark";
const MAGIC: [u8; 8] = *b"WEIRSPMK";

/// The lanes' places in the order of [`super::kind::ALL`]; the beginning where the file is missing or damaged.
pub(super) fn load(dir: &Path) -> [Place; KINDS] {
    let bytes = std::fs::read(dir.join(FILE)).unwrap_or_default();
    decode(&bytes).unwrap_or_default()
}

pub(super) fn store(dir: &Path, places: [Place; KINDS]) -> io::Result<()> {
    let new = dir.join("mark.new");
    std::fs::write(&new, encode(places))?;
    std::fs::rename(new, dir.join(FILE))
}

fn encode(places: [Place; KINDS]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for place in places {
        out.extend_from_slice(&place.segment.to_le_bytes());
        out.extend_from_slice(&place.offset.to_le_bytes());
    }
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<[Place; KINDS]> {
    let (said, sum) = bytes.split_last_chunk()?;
    let mut reader = Reader(said);
    if crc32c::crc32c(said) != u32::from_le_bytes(*sum) || reader.array() != Some(MAGIC) {
        return None;
    }
    let mut places = [Place::default(); KINDS];
    for place in &mut places {
        place.segment = u64::from_le_bytes(reader.array()?);
        place.offset = u64::from_le_bytes(reader.array()?);
    }
    reader.is_empty().then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_or_not_at_all() {
        let place = |segment| Place {
            segment,
            offset: 24,
        };
        let places = [place(1), place(2), Place::default(), place(9)];
        let bytes = encode(places);
        assert_eq!(decode(&bytes), Some(places));
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), None);
            let mut flipped = bytes.clone();
            flipped[cut] ^= 1;
            assert_eq!(decode(&flipped), None);
        }
    }
}
