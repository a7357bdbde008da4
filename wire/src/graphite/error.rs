//! What is wrong with a line that was refused, in words for a log: the protocol has no answer. Asked only of a line that was
//! refused, and so may look at it again.

use super::parse::{MAX_LINE_BYTES, NoKey, identity, key_of, timestamp_word};
use crate::{Reject, epoch};

/// As many characters of a refused line are repeated, and of what is wrong with it, which may repeat a name.
const ECHO_CHARS: usize = 80;
const WHY_CHARS: usize = 160;

/// The cause, what is wrong as far as it can be told, and the front of the line.
#[must_use]
pub fn explain(line: &[u8], reason: Reject) -> String {
    let why = match reason {
        Reject::TooLong => Some(format!("a line is longer than {MAX_LINE_BYTES} bytes")),
        Reject::BadTimestamp => of_time(line),
        Reject::BadName | Reject::BadLabels => of_name(line),
        _ => None,
    };
    let line = shown(line, ECHO_CHARS);
    match why {
        Some(why) => format!("{reason} ({}): {line}", shown(why.as_bytes(), WHY_CHARS)),
        None => format!("{reason}: {line}"),
    }
}

fn of_time(line: &[u8]) -> Option<String> {
    let number: f64 = fast_float2::parse(timestamp_word(line)?).ok()?;
    Some(epoch::misfit(number, "seconds"))
}

/// The limit or the rule that the name breaks.
fn of_name(line: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(identity(line)?).ok()?;
    Some(match key_of(name).err()? {
        NoKey::Pair => "a label is not name=value".to_owned(),
        NoKey::Key(error) => error.to_string(),
    })
}

fn shown(text: &[u8], max_chars: usize) -> String {
    // A character has at most four bytes.
    let part = &text[..text.len().min(4 * max_chars)];
    let whole = String::from_utf8_lossy(part);
    let plain = |c: char| if c.is_control() { '?' } else { c };
    let mut shown: String = whole.chars().take(max_chars).map(plain).collect();
    if part.len() < text.len() || whole.chars().nth(max_chars).is_some() {
        shown.push_str("...");
    }
    shown
}
