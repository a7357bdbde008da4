//! Names as etsy's server cleans them (statsd, stats.js): the one place that decides which characters a name keeps.

use std::borrow::Cow;

/// A run of white space becomes `_`, `/` becomes `-`, other than `[a-zA-Z0-9_.-]` goes. What is clean is not copied.
pub(super) fn clean(name: &str) -> Cow<'_, str> {
    if name.bytes().all(is_kept) {
        return Cow::Borrowed(name);
    }
    let mut cleaned = String::with_capacity(name.len());
    let mut after_space = false;
    for character in name.chars() {
        let space = character.is_whitespace();
        match character {
            _ if space && after_space => {}
            _ if space => cleaned.push('_'),
            '/' => cleaned.push('-'),
            other if other.is_ascii() && is_kept(other as u8) => cleaned.push(other),
            _ => {}
        }
        after_space = space;
    }
    Cow::Owned(cleaned)
}

/// Whether a name keeps this byte.
#[inline]
pub(super) fn is_kept(byte: u8) -> bool {
    KEPT[byte as usize]
}

const KEPT: [bool; 256] = {
    let (mut kept, mut at) = ([false; 256], 0);
    while at < kept.len() {
        let byte = at as u8;
        kept[at] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        at += 1;
    }
    kept
};
