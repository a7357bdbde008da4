//! Numbers of bytes as people write them: `"64MiB"`, `"12GiB"`, `"500MB"`, `"4096"`.

use serde::{Deserialize, Deserializer};

const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes that was written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SizeText(pub u64);

impl<'de> Deserialize<'de> for SizeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::text(deserializer, "a size as text, like \"64MiB\"")?;
        let bytes = parse_size(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no size; write it as \"64MiB\" or \"12GiB\" (units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)"
            ))
        })?;
        Ok(Self(bytes))
    }
}

/// Reads a size; `None` for anything else.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let (_, unit) = UNITS
        .iter()
        .find(|(unit, _)| *unit == text[digits..].trim_start())?;
    number.checked_mul(*unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(parse_size("12GiB"), Some(12 << 30));
        assert_eq!(parse_size("500 MB"), Some(500_000_000));
        assert_eq!(parse_size("4096"), Some(4_096));
        for bad in ["", "GiB", "1.5GiB", "-1", "1gb", "99999999999TiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }
}
