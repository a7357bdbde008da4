//! What people and dashboards see: the `data` of Prometheus' `/api/v1/alerts` and `/api/v1/rules`, key by key.

use serde_json::{Map, Value, json};

use crate::Labels;
use crate::inner::{Inner, LiveGroup};
use crate::rules::{Condition, Kind, Rule};
use crate::state::{Alert, Health, RuleState, Stage};
use crate::template::{Template, scientific};
use crate::text::{ZERO_TIME, rfc3339};

/// All pending and firing alerts.
pub(crate) fn alerts(inner: &Inner) -> Value {
    let states = inner.groups.iter().flat_map(|live| &live.states);
    let alerts: Vec<Value> = states.flat_map(RuleState::active).map(alert).collect();
    json!({ "alerts": alerts })
}

/// All groups.
pub(crate) fn rules(inner: &Inner) -> Value {
    let groups: Vec<Value> = inner.groups.iter().map(group).collect();
    json!({ "groups": groups })
}

fn group(live: &LiveGroup) -> Value {
    let rules: Vec<Value> = live
        .group
        .rules
        .iter()
        .zip(&live.states)
        .map(|(rule, state)| match &rule.kind {
            Kind::Alert(condition) => alerting(rule, condition, state),
            Kind::Record => recording(rule, state),
        })
        .collect();
    json!({
        "name": live.group.name,
        "file": live.group.file,
        "rules": rules,
        "interval": seconds(live.schedule.interval_ms()),
        "limit": live.group.limit,
        "evaluationTime": live.evaluation_seconds,
        "lastEvaluation": time(live.last_evaluation_ms),
    })
}

fn alerting(rule: &Rule, condition: &Condition, state: &RuleState) -> Value {
    let stage = state.active().map(|alert| alert.stage).max();
    let mut view = common(rule, state);
    view.extend([
        ("state".to_owned(), stage_name(stage).into()),
        ("duration".to_owned(), seconds(condition.for_ms)),
        (
            "keepFiringFor".to_owned(),
            seconds(condition.keep_firing_for_ms),
        ),
        ("labels".to_owned(), sources(&rule.labels)),
        ("annotations".to_owned(), sources(&condition.annotations)),
        ("alerts".to_owned(), state.active().map(alert).collect()),
        ("type".to_owned(), "alerting".into()),
    ]);
    Value::Object(view)
}

fn recording(rule: &Rule, state: &RuleState) -> Value {
    let mut view = common(rule, state);
    if !rule.labels.is_empty() {
        view.insert("labels".to_owned(), sources(&rule.labels));
    }
    view.insert("type".to_owned(), "recording".into());
    Value::Object(view)
}

fn common(rule: &Rule, state: &RuleState) -> Map<String, Value> {
    let (health, error) = match &state.health {
        Health::Unknown => ("unknown", None),
        Health::Ok => ("ok", None),
        Health::Failed(reason) => ("err", Some(reason)),
    };
    let mut view = Map::from_iter([
        ("name".to_owned(), rule.name.clone().into()),
        ("query".to_owned(), rule.expr.clone().into()),
        ("health".to_owned(), health.into()),
        ("evaluationTime".to_owned(), state.evaluation_seconds.into()),
        (
            "lastEvaluation".to_owned(),
            time(state.last_evaluation_ms).into(),
        ),
    ]);
    if let Some(error) = error {
        view.insert("lastError".to_owned(), error.clone().into());
    }
    view
}

fn alert(alert: &Alert) -> Value {
    let mut view = json!({
        "labels": labels(&alert.labels),
        "annotations": labels(&alert.annotations),
        "state": stage_name(Some(alert.stage)),
        "activeAt": rfc3339(alert.active_at_ms),
        "value": scientific(alert.value),
    });
    if let Some(since_ms) = alert.keep_firing_since_ms {
        view["keepFiringSince"] = rfc3339(since_ms).into();
    }
    view
}

fn stage_name(stage: Option<Stage>) -> &'static str {
    match stage {
        Some(Stage::Firing) => "firing",
        Some(Stage::Pending) => "pending",
        Some(Stage::Resolved) | None => "inactive",
    }
}

fn labels(labels: &Labels) -> Value {
    labels
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect()
}

fn sources(templates: &std::collections::BTreeMap<String, Template>) -> Value {
    templates
        .iter()
        .map(|(name, text)| (name.clone(), Value::from(text.source())))
        .collect()
}

/// Whole seconds without a fraction, as Go writes them.
fn seconds(duration_ms: i64) -> Value {
    match duration_ms % 1_000 {
        0 => (duration_ms / 1_000).into(),
        _ => (duration_ms as f64 / 1_000.0).into(),
    }
}

fn time(time_ms: Option<i64>) -> String {
    time_ms.map_or_else(|| ZERO_TIME.to_owned(), rfc3339)
}
