//! D-Bus messages as bytes: calls that take strings, and what comes back. As much of the protocol as it takes to ask systemd,
//! and no more; it opens no socket. Form: <https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol-messages>.

use super::read::Reader;

const CALL: u8 = 1;
const RETURN: u8 = 2;
const ERROR: u8 = 3;
const VERSION: u8 = 1;

const FIELD_PATH: u8 = 1;
const FIELD_INTERFACE: u8 = 2;
const FIELD_MEMBER: u8 = 3;
const FIELD_ERROR_NAME: u8 = 4;
const FIELD_REPLY_SERIAL: u8 = 5;
const FIELD_DESTINATION: u8 = 6;
const FIELD_SIGNATURE: u8 = 8;

/// What tells how long a message is.
pub(super) const FIXED_BYTES: usize = 16;
const STRUCT_ALIGN: usize = 8;

/// A method and what it is called with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) destination: &'a str,
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
    pub(super) member: &'a str,
    pub(super) arguments: &'a [&'a str],
}

/// What came back, to which call, and whether it is an error's name instead of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply<'a> {
    pub(super) to: u32,
    pub(super) error: Option<&'a str>,
    pub(super) signature: &'a str,
    pub(super) body: Reader<'a>,
}

impl Call<'_> {
    /// In the byte order of small ends, which every peer reads.
    pub(super) fn write(&self, serial: u32, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        let mut body = Vec::new();
        for argument in self.arguments {
            write_string(argument, &mut body, 0);
        }
        bytes.extend([b'l', CALL, 0, VERSION]);
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(serial.to_le_bytes());
        let fields_length = bytes.len();
        bytes.extend([0; 4]);
        let fields = bytes.len();
        for (field, kind, text) in [
            (FIELD_PATH, b'o', self.path),
            (FIELD_INTERFACE, b's', self.interface),
            (FIELD_MEMBER, b's', self.member),
            (FIELD_DESTINATION, b's', self.destination),
        ] {
            pad(bytes, start, STRUCT_ALIGN);
            bytes.extend([field, 1, kind, 0]);
            write_string(text, bytes, start);
        }
        if !self.arguments.is_empty() {
            pad(bytes, start, STRUCT_ALIGN);
            let count = self.arguments.len() as u8;
            bytes.extend([FIELD_SIGNATURE, 1, b'g', 0, count]);
            bytes.extend(std::iter::repeat_n(b's', usize::from(count)));
            bytes.push(0);
        }
        let length = (bytes.len() - fields) as u32;
        if let Some(place) = bytes.get_mut(fields_length..fields) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        pad(bytes, start, STRUCT_ALIGN);
        bytes.extend(body);
    }
}

/// How long the whole message is, of its first [`FIXED_BYTES`].
pub(super) fn length(fixed: &[u8; FIXED_BYTES]) -> Option<usize> {
    let mut reader = Reader::new(fixed, is_big(fixed)?);
    reader.skip(4)?;
    let body = reader.u32()? as usize;
    reader.skip(4)?;
    let fields = reader.u32()? as usize;
    let head = FIXED_BYTES.checked_add(fields)?;
    head.checked_next_multiple_of(STRUCT_ALIGN)?
        .checked_add(body)
}

/// `Some(None)` for what is no answer to a call, as a signal.
pub(super) fn parse(message: &[u8]) -> Option<Option<Reply<'_>>> {
    let mut reader = Reader::new(message, is_big(message)?);
    let kind = *message.get(1)?;
    reader.skip(12)?;
    let mut fields = reader.array(STRUCT_ALIGN)?;
    let (mut to, mut error, mut signature) = (None, None, "");
    while !fields.is_empty() {
        fields.align(STRUCT_ALIGN)?;
        match (fields.byte()?, fields.signature()?) {
            (FIELD_REPLY_SERIAL, "u") => to = Some(fields.u32()?),
            (FIELD_ERROR_NAME, "s") => error = Some(fields.string()?),
            (FIELD_SIGNATURE, "g") => signature = fields.signature()?,
            (_, "s" | "o") => drop(fields.string()?),
            (_, "u") => drop(fields.u32()?),
            (_, "g") => drop(fields.signature()?),
            _ => return None,
        }
    }
    reader.align(STRUCT_ALIGN)?;
    let body = reader.rest();
    Some(match (kind, to) {
        (RETURN | ERROR, Some(to)) => Some(Reply {
            to,
            error: (kind == ERROR).then_some(error.unwrap_or("an error without a name")),
            signature,
            body,
        }),
        (RETURN | ERROR, None) => return None,
        _ => None,
    })
}

fn is_big(message: &[u8]) -> Option<bool> {
    match message.first()? {
        b'l' => Some(false),
        b'B' => Some(true),
        _ => None,
    }
}

fn write_string(text: &str, bytes: &mut Vec<u8>, start: usize) {
    pad(bytes, start, 4);
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(0);
}

fn pad(bytes: &mut Vec<u8>, start: usize, align: usize) {
    let length = (bytes.len() - start).next_multiple_of(align);
    bytes.resize(start + length, 0);
}
