//! Base 64 (RFC 4648): decoding of either alphabet with or without padding, and encoding with padding. For attribute
//! values and for labels in paths; speed is no matter.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The standard alphabet, padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, i| {
            word << 8 | u32::from(chunk.get(i).copied().unwrap_or(0))
        });
        for i in 0..4 {
            let six = (word >> (18 - 6 * i)) & 63;
            let kept = i <= chunk.len();
            out.push(if kept {
                char::from(STANDARD[six as usize])
            } else {
                '='
            });
        }
    }
    out
}

/// The standard alphabet; padding may be missing. `None` for what is no base 64.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    decode_by(text, STANDARD)
}

/// The alphabet for URLs and file names; padding may be missing.
pub(crate) fn decode_url(text: &str) -> Option<Vec<u8>> {
    decode_by(text, URL_SAFE)
}

fn decode_by(text: &str, alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    if text.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        let mut word = 0_u32;
        for i in 0..4 {
            let six = match chunk.get(i) {
                Some(byte) => alphabet.iter().position(|known| known == byte)? as u32,
                None => 0,
            };
            word = word << 6 | six;
        }
        let bytes = word.to_be_bytes();
        out.extend_from_slice(&bytes[1..chunk.len()]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded).unwrap(), plain.as_bytes());
            assert_eq!(
                decode_url(coded.trim_end_matches('=')).unwrap(),
                plain.as_bytes()
            );
        }
        assert_eq!(decode_url("_-8").unwrap(), [0xff, 0xef]);
        assert_eq!(decode("_-8"), None);
        assert_eq!(decode("Z"), None);
    }
}
