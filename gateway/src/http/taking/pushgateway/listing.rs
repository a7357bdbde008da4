//! `GET /api/v1/metrics`: every group with its last values, in the form of the Pushgateway's own API.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Map, Value, json};
use weir_wire::exposition::go_float;

use super::group::{Group, Kept};
use super::pushed::{FAILURE_TIME, PUSH_TIME};
use crate::http::taking::Taking;

pub(in crate::http::taking) async fn metrics(State(taking): State<Arc<Taking>>) -> Response {
    let groups = taking.groups.all().await;
    let data: Vec<Value> = groups.iter().map(group).collect();
    Json(json!({"status": "success", "data": data})).into_response()
}

fn group(group: &Group) -> Value {
    let mut told = Map::new();
    let labels = object(
        group
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    told.insert("labels".to_owned(), labels.clone());
    let succeeded = group.pushed_ms > group.failed_ms;
    told.insert("last_push_successful".to_owned(), succeeded.into());
    for (name, ms) in [
        (PUSH_TIME, group.pushed_ms),
        (FAILURE_TIME, group.failed_ms),
    ] {
        let value = go_float(ms as f64 / 1_000.0);
        let metrics = json!([{"labels": labels, "value": value}]);
        told.insert(
            name.to_owned(),
            json!({"type": "GAUGE", "metrics": metrics}),
        );
    }
    for (name, kept) in &group.families {
        told.insert(name.clone(), family(kept));
    }
    Value::Object(told)
}

fn family(kept: &Kept) -> Value {
    let metrics = kept.samples.iter().map(|(key, value)| {
        json!({"name": key.name(), "labels": object(key.labels()), "value": go_float(*value)})
    });
    let metrics: Vec<Value> = metrics.collect();
    json!({"type": kept.kind.as_str().to_uppercase(), "metrics": metrics})
}

fn object<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let labels = labels.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(labels.collect())
}
