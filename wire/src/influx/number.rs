//! One field's value to a float, in the same walk that finds its end. Booleans are 1 and 0.

use super::Fault;

/// So many digits are below 2^53: exact as a float without asking further.
const EXACT_DIGITS: usize = 15;

/// Reads a number or boolean from the front: its value and its bytes. It ends at a comma, a space or the end.
pub(super) fn read(text: &[u8]) -> Result<(f64, usize), Fault<'_>> {
    match text.first() {
        Some(b'0'..=b'9' | b'.' | b'-') => read_number(text),
        Some(b'N' | b'n') => Err(named(text)),
        _ => read_boolean(text),
    }
}

fn read_number(text: &[u8]) -> Result<(f64, usize), Fault<'_>> {
    let negative = usize::from(text[0] == b'-');
    let mut at = negative;
    let mut digits: u64 = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        if at - negative >= EXACT_DIGITS {
            break;
        }
        digits = digits * 10 + u64::from(digit - b'0');
        at += 1;
    }
    if at > negative {
        let exact = if negative == 1 {
            -(digits as f64)
        } else {
            digits as f64
        };
        match text.get(at) {
            None | Some(b',' | b' ') => return Ok((exact, at)),
            // An integer has no negative zero; adding zero makes it a plain one.
            Some(b'i') if ends(text, at + 1) => return Ok((exact + 0.0, at + 1)),
            Some(b'u') if negative == 0 && ends(text, at + 1) => return Ok((exact, at + 1)),
            _ => {}
        }
    }
    read_long(text)
}

/// Fractions, exponents, more digits than are exact, and what is wrong.
fn read_long(text: &[u8]) -> Result<(f64, usize), Fault<'_>> {
    let digit = text.get(usize::from(text[0] == b'-'));
    if !matches!(digit, Some(b'0'..=b'9' | b'.')) {
        return Err(named(text));
    }
    let Ok((value, length)) = fast_float2::parse_partial::<f64, _>(text) else {
        return Err(Fault::InvalidNumber);
    };
    match text.get(length) {
        None | Some(b',' | b' ') if value.is_finite() => Ok((value, length)),
        None | Some(b',' | b' ') => Err(Fault::InfiniteFloat),
        Some(b'i' | b'u') if ends(text, length + 1) => read_integer(text, length),
        Some(b'e' | b'E') => Err(Fault::InvalidFloat),
        _ => Err(Fault::InvalidNumber),
    }
}

fn read_integer(text: &[u8], length: usize) -> Result<(f64, usize), Fault<'_>> {
    let digits = std::str::from_utf8(&text[..length]).map_err(|_| Fault::InvalidNumber)?;
    let unsigned = text[length] == b'u';
    let bytes = digits.strip_prefix('-').unwrap_or(digits).bytes();
    if (unsigned && text[0] == b'-') || !bytes.clone().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::InvalidNumber);
    }
    // `as` rounds to the nearest float, ties to even.
    let value = if unsigned {
        digits.parse::<u64>().map(|integer| integer as f64).ok()
    } else {
        digits.parse::<i64>().map(|integer| integer as f64).ok()
    };
    match value {
        Some(value) => Ok((value, length + 1)),
        None if unsigned => Err(Fault::LargeUnsigned(shown(digits))),
        None => Err(Fault::LargeInteger(shown(digits))),
    }
}

/// Whoever sends a thousand digits needs no thousand back.
fn shown(digits: &str) -> &str {
    &digits[..digits.len().min(40)]
}

/// `NaN`, `-inf` and their like are told from other rubbish only in what is counted.
fn named(text: &[u8]) -> Fault<'_> {
    let word = &text[..extent(text)];
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let word = word.strip_prefix(b"+").unwrap_or(word);
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if is("nan") || is("inf") || is("infinity") {
        Fault::NotANumber("number")
    } else {
        Fault::InvalidNumber
    }
}

fn read_boolean(text: &[u8]) -> Result<(f64, usize), Fault<'_>> {
    let length = extent(text);
    match &text[..length] {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => Ok((1.0, length)),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => Ok((0.0, length)),
        word if matches!(named(word), Fault::NotANumber(_)) => Err(Fault::NotANumber("boolean")),
        _ => Err(Fault::InvalidBoolean),
    }
}

fn ends(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), None | Some(b',' | b' '))
}

fn extent(text: &[u8]) -> usize {
    memchr::memchr2(b',', b' ', text).unwrap_or(text.len())
}
