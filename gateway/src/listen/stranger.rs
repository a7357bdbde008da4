//! Whoever speaks another protocol than the port does: known by the first bytes of a connection, answered once in words of
//! its own protocol where that has any, and then closed. Guesses nothing from what no other protocol begins with.

/// A protocol that is told from others by how a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    Http,
    Tls,
    /// An agent's hello.
    Frames,
    /// Text that ends in a line break.
    Lines,
}

/// The methods that a client begins with.
const METHODS: [&[u8]; 7] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
];
/// A handshake record of any version of TLS.
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];
/// A TLS alert, fatal: the handshake failed.
const TLS_ALERT: [u8; 7] = [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28];
/// Where the magic of a hello stands: behind length, checksum and kind.
const HELLO_MAGIC_AT: usize = 9;

impl Stranger {
    /// Who begins like this on a port for lines of text.
    pub(super) fn on_lines(first: &[u8]) -> Option<Self> {
        let hello = first.get(HELLO_MAGIC_AT..HELLO_MAGIC_AT + 4) == Some(b"WEIR");
        Self::common(first).or(hello.then_some(Self::Frames))
    }

    /// The same for a port that has read no more than one byte: a line begins with none that is a control.
    pub(super) fn by_first_byte(first: u8) -> Option<Self> {
        (first == TLS_HANDSHAKE[0]).then_some(Self::Tls)
    }

    /// Who begins like this where the first bytes are a length.
    pub(super) fn on_binary(first: &[u8]) -> Option<Self> {
        let text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
        let lines = || first.len() > 4 && first.iter().take(256).all(text);
        Self::common(first).or_else(|| lines().then_some(Self::Lines))
    }

    fn common(first: &[u8]) -> Option<Self> {
        if first.starts_with(&TLS_HANDSHAKE) {
            return Some(Self::Tls);
        }
        let line = first.split(|byte| *byte == b'\n').next().unwrap_or(first);
        let http = METHODS.iter().any(|method| line.starts_with(method))
            && line.windows(8).any(|word| word == b" HTTP/1.");
        http.then_some(Self::Http)
    }

    /// What it is told on a port that `speaks` something else; empty where it understands nothing.
    pub(super) fn answer(self, speaks: &str) -> Vec<u8> {
        match self {
            Self::Http => {
                let body = format!("{}\n", self.complaint(speaks));
                format!(
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                )
                .into_bytes()
            }
            Self::Tls => TLS_ALERT.to_vec(),
            Self::Frames | Self::Lines => Vec::new(),
        }
    }

    /// The same for the log, and what would be right.
    pub(super) fn complaint(self, speaks: &str) -> String {
        let (spoke, right) = match self {
            Self::Http => ("HTTP", "send it to http.listen"),
            Self::Tls => ("TLS", "connect without it"),
            Self::Frames => ("an agent's frames", "send them to frames.listen"),
            Self::Lines => ("lines of text", "send them to graphite.listen"),
        };
        format!("this port speaks {speaks}, and this is {spoke}: {right}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAULTS 14.
    #[test]
    fn strangers_are_known_by_their_first_bytes() {
        let hello = b"\x20\0\0\0\x01\x02\x03\x04\x01WEIR\x01\0";
        let lines = [
            (
                b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(),
                Some(Stranger::Http),
            ),
            (b"\x16\x03\x01\x02\0\x01", Some(Stranger::Tls)),
            (hello, Some(Stranger::Frames)),
            (b"GET.requests 1 1613707265\n", None),
            (b"GET 1 1613707265\n", None),
            (b"a 1 1613707265\nGET / HTTP/1.1\r\n", None),
            (b"", None),
        ];
        for (first, stranger) in lines {
            assert_eq!(Stranger::on_lines(first), stranger, "{first:?}");
        }
        let binary = [
            (
                b"POST /api/put HTTP/1.1\r\n".as_slice(),
                Some(Stranger::Http),
            ),
            (b"\x16\x03\x01\x02\0\x01", Some(Stranger::Tls)),
            (b"a.b 1 1613707265\n", Some(Stranger::Lines)),
            (hello, None),
            (b"\0\0\0\x20]", None),
            (b"a", None),
        ];
        for (first, stranger) in binary {
            assert_eq!(Stranger::on_binary(first), stranger, "{first:?}");
        }
    }
}
