//! A group to the path that names it, as clients of a Pushgateway write it.

use std::fmt::Write;

use super::parse::PREFIX;
use crate::base64;

/// The path of a job's group: `/metrics/job/backup/instance/db1`. A value that is empty or holds a slash is written in
/// base 64; [`super::parse`] reads it back, given labels whose names are a Pushgateway's.
#[must_use]
pub fn path(job: &str, labels: &[(String, String)]) -> String {
    let mut out = PREFIX.trim_end_matches('/').to_owned();
    put("job", job, &mut out);
    for (name, value) in labels {
        put(name, value, &mut out);
    }
    out
}

fn put(name: &str, value: &str, out: &mut String) {
    out.push('/');
    escape(name, out);
    match value {
        "" => out.push_str("@base64/="),
        _ if value.contains('/') => {
            out.push_str("@base64/");
            let padded = base64::encode(value.as_bytes());
            let digits = padded.trim_end_matches('=').chars();
            out.extend(digits.map(|digit| match digit {
                '+' => '-',
                '/' => '_',
                other => other,
            }));
        }
        _ => {
            out.push('/');
            escape(value, out);
        }
    }
}

/// All but RFC 3986's unreserved characters.
fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            // Writing to a text cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}
