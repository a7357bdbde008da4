//! Attributes of every kind to label texts: strings as they are, booleans and integers as written, floats and nested
//! values as JSON writes them, bytes in base 64 (OpenTelemetry, "Attribute mapping for non-OTLP formats").

use std::fmt::Write;

use crate::protobuf::{Damaged, Field, Fields};
use crate::{Invalid, Reject, base64};

/// Values nested deeper than this are refused.
pub(super) const MAX_DEPTH: usize = 16;

/// Key and text of each attribute in a message that has them under a field number; attributes without a key are left out.
pub(super) fn read(message: &[u8], number: u32) -> Result<Vec<(&str, String)>, Invalid> {
    let mut attributes = Vec::new();
    for field in Fields::of(message) {
        let field = field?;
        if field.number != number {
            continue;
        }
        if attributes.len() == crate::limits::LABELS * 4 {
            let text = format!("more than {} attributes", crate::limits::LABELS * 4);
            return Err(Invalid::new(Reject::BadLabels, text));
        }
        let (key, value) = key_value(&field)?;
        let mut text = String::new();
        write_value(value, &mut text, 0, false)?;
        if !key.is_empty() {
            attributes.push((key, text));
        }
    }
    Ok(attributes)
}

fn key_value<'a>(field: &Field<'a>) -> Result<(&'a str, &'a [u8]), Damaged> {
    let (mut key, mut value): (&str, &[u8]) = ("", &[]);
    for part in field.message()? {
        let part = part?;
        match part.number {
            1 => key = part.text()?,
            2 => value = part.bytes()?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn write_value(value: &[u8], out: &mut String, depth: usize, within: bool) -> Result<(), Invalid> {
    if depth > MAX_DEPTH {
        let text = format!("an attribute is nested deeper than {MAX_DEPTH}");
        return Err(Invalid::new(Reject::BadLabels, text));
    }
    // Of a oneof that is there twice the last holds.
    let mut last = None;
    for field in Fields::of(value) {
        let field = field?;
        if (1..=7).contains(&field.number) {
            last = Some(field);
        }
    }
    let Some(field) = last else {
        out.push_str(if within { "null" } else { "" });
        return Ok(());
    };
    match field.number {
        1 => put_text(field.text()?, out, within),
        2 => out.push_str(if field.unsigned()? == 0 {
            "false"
        } else {
            "true"
        }),
        3 => drop(write!(out, "{}", field.int()?)),
        4 => out.push_str(&float(field.double()?)),
        5 => write_list(field.message()?, out, depth)?,
        6 => write_map(field.message()?, out, depth)?,
        _ => put_text(&base64::encode(field.bytes()?), out, within),
    }
    Ok(())
}

fn write_list(fields: Fields<'_>, out: &mut String, depth: usize) -> Result<(), Invalid> {
    out.push('[');
    for (i, field) in fields.enumerate() {
        out.push_str(if i == 0 { "" } else { "," });
        write_value(field?.bytes()?, out, depth + 1, true)?;
    }
    out.push(']');
    Ok(())
}

fn write_map(fields: Fields<'_>, out: &mut String, depth: usize) -> Result<(), Invalid> {
    out.push('{');
    for (i, field) in fields.enumerate() {
        let (key, value) = key_value(&field?)?;
        out.push_str(if i == 0 { "" } else { "," });
        put_text(key, out, true);
        out.push(':');
        write_value(value, out, depth + 1, true)?;
    }
    out.push('}');
    Ok(())
}

fn put_text(text: &str, out: &mut String, quoted: bool) {
    if quoted {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push_str(text);
    }
}

fn float(value: f64) -> String {
    let plain = value == 0.0 || (1e-6..1e21).contains(&value.abs());
    if plain {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
pub(super) fn float_text(value: f64) -> String {
    float(value)
}
