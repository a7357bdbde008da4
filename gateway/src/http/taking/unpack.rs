//! Content encodings of bodies: gzip, deflate, zstd, snappy. What unpacks to more than is taken is found out before the
//! memory for it is spent: what is longer than a first stretch is counted before it is kept.

use std::io::Read;

use axum::http::{HeaderMap, header};
use weir_wire::remote_write::{self, Packed};

/// Kept without counting what follows.
const FIRST_BYTES: usize = 2 << 20;
const SCRATCH_BYTES: usize = 32 << 10;
/// The largest zstd window that is taken, as a power of two: 8 MiB, what the format's own readers must be able to.
const ZSTD_WINDOW_LOG: u32 = 23;
/// How a stream of framed snappy begins (github.com/google/snappy, framing_format.txt).
const SNAPPY_FRAMES: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// Why a body is not unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unpack {
    #[error(
        "the body unpacks to more than {0} bytes (http.max_write): send fewer samples in one request"
    )]
    TooLarge(usize),
    #[error("Content-Encoding {0:?} is not taken: send gzip, deflate, zstd, snappy or none")]
    UnknownEncoding(String),
    #[error("the body is damaged: {0}")]
    Damaged(String),
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
    Snappy,
}

impl Encoding {
    /// By `Content-Encoding`.
    ///
    /// # Errors
    /// [`Unpack::UnknownEncoding`].
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Unpack> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(Self::Identity);
        };
        let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        match text.trim() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "zstd" => Ok(Self::Zstd),
            "snappy" => Ok(Self::Snappy),
            other => Err(Unpack::UnknownEncoding(other.chars().take(32).collect())),
        }
    }

    /// The body unpacked, in `out` where it was packed; at most `max` bytes.
    ///
    /// # Errors
    /// [`Unpack::TooLarge`], [`Unpack::Damaged`].
    pub(super) fn unpack<'a>(
        self,
        body: &'a [u8],
        max: usize,
        out: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Unpack> {
        out.clear();
        match self {
            _ if body.is_empty() => return Ok(body),
            Self::Identity => return Ok(body),
            Self::Gzip => stream(|| Ok(flate2::read::MultiGzDecoder::new(body)), max, out)?,
            Self::Deflate => stream(|| Ok(flate2::read::ZlibDecoder::new(body)), max, out)?,
            Self::Zstd => stream(
                || {
                    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
                    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                    Ok(decoder)
                },
                max,
                out,
            )?,
            Self::Snappy if body.starts_with(SNAPPY_FRAMES) => {
                stream(|| Ok(snap::read::FrameDecoder::new(body)), max, out)?;
            }
            Self::Snappy => remote_write::unpack(body, max, out).map_err(|error| match error {
                Packed::TooLarge(_, max) => Unpack::TooLarge(max),
                damaged @ Packed::Damaged(_) => Unpack::Damaged(damaged.to_string()),
            })?,
        }
        Ok(out)
    }
}

fn stream<R: Read>(
    open: impl Fn() -> std::io::Result<R>,
    max: usize,
    out: &mut Vec<u8>,
) -> Result<(), Unpack> {
    let damaged = |error: std::io::Error| Unpack::Damaged(error.to_string());
    let mut reader = open().map_err(damaged)?;
    let first = FIRST_BYTES.min(max + 1);
    (&mut reader)
        .take(first as u64)
        .read_to_end(out)
        .map_err(damaged)?;
    if out.len() < first {
        return Ok(());
    }
    let rest = count(&mut reader, max - first.min(max)).map_err(damaged)?;
    let whole = first + rest.ok_or(Unpack::TooLarge(max))?;
    if whole > max {
        return Err(Unpack::TooLarge(max));
    }
    // From the beginning, by a reader of its own: there are never two, of which each has a window.
    drop(reader);
    out.clear();
    out.reserve_exact(whole);
    let again = open().map_err(damaged)?;
    again.take(whole as u64).read_to_end(out).map_err(damaged)?;
    Ok(())
}

/// How many bytes there are; `None` for more than `max`.
fn count(mut reader: impl Read, max: usize) -> std::io::Result<Option<usize>> {
    let (mut scratch, mut whole) = (vec![0; SCRATCH_BYTES], 0);
    loop {
        match reader.read(&mut scratch)? {
            0 => return Ok(Some(whole)),
            more => whole += more,
        }
        if whole > max {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MAX: usize = 16 << 20;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(plain).unwrap();
        packer.finish().unwrap()
    }

    fn packed(plain: &[u8]) -> [(Encoding, Vec<u8>); 5] {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(plain).unwrap();
        let mut frames = snap::write::FrameEncoder::new(Vec::new());
        frames.write_all(plain).unwrap();
        let block = snap::raw::Encoder::new().compress_vec(plain).unwrap();
        [
            (Encoding::Gzip, gzip(plain)),
            (Encoding::Deflate, zlib.finish().unwrap()),
            (Encoding::Zstd, zstd::encode_all(plain, 1).unwrap()),
            (Encoding::Snappy, block),
            (Encoding::Snappy, frames.into_inner().unwrap()),
        ]
    }

    #[test]
    fn every_encoding_comes_back_short_and_long() {
        for length in [0, 1, 70_000, FIRST_BYTES, FIRST_BYTES + 1, MAX] {
            let plain: Vec<u8> = (0..length).map(|at| (at / 3) as u8).collect();
            for (encoding, body) in packed(&plain) {
                let mut out = Vec::new();
                assert!(encoding.unpack(&body, MAX, &mut out).unwrap() == plain);
            }
        }
    }

    /// FAULTS 11.
    #[test]
    fn a_bomb_is_refused_before_the_memory_is_spent() {
        let plain = vec![0; MAX + 1];
        for (encoding, body) in packed(&plain) {
            let mut out = Vec::new();
            let refused = encoding.unpack(&body, MAX, &mut out);
            assert!(
                matches!(refused, Err(Unpack::TooLarge(MAX))),
                "{encoding:?}"
            );
            assert!(out.capacity() <= 2 * FIRST_BYTES, "{encoding:?}");
        }
    }

    #[test]
    fn damage_is_told() {
        let plain = vec![7; 10_000];
        for (encoding, mut body) in packed(&plain) {
            body.truncate(body.len() - 5);
            let refused = encoding
                .unpack(&body, MAX, &mut Vec::new())
                .map(<[u8]>::len);
            assert!(
                matches!(refused, Err(Unpack::Damaged(_))),
                "{encoding:?} {refused:?}"
            );
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "br".parse().unwrap());
        assert!(Encoding::of(&headers).is_err());
    }
}
