//! What a sender says of its metric families: type, help and unit.

use crate::Kind;
use crate::protobuf::{Damaged, Fields};

/// A family's metadata; texts that are not UTF-8 are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata<'a> {
    pub family: &'a str,
    pub kind: Kind,
    pub help: &'a str,
    pub unit: &'a str,
}

impl<'a> Metadata<'a> {
    pub(super) fn read(fields: Fields<'a>) -> Result<Self, Damaged> {
        let mut metadata = Self {
            family: "",
            kind: Kind::Unknown,
            help: "",
            unit: "",
        };
        for field in fields {
            let field = field?;
            match field.number {
                1 => metadata.kind = Kind::of_number(field.unsigned()?),
                2 => metadata.family = text(field.bytes()?),
                4 => metadata.help = text(field.bytes()?),
                5 => metadata.unit = text(field.bytes()?),
                _ => {}
            }
        }
        Ok(metadata)
    }
}

/// The family of a series by its name and type: `http_seconds_bucket` of a histogram is of `http_seconds`. A counter keeps
/// its `_total`, as Prometheus' metadata has it.
#[must_use]
pub fn family_of(name: &str, kind: Kind) -> &str {
    if kind == Kind::Counter {
        return name;
    }
    let cut = kind
        .suffixes()
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    cut.filter(|family| !family.is_empty()).unwrap_or(name)
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
