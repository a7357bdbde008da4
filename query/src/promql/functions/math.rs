//! Numbers to numbers, with Go's rules where Rust's differ: its min and max hand NaN on.

pub(super) fn sgn(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() {
        value
    } else {
        value.signum()
    }
}

pub(super) fn clamp(value: f64, bounds: &[f64]) -> Option<f64> {
    let [least, most] = *bounds else {
        return None;
    };
    // Bounds that exclude everything leave nothing.
    if most < least {
        return None;
    }
    Some(max(least, min(most, value)))
}

pub(super) fn clamp_min(value: f64, bounds: &[f64]) -> Option<f64> {
    bounds.first().map(|least| max(*least, value))
}

pub(super) fn clamp_max(value: f64, bounds: &[f64]) -> Option<f64> {
    bounds.first().map(|most| min(*most, value))
}

/// To the nearest multiple, halves up.
pub(super) fn round(value: f64, to: &[f64]) -> Option<f64> {
    // Multiplying by the inverse keeps multiples of 0.1 and the like short.
    let inverse = 1.0 / to.first().copied().unwrap_or(1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

fn max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

fn min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}
