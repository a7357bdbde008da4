//! Numbers as Go writes them: `%v`, `%.4g`, `%.2f`, `%e`. Prometheus' JSON and templates are full of them.

/// `strconv.FormatFloat(number, 'e', -1, 64)`: `1e+00`, `1.5e-07`.
pub(crate) fn scientific(number: f64) -> String {
    special(number).unwrap_or_else(|| go_exponent(&format!("{number:e}")))
}

/// `%.Ne`.
pub(super) fn scientific_with(number: f64, precision: usize) -> String {
    special(number).unwrap_or_else(|| go_exponent(&format!("{number:.precision$e}")))
}

/// `%v`: the fewest digits that are exact, with an exponent below 1e-4 and from 1e6 (strconv's rule for `'g'`
/// without a precision).
pub(super) fn shortest(number: f64) -> String {
    if let Some(text) = special(number) {
        return text;
    }
    if (-4..6).contains(&exponent_of(&format!("{number:e}"))) {
        return format!("{number}");
    }
    scientific(number)
}

/// `%.Ng`: `precision` significant digits, trailing zeros left out.
pub(super) fn general(number: f64, precision: usize) -> String {
    if let Some(text) = special(number) {
        return text;
    }
    let precision = precision.max(1);
    let rounded = format!("{number:.*e}", precision - 1);
    let exponent = exponent_of(&rounded);
    if exponent < -4 || exponent >= i32::try_from(precision).unwrap_or(i32::MAX) {
        return go_exponent(&without_zeros(&rounded));
    }
    let decimals = i32::try_from(precision).unwrap_or(i32::MAX) - 1 - exponent;
    let text = format!("{number:.*}", usize::try_from(decimals).unwrap_or(0));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `%.Nf`.
pub(super) fn fixed(number: f64, precision: usize) -> String {
    special(number).unwrap_or_else(|| format!("{number:.precision$}"))
}

fn special(number: f64) -> Option<String> {
    match number {
        nan if nan.is_nan() => Some("NaN".to_owned()),
        f64::INFINITY => Some("+Inf".to_owned()),
        f64::NEG_INFINITY => Some("-Inf".to_owned()),
        _ => None,
    }
}

fn exponent_of(scientific: &str) -> i32 {
    let (_, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    exponent.parse().unwrap_or(0)
}

fn without_zeros(scientific: &str) -> String {
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
            format!("{mantissa}e{exponent}")
        }
        _ => scientific.to_owned(),
    }
}

/// Go writes a sign and at least two digits of exponent.
fn go_exponent(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}
