//! Strings and numbers as PromQL writes them, read and written: Go's escapes in quotes, none in backticks; hex,
//! octal, exponents and `_` between digits.

/// The string at the head of a text and how many bytes it took, quotes included.
pub(super) fn quoted(text: &str) -> Result<(String, usize), String> {
    let quote = text.chars().next().unwrap_or_default();
    let body = text.get(1..).unwrap_or_default();
    if quote == '`' {
        let length = body.find('`').ok_or("unterminated raw string")?;
        let raw = body.get(..length).unwrap_or_default();
        return Ok((raw.to_owned(), length + 2));
    }
    // An escape may give bytes that are text only together with their neighbours.
    let mut out: Vec<u8> = Vec::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' => break,
            '\\' => {
                let taken = escape(body.get(at + 1..).unwrap_or_default(), quote, &mut out)?;
                // Escapes are ASCII: as many characters as bytes.
                chars.nth(taken - 1);
            }
            _ if c == quote => {
                let text = String::from_utf8(out).map_err(|_| "string is no valid UTF-8")?;
                return Ok((text, at + 2));
            }
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err("unterminated quoted string".to_owned())
}

/// Appends what an escape means and returns how many bytes it took after the backslash: at least one.
fn escape(text: &str, quote: char, out: &mut Vec<u8>) -> Result<usize, String> {
    let letter = text
        .chars()
        .next()
        .ok_or("escape sequence not terminated")?;
    let plain = match letter {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        _ if letter == quote => quote as u8,
        '0'..='7' => return code(text, 0, 3, 8, out),
        'x' => return code(text, 1, 2, 16, out),
        'u' => return code(text, 1, 4, 16, out),
        'U' => return code(text, 1, 8, 16, out),
        _ => return Err(format!("unknown escape sequence {letter:?}")),
    };
    out.push(plain);
    Ok(1)
}

fn code(
    text: &str,
    skip: usize,
    digits: usize,
    radix: u32,
    out: &mut Vec<u8>,
) -> Result<usize, String> {
    let wrong = || "illegal character or number in escape sequence".to_owned();
    let run = text.get(skip..skip + digits).ok_or_else(wrong)?;
    if !run.chars().all(|c| c.is_digit(radix)) {
        return Err(wrong());
    }
    let number = u32::from_str_radix(run, radix).map_err(|_| wrong())?;
    if digits <= 3 {
        out.push(u8::try_from(number).map_err(|_| wrong())?);
    } else {
        let c = char::from_u32(number).ok_or("escape sequence is an invalid Unicode code point")?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(skip + digits)
}

/// How far the number or duration at the head of a text goes: also over what makes it a bad one.
pub(super) fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let goes_on = |(i, b): (usize, &u8)| match b {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' => true,
        b'+' | b'-' => {
            !hex && i > 0
                && matches!(bytes.get(i - 1), Some(b'e' | b'E'))
                && bytes.get(i + 1).is_some_and(u8::is_ascii_digit)
        }
        _ => false,
    };
    bytes
        .iter()
        .enumerate()
        .take_while(|pair| goes_on(*pair))
        .count()
}

/// A number without a sign.
pub(super) fn number(text: &str) -> Option<f64> {
    let clean = without_separators(text)?;
    let lower = clean.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16)
            .ok()
            .filter(|_| !digits.starts_with(['+', '-']))
            .map(|n| n as f64);
    }
    // A leading zero means octal where the digits allow it, as in Go.
    if lower.len() > 1
        && lower.starts_with('0')
        && lower.bytes().all(|b| (b'0'..=b'7').contains(&b))
    {
        return i64::from_str_radix(&lower, 8).ok().map(|n| n as f64);
    }
    let starts_well = lower.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    starts_well
        .then(|| lower.parse().ok())
        .flatten()
        .filter(|n: &f64| n.is_finite())
}

/// Takes out each `_` between two digits; `None` where one stands elsewhere.
fn without_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_hexdigit)
    };
    let well_placed = |at: usize| digit(at.checked_sub(1)) && digit(at.checked_add(1));
    let mut places = text.match_indices('_').map(|(at, _)| at);
    places.all(well_placed).then(|| text.replace('_', ""))
}

/// Writes a string so that [`quoted`] reads it back.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_in_three_quotes() {
        let whole = |text: &str| quoted(text).map(|(value, length)| (value, length == text.len()));
        assert_eq!(
            whole(r#""a\n\"\x41\101é\U0001F600""#),
            Ok(("a\n\"AAé😀".to_owned(), true))
        );
        assert_eq!(whole(r"'it\'s'"), Ok(("it's".to_owned(), true)));
        assert_eq!(whole(r"`a\n`"), Ok((r"a\n".to_owned(), true)));
        assert_eq!(whole(r#""\xc3\xa9""#), Ok(("é".to_owned(), true)));
        for bad in [
            r#""a"#,
            r#""\q""#,
            r#""\xff""#,
            r#""\ud800""#,
            r#""\xé""#,
            "`a",
            "\"a\nb\"",
            r#""\400""#,
            "\"\\",
        ] {
            assert!(quoted(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_of_every_kind() {
        let cases = [
            ("1", 1.0),
            ("1_000", 1000.0),
            ("0x1F", 31.0),
            ("0755", 493.0),
            ("08", 8.0),
            ("1e-3", 1e-3),
            (".5", 0.5),
            ("5.", 5.0),
            ("0", 0.0),
            ("1.5E+2", 150.0),
            ("0xdead_beef", 3_735_928_559.0),
        ];
        for (text, value) in cases {
            assert_eq!(number(text), Some(value), "{text}");
            assert_eq!(number_length(text), text.len());
        }
        for bad in ["1__0", "_1", "1_", "0x", "1e", "1.2.3", "5q", "inf", "0x+1"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_quoted_string_reads_back() {
        for text in ["", "a\"b\\c\n\r\t", "\u{0}\u{7f}\u{85}", "é😀"] {
            let written = quote(text);
            assert_eq!(quoted(&written), Ok((text.to_owned(), written.len())));
        }
    }
}
