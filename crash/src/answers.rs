//! From the gateway's JSON of a matrix to what the oracle judges.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::oracle::{Answer, Seen, Shape};
use crate::plan::Line;

/// Every series of an answer of `/api/v1/query`.
pub(crate) fn read(body: &str) -> Result<Vec<Answer>> {
    let answer: Value = serde_json::from_str(body).context("an answer is no JSON")?;
    if answer["status"] != "success" {
        bail!("a query failed: {body}");
    }
    let result = answer["data"]["result"]
        .as_array()
        .context("no result in an answer")?;
    result.iter().map(series).collect()
}

fn series(one: &Value) -> Result<Answer> {
    let labels = one["metric"]
        .as_object()
        .context("a series has no labels")?;
    let get = |label: &str| labels.get(label).and_then(Value::as_str);
    let mut samples = Vec::new();
    for pair in pairs(&one["values"]) {
        samples.push((time_ms(&pair[0])?, Seen::Float(bits(&pair[1])?)));
    }
    for pair in pairs(&one["histograms"]) {
        samples.push((time_ms(&pair[0])?, histogram(&pair[1])?));
    }
    if !pairs(&one["histograms"]).is_empty() && !pairs(&one["values"]).is_empty() {
        samples.sort_by_key(|(at_ms, _)| *at_ms);
    }
    Ok(Answer {
        // A label too many makes another series of it.
        line: Line::of(get).filter(|_| labels.len() == 4),
        name: one["metric"].to_string(),
        samples,
    })
}

fn pairs(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn time_ms(seconds: &Value) -> Result<i64> {
    let seconds = seconds.as_f64().context("a time is no number")?;
    Ok((seconds * 1_000.0).round() as i64)
}

fn number(text: &Value) -> Result<f64> {
    let text = text.as_str().context("a number is not in quotes")?;
    text.parse()
        .with_context(|| format!("{text:?} is no number"))
}

fn bits(text: &Value) -> Result<u64> {
    number(text).map(f64::to_bits)
}

fn histogram(value: &Value) -> Result<Seen> {
    let bucket = |bucket: &Value| -> Result<(u64, u64, u64)> {
        Ok((
            bits(&bucket[1])?,
            bits(&bucket[2])?,
            number(&bucket[3])? as u64,
        ))
    };
    let buckets: Result<Vec<_>> = pairs(&value["buckets"]).iter().map(bucket).collect();
    Ok(Seen::Histogram(Box::new(Shape {
        count: number(&value["count"])? as u64,
        sum: bits(&value["sum"])?,
        buckets: buckets?,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_and_histograms_are_read_to_the_bit() {
        let body = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"crash_float_1","agent":"a2","generation":"0","number":"13"},
             "values":[[1700000000,"-0"],[1700000000.007,"0.30000000000000004"]]},
            {"metric":{"__name__":"crash_histogram_0","agent":"a2","generation":"0","number":"800"},
             "histograms":[[1.5,{"count":"3","sum":"1.5","buckets":[[1,"0.5","0.501","3"]]}]]},
            {"metric":{"__name__":"crash_float_1","agent":"a2","generation":"0","number":"13","more":"x"},
             "values":[[1,"2"]]}]}}"#;
        let read = read(body).unwrap();
        let line = |number| Line {
            agent: 2,
            number,
            generation: 0,
        };
        assert_eq!(read[0].line, Some(line(13)));
        let floats = [(-0.0_f64).to_bits(), (0.1_f64 + 0.2).to_bits()].map(Seen::Float);
        let times = [1_700_000_000_000, 1_700_000_000_007];
        assert_eq!(
            read[0].samples,
            times.into_iter().zip(floats).collect::<Vec<_>>()
        );
        let shape = Shape {
            count: 3,
            sum: 1.5_f64.to_bits(),
            buckets: vec![(0.5_f64.to_bits(), 0.501_f64.to_bits(), 3)],
        };
        assert_eq!(read[1].line, Some(line(800)));
        assert_eq!(read[1].samples, [(1_500, Seen::Histogram(Box::new(shape)))]);
        assert_eq!(read[2].line, None);
    }

    #[test]
    fn a_refused_query_is_an_error() {
        assert!(super::read(r#"{"status":"error","error":"no"}"#).is_err());
    }
}
