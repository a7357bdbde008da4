//! Bytes to lines, for a stream of whatever lines: keeps the unfinished tail, and skips a line that never ends without
//! holding it. Reads nothing of a line.

use crate::Reject;
use crate::graphite::MAX_LINE_BYTES;

/// One connection's unfinished line.
#[derive(Debug, Default)]
pub struct Lines {
    tail: Vec<u8>,
    skipping: bool,
}

impl Lines {
    /// Hands over every line that ends in `bytes`; an endless one is refused once and skipped to its newline.
    pub fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(Result<&[u8], Reject>)) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.tail.is_empty() {
                take(Ok(line));
            } else {
                self.tail.extend_from_slice(line);
                take(Ok(&self.tail));
                self.tail.clear();
            }
        }
        if self.skipping {
            return;
        }
        if self.tail.len() + rest.len() > MAX_LINE_BYTES {
            self.skipping = true;
            self.tail = Vec::new();
            take(Err(Reject::TooLong));
        } else {
            self.tail.extend_from_slice(rest);
        }
    }

    /// The end of the stream ends the last line too.
    pub fn finish(&mut self, take: impl FnOnce(Result<&[u8], Reject>)) {
        if !self.tail.is_empty() {
            take(Ok(&self.tail));
        }
        self.tail = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<Result<Vec<u8>, Reject>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.feed(chunk, |line| found.push(line.map(<[u8]>::to_vec)));
        }
        lines.finish(|line| found.push(line.map(<[u8]>::to_vec)));
        found
    }

    #[test]
    fn lines_are_found_across_chunks() {
        let found = lines(&[b"a\nb", b"c", b"\n\nd"]);
        assert_eq!(
            found,
            [
                Ok(b"a".to_vec()),
                Ok(b"bc".to_vec()),
                Ok(b"".to_vec()),
                Ok(b"d".to_vec())
            ]
        );
    }

    /// FAULTS 3.
    #[test]
    fn a_megabyte_without_newline_is_refused_once_and_not_held() {
        let (mut splitter, mut found) = (Lines::default(), Vec::new());
        for _ in 0..1_000 {
            splitter.feed(&[b'x'; 1_000], |line| found.push(line.map(<[u8]>::to_vec)));
            assert!(splitter.tail.capacity() <= 2 * MAX_LINE_BYTES);
        }
        splitter.feed(b"y\ngood\n", |line| found.push(line.map(<[u8]>::to_vec)));
        assert_eq!(found, [Err(Reject::TooLong), Ok(b"good".to_vec())]);
    }
}
