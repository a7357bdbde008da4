//! What of a push may be added to what a group has: counts, which are finite and never negative, and sums, which are finite,
//! of a family that is of the type it was. One that is not would spoil the group for every push after it. Pure.

use weir_wire::{Invalid, Kind, Reject};

use super::group::Kept;
use super::pushed::{Family, Value};

/// Whether all of a family can be added.
///
/// # Errors
/// [`Reject::NotFinite`] and [`Reject::BadValue`] for a value that cannot, [`Reject::UnknownType`] for a family of another
/// type; each names it.
pub(super) fn check(family: &Family, before: Option<&Kept>) -> Result<(), Invalid> {
    let name = &family.name;
    if let Some(before) = before.filter(|before| is_other(before, family.kind)) {
        let text = format!(
            "metric {name:?} is a {} in this group, and was pushed as a {}: delete the group, or push it with mode=replace",
            before.kind.as_str(),
            family.kind.as_str()
        );
        return Err(Invalid::new(Reject::UnknownType, text));
    }
    for sample in &family.samples {
        let (Value::Float(value), None) = (&sample.value, sample.timestamp_ms) else {
            continue;
        };
        let series = sample.key.name();
        if !adds_up(family.kind, series) {
            continue;
        }
        let had = before.and_then(|before| before.samples.get(&sample.key));
        if !value.is_finite() || !sum(had.copied(), *value).is_finite() {
            let text = format!("{series:?} of {value} cannot be added up: it must be finite");
            return Err(Invalid::new(Reject::NotFinite, text));
        }
        let counts = family.kind == Kind::Counter || !series.ends_with("_sum");
        if counts && *value < 0.0 {
            let text = format!("{series:?} of {value} cannot be added up: it only counts up");
            return Err(Invalid::new(Reject::BadValue, text));
        }
    }
    Ok(())
}

/// What of a family adds up over jobs: counts and sums, not quantiles or gauges.
pub(super) fn adds_up(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Counter => !name.ends_with("_created"),
        Kind::Histogram => !name.ends_with("_created"),
        Kind::Summary => name.ends_with("_count") || name.ends_with("_sum"),
        _ => false,
    }
}

/// A total that is no number, as a push in the other mode may leave one, begins anew.
pub(super) fn sum(before: Option<f64>, value: f64) -> f64 {
    before.filter(|before| before.is_finite()).unwrap_or(0.0) + value
}

fn is_other(before: &Kept, kind: Kind) -> bool {
    let adds = |kind| matches!(kind, Kind::Counter | Kind::Histogram | Kind::Summary);
    before.kind != kind && (adds(before.kind) || adds(kind))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use weir_wire::SeriesKey;

    use super::super::pushed::Pushed;
    use super::*;

    fn family(kind: Kind, series: &str, value: f64) -> Family {
        Family {
            name: "m".to_owned(),
            kind,
            samples: vec![Pushed {
                key: SeriesKey::bare(series).unwrap(),
                value: Value::Float(value),
                timestamp_ms: None,
            }],
        }
    }

    fn kept(kind: Kind, series: &str, value: f64) -> Kept {
        Kept {
            kind,
            samples: BTreeMap::from([(SeriesKey::bare(series).unwrap(), value)]),
            natives: BTreeSet::new(),
        }
    }

    #[test]
    fn what_would_spoil_a_total_is_refused() {
        use Kind::{Counter, Gauge, Histogram, Summary, Unknown};
        let outcome = |kind, series, value, before: Option<&Kept>| {
            check(&family(kind, series, value), before).map_err(|why| why.reject)
        };
        assert_eq!(outcome(Counter, "m", 1.0, None), Ok(()));
        assert_eq!(
            outcome(Counter, "m", f64::NAN, None),
            Err(Reject::NotFinite)
        );
        assert_eq!(outcome(Counter, "m", -1.0, None), Err(Reject::BadValue));
        assert_eq!(outcome(Histogram, "m_sum", -1.0, None), Ok(()));
        assert_eq!(
            outcome(Histogram, "m_count", -1.0, None),
            Err(Reject::BadValue)
        );
        assert_eq!(outcome(Summary, "m", f64::NAN, None), Ok(()), "a quantile");
        assert_eq!(outcome(Gauge, "m", f64::NAN, None), Ok(()));
        let large = kept(Counter, "m", f64::MAX);
        assert_eq!(
            outcome(Counter, "m", f64::MAX, Some(&large)),
            Err(Reject::NotFinite)
        );
        let counter = kept(Counter, "m", 3.0);
        assert_eq!(
            outcome(Gauge, "m", 1.0, Some(&counter)),
            Err(Reject::UnknownType)
        );
        let gauge = kept(Gauge, "m", 3.0);
        assert_eq!(outcome(Unknown, "m", 1.0, Some(&gauge)), Ok(()));
    }

    #[test]
    fn a_total_that_is_no_number_begins_anew() {
        assert_eq!(sum(None, 2.0), 2.0);
        assert_eq!(sum(Some(3.0), 2.0), 5.0);
        assert_eq!(sum(Some(f64::NAN), 2.0), 2.0);
    }
}
