//! Regular expressions as readers write them (RE2, as in Prometheus) put into the `regex` crate's dialect. A pure
//! translation of text: it compiles nothing, and what is wrong in the text stays wrong.

use std::iter::Peekable;
use std::str::Chars;

/// The same expression for the `regex` crate: `\w \d \s \b` and their negations mean ASCII, a `{` that opens no
/// repetition is literal, and classes know no nesting and no set operators. Syntax: RE2's, as Go's `regexp/syntax`.
#[must_use]
pub fn regex_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, &mut out, false),
            '[' => class(&mut chars, &mut out),
            '{' if !repeats(chars.clone()) => out.push_str("\\{"),
            _ => out.push(c),
        }
    }
    out
}

/// What follows a backslash.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String, in_class: bool) {
    let Some(c) = chars.next() else {
        out.push('\\');
        return;
    };
    if let Some(ascii) = ascii_class(c) {
        out.push_str(ascii);
        return;
    }
    match c {
        'b' | 'B' if !in_class => {
            out.push_str("(?-u:\\");
            out.push(c);
            out.push(')');
        }
        // Word starts and ends in the crate, plain signs in RE2.
        '<' | '>' => out.push(c),
        'x' | 'p' | 'P' => {
            out.push('\\');
            out.push(c);
            if chars.peek() == Some(&'{') {
                braced(chars, out);
            }
        }
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
}

/// `{…}` as it is, or what there is of it.
fn braced(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    for c in chars.by_ref() {
        out.push(c);
        if c == '}' {
            return;
        }
    }
}

fn ascii_class(c: char) -> Option<&'static str> {
    Some(match c {
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\t\\n\\x0C\\r ]",
        'S' => "[^\\t\\n\\x0C\\r ]",
        _ => return None,
    })
}

/// After `[`: up to its `]`.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => {
                out.push(']');
                return;
            }
            '[' if chars.peek() == Some(&':') => posix(chars, out),
            '\\' if chars.peek().is_some_and(|c| ascii_class(*c).is_some()) => {
                escape(chars, out, true);
            }
            _ => {
                member(c, chars, out);
                range_end(chars, out);
            }
        }
        first = false;
    }
}

/// `[:alpha:]` as it is; a `[` that opens none is literal.
fn posix(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    let mut ahead = chars
        .clone()
        .skip(1)
        .skip_while(|c| c.is_ascii_lowercase() || *c == '^');
    if (ahead.next(), ahead.next()) != (Some(':'), Some(']')) {
        out.push_str("\\[");
        return;
    }
    out.push('[');
    for c in chars.by_ref() {
        out.push(c);
        if c == ']' {
            return;
        }
    }
}

/// `-z` after a member, unless the `-` is the last of its class.
fn range_end(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    let mut ahead = chars.clone();
    if ahead.next() != Some('-') || ahead.next().is_none_or(|c| c == ']') {
        return;
    }
    chars.next();
    out.push('-');
    if let Some(c) = chars.next() {
        member(c, chars, out);
    }
}

/// One character of a class, so written that it can be nothing else.
fn member(c: char, chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    match c {
        '\\' => escape(chars, out, true),
        '[' | ']' | '-' | '&' | '~' | '^' => {
            out.push('\\');
            out.push(c);
        }
        _ => out.push(c),
    }
}

/// Whether what follows a `{` makes it a repetition: `{2}`, `{2,}`, `{2,3}`, without leading zeros.
fn repeats(mut chars: Peekable<Chars<'_>>) -> bool {
    if !number(&mut chars) {
        return false;
    }
    if chars.next_if_eq(&',').is_some() && chars.peek() != Some(&'}') && !number(&mut chars) {
        return false;
    }
    chars.next() == Some('}')
}

fn number(chars: &mut Peekable<Chars<'_>>) -> bool {
    let zero = chars.peek() == Some(&'0');
    let mut digits = 0;
    while chars.next_if(char::is_ascii_digit).is_some() {
        digits += 1;
    }
    digits == 1 || (digits > 1 && !zero)
}
