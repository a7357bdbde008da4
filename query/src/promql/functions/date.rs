//! Parts of a date in UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::promql::eval::{Eval, mapped};
use crate::promql::{Expr, Labels, QueryError, Series, Value};

/// A moment's parts, as PromQL numbers them: months and days from 1, Sunday is 0.
pub(super) struct Date {
    pub(super) year: f64,
    pub(super) month: f64,
    pub(super) day: f64,
    pub(super) weekday: f64,
    pub(super) day_of_year: f64,
    pub(super) days_in_month: f64,
    pub(super) hour: f64,
    pub(super) minute: f64,
}

/// Without an argument, of the step's own time.
pub(super) fn eval(
    eval: &Eval<'_>,
    args: &[Expr],
    part: fn(&Date) -> f64,
) -> Result<Vec<Series>, QueryError> {
    let series = match args.first() {
        Some(expr) => eval.vector(expr)?,
        None => super::values::times(eval)?,
    };
    mapped(series, Labels::without_name, |_, value| {
        let value = date(value.float()?).map_or(f64::NAN, |date| part(&date));
        Some(Value::Float(value))
    })
}

/// `None` outside the years that calendars agree on (-9999 to 9999), and for NaN.
fn date(seconds: f64) -> Option<Date> {
    if seconds.is_nan() {
        return None;
    }
    let moment = Timestamp::from_second(seconds as i64)
        .ok()?
        .to_zoned(TimeZone::UTC);
    Some(Date {
        year: f64::from(moment.year()),
        month: f64::from(moment.month()),
        day: f64::from(moment.day()),
        weekday: f64::from(moment.weekday().to_sunday_zero_offset()),
        day_of_year: f64::from(moment.day_of_year()),
        days_in_month: f64::from(moment.days_in_month()),
        hour: f64::from(moment.hour()),
        minute: f64::from(moment.minute()),
    })
}
