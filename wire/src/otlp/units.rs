//! Units of UCUM (ucum.org), as OpenTelemetry's instruments carry them, in the words that Prometheus' names end in.

/// The word for a unit and, behind a slash, the word for what it is by; empty where a unit says nothing: `1`, what
/// stands in braces, nothing.
pub(super) fn words(unit: &str) -> (&str, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let per = per.trim();
    let per = if says(per) {
        format!("per_{}", singular(per))
    } else {
        String::new()
    };
    let main = main.trim();
    (if says(main) { plural(main) } else { "" }, per)
}

fn says(unit: &str) -> bool {
    !unit.is_empty() && !unit.contains(['{', '}'])
}

fn plural(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        other => other,
    }
}

fn singular(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}
