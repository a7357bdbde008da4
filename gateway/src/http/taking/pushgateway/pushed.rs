//! What was pushed, taken out of its text: families with the series that their samples are, the group's labels over them.

use weir_wire::buckets::Buckets;
use weir_wire::exposition::{self, Format, Measured, Sample};
use weir_wire::pushgateway::Group;
use weir_wire::{Invalid, Kind, Reject, SeriesKey};

use crate::http::taking::metadata::Families;

/// A family, by the name it was pushed under.
pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) samples: Vec<Pushed>,
}

/// A sample.
pub(super) struct Pushed {
    pub(super) key: SeriesKey,
    pub(super) value: Value,
    pub(super) timestamp_ms: Option<i64>,
}

pub(super) enum Value {
    Float(f64),
    Native(Box<Buckets>),
}

/// Series that every group has; pushing them is a mistake.
pub(super) const PUSH_TIME: &str = "push_time_seconds";
pub(super) const FAILURE_TIME: &str = "push_failure_time_seconds";

/// Reads a push.
///
/// # Errors
/// The first mistake, in the Pushgateway's words: nothing of it is to be taken.
pub(super) fn read(
    known: &Families,
    text: &[u8],
    format: Format,
    group: &Group,
    timestamps: bool,
) -> Result<Vec<Family>, Invalid> {
    let families = exposition::parse(text, format)
        .map_err(|error| Invalid::new(error.reject, error.to_string()))?;
    if let Some(invalid) = exposition::inconsistent(&families) {
        return Err(invalid);
    }
    let over: Vec<(&str, &str)> = group.labels().collect();
    let mut pushed = Vec::with_capacity(families.len());
    for family in &families {
        if [PUSH_TIME, FAILURE_TIME].contains(&&*family.name) {
            let text = format!("{:?} is told by the gateway itself", family.name);
            return Err(Invalid::new(Reject::BadName, text));
        }
        let samples = family.samples.iter();
        let samples: Result<Vec<Pushed>, Invalid> = samples
            .map(|sample| taken(sample, &over, timestamps))
            .collect();
        pushed.push(Family {
            name: family.name.to_string(),
            kind: family.kind,
            samples: samples?,
        });
        known.learn(&family.name, family.kind, &family.help, &family.unit);
    }
    Ok(pushed)
}

fn taken(sample: &Sample<'_>, over: &[(&str, &str)], timestamps: bool) -> Result<Pushed, Invalid> {
    if sample.timestamp_ms.is_some() && !timestamps {
        let text = "pushed metrics must not have timestamps (pushgateway.timestamps allows them)";
        return Err(Invalid::new(Reject::BadTimestamp, text));
    }
    if sample.timestamp_ms.is_some_and(|at| at <= 0) {
        let text = format!("a sample of {:?} has a time before 1970", sample.name);
        return Err(Invalid::new(Reject::BadTimestamp, text));
    }
    Ok(Pushed {
        key: exposition::series_key(sample, over)?,
        value: match &sample.value {
            Measured::Float(value) => Value::Float(*value),
            Measured::Native(buckets) => Value::Native(buckets.clone()),
        },
        timestamp_ms: sample.timestamp_ms,
    })
}
