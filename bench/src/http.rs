//! A client for one server over one kept-alive connection: enough of HTTP/1.1 for the servers measured here, and cheap
//! enough not to be what is measured. Owns no retries.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

const MAX_BODY_BYTES: usize = 1 << 30;

/// One connection.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
    address: SocketAddr,
}

/// Status and body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.status / 100 == 2
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// # Errors
    /// When nobody listens there.
    pub(crate) fn connect(address: SocketAddr, patience: Duration) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, patience)
            .with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self {
            reader: BufReader::with_capacity(256 << 10, stream),
            address,
        })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        self.reader.get_mut().write_all(request.as_bytes())?;
        self.answer()
    }

    /// `headers` are whole lines with their ends.
    pub(crate) fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
        let (address, length) = (self.address, body.len());
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.reader.get_mut().write_all(&request)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.with_context(|| format!("{line:?} is no HTTP"))?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse()?,
                Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
                Some(_) => {}
                None if line.is_empty() => break,
                None => bail!("{line:?} is no header"),
            }
        }
        let mut body = Vec::new();
        if chunked {
            while self.chunk(&mut body)? {}
        } else {
            self.take(length, &mut body)?;
        }
        Ok(Answer { status, body })
    }

    fn chunk(&mut self, body: &mut Vec<u8>) -> Result<bool> {
        let line = self.line()?;
        let length = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16)
            .with_context(|| format!("{line:?} is no chunk's length"))?;
        self.take(length, body)?;
        self.line()?;
        Ok(length > 0)
    }

    fn take(&mut self, length: usize, body: &mut Vec<u8>) -> Result<()> {
        let start = body.len();
        ensure!(
            length <= MAX_BODY_BYTES - start,
            "an answer of {length} bytes is too long"
        );
        body.resize(start + length, 0);
        Ok(self.reader.read_exact(&mut body[start..])?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(
            self.reader.read_line(&mut line)? > 0,
            "{} hung up",
            self.address
        );
        Ok(line.trim_end().to_owned())
    }
}

/// A word in a query string.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn answers(bytes: &'static [u8], count: usize) -> Vec<Answer> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            for _ in 0..count {
                assert!(stream.read(&mut request).unwrap() > 0);
                stream.write_all(bytes).unwrap();
            }
        });
        let mut client = Client::connect(address, Duration::from_secs(20)).unwrap();
        let answers = (0..count).map(|_| client.get("/").unwrap()).collect();
        server.join().unwrap();
        answers
    }

    #[test]
    fn a_connection_is_used_again() {
        let found = answers(b"HTTP/1.1 200 OK\r\nContent-length: 2\r\n\r\nok", 3);
        assert_eq!(found.len(), 3);
        assert!(
            found
                .iter()
                .all(|answer| answer.status == 200 && answer.body == b"ok")
        );
    }

    #[test]
    fn chunks_are_joined() {
        let bytes = b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";
        let found = answers(bytes, 2);
        assert!(
            found
                .iter()
                .all(|answer| !answer.is_success() && answer.text() == "abcd")
        );
    }

    #[test]
    fn nothing_strange_gets_into_a_query_string() {
        assert_eq!(escaped("a{b=\"c d\"}+"), "a%7Bb%3D%22c%20d%22%7D%2B");
    }
}
