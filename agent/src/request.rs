//! One request of HTTP with a body, and the answer to it. Bounded; follows no redirect. Whoever asks sets the time limit.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::tls::{self, Socket, TlsConfig};

/// As much of an answer is read.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
const USER_AGENT: &str = concat!("weir-agent/", env!("CARGO_PKG_VERSION"));

/// Whom to ask.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// `host:port`
    pub(crate) address: String,
    pub(crate) tls: Option<TlsConfig>,
    /// Empty where none is asked for.
    pub(crate) token: String,
}

/// What it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// # Errors
/// Nobody there, or an answer that is no HTTP.
pub(crate) async fn ask(
    place: &Place,
    method: &str,
    path: &str,
    body: &[u8],
) -> io::Result<Answer> {
    let stream = TcpStream::connect(&place.address).await?;
    stream.set_nodelay(true)?;
    let mut stream: Box<dyn Socket> = match &place.tls {
        None => Box::new(stream),
        Some(tls) => tls::connect(tls, &place.address, stream)
            .await
            .map_err(io::Error::other)?,
    };
    // With 1.0 an answer ends where the connection does, and is in no chunks.
    let mut head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {}\r\nUser-Agent: {USER_AGENT}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n",
        place.address,
        body.len()
    );
    if !place.token.is_empty() {
        head.push_str(&format!("Authorization: Bearer {}\r\n", place.token));
    }
    head.push_str("\r\n");
    // Who refuses early may have closed already; what it said is more to the point.
    let sent = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        stream.flush().await
    };
    let sent = sent.await;
    let mut answer = Vec::new();
    let read = (&mut stream)
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await;
    match parse(&answer) {
        Some(answer) => Ok(answer),
        None => {
            sent?;
            read?;
            Err(io::Error::other("the answer is no HTTP"))
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut words = head.split(' ');
    let status = words
        .next()
        .filter(|word| word.starts_with("HTTP/1."))
        .and(words.next())?;
    Some(Answer {
        status: status.parse().ok()?,
        body: body.trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let answer = parse(b"HTTP/1.1 400 Bad Request\r\na: b\r\n\r\nno\r\n").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (400, "no"));
        for wrong in [
            &b""[..],
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 x y\r\n\r\n",
        ] {
            assert!(parse(wrong).is_none());
        }
    }
}
