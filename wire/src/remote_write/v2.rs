//! Version 2.0's message: texts stand once in a table of symbols, and series refer to them.

use super::labels::{MAX_IDENTITY_BYTES, put_label};
use super::metadata::text;
use super::parse::{MAX_SERIES, Points, Refused, Version};
use crate::protobuf::{Damaged, Fields};
use crate::{Invalid, Kind, Reject};

/// A request with more symbols is refused.
pub const MAX_SYMBOLS: usize = 1_000_000;

/// An unpacked `io.prometheus.write.v2.Request`: its symbols are read, its series are not.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    symbols: Vec<&'a [u8]>,
    message: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads the symbols and sees to it that the message is whole at this level.
    ///
    /// # Errors
    /// [`Refused`]: the whole request is. Fields 1 to 3 are reserved in this version, so that those of version 1.0 are known.
    pub fn read(message: &'a [u8]) -> Result<Self, Refused> {
        let mut symbols = Vec::new();
        let mut series = 0;
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                4 if symbols.len() == MAX_SYMBOLS => return Err(Refused::TooManySymbols),
                4 => symbols.push(field.bytes()?),
                5 if series == MAX_SERIES => return Err(Refused::TooManySeries),
                5 => series += 1,
                1..=3 => return Err(Refused::other_version(Version::One, Version::Two)),
                _ => {}
            }
        }
        Ok(Self { symbols, message })
    }

    /// The series in their order; one that is damaged is the end.
    pub fn series(&self) -> impl Iterator<Item = Result<SeriesV2<'_>, Damaged>> {
        let fields = Fields::of(self.message).filter(|field| match field {
            Ok(field) => field.number == 5,
            Err(_) => true,
        });
        fields.map(|field| SeriesV2::read(&self.symbols, field?.bytes()?))
    }
}

/// A series as it stands in a message of version 2.0.
#[derive(Debug, Clone, Copy)]
pub struct SeriesV2<'a> {
    symbols: &'a [&'a [u8]],
    fields: Fields<'a>,
    /// When the counter began, where the sender says so for the whole series (drafts of the version).
    pub created_timestamp_ms: Option<i64>,
    /// Type, help and unit, where they are given; help and unit are empty where their references point nowhere.
    pub metadata: Option<(Kind, &'a str, &'a str)>,
    /// Whether there is a sample or a histogram; the specification asks for one.
    pub has_points: bool,
}

impl<'a> SeriesV2<'a> {
    fn read(symbols: &'a [&'a [u8]], message: &'a [u8]) -> Result<Self, Damaged> {
        let mut series = Self {
            symbols,
            fields: Fields::of(message),
            created_timestamp_ms: None,
            metadata: None,
            has_points: false,
        };
        for field in series.fields {
            let field = field?;
            match field.number {
                2 | 3 => series.has_points = true,
                5 => series.metadata = Some(series.read_metadata(field.message()?)?),
                6 => series.created_timestamp_ms = Some(field.int()?).filter(|&time| time != 0),
                _ => {}
            }
        }
        Ok(series)
    }

    fn read_metadata(&self, fields: Fields<'a>) -> Result<(Kind, &'a str, &'a str), Damaged> {
        let symbol = |reference: u64| {
            let at = usize::try_from(reference).ok();
            at.and_then(|at| self.symbols.get(at))
                .map_or("", |bytes| text(bytes))
        };
        let (mut kind, mut help, mut unit) = (Kind::Unknown, "", "");
        for field in fields {
            let field = field?;
            match field.number {
                1 => kind = Kind::of_number(field.unsigned()?),
                3 => help = symbol(field.unsigned()?),
                4 => unit = symbol(field.unsigned()?),
                _ => {}
            }
        }
        Ok((kind, help, unit))
    }

    /// The labels, put into `out` (whose earlier content goes) in the layout that [`super::series_key`] reads: the bytes
    /// that the same series has in version 1.0.
    ///
    /// # Errors
    /// References past the symbols or odd in number, as Prometheus' receiver words them; labels of more than
    /// [`MAX_IDENTITY_BYTES`]. This series is refused, the others stand.
    pub fn identity<'o>(&self, out: &'o mut Vec<u8>) -> Result<&'o [u8], Invalid> {
        out.clear();
        let mut name: Option<&[u8]> = None;
        for field in self.fields {
            let field = field?;
            if field.number != 1 {
                continue;
            }
            for reference in field.numbers()? {
                let symbol = self.symbol(reference?)?;
                if out.len() + name.map_or(0, <[u8]>::len) + symbol.len() > MAX_IDENTITY_BYTES {
                    let text = format!("labels of more than {MAX_IDENTITY_BYTES} bytes");
                    return Err(Invalid::new(Reject::BadLabels, text));
                }
                match name.take() {
                    None => name = Some(symbol),
                    Some(name) => put_label(out, name, symbol),
                }
            }
        }
        if name.is_some() {
            let text = "invalid labelRefs: their number is odd";
            return Err(Invalid::new(Reject::BadLabels, text));
        }
        Ok(out)
    }

    fn symbol(&self, reference: u64) -> Result<&'a [u8], Invalid> {
        let at = usize::try_from(reference).ok();
        at.and_then(|at| self.symbols.get(at))
            .copied()
            .ok_or_else(|| {
                let length = self.symbols.len();
                let text = format!(
                    "labelRefs (value={reference}) is out of range of the symbols (length {length})"
                );
                Invalid::new(Reject::BadLabels, text)
            })
    }

    /// What was measured, in the order of the message.
    #[must_use]
    pub fn points(&self) -> Points<'a> {
        Points {
            fields: self.fields,
            histogram_field: 3,
            exemplar_field: 4,
        }
    }
}
