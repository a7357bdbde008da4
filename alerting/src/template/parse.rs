//! From template text to parts: finds the actions, understands their words, refuses what is not known.

use super::call::{Call, Kind};
use super::lex::{Word, words};
use super::{Command, Operand, Part, TemplateError};

/// Actions in one template.
const ACTIONS: usize = 256;
/// Bytes of one template.
const TEMPLATE_BYTES: usize = 65_536;

/// Understands a whole template.
pub(super) fn parts(source: &str) -> Result<Vec<Part>, TemplateError> {
    if source.len() > TEMPLATE_BYTES {
        return refuse(
            0,
            format!("the template is longer than {TEMPLATE_BYTES} bytes"),
        );
    }
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find("{{").map(|found| at + found) {
        let (inside, close) = action(source, open)?;
        let plain = if inside.starts_with("- ") {
            source[at..open].trim_end()
        } else {
            &source[at..open]
        };
        parts.push(Part::Plain(plain.to_owned()));
        let (body, body_at) = without_trim_marks(inside, open + 2);
        parts.push(Part::Pipe(pipe(body, body_at)?));
        at = close;
        if inside.ends_with(" -") {
            at = source.len() - source[close..].trim_start().len();
        }
        if parts.len() > 2 * ACTIONS {
            return refuse(open, format!("more than {ACTIONS} actions"));
        }
    }
    parts.push(Part::Plain(source[at..].to_owned()));
    parts.retain(|part| *part != Part::Plain(String::new()));
    Ok(parts)
}

/// What stands between `{{` at `open` and its `}}`, and where the text goes on. Quotes hide braces.
fn action(source: &str, open: usize) -> Result<(&str, usize), TemplateError> {
    let inside = &source[open + 2..];
    let mut quote: Option<u8> = None;
    let bytes = inside.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        let byte = bytes[index];
        match quote {
            Some(b'"') if byte == b'\\' => index += 1,
            Some(closing) if byte == closing => quote = None,
            None if byte == b'"' || byte == b'`' => quote = Some(byte),
            None if bytes[index..].starts_with(b"}}") => {
                return Ok((&inside[..index], open + 2 + index + 2));
            }
            _ => {}
        }
        index += 1;
    }
    refuse(open, "`{{` is not closed by `}}`".to_owned())
}

fn without_trim_marks(inside: &str, at: usize) -> (&str, usize) {
    let (body, body_at) = match inside.strip_prefix("- ") {
        Some(body) => (body, at + 2),
        None => (inside, at),
    };
    (body.strip_suffix(" -").unwrap_or(body), body_at)
}

fn pipe(inside: &str, start: usize) -> Result<Vec<Command>, TemplateError> {
    let words = words(inside, start)?;
    let mut commands = Vec::new();
    let mut piped: Option<Kind> = None;
    for words in words.split(|(_, word)| *word == Word::Bar) {
        let Some(((at, first), rest)) = words.split_first() else {
            return refuse(start, "nothing stands here; a value is wanted".to_owned());
        };
        let (command, kind) = match call_named(first) {
            Some(call) => call_of(call, *at, rest, piped)?,
            None => lone_operand(first, *at, rest, piped)?,
        };
        commands.push(command);
        piped = Some(kind);
    }
    Ok(commands)
}

fn call_named(word: &Word) -> Option<Call> {
    match word {
        Word::Bare(name) => Call::named(name),
        Word::Quoted(_) | Word::Bar => None,
    }
}

fn call_of(
    call: Call,
    at: usize,
    rest: &[(usize, Word)],
    piped: Option<Kind>,
) -> Result<(Command, Kind), TemplateError> {
    let operands = rest
        .iter()
        .map(|(at, word)| operand(word, *at))
        .collect::<Result<Vec<_>, _>>()?;
    let kinds: Vec<Kind> = operands.iter().map(Operand::kind).chain(piped).collect();
    let format = match operands.first() {
        Some(Operand::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    call.check(format, &kinds)
        .map_err(|reason| TemplateError { at, reason })?;
    Ok((Command::Call(call, operands), Kind::Text))
}

fn lone_operand(
    word: &Word,
    at: usize,
    rest: &[(usize, Word)],
    piped: Option<Kind>,
) -> Result<(Command, Kind), TemplateError> {
    let operand = operand(word, at)?;
    if piped.is_some() {
        return refuse(at, format!("after `|` stands one of {}", Call::names()));
    }
    if let Some((at, _)) = rest.first() {
        return refuse(*at, "`|` or `}}` is wanted after a value".to_owned());
    }
    let kind = operand.kind();
    Ok((Command::Operand(operand), kind))
}

fn operand(word: &Word, at: usize) -> Result<Operand, TemplateError> {
    let name = match word {
        Word::Quoted(text) => return Ok(Operand::Text(text.clone())),
        Word::Bar => return refuse(at, "a value is wanted before `|`".to_owned()),
        Word::Bare(name) => name.as_str(),
    };
    let label = name
        .strip_prefix("$labels.")
        .or_else(|| name.strip_prefix(".Labels."));
    match (name, label) {
        (_, Some(label)) if is_field(label) => Ok(Operand::Label(label.to_owned())),
        ("$value" | ".Value", _) => Ok(Operand::Value),
        ("$externalURL" | ".ExternalURL", _) => Ok(Operand::ExternalUrl),
        _ => match name.parse::<f64>() {
            Ok(number) if name.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                Ok(Operand::Number(number))
            }
            _ => refuse(at, unknown(name)),
        },
    }
}

fn is_field(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn unknown(name: &str) -> String {
    format!(
        "{name:?} is not known here; values are $labels.NAME, $value, $externalURL and \"text\", functions are {}",
        Call::names()
    )
}

fn refuse<T>(at: usize, reason: String) -> Result<T, TemplateError> {
    Err(TemplateError { at, reason })
}
