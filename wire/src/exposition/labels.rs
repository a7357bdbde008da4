//! Names, labels and escapes within a line.

use std::borrow::Cow;

use super::collect::{Mistake, malformed};
use crate::{NAME_LABEL, Reject};

pub(super) type Labels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Where a line is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub &'a str);

impl<'a> Cursor<'a> {
    pub(super) fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    pub(super) fn eat(&mut self, mark: char) -> bool {
        let rest = self.0.strip_prefix(mark);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A bare name of the old alphabet, or any quoted one; empty where none stands. Colons belong to metrics' names only.
    pub(super) fn name(&mut self, colons: bool) -> Result<Cow<'a, str>, Mistake> {
        if self.0.starts_with('"') {
            return self.quoted();
        }
        let end = self.0.find(|c: char| {
            let inner = c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
            !inner
        });
        let (name, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Cow::Borrowed(""));
        }
        self.0 = rest;
        Ok(Cow::Borrowed(name))
    }

    /// A text in quotes with `\\`, `\"` and `\n` in it.
    pub(super) fn quoted(&mut self) -> Result<Cow<'a, str>, Mistake> {
        let found = self.0.chars().next();
        let Some(text) = self.0.strip_prefix('"') else {
            let found =
                found.map_or_else(|| "the end of the line".to_owned(), |c| format!("{c:?}"));
            return Err(malformed(format!(
                "expected '\"' at start of label value, found {found}"
            )));
        };
        let mut escaped = false;
        let end = text.bytes().position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        let Some(end) = end else {
            return Err(malformed(
                "label value contains unescaped new-line or does not end".to_owned(),
            ));
        };
        self.0 = &text[end + 1..];
        unescape(&text[..end], true)
    }

    /// The labels behind an opening brace, and the name if it stands among them.
    pub(super) fn braces(
        &mut self,
        named: bool,
    ) -> Result<(Option<Cow<'a, str>>, Labels<'a>), Mistake> {
        let (mut name, mut labels) = (None, Labels::new());
        loop {
            self.skip_blanks();
            if self.eat('}') {
                return Ok((name, labels));
            }
            let quoted = self.0.starts_with('"');
            let label = self.name(false)?;
            self.skip_blanks();
            if quoted && !self.0.starts_with('=') {
                if named || name.is_some() {
                    return Err(malformed("metric name already set".to_owned()));
                }
                name = Some(label);
            } else {
                self.label(label, &mut labels)?;
            }
            self.skip_blanks();
            if !self.eat(',') && !self.0.starts_with('}') {
                return Err(malformed(
                    "expected comma or brace close after a label".to_owned(),
                ));
            }
        }
    }

    fn label(&mut self, label: Cow<'a, str>, labels: &mut Labels<'a>) -> Result<(), Mistake> {
        if label.is_empty() {
            return Err((Reject::BadLabels, "invalid label name".to_owned()));
        }
        if !self.eat('=') {
            let found = self.0.chars().next().unwrap_or('\n');
            return Err(malformed(format!(
                "expected '=' after label name, found {found:?}"
            )));
        }
        if label == NAME_LABEL {
            return Err((
                Reject::BadLabels,
                format!("label name {label:?} is reserved"),
            ));
        }
        if labels.len() == crate::limits::LABELS {
            let text = format!("more than {} labels", crate::limits::LABELS);
            return Err((Reject::BadLabels, text));
        }
        if labels.iter().any(|(other, _)| *other == label) {
            return Err((Reject::BadLabels, format!("duplicate label name {label:?}")));
        }
        self.skip_blanks();
        let value = self.quoted()?;
        labels.push((label, value));
        Ok(())
    }
}

/// `\\` and `\n`, and `\"` where quotes are escaped too.
pub(super) fn unescape(text: &str, quotes: bool) -> Result<Cow<'_, str>, Mistake> {
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('\\') => out.push('\\'),
            Some('n') => out.push('\n'),
            Some('"') if quotes => out.push('"'),
            Some(other) => return Err(malformed(format!("invalid escape sequence '\\{other}'"))),
            None => return Err(malformed("a backslash at the end of a text".to_owned())),
        }
    }
    Ok(Cow::Owned(out))
}
