//! `weir-gateway aggregate`: rules tried on lines, without a gateway. The clock is the newest time that a line had so far,
//! so that lines may come late.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use weir_aggregate::rules::{Caps, Emitted, Engine, Plan, Point, Rules, Taken};
use weir_wire::{Lines, Reject, SeriesKey, Value, graphite};

use super::document;

const READ_BYTES: usize = 64 << 10;

/// `weir-gateway aggregate`.
#[derive(Debug, Args)]
pub(crate) struct AggregateCommand {
    /// Rules: *.conf as carbon-aggregator writes them, anything else YAML.
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
    /// The grace of rules that do not say one, in seconds.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    grace: u32,
}

/// Reads Graphite lines and writes what the rules make of them; tells what was refused on the last line, of comments.
pub(crate) fn run(
    command: &AggregateCommand,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let rules = document::load_file(&command.rules, i64::from(command.grace) * 1_000)?;
    let mut trial = Trial {
        rules,
        engine: Engine::new(Caps::default()),
        series: HashMap::new(),
        now_ms: i64::MIN,
        lines: 0,
        invalid: 0,
        taken: Taken::default(),
        emitted: Vec::new(),
    };
    let (mut lines, mut buffer) = (Lines::default(), vec![0; READ_BYTES]);
    loop {
        match input.read(&mut buffer)? {
            0 => break,
            bytes => lines.feed(&buffer[..bytes], |line| trial.line(line)),
        }
        trial.write(out)?;
    }
    lines.finish(|line| trial.line(line));
    let last = trial.engine.due(i64::MAX);
    trial.emitted.push(last);
    trial.write(out)?;
    let taken = trial.taken;
    let (late, full) = (taken.late, taken.full + taken.early);
    writeln!(
        out,
        "# {} lines: {} samples aggregated, {late} too late, {full} over a bound, {} lines invalid",
        trial.lines, taken.taken, trial.invalid
    )?;
    Ok(())
}

struct Trial {
    rules: Rules,
    engine: Engine,
    series: HashMap<SeriesKey, (u32, Option<Arc<Plan>>)>,
    now_ms: i64,
    lines: u64,
    invalid: u64,
    taken: Taken,
    emitted: Vec<Emitted>,
}

impl Trial {
    fn line(&mut self, line: Result<&[u8], Reject>) {
        match line.and_then(|line| self.sample(line)) {
            Ok(is_line) => self.lines += u64::from(is_line),
            Err(_) => {
                self.lines += 1;
                self.invalid += 1;
            }
        }
    }

    /// False for an empty line.
    fn sample(&mut self, line: &[u8]) -> Result<bool, Reject> {
        let Some(line) = graphite::parse(line)? else {
            return Ok(false);
        };
        let key = graphite::series_key(line.identity)?;
        // "Now" has no meaning without a clock.
        let timestamp_ms = line.timestamp_ms.ok_or(Reject::BadTimestamp)?;
        if timestamp_ms > self.now_ms {
            self.now_ms = timestamp_ms;
            let emitted = self.engine.due(timestamp_ms);
            self.emitted.push(emitted);
        }
        let number = self.series.len() as u32;
        let rules = &self.rules;
        let known = self.series.entry(key);
        let (series, plan) =
            known.or_insert_with_key(|key| (number, rules.plan(key).map(Arc::new)));
        if let Some(plan) = plan {
            let point = Point {
                series: *series,
                is_withheld: false,
                timestamp_ms,
                value: Value::Float(line.value),
            };
            let taken = self.engine.take(plan, &point, self.now_ms);
            self.taken.taken += taken.taken;
            self.taken.late += taken.late;
            self.taken.full += taken.full;
            self.taken.early += taken.early;
        }
        Ok(true)
    }

    fn write(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        for emitted in self.emitted.drain(..) {
            let mut lines: Vec<String> = emitted
                .samples
                .iter()
                .map(|(key, sample)| as_line(key, &sample.value, sample.timestamp_ms))
                .collect();
            lines.sort_unstable();
            for line in lines {
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    }
}

/// As Graphite writes it; a distribution by its count and sum.
fn as_line(key: &SeriesKey, value: &Value, timestamp_ms: i64) -> String {
    let mut line = key.name().to_owned();
    for (label, value) in key.labels() {
        line.push_str(&format!(";{label}={value}"));
    }
    let value = match value {
        Value::Float(value) => value.to_string(),
        Value::Histogram(all) => format!("histogram(count={},sum={})", all.count(), all.sum()),
    };
    format!("{line} {value} {}", timestamp_ms as f64 / 1_000.0)
}
