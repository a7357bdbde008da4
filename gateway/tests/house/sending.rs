//! Requests with bodies of any kind, and the messages that tests put into them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use weir_wire::protobuf::{put_bytes, put_double, put_number};

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request; headers are `Name: value`.
pub(crate) fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // A body that is refused by its length is not read.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer[end + 4..].to_vec();
    Answer { status, head, body }
}

pub(crate) fn post(address: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    send(address, "POST", path, headers, body)
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(plain).unwrap();
    packer.finish().unwrap()
}

pub(crate) fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).unwrap()
}

/// The message in a field of another.
pub(crate) fn within(field: u32, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, field, message);
    out
}

/// `prometheus.Label`s in field 1, as every version of remote write 1 has them.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Vec<u8> {
    let one = |(name, value): &(&str, &str)| {
        let mut label = Vec::new();
        put_bytes(&mut label, 1, name.as_bytes());
        put_bytes(&mut label, 2, value.as_bytes());
        within(1, &label)
    };
    pairs.iter().flat_map(one).collect()
}

/// A `prometheus.Sample`, for a field of a series.
pub(crate) fn sample(value: f64, timestamp_ms: i64) -> Vec<u8> {
    let mut sample = Vec::new();
    put_double(&mut sample, 1, value);
    put_number(&mut sample, 2, timestamp_ms as u64);
    within(2, &sample)
}

pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis() as i64
}

/// A counter of `/metrics`, summed over the series that have all of these labels.
pub(crate) fn counted(address: &str, name: &str, labels: &[&str]) -> f64 {
    let (_, metrics) = crate::web::get(address, "/metrics").unwrap();
    let lines = metrics.lines().filter(|line| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    });
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// That `received = stored + rejected + dropped + aggregated` for a protocol.
pub(crate) fn sums_close(address: &str, protocol: &str) {
    let label = format!("protocol=\"{protocol}\"");
    let of = |what: &str| counted(address, &format!("weir_ingest_{what}_total"), &[&label]);
    assert!(of("received") > 0.0, "{protocol}: nothing received");
    let sum = of("stored") + of("rejected") + of("dropped") + of("aggregated");
    assert_eq!(of("received"), sum, "{protocol}");
}
