//! The bytes of the state file: a head of 24 bytes (magic, version, length, checksum) and JSON.

use super::Snapshot;

/// The version that this program writes, and the latest that it reads.
pub(super) const VERSION: u32 = 1;
/// The longest file that is read.
pub(super) const FILE_BYTES: u64 = 1 << 30;

const MAGIC: [u8; 8] = *b"WEIRALRT";
const HEAD: usize = 24;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("format version {found}")]
    Future { found: u32 },
    #[error("no alert state file, or its head is cut off")]
    Magic,
    #[error("the length is {found} bytes and should be {wanted}")]
    Length { found: u64, wanted: u64 },
    #[error("the checksum does not fit")]
    Checksum,
    #[error("the content is not understood: {0}")]
    Content(String),
}

pub(super) fn encode(snapshot: &Snapshot) -> Vec<u8> {
    // Everything in it has a JSON form: keys are text, floats are written as text.
    let body = serde_json::to_vec(snapshot).unwrap_or_default();
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(crc32c::crc32c(&body).to_le_bytes());
    bytes.extend(body);
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<Snapshot, Damage> {
    let (head, body) = bytes.split_first_chunk::<HEAD>().ok_or(Damage::Magic)?;
    let (magic, rest) = head.split_first_chunk::<8>().ok_or(Damage::Magic)?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or(Damage::Magic)?;
    let (length, checksum) = rest.split_first_chunk::<8>().ok_or(Damage::Magic)?;
    if *magic != MAGIC {
        return Err(Damage::Magic);
    }
    let found = u32::from_le_bytes(*version);
    if found > VERSION {
        return Err(Damage::Future { found });
    }
    let wanted = u64::from_le_bytes(*length);
    if body.len() as u64 != wanted {
        return Err(Damage::Length {
            found: body.len() as u64,
            wanted,
        });
    }
    if checksum != crc32c::crc32c(body).to_le_bytes() {
        return Err(Damage::Checksum);
    }
    serde_json::from_slice(body).map_err(|error| Damage::Content(error.to_string()))
}
