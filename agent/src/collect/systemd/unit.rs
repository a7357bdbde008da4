//! What systemd answers, taken apart: its list of units, its version, and properties that are numbers. It asks nothing.

use super::message::Reply;

/// name, description, load, active, sub, following, path, job's number, job's kind, job's path.
const LIST: &str = "a(ssssssouso)";
const STRUCT_ALIGN: usize = 8;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) load: String,
    pub(super) active: String,
    pub(super) path: String,
}

impl Unit {
    pub(super) fn parse_list(reply: &Reply<'_>) -> Option<Vec<Self>> {
        if reply.signature != LIST {
            return None;
        }
        let mut body = reply.body;
        let mut list = body.array(STRUCT_ALIGN)?;
        let mut units = Vec::new();
        while !list.is_empty() {
            list.align(STRUCT_ALIGN)?;
            let (name, _description) = (list.string()?, list.string()?);
            let (load, active) = (list.string()?, list.string()?);
            let (_sub, _following) = (list.string()?, list.string()?);
            let path = list.string()?;
            list.u32()?;
            list.string()?;
            list.string()?;
            let [name, load, active, path] = [name, load, active, path].map(str::to_owned);
            units.push(Self {
                name,
                load,
                active,
                path,
            });
        }
        Some(units)
    }
}

/// A property that is a number.
pub(super) fn number(reply: &Reply<'_>) -> Option<f64> {
    let mut body = reply.body;
    match body.signature()? {
        "u" => body.u32().map(f64::from),
        "t" => body.u64().map(|value| value as f64),
        _ => None,
    }
}

/// 252.38 of "252.38-1~deb12u1"; 0 where there is no number of three digits.
pub(super) fn version(text: &str) -> f64 {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = text;
    while let Some(start) = rest.find(|next: char| next.is_ascii_digit()) {
        rest = rest.get(start..).unwrap_or_default();
        let whole = digits(rest);
        if whole >= 3 {
            let behind = rest.get(whole..).and_then(|rest| rest.strip_prefix('.'));
            let fraction = behind.map_or(0, digits);
            let end = if fraction > 0 {
                whole + 1 + fraction
            } else {
                whole
            };
            return rest
                .get(..end)
                .and_then(|found| found.parse().ok())
                .unwrap_or_default();
        }
        rest = rest.get(whole..).unwrap_or_default();
    }
    0.0
}
