//! The questions that every server is asked, in its own language, and how to count what comes back.

use std::borrow::Cow;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::fleet::names::{dotted, underscored};
use crate::http::{Client, escaped};

/// A query language, and how metrics are called in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// PromQL where names keep their dots.
    DottedPromQl,
    PromQl,
    /// PromQL where names are a measurement's and its field's.
    FieldPromQl,
    InfluxQl,
    /// No language: files.
    Whisper,
}

/// Times in seconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from_s: u64,
    pub(crate) to_s: u64,
    pub(crate) step_s: u64,
}

impl Dialect {
    /// How many samples a metric has in the span, over all its series.
    ///
    /// # Errors
    /// When the server refuses or answers something else.
    pub(crate) fn count(self, client: &mut Client, metric: usize, span: Span) -> Result<u64> {
        let path = match self {
            Self::InfluxQl => {
                let name = dotted(metric);
                influx(&format!(
                    "SELECT count(value) FROM \"{name}\" WHERE {}",
                    during(span)
                ))
            }
            _ => {
                // The range is open or closed at its left end, as servers differ.
                let range_s = span.to_s - span.from_s + 1;
                let name = self.name(metric);
                let query = format!("sum(count_over_time({{__name__=\"{name}\"}}[{range_s}s]))");
                format!("/api/v1/query?time={}&query={}", span.to_s, escaped(&query))
            }
        };
        counted(&ask(client, &path)?)
    }

    /// One series over the span.
    pub(crate) fn one_series(self, metric: usize, host: &str, span: Span) -> String {
        match self {
            Self::InfluxQl => {
                let name = dotted(metric);
                influx(&format!(
                    "SELECT value FROM \"{name}\" WHERE host='{host}' AND {}",
                    during(span)
                ))
            }
            _ => range(
                &format!("{{__name__=\"{}\",host=\"{host}\"}}", self.name(metric)),
                span,
            ),
        }
    }

    /// Everything the fleet has, summed up by region. InfluxQL sums each measurement for itself.
    pub(crate) fn by_region(self, span: Span) -> String {
        match self {
            Self::InfluxQl => {
                let (during, step_s) = (during(span), span.step_s);
                influx(&format!(
                    "SELECT sum(value) FROM /.*/ WHERE {during} GROUP BY time({step_s}s), region"
                ))
            }
            _ => range("sum by (region) ({env=~\".+\"})", span),
        }
    }

    fn name(self, metric: usize) -> Cow<'static, str> {
        match self {
            Self::PromQl => underscored(metric).into(),
            Self::FieldPromQl => format!("{}_value", dotted(metric)).into(),
            _ => dotted(metric).into(),
        }
    }
}

fn influx(query: &str) -> String {
    format!("/query?db=bench&epoch=s&q={}", escaped(query))
}

fn during(span: Span) -> String {
    format!("time >= {}s AND time <= {}s", span.from_s, span.to_s)
}

fn range(query: &str, span: Span) -> String {
    let Span {
        from_s,
        to_s,
        step_s,
    } = span;
    // VictoriaMetrics would answer the second time from its cache of answers; the others do not know the word.
    format!(
        "/api/v1/query_range?nocache=1&start={from_s}&end={to_s}&step={step_s}&query={}",
        escaped(query)
    )
}

/// # Errors
/// When the answer is no success.
pub(crate) fn ask(client: &mut Client, path: &str) -> Result<Vec<u8>> {
    let answer = client.get(path)?;
    ensure!(
        answer.is_success(),
        "{} to {path}: {}",
        answer.status,
        answer.text()
    );
    Ok(answer.body)
}

/// The one number in an answer; nothing at all is 0.
fn counted(body: &[u8]) -> Result<u64> {
    let json: Value = serde_json::from_slice(body).context("an answer that is no JSON")?;
    let number = match json.get("data") {
        Some(data) => data["result"].get(0).map(|result| &result["value"][1]),
        None => json["results"][0]["series"]
            .get(0)
            .map(|series| &series["values"][0][1]),
    };
    let Some(number) = number else {
        return Ok(0);
    };
    let number = number.as_f64().or_else(|| number.as_str()?.parse().ok());
    number
        .map(|number| number as u64)
        .context("an answer without a number")
}

/// How many points are in the answer to a range query.
pub(crate) fn points(body: &[u8]) -> Result<usize> {
    let json: Value = serde_json::from_slice(body).context("an answer that is no JSON")?;
    let series = json["data"]["result"]
        .as_array()
        .or_else(|| json["results"][0]["series"].as_array());
    let values = series
        .into_iter()
        .flatten()
        .map(|series| series["values"].as_array());
    Ok(values.map(|values| values.map_or(0, Vec::len)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_numbers_are_read() {
        let prometheus = br#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"6000"]}]}}"#;
        assert_eq!(counted(prometheus).unwrap(), 6_000);
        let influx = br#"{"results":[{"statement_id":0,"series":[{"name":"a","columns":["time","count"],"values":[[0,12]]}]}]}"#;
        assert_eq!(counted(influx).unwrap(), 12);
        assert_eq!(
            counted(br#"{"status":"success","data":{"result":[]}}"#).unwrap(),
            0
        );
        assert_eq!(counted(br#"{"results":[{"statement_id":0}]}"#).unwrap(), 0);
        assert!(counted(b"no").is_err());
    }

    #[test]
    fn points_of_all_series_are_counted() {
        let body = br#"{"data":{"result":[{"values":[[1,"1"],[2,"2"]]},{"values":[[1,"1"]]}]}}"#;
        assert_eq!(points(body).unwrap(), 3);
    }
}
