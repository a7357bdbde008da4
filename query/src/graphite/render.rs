//! A render request to series: parses the targets, reads each path once, puts all on one grid, evaluates.

use std::collections::BTreeMap;

use weir_wire::{Matcher, SeriesKey};

use super::consolidate::{Consolidation, limit_points};
use super::functions::{self, Frame};
use super::grid::Grid;
use super::reading::Reading;
use super::series::{RenderedSeries, path_of, tags_of};
use super::target::{self, Call, Term};
use super::{GraphiteError, limits, parse_time, pattern, tags};
use crate::{Aspect, Budget, SeriesData, Source, TimeRange, Wish, tiers};

/// What `/render` was asked, as text.
#[derive(Debug, Clone, Default)]
pub struct RenderRequest {
    pub targets: Vec<String>,
    /// `-1d` where absent.
    pub from: Option<String>,
    /// `now` where absent.
    pub until: Option<String>,
    /// UTC where absent.
    pub zone: Option<String>,
    /// At most so many points a series.
    pub max_points: Option<usize>,
}

/// The series of every target, in the order of the targets, over `(from, until]`.
///
/// # Errors
/// A time, target or argument that cannot be read, an unknown function, a bound passed, a failing source.
pub fn render(
    source: &dyn Source,
    request: &RenderRequest,
    now_ms: i64,
    budget: &Budget,
) -> Result<Vec<RenderedSeries>, GraphiteError> {
    let (from_s, until_s) = range(request, now_ms)?;
    if request.targets.len() > limits::TARGETS {
        return Err(GraphiteError::TooMuch {
            what: "targets",
            limit: limits::TARGETS,
        });
    }
    let terms: Result<Vec<Term>, _> = request
        .targets
        .iter()
        .map(|text| target::parse(text))
        .collect();
    let terms = terms?;
    let mut fetched = Fetched {
        source,
        budget,
        range: read_range(from_s, until_s),
        found: BTreeMap::new(),
    };
    let reading = Reading::of_chart(until_s.saturating_sub(from_s), request.max_points);
    for term in &terms {
        fetched.collect(term, reading)?;
    }
    let every = fetched.found.values().flat_map(|found| &found.series);
    let grid = Grid::choose(every, from_s, until_s, limits::POINTS);
    let frame = Frame { from_s, until_s };
    let evaluation = Evaluation {
        fetched: &fetched,
        grid,
        frame,
        budget,
    };
    let mut out = Vec::new();
    let mut points = 0usize;
    for term in &terms {
        let series = evaluation.series(term, reading)?;
        points = points.saturating_add(series.iter().map(|one| one.values.len()).sum());
        if points > limits::POINTS {
            return Err(GraphiteError::TooMuch {
                what: "points",
                limit: limits::POINTS,
            });
        }
        out.extend(series);
    }
    if let Some(max) = request.max_points {
        limit_points(&mut out, max);
    }
    Ok(out)
}

fn range(request: &RenderRequest, now_ms: i64) -> Result<(i64, i64), GraphiteError> {
    let zone = request.zone.as_deref();
    let from_s = parse_time(request.from.as_deref().unwrap_or("-1d"), now_ms, zone)?;
    let until_s = parse_time(request.until.as_deref().unwrap_or("now"), now_ms, zone)?;
    if from_s >= until_s {
        return Err(GraphiteError::EmptyRange);
    }
    Ok((from_s, until_s))
}

fn read_range(from_s: i64, until_s: i64) -> TimeRange {
    TimeRange {
        from_ms: from_s.saturating_mul(1_000),
        to_ms: until_s.saturating_mul(1_000).saturating_add(999),
    }
}

/// What was read, by the text it was asked for as and how; a path that stands in ten targets is read once.
struct Fetched<'a> {
    source: &'a dyn Source,
    budget: &'a Budget,
    range: TimeRange,
    found: BTreeMap<(String, Reading), Found>,
}

struct Found {
    series: Vec<SeriesData>,
    /// For averages of rollups: how many samples stand behind each float.
    weights: Option<Vec<Vec<f64>>>,
    rolled_up: bool,
}

impl Fetched<'_> {
    fn collect(&mut self, term: &Term, reading: Reading) -> Result<(), GraphiteError> {
        match term {
            Term::Path(path) => self.read_path(path, reading),
            Term::Call(call) if call.name == "seriesByTag" => self.read_tagged(call, reading),
            Term::Call(call) => {
                if !functions::is_known(&call.name) {
                    return Err(GraphiteError::UnknownFunction(
                        call.name.chars().take(64).collect(),
                    ));
                }
                let inner = reading.within(call);
                call.args
                    .iter()
                    .try_for_each(|arg| self.collect(arg, inner))
            }
            Term::Number(_) | Term::Text(_) | Term::Flag(_) => Ok(()),
        }
    }

    fn read_path(&mut self, path: &str, reading: Reading) -> Result<(), GraphiteError> {
        if path.contains(';') {
            return self.read_exact(path, reading);
        }
        let plain = |key: &SeriesKey| key.labels().next().is_none();
        self.read(path, &[pattern::matcher(path)?], reading, plain)
    }

    /// `name;k=v;…`: that one series.
    fn read_exact(&mut self, path: &str, reading: Reading) -> Result<(), GraphiteError> {
        let mut parts = path.split(';');
        let name = format!("name={}", parts.next().unwrap_or_default());
        let expressions: Vec<&str> = std::iter::once(name.as_str()).chain(parts).collect();
        let wanted = expressions.len() - 1;
        let exact = |key: &SeriesKey| key.labels().count() == wanted;
        self.read(path, &tags::matchers(&expressions)?, reading, exact)
    }

    fn read_tagged(&mut self, call: &Call, reading: Reading) -> Result<(), GraphiteError> {
        let text = |arg: &Term| match arg {
            Term::Text(text) => Ok(text.clone()),
            _ => Err(GraphiteError::argument(
                "seriesByTag",
                "write each expression as a string",
            )),
        };
        let expressions: Result<Vec<String>, _> = call.args.iter().map(text).collect();
        let expressions = expressions?;
        let borrowed: Vec<&str> = expressions.iter().map(String::as_str).collect();
        let matchers = tags::matchers(&borrowed)?;
        self.read(&call.text, &matchers, reading, |_| true)
    }

    fn read(
        &mut self,
        text: &str,
        matchers: &[Matcher],
        reading: Reading,
        wanted: impl Fn(&SeriesKey) -> bool,
    ) -> Result<(), GraphiteError> {
        let place = (text.to_owned(), reading);
        if self.found.contains_key(&place) {
            return Ok(());
        }
        let select = |wish| self.source.select(matchers, self.range, wish, self.budget);
        let mut selection = select(reading.wish())?;
        let rolled_up = selection.is_rolled_up();
        selection.series.retain(|one| wanted(&one.key));
        let weights = match rolled_up && reading.how == Consolidation::Average {
            false => None,
            true => {
                let aspect = Aspect::Count;
                let counts = select(Wish {
                    aspect,
                    ..reading.wish()
                })?;
                Some(tiers::weights(&selection.series, &counts.series))
            }
        };
        let found = Found {
            series: selection.series,
            weights,
            rolled_up,
        };
        self.found.insert(place, found);
        Ok(())
    }
}

struct Evaluation<'a> {
    fetched: &'a Fetched<'a>,
    grid: Grid,
    frame: Frame,
    budget: &'a Budget,
}

impl Evaluation<'_> {
    fn series(&self, term: &Term, reading: Reading) -> Result<Vec<RenderedSeries>, GraphiteError> {
        self.budget.check()?;
        match term {
            Term::Path(path) => self.placed(path, reading),
            Term::Call(call) if call.name == "seriesByTag" => self.placed(&call.text, reading),
            Term::Call(call) => {
                let inner = reading.within(call);
                functions::call(call, &self.frame, &|term| self.series(term, inner))
            }
            Term::Number(_) | Term::Text(_) | Term::Flag(_) => Err(GraphiteError::BadTarget {
                position: 1,
                reason: "a path or a call is wanted where a plain value stands",
            }),
        }
    }

    fn placed(&self, text: &str, reading: Reading) -> Result<Vec<RenderedSeries>, GraphiteError> {
        let place = (text.to_owned(), reading);
        let Some(found) = self.fetched.found.get(&place) else {
            return Ok(Vec::new());
        };
        let points = (found.series.len() as u64).saturating_mul(self.grid.points as u64);
        self.budget.take_samples(points)?;
        let place = |(at, one): (usize, &SeriesData)| {
            let weights = found.weights.as_ref().and_then(|all| all.get(at));
            let weights = weights.map(Vec::as_slice);
            let values = self.grid.place(one, reading.how, weights, found.rolled_up);
            let mut series = RenderedSeries::new(
                path_of(&one.key),
                self.grid.start_s,
                self.grid.step_s,
                values,
            );
            series.tags = tags_of(&one.key);
            text.clone_into(&mut series.expression);
            series
        };
        Ok(found.series.iter().enumerate().map(place).collect())
    }
}
