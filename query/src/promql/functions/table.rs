//! Every function by name, with its types.

use super::{
    Function, Run, Windows, absence, counter, date, histogram, label, math, over_time, regression,
    values,
};
use crate::Aspect;
use crate::promql::ast::ExprType::{self, Matrix, Scalar, Text, Vector};
use crate::promql::columns::Kernel;
use crate::promql::reading::Need;

/// Names are case-sensitive, as in Prometheus.
pub(in crate::promql) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

static FUNCTIONS: &[Function] = &[
    own("absent", &[Vector], Vector, absence::absent),
    own(
        "absent_over_time",
        &[Matrix],
        Vector,
        absence::absent_over_time,
    ),
    own(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Vector,
        histogram::fraction,
    ),
    own(
        "histogram_quantile",
        &[Scalar, Vector],
        Vector,
        histogram::quantile,
    ),
    own(
        "label_replace",
        &[Vector, Text, Text, Text, Text],
        Vector,
        label::replace,
    ),
    repeating(own(
        "label_join",
        &[Vector, Text, Text, Text],
        Vector,
        label::join,
    )),
    own("pi", &[], Scalar, values::pi),
    own("scalar", &[Vector], Scalar, values::scalar),
    own("sort", &[Vector], Vector, values::sort),
    own("sort_desc", &[Vector], Vector, values::sort_desc),
    own("time", &[], Scalar, values::time),
    own("timestamp", &[Vector], Vector, values::timestamp),
    own("vector", &[Scalar], Vector, values::vector),
    //
    fast(window("rate", Need::Trend, counter::rate), Kernel::Rate),
    fast(
        window("increase", Need::Trend, counter::increase),
        Kernel::Increase,
    ),
    fast(window("delta", Need::Trend, counter::delta), Kernel::Delta),
    fast(
        window("irate", Need::Samples, counter::irate),
        Kernel::Irate,
    ),
    fast(
        window("idelta", Need::Samples, counter::idelta),
        Kernel::Idelta,
    ),
    fast(
        window("changes", Need::Samples, counter::changes),
        Kernel::Changes,
    ),
    fast(
        window("resets", Need::Samples, counter::resets),
        Kernel::Resets,
    ),
    window("deriv", Need::Trend, regression::deriv),
    with(
        window("predict_linear", Need::Trend, regression::predict_linear),
        &[Matrix, Scalar],
    ),
    own(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
        regression::smoothing,
    ),
    //
    fast(
        window("avg_over_time", Need::Average, over_time::avg),
        Kernel::Avg,
    ),
    fast(
        window(
            "count_over_time",
            Need::Whole(Aspect::Count),
            over_time::count,
        ),
        Kernel::Count,
    ),
    naming(fast(
        window("first_over_time", Need::Samples, over_time::first),
        Kernel::First,
    )),
    naming(fast(
        window("last_over_time", Need::Whole(Aspect::Last), over_time::last),
        Kernel::Last,
    )),
    window("mad_over_time", Need::Samples, over_time::mad),
    fast(
        window("max_over_time", Need::Whole(Aspect::Max), over_time::max),
        Kernel::Max,
    ),
    fast(
        window("min_over_time", Need::Whole(Aspect::Min), over_time::min),
        Kernel::Min,
    ),
    fast(
        window(
            "present_over_time",
            Need::Whole(Aspect::Last),
            over_time::present,
        ),
        Kernel::Present,
    ),
    with(
        window("quantile_over_time", Need::Samples, over_time::quantile),
        &[Scalar, Matrix],
    ),
    window("stddev_over_time", Need::Samples, over_time::stddev),
    window("stdvar_over_time", Need::Samples, over_time::stdvar),
    fast(
        window("sum_over_time", Need::Whole(Aspect::Sum), over_time::sum),
        Kernel::Sum,
    ),
    window(
        "ts_of_first_over_time",
        Need::Samples,
        over_time::ts_of_first,
    ),
    window(
        "ts_of_last_over_time",
        Need::Whole(Aspect::Last),
        over_time::ts_of_last,
    ),
    window("ts_of_max_over_time", Need::Samples, over_time::ts_of_max),
    window("ts_of_min_over_time", Need::Samples, over_time::ts_of_min),
    //
    number("abs", |v, _| Some(v.abs())),
    number("acos", |v, _| Some(v.acos())),
    number("acosh", |v, _| Some(v.acosh())),
    number("asin", |v, _| Some(v.asin())),
    number("asinh", |v, _| Some(v.asinh())),
    number("atan", |v, _| Some(v.atan())),
    number("atanh", |v, _| Some(v.atanh())),
    number("ceil", |v, _| Some(v.ceil())),
    number("cos", |v, _| Some(v.cos())),
    number("cosh", |v, _| Some(v.cosh())),
    number("deg", |v, _| Some(v * 180.0 / std::f64::consts::PI)),
    number("exp", |v, _| Some(v.exp())),
    number("floor", |v, _| Some(v.floor())),
    number("ln", |v, _| Some(v.ln())),
    number("log10", |v, _| Some(v.log10())),
    number("log2", |v, _| Some(v.log2())),
    number("rad", |v, _| Some(v * std::f64::consts::PI / 180.0)),
    number("sgn", |v, _| Some(math::sgn(v))),
    number("sin", |v, _| Some(v.sin())),
    number("sinh", |v, _| Some(v.sinh())),
    number("sqrt", |v, _| Some(v.sqrt())),
    number("tan", |v, _| Some(v.tan())),
    number("tanh", |v, _| Some(v.tanh())),
    with(number("clamp", math::clamp), &[Vector, Scalar, Scalar]),
    with(number("clamp_max", math::clamp_max), &[Vector, Scalar]),
    with(number("clamp_min", math::clamp_min), &[Vector, Scalar]),
    optional(with(number("round", math::round), &[Vector, Scalar])),
    //
    date("day_of_month", |d| d.day),
    date("day_of_week", |d| d.weekday),
    date("day_of_year", |d| d.day_of_year),
    date("days_in_month", |d| d.days_in_month),
    date("hour", |d| d.hour),
    date("minute", |d| d.minute),
    date("month", |d| d.month),
    date("year", |d| d.year),
    //
    of_histogram("histogram_avg", |h| h.sum / h.count),
    of_histogram("histogram_count", |h| h.count),
    of_histogram("histogram_stddev", |h| h.variance().sqrt()),
    of_histogram("histogram_stdvar", |h| h.variance()),
    of_histogram("histogram_sum", |h| h.sum),
];

const fn function(
    name: &'static str,
    args: &'static [ExprType],
    returns: ExprType,
    run: Run,
) -> Function {
    Function {
        name,
        args,
        optional: 0,
        repeats: false,
        returns,
        run,
    }
}

const fn own(
    name: &'static str,
    args: &'static [ExprType],
    returns: ExprType,
    run: super::OwnFn,
) -> Function {
    function(name, args, returns, Run::Own(run))
}

const fn window(name: &'static str, need: Need, run: super::WindowFn) -> Function {
    function(
        name,
        &[Matrix],
        Vector,
        Run::Windows(Windows {
            run,
            need,
            kernel: None,
            keeps_name: false,
        }),
    )
}

const fn number(name: &'static str, run: super::NumberFn) -> Function {
    function(name, &[Vector], Vector, Run::Number(run))
}

const fn date(name: &'static str, run: fn(&date::Date) -> f64) -> Function {
    optional(function(name, &[Vector], Vector, Run::Date(run)))
}

const fn of_histogram(name: &'static str, run: super::HistogramFn) -> Function {
    function(name, &[Vector], Vector, Run::Histogram(run))
}

const fn with(function: Function, args: &'static [ExprType]) -> Function {
    Function { args, ..function }
}

const fn optional(function: Function) -> Function {
    Function {
        optional: 1,
        ..function
    }
}

const fn repeating(function: Function) -> Function {
    // The repeated argument may also be left out.
    Function {
        optional: 1,
        repeats: true,
        ..function
    }
}

const fn naming(function: Function) -> Function {
    changed(function, None, true)
}

const fn fast(function: Function, kernel: Kernel) -> Function {
    changed(function, Some(kernel), false)
}

/// Only of functions over windows; a kernel stays once it is there.
const fn changed(function: Function, kernel: Option<Kernel>, keeps_name: bool) -> Function {
    let run = match function.run {
        Run::Windows(windows) => Run::Windows(Windows {
            kernel: match kernel {
                Some(kernel) => Some(kernel),
                None => windows.kernel,
            },
            keeps_name,
            ..windows
        }),
        other => other,
    };
    Function { run, ..function }
}
