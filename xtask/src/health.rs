//! Owns one question: does the program at this address answer 200 to `GET path`?
//! A dozen lines of HTTP/1.1 over a socket instead of a client crate.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(2);
const MAX_STATUS_LINE_BYTES: u64 = 256;

/// True when anything accepts connections there.
pub(crate) fn is_listening(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, TIMEOUT).is_ok()
}

/// True when the answer's status is 200; every kind of failure is false.
pub(crate) fn is_healthy(address: SocketAddr, path: &str) -> bool {
    status_line(address, path).is_ok_and(|line| is_ok(&line))
}

fn status_line(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // In one piece: a server that answers after the first packet would reset the connection on the second.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(MAX_STATUS_LINE_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn is_ok(status_line: &str) -> bool {
    let mut words = status_line.split(' ');
    words
        .next()
        .is_some_and(|version| version.starts_with("HTTP/1."))
        && words.next() == Some("200")
}

#[cfg(test)]
mod tests {
    use std::{io::Read, net::TcpListener, thread};

    use super::*;

    /// Answers one request with `answer`.
    fn serve(answer: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 512];
            let length = stream.read(&mut request).expect("a request");
            stream.write_all(answer.as_bytes()).expect("an answer");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (address, server)
    }

    #[test]
    fn a_200_is_healthy() {
        let (address, server) = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        assert!(is_healthy(address, "/-/healthy"));
        let request = server.join().expect("served");
        assert!(
            request.starts_with("GET /-/healthy HTTP/1.1\r\n"),
            "{request}"
        );
    }

    #[test]
    fn a_503_is_not() {
        let (address, server) = serve("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        assert!(!is_healthy(address, "/-/healthy"));
        server.join().expect("served");
    }

    #[test]
    fn nobody_there_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        assert!(is_listening(address));
        drop(listener);
        assert!(!is_listening(address));
        assert!(!is_healthy(address, "/"));
    }

    #[test]
    fn another_protocol_is_not() {
        for line in ["", "SSH-2.0-x", "HTTP/1.1", "HTTP/1.1 2000 x", "200 200"] {
            assert!(!is_ok(line), "{line}");
        }
    }
}
