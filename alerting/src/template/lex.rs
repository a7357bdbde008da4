//! Cuts the inside of `{{ … }}` into words, each with its place. Knows no meaning.

use super::TemplateError;

/// A word inside an action.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// `$value`, `.Labels.host`, `humanize`, `1.5`: everything without spaces, quotes and bars.
    Bare(String),
    /// `"…"` or `` `…` ``, unescaped.
    Quoted(String),
    Bar,
}

/// The words of `inside`, which begins at byte `start` of the template.
pub(super) fn words(inside: &str, start: usize) -> Result<Vec<(usize, Word)>, TemplateError> {
    let mut words = Vec::new();
    let mut rest = inside;
    loop {
        rest = rest.trim_start();
        let at = start + (inside.len() - rest.len());
        let Some(first) = rest.chars().next() else {
            return Ok(words);
        };
        let (word, taken) = match first {
            '|' => (Word::Bar, 1),
            '"' => double_quoted(rest, at)?,
            '`' => raw_quoted(rest, at)?,
            _ => bare(rest),
        };
        words.push((at, word));
        rest = rest.get(taken..).unwrap_or_default();
    }
}

fn bare(rest: &str) -> (Word, usize) {
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '|' | '"' | '`'))
        .unwrap_or(rest.len());
    (Word::Bare(rest[..end].to_owned()), end)
}

fn raw_quoted(rest: &str, at: usize) -> Result<(Word, usize), TemplateError> {
    let end = rest[1..].find('`').ok_or_else(|| unclosed(at))?;
    Ok((Word::Quoted(rest[1..=end].to_owned()), end + 2))
}

fn double_quoted(rest: &str, at: usize) -> Result<(Word, usize), TemplateError> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((Word::Quoted(text), index + 1)),
            '\\' => match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, same @ ('"' | '\\'))) => text.push(same),
                _ => {
                    return Err(TemplateError {
                        at: at + index,
                        reason: r#"unknown escape in a text; \n, \t, \" and \\ are known"#
                            .to_owned(),
                    });
                }
            },
            plain => text.push(plain),
        }
    }
    Err(unclosed(at))
}

fn unclosed(at: usize) -> TemplateError {
    TemplateError {
        at,
        reason: "a text is not closed by its quote".to_owned(),
    }
}
