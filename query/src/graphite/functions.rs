//! Graphite's functions: the table of names, and what each does to series. Names and tags of results follow
//! graphite-web (webapp/graphite/render/functions.py).

mod combine;
mod transform;

use super::series::RenderedSeries;
use super::target::{Call, Term};
use super::{GraphiteError, limits};

/// What was asked for, for functions that need no series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub from_s: i64,
    pub until_s: i64,
}

type Series = Vec<RenderedSeries>;
type Evaluate<'a> = &'a dyn Fn(&Term) -> Result<Series, GraphiteError>;

const KNOWN: [&str; 22] = [
    "absolute",
    "alias",
    "aliasByNode",
    "aliasByTags",
    "averageSeries",
    "avg",
    "consolidateBy",
    "constantLine",
    "countSeries",
    "group",
    "keepLastValue",
    "maxSeries",
    "minSeries",
    "nonNegativeDerivative",
    "offset",
    "perSecond",
    "scale",
    "seriesByTag",
    "sortByName",
    "sum",
    "sumSeries",
    "summarize",
];

/// Whether a function of this name exists.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// Calls a function; `evaluate` gives the series of an argument.
pub(super) fn call(
    call: &Call,
    frame: &Frame,
    evaluate: Evaluate<'_>,
) -> Result<Series, GraphiteError> {
    let args = Args { call, evaluate };
    match call.name.as_str() {
        "constantLine" => Ok(vec![constant_line(args.number(0)?, frame)]),
        "group" => args.every_series(),
        "sumSeries" | "sum" | "averageSeries" | "avg" | "maxSeries" | "minSeries"
        | "countSeries" => combine::combine(&call.name, args.every_series()?),
        "alias" => transform::alias(args.series()?, &args.text(1)?),
        "aliasByNode" | "aliasByTags" => Ok(transform::alias_by_node(args.series()?, args.rest(1))),
        "sortByName" => Ok(transform::sorted_by_name(args.series()?)),
        "consolidateBy" => transform::consolidate_by(args.series()?, &args.text(1)?),
        "scale" => Ok(transform::scale(args.series()?, args.number(1)?)),
        "offset" => Ok(transform::offset(args.series()?, args.number(1)?)),
        "absolute" => Ok(transform::absolute(args.series()?)),
        "perSecond" => Ok(transform::per_second(
            args.series()?,
            args.optional_number(1, "maxValue")?,
        )),
        "nonNegativeDerivative" => Ok(transform::derivative(
            args.series()?,
            args.optional_number(1, "maxValue")?,
        )),
        "keepLastValue" => Ok(transform::keep_last(
            args.series()?,
            args.optional_number(1, "limit")?,
        )),
        "summarize" => summarize(&args),
        other => Err(GraphiteError::UnknownFunction(
            other.chars().take(64).collect(),
        )),
    }
}

fn summarize(args: &Args<'_>) -> Result<Series, GraphiteError> {
    let how = match args.find(2, "func") {
        Some(Term::Text(how)) => how.clone(),
        None => "sum".to_owned(),
        Some(_) => return Err(args.bad("func must be a string")),
    };
    let align = match args.find(3, "alignToFrom") {
        Some(Term::Flag(align)) => *align,
        None => false,
        Some(_) => return Err(args.bad("alignToFrom must be true or false")),
    };
    transform::summarize(args.series()?, &args.text(1)?, &how, align)
}

fn constant_line(value: f64, frame: &Frame) -> RenderedSeries {
    let step_s = frame.until_s.saturating_sub(frame.from_s) / 2;
    RenderedSeries::new(
        format!("{value}"),
        frame.from_s,
        step_s,
        vec![Some(value); 3],
    )
}

/// The arguments of one call, by position or by name.
struct Args<'a> {
    call: &'a Call,
    evaluate: Evaluate<'a>,
}

impl Args<'_> {
    fn bad(&self, reason: impl Into<String>) -> GraphiteError {
        GraphiteError::argument(&self.call.name, reason)
    }

    fn find(&self, at: usize, name: &str) -> Option<&Term> {
        self.call.argument(at, name)
    }

    fn rest(&self, from: usize) -> &[Term] {
        self.call.args.get(from..).unwrap_or_default()
    }

    fn series(&self) -> Result<Series, GraphiteError> {
        let first = self
            .call
            .args
            .first()
            .ok_or_else(|| self.bad("a series is missing"))?;
        (self.evaluate)(first)
    }

    fn every_series(&self) -> Result<Series, GraphiteError> {
        let mut all = Vec::new();
        let mut points = 0usize;
        for arg in &self.call.args {
            let more = (self.evaluate)(arg)?;
            points = points.saturating_add(more.iter().map(|one| one.values.len()).sum());
            if points > limits::POINTS {
                return Err(GraphiteError::TooMuch {
                    what: "points",
                    limit: limits::POINTS,
                });
            }
            all.extend(more);
        }
        Ok(all)
    }

    fn text(&self, at: usize) -> Result<String, GraphiteError> {
        match self.call.args.get(at) {
            Some(Term::Text(text)) => Ok(text.clone()),
            _ => Err(self.bad(format!("argument {} must be a string", at + 1))),
        }
    }

    fn number(&self, at: usize) -> Result<f64, GraphiteError> {
        match self.call.args.get(at) {
            Some(Term::Number(number)) => Ok(*number),
            _ => Err(self.bad(format!("argument {} must be a number", at + 1))),
        }
    }

    fn optional_number(&self, at: usize, name: &str) -> Result<Option<f64>, GraphiteError> {
        match self.find(at, name) {
            None => Ok(None),
            Some(Term::Number(number)) => Ok(Some(*number)),
            Some(_) => Err(self.bad(format!("{name} must be a number"))),
        }
    }
}
