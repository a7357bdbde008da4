//! A small HTTP client, and a receiver of webhooks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

/// GET; the status and the body.
pub(crate) fn get(address: &str, path: &str) -> Result<(u16, String), String> {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
    )
}

/// GET with more headers, each ended by a line break.
pub(crate) fn get_with(address: &str, path: &str, headers: &str) -> Result<(u16, String), String> {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"),
    )
}

/// POST of a form; the status and the body.
pub(crate) fn post(address: &str, path: &str, form: &str) -> Result<(u16, String), String> {
    let length = form.len();
    let kind = "application/x-www-form-urlencoded";
    ask(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{form}"
        ),
    )
}

/// POST of any bytes, with more headers, each ended by a line break; the status and the body.
pub(crate) fn post_bytes(
    address: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<(u16, String), String> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    ask_bytes(address, &[head.as_bytes(), body].concat())
}

fn ask(address: &str, request: &str) -> Result<(u16, String), String> {
    ask_bytes(address, request.as_bytes())
}

fn ask_bytes(address: &str, request: &[u8]) -> Result<(u16, String), String> {
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream
        .write_all(request)
        .map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or("no status")?;
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    Ok((
        status,
        if chunked {
            unchunk(body)
        } else {
            body.to_owned()
        },
    ))
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        whole.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
        if length == 0 {
            break;
        }
    }
    whole
}

/// GET of JSON.
pub(crate) fn json(address: &str, path: &str) -> Result<Value, String> {
    let (_, body) = get(address, path)?;
    serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))
}

/// An instant query: each series' labels and value.
pub(crate) fn query(address: &str, expr: &str) -> Result<Vec<(Value, f64)>, String> {
    let answer = json(address, &format!("/api/v1/query?query={}", escape(expr)))?;
    if answer["status"] != "success" {
        return Err(answer.to_string());
    }
    let result = answer["data"]["result"].as_array().ok_or("no result")?;
    let value = |one: &Value| one["value"][1].as_str().and_then(|text| text.parse().ok());
    Ok(result
        .iter()
        .filter_map(|one| Some((one["metric"].clone(), value(one)?)))
        .collect())
}

/// The only value of an instant query.
pub(crate) fn single(address: &str, expr: &str) -> Result<f64, String> {
    let found = query(address, expr)?;
    match found.as_slice() {
        [(_, value)] => Ok(*value),
        other => Err(format!("{expr}: {other:?}")),
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Takes webhooks: answers 500 to the first `refused`, then 200; hands over the bodies it took.
pub(crate) fn receiver(refused: usize) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Some(body) = stream
                .ok()
                .and_then(|stream| take(stream, number < refused))
            else {
                continue;
            };
            if number >= refused && send.send(body).is_err() {
                return;
            }
        }
    });
    (url, receive)
}

fn take(mut stream: TcpStream, refuse: bool) -> Option<Value> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = if refuse {
        "500 Internal Server Error"
    } else {
        "200 OK"
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).ok()?;
    serde_json::from_slice(&body).ok()
}
