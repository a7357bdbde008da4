//! How times, durations and label sets are written for people and machines: RFC 3339, Prometheus' durations,
//! Prometheus' label set, its fingerprint.

use jiff::Timestamp;

use crate::Labels;

/// What Go's zero time looks like: "not yet" in all of Prometheus' and Alertmanager's JSON.
pub(crate) const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// RFC 3339 in UTC with as many fractional digits as needed; a time outside years 0–9999 is [`ZERO_TIME`].
pub(crate) fn rfc3339(time_ms: i64) -> String {
    Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| ZERO_TIME.to_owned(), |time| time.to_string())
}

/// `{alertname="x", host="y"}` with Go's quoting of the values.
pub(crate) fn label_set(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// FNV-1a, 64 bits, over `name 0xff value 0xff` of each label by name: `model.LabelSet.Fingerprint` of
/// prometheus/common.
pub(crate) fn fingerprint(labels: &Labels) -> u64 {
    labels.iter().fold(FNV_OFFSET, |hash, (name, value)| {
        let hash = fnv(fnv(hash, name.as_bytes()), &[0xff]);
        fnv(fnv(hash, value.as_bytes()), &[0xff])
    })
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => {
                out.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

/// At most `max_bytes` bytes, cut between characters and marked by an ellipsis.
pub(crate) fn bounded(mut text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes {
        let mut end = max_bytes.saturating_sub('…'.len_utf8());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn fingerprints_are_fnv_1a_of_names_and_values_with_separators() {
        assert_eq!(fingerprint(&Labels::new()), 0xcbf2_9ce4_8422_2325);
        let mut by_hand = 0xcbf2_9ce4_8422_2325_u64;
        for byte in b"a\xffb\xff" {
            by_hand ^= u64::from(*byte);
            by_hand = by_hand.wrapping_mul(0x0100_0000_01b3);
        }
        assert_eq!(fingerprint(&labels(&[("a", "b")])), by_hand);
        assert_ne!(
            fingerprint(&labels(&[("a", "bc")])),
            fingerprint(&labels(&[("ab", "c")]))
        );
    }

    #[test]
    fn times_are_rfc_3339_with_only_the_needed_fraction() {
        assert_eq!(rfc3339(1_613_707_265_000), "2021-02-19T04:01:05Z");
        assert_eq!(rfc3339(1_613_707_265_120), "2021-02-19T04:01:05.12Z");
        assert_eq!(rfc3339(i64::MAX), ZERO_TIME);
    }

    #[test]
    fn label_sets_are_quoted_as_in_go() {
        let set = labels(&[("alertname", "a\"b"), ("host", "x\ny")]);
        assert_eq!(label_set(&set), r#"{alertname="a\"b", host="x\ny"}"#);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(bounded("ääää".to_owned(), 7), "ää…");
        assert_eq!(bounded("short".to_owned(), 7), "short");
    }
}
