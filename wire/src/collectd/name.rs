//! The series of one data source of a value list.

use super::ValueList;
use crate::{Invalid, KeyError, Reject, SeriesKey};

/// `collectd_<plugin>[_<type>][_<data source>][_total]`: the type where it is not the plugin's name, the source where it is
/// not `value`, `_total` for what counts. Labels: `instance` is the host; one called as the plugin has its instance, and
/// the type's where it has none; otherwise the type's instance is in `type`.
///
/// # Errors
/// [`Reject::BadName`], [`Reject::BadLabels`], by the bounds of [`crate::limits`]; [`Reject::UnknownType`] for a data
/// source that is neither counter, gauge, derive nor absolute.
pub fn series_key(list: &ValueList<'_>, source: usize) -> Result<SeriesKey, Invalid> {
    let (Some(name), Some(kind)) = (list.dsnames.get(source), list.dstypes.get(source)) else {
        return Err(Invalid::new(Reject::Malformed, "no such data source"));
    };
    let counts = match &**kind {
        "counter" | "derive" => true,
        "gauge" | "absolute" => false,
        other => {
            let text = format!("data source type {other:?} is not known");
            return Err(Invalid::new(Reject::UnknownType, text));
        }
    };
    let mut metric = format!("collectd_{}", list.plugin);
    if list.kind != list.plugin {
        metric = format!("{metric}_{}", list.kind);
    }
    if name != "value" {
        metric = format!("{metric}_{name}");
    }
    if counts {
        metric.push_str("_total");
    }
    let (metric, plugin) = (plain(&metric), plain(&list.plugin));
    let mut labels: Vec<(&str, &str)> = vec![("instance", &list.host)];
    match (&*list.plugin_instance, &*list.type_instance) {
        ("", instance) => labels.push((&plugin, instance)),
        (instance, other) => labels.extend([(plugin.as_str(), instance), ("type", other)]),
    }
    SeriesKey::new(&metric, labels).map_err(|error| {
        let reject = match error {
            KeyError::EmptyName | KeyError::LongName => Reject::BadName,
            _ => Reject::BadLabels,
        };
        Invalid::new(reject, error.to_string())
    })
}

/// What is no letter, digit or underscore becomes an underscore.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(kept).collect()
}
