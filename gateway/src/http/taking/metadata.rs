//! What senders say of metric families, by every protocol that says anything: type, help and unit, for
//! `/api/v1/metadata`. In memory only, bounded, the newest word holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Json, Response};
use parking_lot::RwLock;
use serde_json::{Map, Value, json};
use weir_wire::Kind;

use super::Taking;

/// Families that are remembered; what comes later is not, until the gateway is started again.
const MOST: usize = 20_000;
/// A longer name or text is not kept.
const NAME_BYTES: usize = 512;
const TEXT_BYTES: usize = 1_024;

#[derive(Default)]
pub(super) struct Families(RwLock<BTreeMap<String, Family>>);

#[derive(PartialEq, Eq)]
struct Family {
    kind: Kind,
    help: String,
    unit: String,
}

impl Families {
    /// Notes what is said of a family.
    pub(super) fn learn(&self, name: &str, kind: Kind, help: &str, unit: &str) {
        if name.is_empty()
            || [name.len(), unit.len()]
                .iter()
                .any(|&bytes| bytes > NAME_BYTES)
        {
            return;
        }
        let help = if help.len() > TEXT_BYTES { "" } else { help };
        let known =
            |family: &Family| family.kind == kind && family.help == help && family.unit == unit;
        // Nearly all is said again and again.
        if self.0.read().get(name).is_some_and(known) {
            return;
        }
        let mut families = self.0.write();
        if families.len() < MOST || families.contains_key(name) {
            let (help, unit) = (help.to_owned(), unit.to_owned());
            families.insert(name.to_owned(), Family { kind, help, unit });
        }
    }

    fn json(&self, metric: Option<&str>, limit: usize) -> Value {
        let families = self.0.read();
        let wanted = families
            .iter()
            .filter(|(name, _)| metric.is_none_or(|metric| metric == *name));
        let told = wanted.take(limit).map(|(name, family)| {
            let said =
                json!([{"type": family.kind.as_str(), "help": family.help, "unit": family.unit}]);
            (name.clone(), said)
        });
        Value::Object(told.collect::<Map<_, _>>())
    }
}

pub(super) async fn metadata(
    State(taking): State<Arc<Taking>>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let (mut metric, mut limit) = (None, usize::MAX);
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "metric" if !value.is_empty() => metric = Some(value.into_owned()),
            // As in Prometheus, nothing or less than nothing is no limit.
            "limit" => match value.parse::<i64>() {
                Ok(number) => limit = usize::try_from(number).unwrap_or(usize::MAX),
                Err(_) => return no_number(&value),
            },
            _ => {}
        }
    }
    let data = taking.families.json(metric.as_deref(), limit);
    Json(json!({"status": "success", "data": data})).into_response()
}

fn no_number(value: &str) -> Response {
    let error = format!("limit must be a number, not {value:?}");
    let body = json!({"status": "error", "errorType": "bad_data", "error": error});
    (axum::http::StatusCode::BAD_REQUEST, Json(body)).into_response()
}
