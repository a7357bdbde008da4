//! Messages by their bytes, and the collector against a systemd made of a thread that knows a few answers. The real one is in
//! `agent/tests`.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use super::super::figure::lines;
use super::message::{FIXED_BYTES, length, parse};
use super::read::Reader;
use super::*;

fn text(text: &str, bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(0);
}

fn reply(kind: u8, to: u32, signature: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![b'l', kind, 1, 1];
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(77_u32.to_le_bytes());
    let mut fields = vec![5, 1, b'u', 0];
    fields.extend(to.to_le_bytes());
    fields.extend([8, 1, b'g', 0, signature.len() as u8]);
    fields.extend(signature.as_bytes());
    fields.push(0);
    bytes.extend((fields.len() as u32).to_le_bytes());
    bytes.extend(fields);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(body);
    bytes
}

/// A property's value.
fn variant(signature: u8, value: &[u8], align: usize) -> Vec<u8> {
    let mut body = vec![1, signature, 0];
    body.resize(body.len().next_multiple_of(align), 0);
    body.extend(value);
    body
}

fn units(list: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut body = vec![0; 8];
    for (name, load, active) in list {
        body.resize(body.len().next_multiple_of(8), 0);
        for field in [name, "What it is", load, active, "running", "", "/org/unit"] {
            text(field, &mut body);
        }
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(0_u32.to_le_bytes());
        text("", &mut body);
        text("/", &mut body);
    }
    let length = (body.len() - 8) as u32;
    body[..4].copy_from_slice(&length.to_le_bytes());
    body
}

#[test]
fn a_call_is_these_bytes() {
    let mut bytes = Vec::new();
    property("/a", &["i.f", "P"]).write(3, &mut bytes);
    let mut expected = b"l\x01\0\x01".to_vec();
    expected.extend([14, 0, 0, 0, 3, 0, 0, 0, 130, 0, 0, 0]);
    expected.extend(b"\x01\x01o\0\x02\0\0\0/a\0\0\0\0\0\0");
    expected.extend(b"\x02\x01s\0\x1f\0\0\0org.freedesktop.DBus.Properties\0");
    expected.extend(b"\x03\x01s\0\x03\0\0\0Get\0\0\0\0\0");
    expected.extend(b"\x06\x01s\0\x18\0\0\0org.freedesktop.systemd1\0\0\0\0\0\0\0\0");
    expected.extend(b"\x08\x01g\0\x02ss\0");
    let fields = expected.len() - FIXED_BYTES;
    expected[12] = fields as u8;
    expected.resize(expected.len().next_multiple_of(8), 0);
    expected.extend(b"\x03\0\0\0i.f\0\x01\0\0\0P\0");
    assert_eq!(bytes, expected);
    let fixed = bytes[..FIXED_BYTES].try_into().unwrap();
    assert_eq!(length(&fixed), Some(bytes.len()));
}

#[test]
fn answers_in_both_byte_orders() {
    let little = reply(2, 9, "s", b"\x02\0\0\0ab\0");
    let mut told = parse(&little).unwrap().unwrap();
    assert_eq!((told.to, told.signature, told.error), (9, "s", None));
    assert_eq!(told.body.string(), Some("ab"));
    let big = b"B\x03\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\x13\x04\x01s\0\0\0\0\x01x\0\0\0\0\0\0\0\x05\x01u\0\0\0\0\x07";
    let mut big = big.to_vec();
    big[15] = (big.len() - 16) as u8;
    let told = parse(&big).unwrap().unwrap();
    assert_eq!((told.to, told.error), (7, Some("x")));
    let signal = reply(4, 9, "", &[]);
    assert_eq!(parse(&signal), Some(None));
}

#[test]
fn cut_off_and_turned_bytes_are_no_panic() {
    let whole = reply(
        2,
        1,
        "a(ssssssouso)",
        &units(&[("a.service", "loaded", "active")]),
    );
    let reads = |bytes: &[u8]| {
        let told = parse(bytes)??;
        Unit::parse_list(&told)
    };
    assert_eq!(reads(&whole).unwrap()[0].name, "a.service");
    for end in 0..whole.len() {
        assert!(reads(&whole[..end]).is_none(), "{end}");
    }
    for at in 0..whole.len() {
        for value in [0, 1, 7, 0x7f, 0xff] {
            let mut turned = whole.clone();
            turned[at] = value;
            // Whatever comes of it.
            let _ = reads(&turned);
        }
    }
    let mut reader = Reader::new(&[0xff; 12], false);
    assert_eq!(reader.string(), None);
    assert_eq!(length(&[b'l'; 16]), Some(0x6c6c_6c80 + 0x6c6c_6c6c));
    assert_eq!(length(&[0; 16]), None);
}

/// Of a call's bytes as text: kind, signature and body of what comes back.
type Answer = fn(&str) -> Vec<(u8, &'static str, Vec<u8>)>;

/// Answers by what is asked; each conversation is one `accept`.
fn serve(listener: UnixListener, answer: Answer) {
    while let Ok((mut stream, _)) = listener.accept() {
        let mut greeting = [0; 64];
        let read = stream.read(&mut greeting).unwrap();
        assert!(greeting[..read].starts_with(b"\0AUTH EXTERNAL "));
        stream.write_all(b"OK 0123456789abcdef\r\n").unwrap();
        let mut begin = [0; 7];
        stream.read_exact(&mut begin).unwrap();
        while let Some(call) = receive(&mut stream) {
            let serial = u32::from_le_bytes(call[8..12].try_into().unwrap());
            let asked = String::from_utf8_lossy(&call).into_owned();
            for (kind, signature, body) in answer(&asked) {
                let _ = stream.write_all(&reply(kind, serial, signature, &body));
            }
        }
    }
}

fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut message = vec![0; FIXED_BYTES];
    stream.read_exact(&mut message).ok()?;
    let length = length(message.as_slice().try_into().unwrap()).unwrap();
    message.resize(length, 0);
    stream.read_exact(&mut message[FIXED_BYTES..]).ok()?;
    Some(message)
}

fn host(answer: Answer) -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("run/systemd/system")).unwrap();
    let listener = UnixListener::bind(dir.path().join("run/systemd/private")).unwrap();
    thread::spawn(move || serve(listener, answer));
    let root = Root::new(dir.path().to_owned());
    (dir, root)
}

fn string(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    text(value, &mut bytes);
    variant(b's', &bytes, 4)
}

fn answers(asked: &str) -> Vec<(u8, &'static str, Vec<u8>)> {
    let number = |value: u32| variant(b'u', &value.to_le_bytes(), 4);
    let one = |signature, body| vec![(2, signature, body)];
    if asked.contains("ListUnits") {
        // A signal in between is none of our business.
        let list = units(&[
            ("web.service", "loaded", "active"),
            ("gone.service", "not-found", "inactive"),
            ("d.socket", "loaded", "listening"),
            ("d.timer", "loaded", "failed"),
            ("x.mount", "loaded", "active"),
        ]);
        vec![(4, "s", string("")), (2, "a(ssssssouso)", list)]
    } else if asked.contains("Version") {
        one("v", string("252.38-1~deb12u1"))
    } else if asked.contains("SystemState") {
        one("v", string("degraded"))
    } else if asked.contains("LastTriggerUSec") {
        let microseconds = 1_500_000_u64.to_le_bytes();
        one("v", variant(b't', &microseconds, 8))
    } else if asked.contains("NRefused") {
        vec![(3, "", Vec::new())]
    } else if asked.contains("NAccepted") || asked.contains("NConnections") {
        one("v", number(4))
    } else {
        one("v", string("notify"))
    }
}

#[test]
fn units_are_told_with_their_states() {
    let (_dir, root) = host(answers);
    let mut systemd = Systemd::new(Exclude::new("\\.mount$").unwrap());
    for _ in 0..2 {
        let mut figures = Vec::new();
        systemd.collect(&root, &mut figures).unwrap();
        let told = lines(&figures);
        for expected in [
            "node_systemd_version{version=\"252.38-1~deb12u1\"} 252.38",
            "node_systemd_system_running 0",
            "node_systemd_units{state=\"active\"} 2",
            "node_systemd_units{state=\"inactive\"} 1",
            "node_systemd_units{state=\"listening\"} 1",
            "node_systemd_units{state=\"activating\"} 0",
            "node_systemd_unit_state{name=\"web.service\",state=\"active\",type=\"notify\"} 1",
            "node_systemd_unit_state{name=\"web.service\",state=\"failed\",type=\"notify\"} 0",
            "node_systemd_unit_state{name=\"d.timer\",state=\"failed\"} 1",
            "node_systemd_socket_accepted_connections_total{name=\"d.socket\"} 4",
            "node_systemd_timer_last_trigger_seconds{name=\"d.timer\"} 1.5",
        ] {
            assert!(
                told.iter().any(|line| line == expected),
                "{expected} in {told:#?}"
            );
        }
        for left_out in ["gone", "x.mount", "refused"] {
            assert!(
                !told.iter().any(|line| line.contains(left_out)),
                "{left_out}"
            );
        }
    }
    assert_eq!(systemd.types.len(), 1);
}

#[test]
fn without_systemd_it_is_absent_and_with_a_broken_one_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let collect = |root: &Root| {
        let mut systemd = Systemd::new(Exclude::new("").unwrap());
        systemd.collect(root, &mut Vec::new())
    };
    let nowhere = Root::new(dir.path().to_owned());
    assert!(matches!(
        collect(&nowhere),
        Err(CollectError::Absent { .. })
    ));
    std::fs::create_dir_all(dir.path().join("run/systemd/system")).unwrap();
    assert!(matches!(
        collect(&nowhere),
        Err(CollectError::Bus(BusError::Io(_)))
    ));
    let (_dir, refusing) = host(|_| vec![(3, "", Vec::new())]);
    assert!(matches!(
        collect(&refusing),
        Err(CollectError::Bus(BusError::Error(_)))
    ));
    let (_dir, odd) = host(|_| vec![(2, "i", vec![1])]);
    assert!(matches!(
        collect(&odd),
        Err(CollectError::Bus(BusError::Odd))
    ));
}

#[test]
fn a_systemd_that_says_nothing_is_given_up() {
    let (_dir, root) = host(|_| Vec::new());
    let mut bus = Bus::connect(&root).unwrap();
    bus.hurry();
    assert!(matches!(list(&mut bus), Err(BusError::Io(_))));
}

#[test]
fn versions() {
    for (text, number) in [
        ("252.38-1~deb12u1", 252.38),
        ("systemd 219", 219.0),
        ("v255 (255.4-1)", 255.0),
        ("9.1", 0.0),
        ("", 0.0),
        ("250.", 250.0),
    ] {
        assert_eq!(unit::version(text), number, "{text}");
    }
}
