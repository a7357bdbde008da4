//! The functions of templates: their names, what they take, what they give. Results are those of Prometheus'
//! `template` package, from which the rules of rounding are taken.

use super::Value;
use super::number::{fixed, general, scientific_with, shortest};

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Humanize,
    Humanize1024,
    HumanizePercentage,
    HumanizeDuration,
    Printf,
    ToUpper,
    ToLower,
}

/// What is known of a value when the rule is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
}

const CALLS: [(&str, Call); 7] = [
    ("humanize", Call::Humanize),
    ("humanize1024", Call::Humanize1024),
    ("humanizePercentage", Call::HumanizePercentage),
    ("humanizeDuration", Call::HumanizeDuration),
    ("printf", Call::Printf),
    ("toUpper", Call::ToUpper),
    ("toLower", Call::ToLower),
];

const ABOVE_ONE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const BELOW_ONE: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

impl Call {
    pub(super) fn named(name: &str) -> Option<Self> {
        CALLS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, call)| *call)
    }

    pub(super) fn names() -> String {
        CALLS.map(|(name, _)| name).join(", ")
    }

    /// Refuses operands that could never give a sensible text. `format` is the first operand, where it is a
    /// text that stands in the template.
    pub(super) fn check(self, format: Option<&str>, kinds: &[Kind]) -> Result<(), String> {
        if self != Call::Printf {
            return match kinds.len() {
                1 => Ok(()),
                other => Err(format!("one operand is wanted, {other} are given")),
            };
        }
        let Some(format) = format else {
            return Err("printf wants its format first, as in printf \"%.2f\"".to_owned());
        };
        let verbs: Vec<Verb> = pieces(format)?
            .into_iter()
            .filter_map(Piece::verb)
            .collect();
        let given = kinds.get(1..).unwrap_or_default();
        if verbs.len() != given.len() {
            return Err(format!(
                "the format has {} verbs and {} values are given",
                verbs.len(),
                given.len()
            ));
        }
        let mut wrong = verbs
            .iter()
            .zip(given)
            .filter(|(verb, kind)| !verb.takes(**kind));
        wrong.next().map_or(Ok(()), |(verb, _)| {
            Err(format!("%{} does not fit its value; %s is for text, %f, %e and %g for numbers, %v for both", verb.letter))
        })
    }

    /// The text for these operands, the piped one last.
    pub(super) fn apply(self, operands: &[Value]) -> Value {
        let Some(last) = operands.last() else {
            return Value::Text(String::new());
        };
        let by_number = |write: fn(f64) -> String| match last.number() {
            Some(number) => write(number),
            None => last.clone().into_text(),
        };
        Value::Text(match self {
            Call::Humanize => by_number(humanize),
            Call::Humanize1024 => by_number(humanize_1024),
            Call::HumanizePercentage => {
                by_number(|ratio| format!("{}%", general(ratio * 100.0, 4)))
            }
            Call::HumanizeDuration => by_number(humanize_duration),
            Call::Printf => printf(operands),
            Call::ToUpper => last.clone().into_text().to_uppercase(),
            Call::ToLower => last.clone().into_text().to_lowercase(),
        })
    }
}

fn humanize(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return general(number, 4);
    }
    let (number, prefix) = if number.abs() >= 1.0 {
        scaled_down(number, 1_000.0, &ABOVE_ONE)
    } else {
        scaled_up(number)
    };
    format!("{}{prefix}", general(number, 4))
}

fn humanize_1024(number: f64) -> String {
    if number.abs() <= 1.0 || !number.is_finite() {
        return general(number, 4);
    }
    let (number, prefix) = scaled_down(number, 1_024.0, &BINARY);
    format!("{}{prefix}", general(number, 4))
}

fn scaled_down(mut number: f64, base: f64, names: &[&'static str]) -> (f64, &'static str) {
    let mut prefix = "";
    for name in names {
        if number.abs() < base {
            break;
        }
        prefix = name;
        number /= base;
    }
    (number, prefix)
}

fn scaled_up(mut number: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for name in BELOW_ONE {
        if number.abs() >= 1.0 {
            break;
        }
        prefix = name;
        number *= 1_000.0;
    }
    (number, prefix)
}

fn humanize_duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return general(seconds, 4);
    }
    if seconds == 0.0 {
        return "0s".to_owned();
    }
    if seconds.abs() < 1.0 {
        let (scaled, prefix) = scaled_up(seconds);
        return format!("{}{prefix}s", general(scaled, 4));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs() as i64;
    let (days, hours) = (whole / 86_400, whole / 3_600 % 24);
    let (minutes, rest) = (whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", general(seconds.abs(), 4)),
        (0, 0, _) => format!("{sign}{minutes}m {rest}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {rest}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {rest}s"),
    }
}

/// `%[.N]letter` of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verb {
    letter: char,
    precision: Option<usize>,
}

enum Piece {
    Plain(String),
    Verb(Verb),
}

impl Piece {
    fn verb(self) -> Option<Verb> {
        match self {
            Piece::Plain(_) => None,
            Piece::Verb(verb) => Some(verb),
        }
    }
}

impl Verb {
    fn takes(self, kind: Kind) -> bool {
        match self.letter {
            's' => kind == Kind::Text,
            'v' => true,
            _ => kind == Kind::Number,
        }
    }

    fn write(self, value: &Value) -> String {
        match (self.letter, value) {
            ('f', Value::Number(number)) => fixed(*number, self.precision.unwrap_or(6)),
            ('e', Value::Number(number)) => scientific_with(*number, self.precision.unwrap_or(6)),
            ('g' | 'v', Value::Number(number)) => match self.precision {
                Some(precision) => general(*number, precision),
                None => shortest(*number),
            },
            (_, value) => value.clone().into_text(),
        }
    }
}

/// Digits after the point that a format may ask for.
const PRECISION: usize = 20;

fn pieces(format: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(percent) = rest.find('%') {
        pieces.push(Piece::Plain(rest[..percent].to_owned()));
        rest = &rest[percent + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            pieces.push(Piece::Plain("%".to_owned()));
            rest = after;
            continue;
        }
        let (verb, after) = verb(rest).ok_or_else(|| {
            format!("{format:?} is no known format; %f, %e, %g, %v with .0 to .{PRECISION}, %s and %% are known")
        })?;
        pieces.push(Piece::Verb(verb));
        rest = after;
    }
    pieces.push(Piece::Plain(rest.to_owned()));
    Ok(pieces)
}

fn verb(rest: &str) -> Option<(Verb, &str)> {
    let (precision, rest) = match rest.strip_prefix('.') {
        None => (None, rest),
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let precision: usize = if digits == 0 {
                0
            } else {
                rest[..digits].parse().ok()?
            };
            (Some(precision), &rest[digits..])
        }
    };
    let letter = rest
        .chars()
        .next()
        .filter(|c| matches!(c, 'f' | 'e' | 'g' | 'v' | 's'))?;
    let fits = precision.is_none_or(|precision| precision <= PRECISION && letter != 's');
    fits.then_some((Verb { letter, precision }, &rest[1..]))
}

fn printf(operands: &[Value]) -> String {
    let (Some(Value::Text(format)), Some(values)) = (operands.first(), operands.get(1..)) else {
        return String::new();
    };
    let mut values = values.iter();
    let pieces = pieces(format).unwrap_or_default();
    pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Plain(text) => text,
            Piece::Verb(verb) => values
                .next()
                .map(|value| verb.write(value))
                .unwrap_or_default(),
        })
        .collect()
}
