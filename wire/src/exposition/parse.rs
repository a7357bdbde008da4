//! An input of any of the three formats to its families, and where a mistake stands.

use super::collect::{Collector, Mistake};
use super::families::Family;
use super::{lines, protobuf};
use crate::Reject;

/// How an exposition is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text 0.0.4 or 1.0.0.
    Text,
    /// OpenMetrics text 0.0.1 or 1.0.0.
    OpenMetrics,
    /// Families of protobuf, each behind its length.
    Protobuf,
}

impl Format {
    /// By the `Content-Type` of a push; what is not known is text, as in a Pushgateway.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Self {
        let mut parts = content_type.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if media.eq_ignore_ascii_case("application/openmetrics-text") {
            return Self::OpenMetrics;
        }
        let has = |wanted: &str| {
            let mut parts = content_type.split(';').map(str::trim);
            parts.any(|part| part.replace('"', "").eq_ignore_ascii_case(wanted))
        };
        let family = has("proto=io.prometheus.client.MetricFamily") && has("encoding=delimited");
        if media.eq_ignore_ascii_case("application/vnd.google.protobuf") && family {
            return Self::Protobuf;
        }
        Self::Text
    }
}

/// A mistake, and the line it is in from 1 on (or the family, in protobuf).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("text format parsing error in line {line}: {text}")]
pub struct ParseError {
    pub line: usize,
    pub reject: Reject,
    pub text: String,
}

impl ParseError {
    pub(super) fn at(line: usize, (reject, text): Mistake) -> Self {
        Self { line, reject, text }
    }
}

/// The families of an input, in its order; those without samples are left out.
///
/// Text ends with a newline, OpenMetrics with `# EOF`. A sample belongs to the family of its name, or of its name without
/// a suffix of that family's type; otherwise it makes a family of unknown type.
///
/// # Errors
/// The first mistake; nothing of the input is to be stored.
pub fn parse(input: &[u8], format: Format) -> Result<Vec<Family<'_>>, ParseError> {
    if format == Format::Protobuf {
        return protobuf::parse(input);
    }
    let text = std::str::from_utf8(input).map_err(|error| {
        let line = input[..error.valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1;
        ParseError::at(line, (Reject::BadText, "invalid UTF-8".to_owned()))
    })?;
    let mut collector = Collector::default();
    match format {
        Format::OpenMetrics => open(text, &mut collector)?,
        Format::Text | Format::Protobuf => plain(text, &mut collector)?,
    }
    Ok(collector.finish())
}

fn plain<'a>(text: &'a str, collector: &mut Collector<'a>) -> Result<(), ParseError> {
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let Some(line) = line.strip_suffix('\n') else {
            let text = "unexpected end of input stream".to_owned();
            return Err(ParseError::at(i + 1, (Reject::Malformed, text)));
        };
        lines::text_line(line, collector).map_err(|mistake| ParseError::at(i + 1, mistake))?;
    }
    Ok(())
}

fn open<'a>(text: &'a str, collector: &mut Collector<'a>) -> Result<(), ParseError> {
    let malformed =
        |line: usize, text: &str| ParseError::at(line, (Reject::Malformed, text.to_owned()));
    let mut ended = false;
    let mut last = 0;
    for (i, line) in text.split_inclusive('\n').enumerate() {
        last = i + 1;
        if ended {
            return Err(malformed(last, "unexpected data after # EOF"));
        }
        let whole = line.strip_suffix('\n');
        if whole.unwrap_or(line) == "# EOF" {
            ended = true;
            continue;
        }
        let line = whole.ok_or_else(|| malformed(last, "data does not end with # EOF"))?;
        lines::open_line(line, collector).map_err(|mistake| ParseError::at(last, mistake))?;
    }
    if ended {
        Ok(())
    } else {
        Err(malformed(last.max(1), "data does not end with # EOF"))
    }
}
