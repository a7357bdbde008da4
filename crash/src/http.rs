//! As much of an HTTP client as the comparison needs: one request a connection, whole answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

const TIMEOUT: Duration = Duration::from_secs(120);
const FORM: &str = "application/x-www-form-urlencoded";

/// GET; the status and the body.
pub(crate) fn get(address: &str, path: &str) -> Result<(u16, String)> {
    ask(address, &format!("GET {path} HTTP/1.1\r\n"), "")
}

/// POST of a form.
pub(crate) fn post(address: &str, path: &str, form: &[(&str, &str)]) -> Result<(u16, String)> {
    let pairs: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    let head = format!("POST {path} HTTP/1.1\r\nContent-Type: {FORM}\r\n");
    ask(address, &head, &pairs.join("&"))
}

/// What may stand in a form or a query without harm, and the rest by number.
pub(crate) fn escape(text: &str) -> String {
    let each = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    each.collect()
}

fn ask(address: &str, head: &str, body: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).context("connect")?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let length = body.len();
    let request = format!(
        "{head}Host: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("read the answer")?;
    let answer = String::from_utf8(answer)?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!("no answer from {address}");
    };
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .context("no status")?;
    let head = head.to_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return Ok((status, unchunk(body)?));
    }
    Ok((status, body.to_owned()))
}

fn unchunk(mut body: &str) -> Result<String> {
    let mut whole = String::new();
    loop {
        let (length, rest) = body.split_once("\r\n").context("an answer was cut off")?;
        let length = usize::from_str_radix(length.trim(), 16)?;
        if length == 0 {
            return Ok(whole);
        }
        whole.push_str(rest.get(..length).context("an answer was cut off")?);
        body = rest
            .get(length..)
            .unwrap_or_default()
            .trim_start_matches("\r\n");
    }
}
