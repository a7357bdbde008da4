//! `weir-gateway map`: what becomes of a path or a Graphite line, told without a gateway. Owns the words of the answer.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use weir_wire::mapping::{Kind, Mapped};
use weir_wire::{Lines, Reject, graphite};

use super::MappingFile;

const READ_BYTES: usize = 64 << 10;

/// `weir-gateway map`.
#[derive(Debug, Args)]
pub(crate) struct MapCommand {
    /// Paths (servers.web01.cpu.load), or whole Graphite lines; without one, lines of standard input.
    pub(crate) lines: Vec<String>,
    /// The rules; without this those of graphite.mappings.
    #[arg(long, value_name = "FILE")]
    pub(crate) mappings: Option<PathBuf>,
    /// The type that StatsD would know; a Graphite line has none.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<KindName>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindName {
    Counter,
    Gauge,
    Observer,
}

/// Tells of each line and gives how many are dropped or invalid.
pub(crate) fn run(
    command: &MapCommand,
    file: Option<&Path>,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> anyhow::Result<u64> {
    let rules = file.map(MappingFile::load).transpose()?.unwrap_or_default();
    let kind = command.kind.map(|kind| match kind {
        KindName::Counter => Kind::Counter,
        KindName::Gauge => Kind::Gauge,
        KindName::Observer => Kind::Observer,
    });
    let mut answers = Answers {
        rules,
        kind,
        out,
        refused: 0,
        failed: None,
    };
    if command.lines.is_empty() {
        answers.read(input)?;
    }
    for line in &command.lines {
        answers.line(Ok(line.as_bytes()));
    }
    match answers.failed {
        Some(error) => Err(error.into()),
        None => Ok(answers.refused),
    }
}

struct Answers<'a> {
    rules: MappingFile,
    kind: Option<Kind>,
    out: &'a mut dyn Write,
    refused: u64,
    failed: Option<std::io::Error>,
}

impl Answers<'_> {
    fn read(&mut self, input: &mut dyn Read) -> std::io::Result<()> {
        let (mut lines, mut buffer) = (Lines::default(), vec![0; READ_BYTES]);
        loop {
            match input.read(&mut buffer)? {
                0 => break,
                bytes => lines.feed(&buffer[..bytes], |line| self.line(line)),
            }
        }
        lines.finish(|line| self.line(line));
        Ok(())
    }

    fn line(&mut self, line: Result<&[u8], Reject>) {
        let text = String::from_utf8_lossy(line.unwrap_or_default())
            .trim()
            .to_owned();
        if text.is_empty() && line.is_ok() {
            return;
        }
        let (answer, well) = match line.and_then(|line| self.answer(line)) {
            Ok(answer) => answer,
            Err(reason) => (format!("invalid: {reason}"), false),
        };
        self.refused += u64::from(!well);
        if let Err(error) = writeln!(self.out, "{text} -> {answer}") {
            self.failed.get_or_insert(error);
        }
    }

    /// The answer, and whether the line would be stored.
    fn answer(&self, line: &[u8]) -> Result<(String, bool), Reject> {
        let (identity, rest) = split(line)?;
        let key = graphite::series_key(identity)?;
        let by = |rule: usize| self.rules.places.get(rule).map_or("", String::as_str);
        Ok(match self.rules.mappings.map(&key, self.kind)? {
            Mapped::Unchanged => ("unchanged".to_owned(), true),
            Mapped::Dropped { rule } => (format!("dropped by {}", by(rule)), false),
            Mapped::Key { rule, key } => (format!("{key}{rest} by {}", by(rule)), true),
        })
    }
}

/// What names the series, and the value and time behind it, if any: a word alone is a path.
fn split(line: &[u8]) -> Result<(&[u8], String), Reject> {
    let words = line.trim_ascii();
    if !words.iter().any(u8::is_ascii_whitespace) {
        return Ok((words, String::new()));
    }
    let line = graphite::parse(words)?.ok_or(Reject::Malformed)?;
    let time = match line.timestamp_ms {
        Some(ms) => format!("{}", ms as f64 / 1_000.0),
        None => "now".to_owned(),
    };
    Ok((line.identity, format!(" {} {time}", line.value)))
}
