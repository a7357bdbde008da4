//! The functions: what each is called, takes and gives, and how its kind is run. What they compute is in the files
//! beside, by idea.

mod absence;
mod counter;
mod date;
mod histogram;
mod label;
mod math;
mod over_time;
mod regression;
mod table;
mod values;

use std::fmt;

use super::assembly::joined;
use super::ast::{Call, ExprType};
use super::columns::{Kernel, WindowRows};
use super::eval::{Eval, Evaluated, mapped, unexpected};
use super::reading::Need;
use super::window::{Ranged, Window};
use super::{Distribution, Expr, Labels, QueryError, Series, Value};
pub(super) use counter::{Reach, changed, fell};
pub(super) use table::find;

/// A function of PromQL.
pub struct Function {
    pub name: &'static str,
    /// The types of its arguments, in order.
    pub args: &'static [ExprType],
    /// How many of the last arguments may be left out.
    pub optional: usize,
    /// Whether the last argument may be repeated.
    pub repeats: bool,
    pub returns: ExprType,
    run: Run,
}

pub(super) type WindowFn = fn(&Window<'_>) -> Option<Value>;
type NumberFn = fn(f64, &[f64]) -> Option<f64>;
type HistogramFn = fn(&Distribution) -> f64;
type OwnFn = fn(&Eval<'_>, &[Expr]) -> Result<Evaluated, QueryError>;

/// The kinds of functions.
#[derive(Clone, Copy)]
enum Run {
    /// A window of samples to a value; the scalar arguments are the window's params.
    Windows(Windows),
    /// A number to a number, with the scalar arguments after it; `None` leaves the element out.
    Number(NumberFn),
    /// A time in seconds, by default that of the step, to a part of its UTC date.
    Date(fn(&date::Date) -> f64),
    /// A histogram to a number.
    Histogram(HistogramFn),
    /// Anything else: evaluates its arguments itself.
    Own(OwnFn),
}

/// A function over windows.
#[derive(Clone, Copy)]
pub(super) struct Windows {
    pub(super) run: WindowFn,
    pub(super) need: Need,
    /// The same for series of numbers alone, all windows of one at once.
    pub(super) kernel: Option<Kernel>,
    pub(super) keeps_name: bool,
}

/// What a call does to windows, if it is a function over windows.
pub(super) fn windows_of(call: &Call) -> Option<Windows> {
    match call.function.run {
        Run::Windows(windows) => Some(windows),
        _ => None,
    }
}

impl PartialEq for Function {
    /// Names are unique.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Runs a call whose arguments the parser has checked.
pub(super) fn eval(eval: &Eval<'_>, call: &Call) -> Result<Evaluated, QueryError> {
    let done = match call.function.run {
        Run::Own(run) => return run(eval, &call.args),
        Run::Windows(function) => windows(eval, &call.args, function.run, &function),
        Run::Number(run) => numbers(eval, call, run),
        Run::Date(run) => date::eval(eval, &call.args, run),
        Run::Histogram(run) => {
            let series = eval.vector(arg(&call.args, 0)?)?;
            mapped(series, Labels::without_name, |_, value| {
                value.histogram().map(|h| Value::Float(run(h)))
            })
        }
    };
    done.map(Evaluated::Vector)
}

fn arg(args: &[Expr], place: usize) -> Result<&Expr, QueryError> {
    args.get(place)
        .ok_or_else(|| unexpected("too few arguments", "in a call"))
}

fn windows(
    eval: &Eval<'_>,
    args: &[Expr],
    run: impl FnMut(&Window<'_>) -> Option<Value>,
    function: &Windows,
) -> Result<Vec<Series>, QueryError> {
    let is_range = |expr: &&Expr| expr.kind() == ExprType::Matrix;
    let range = args.iter().find(is_range);
    let range = range.ok_or_else(|| unexpected("no range vector", "in a call"))?;
    let scalars = args.iter().filter(|expr| !is_range(expr));
    let params: Vec<Vec<f64>> = scalars
        .map(|expr| eval.scalar(expr))
        .collect::<Result<_, _>>()?;
    let ranged = eval.ranged(range, function.need)?;
    run_windows(eval, &ranged, &params, run, function)
}

/// Runs a function over the windows of every series.
pub(super) fn run_windows(
    eval: &Eval<'_>,
    ranged: &Ranged,
    params: &[Vec<f64>],
    mut run: impl FnMut(&Window<'_>) -> Option<Value>,
    function: &Windows,
) -> Result<Vec<Series>, QueryError> {
    let kernel = function.kernel.filter(|_| eval.by_columns);
    let mut rows = kernel.map(|one| WindowRows::new(eval, ranged.shift, ranged.range_ms, one));
    let mut out = Vec::with_capacity(ranged.tracks.len());
    for track in &ranged.tracks {
        let points = match &mut rows {
            Some(rows) if track.is_plain() => {
                eval.budget.take_samples(eval.grid.len() as u64)?;
                let row = rows.row(&track.times_ms, &track.values);
                row.points(eval.grid)
            }
            _ => eval.slide(ranged, track, params, &mut run)?,
        };
        if !points.is_empty() {
            let labels = if function.keeps_name {
                track.labels.clone()
            } else {
                track.labels.without_name()
            };
            out.push(Series { labels, points });
        }
    }
    joined(out)
}

fn numbers(eval: &Eval<'_>, call: &Call, run: NumberFn) -> Result<Vec<Series>, QueryError> {
    let series = eval.vector(arg(&call.args, 0)?)?;
    let scalars = call.args.iter().skip(1);
    let params: Vec<Vec<f64>> = scalars
        .map(|expr| eval.scalar(expr))
        .collect::<Result<_, _>>()?;
    let mut now = vec![0.0; params.len()];
    mapped(series, Labels::without_name, |time_ms, value| {
        let step = eval.grid.step(time_ms);
        for (slot, values) in now.iter_mut().zip(&params) {
            *slot = values.get(step).copied().unwrap_or(f64::NAN);
        }
        // Functions of numbers pass over histograms.
        run(value.float()?, &now).map(Value::Float)
    })
}
