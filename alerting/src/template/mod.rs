//! Text with `{{ … }}` in labels and annotations: the part of Go's templates that alert rules use. What is
//! not in that part is refused when the rule is loaded, with its position; rendering cannot fail.
//!
//! Operands: `$labels.x`, `.Labels.x`, `$value`, `.Value`, `$externalURL`, `.ExternalURL`, `"text"`, numbers.
//! Functions, before their operands or after `|`: `humanize`, `humanize1024`, `humanizePercentage`,
//! `humanizeDuration`, `printf`, `toUpper`, `toLower`. No queries, no control flow.

mod call;
mod lex;
mod number;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use number::scientific;

use call::{Call, Kind};

use crate::Labels;
use crate::text::bounded;

/// A parsed template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    source: String,
    parts: Vec<Part>,
}

/// Why a template is refused, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateError {
    pub(crate) at: usize,
    pub(crate) reason: String,
}

/// What a template may speak of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The labels of the series found, `__name__` included.
    pub(crate) labels: &'a Labels,
    pub(crate) value: f64,
    pub(crate) external_url: &'a str,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Plain(String),
    /// Commands joined by `|`: each takes the result of the one before as its last operand.
    Pipe(Vec<Command>),
}

#[derive(Debug, Clone, PartialEq)]
enum Command {
    Operand(Operand),
    Call(Call, Vec<Operand>),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Label(String),
    Value,
    ExternalUrl,
    Text(String),
    Number(f64),
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Number(f64),
    Text(String),
}

impl Template {
    /// Reads a template.
    pub(crate) fn parse(source: &str) -> Result<Self, TemplateError> {
        Ok(Self {
            source: source.to_owned(),
            parts: parse::parts(source)?,
        })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The text for one alert, of at most `max_bytes` bytes.
    pub(crate) fn render(&self, subject: Subject<'_>, max_bytes: usize) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Pipe(commands) => out.push_str(&run(commands, subject).into_text()),
            }
            if out.len() > max_bytes {
                break;
            }
        }
        bounded(out, max_bytes)
    }
}

fn run(commands: &[Command], subject: Subject<'_>) -> Value {
    let mut piped: Option<Value> = None;
    for command in commands {
        piped = Some(match command {
            Command::Operand(operand) => operand.value(subject),
            Command::Call(call, operands) => {
                let given = operands.iter().map(|operand| operand.value(subject));
                call.apply(&given.chain(piped.take()).collect::<Vec<_>>())
            }
        });
    }
    piped.unwrap_or(Value::Text(String::new()))
}

impl Operand {
    fn value(&self, subject: Subject<'_>) -> Value {
        match self {
            Operand::Label(name) => {
                Value::Text(subject.labels.get(name).cloned().unwrap_or_default())
            }
            Operand::Value => Value::Number(subject.value),
            Operand::ExternalUrl => Value::Text(subject.external_url.to_owned()),
            Operand::Text(text) => Value::Text(text.clone()),
            Operand::Number(number) => Value::Number(*number),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Operand::Value | Operand::Number(_) => Kind::Number,
            Operand::Label(_) | Operand::ExternalUrl | Operand::Text(_) => Kind::Text,
        }
    }
}

impl Value {
    fn into_text(self) -> String {
        match self {
            Value::Number(number) => number::shortest(number),
            Value::Text(text) => text,
        }
    }

    /// The number, or the number that a text spells.
    fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.parse().ok(),
        }
    }
}
