//! One evaluation of one alert rule: what was found becomes pending, firing or resolved alerts, by the rules
//! of Prometheus' `rules/alerting.go`. A question without an answer changes no alert.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Alert, Health, RuleState, Stage};
use crate::rules::{Condition, Rule, limits};
use crate::template::{Subject, Template};
use crate::{Found, Labels};

/// How long a resolved alert is kept, so that it can be told again: Prometheus' figure.
const RESOLVED_KEPT_MS: i64 = 15 * 60 * 1_000;

/// What an evaluation needs to know besides the rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The time that was asked for.
    pub(crate) at_ms: i64,
    /// What fires goes on firing although it is not found: the time that was asked for is not to be trusted.
    pub(crate) keeps_absent: bool,
    /// Of the group; 0 is none.
    pub(crate) limit: usize,
    /// How many alerts may be in memory for this rule before the limit for all is reached.
    pub(crate) room: usize,
    pub(crate) external_url: &'a str,
}

/// Moves the rule's alerts on. Gives back whether a stage, a start or an end changed: what must be written
/// down. New values and annotations alone need not be.
pub(crate) fn evaluate(
    state: &mut RuleState,
    rule: &Rule,
    condition: &Condition,
    answer: Result<Vec<Found>, String>,
    context: Context<'_>,
) -> bool {
    state.last_evaluation_ms = Some(context.at_ms);
    let candidates = answer.and_then(|found| candidates(state, rule, condition, found, context));
    match candidates {
        Err(reason) => {
            state.health = Health::Failed(reason);
            false
        }
        Ok(candidates) => {
            state.health = Health::Ok;
            let ended = end_absent(state, &candidates, condition, context);
            let begun = begin_present(state, candidates);
            let fired = fire_due(state, condition, context.at_ms);
            ended || begun || fired
        }
    }
}

/// The alerts that this answer asks for, all pending as if new.
fn candidates(
    state: &RuleState,
    rule: &Rule,
    condition: &Condition,
    found: Vec<Found>,
    context: Context<'_>,
) -> Result<BTreeMap<Labels, Alert>, String> {
    if context.limit > 0 && found.len() > context.limit {
        return Err(format!(
            "exceeded limit of {} with {} alerts",
            context.limit,
            found.len()
        ));
    }
    let mut candidates = BTreeMap::new();
    for found in found {
        let alert = candidate(rule, condition, &found, context);
        if candidates.insert(alert.labels.clone(), alert).is_some() {
            return Err(
                "vector contains metrics with the same labelset after applying alert labels"
                    .to_owned(),
            );
        }
    }
    let kept = state
        .alerts
        .keys()
        .filter(|labels| !candidates.contains_key(*labels))
        .count();
    if candidates.len().saturating_add(kept) > context.room {
        return Err(format!("more than {} alerts in memory", limits::ALERTS));
    }
    Ok(candidates)
}

fn candidate(rule: &Rule, condition: &Condition, found: &Found, context: Context<'_>) -> Alert {
    let subject = Subject {
        labels: &found.labels,
        value: found.value,
        external_url: context.external_url,
    };
    let mut labels = found.labels.clone();
    labels.remove("__name__");
    labels.extend(rendered(&rule.labels, subject, limits::LABEL_BYTES));
    labels.insert("alertname".to_owned(), rule.name.clone());
    labels.retain(|_, value| !value.is_empty());
    Alert {
        labels,
        annotations: rendered(&condition.annotations, subject, limits::ANNOTATION_BYTES),
        stage: Stage::Pending,
        active_at_ms: context.at_ms,
        fired_at_ms: None,
        resolved_at_ms: None,
        keep_firing_since_ms: None,
        value: found.value,
    }
}

fn rendered(
    templates: &BTreeMap<String, Template>,
    subject: Subject<'_>,
    max_bytes: usize,
) -> Labels {
    templates
        .iter()
        .map(|(name, template)| (name.clone(), template.render(subject, max_bytes)))
        .collect()
}

/// What is found no more: pending ones go, firing ones resolve unless kept firing, old resolved ones go.
fn end_absent(
    state: &mut RuleState,
    candidates: &BTreeMap<Labels, Alert>,
    condition: &Condition,
    context: Context<'_>,
) -> bool {
    let mut changed = false;
    state.alerts.retain(|labels, alert| {
        if candidates.contains_key(labels) {
            return true;
        }
        if context.keeps_absent && alert.stage == Stage::Firing {
            return true;
        }
        let (stays, moved) = absent(alert, condition, context.at_ms);
        changed |= moved;
        stays
    });
    changed
}

/// Whether the alert stays, and whether something about it changed.
fn absent(alert: &mut Alert, condition: &Condition, at_ms: i64) -> (bool, bool) {
    match alert.stage {
        Stage::Pending => (false, true),
        Stage::Resolved => {
            let ended_ms = alert.resolved_at_ms.unwrap_or(at_ms);
            let stays = at_ms.saturating_sub(ended_ms) <= RESOLVED_KEPT_MS;
            (stays, !stays)
        }
        Stage::Firing => {
            let began = alert.keep_firing_since_ms.is_none() && condition.keep_firing_for_ms > 0;
            if condition.keep_firing_for_ms > 0 {
                let since_ms = *alert.keep_firing_since_ms.get_or_insert(at_ms);
                if at_ms.saturating_sub(since_ms) < condition.keep_firing_for_ms {
                    return (true, began);
                }
            }
            alert.stage = Stage::Resolved;
            alert.resolved_at_ms = Some(at_ms);
            (true, true)
        }
    }
}

fn begin_present(state: &mut RuleState, candidates: BTreeMap<Labels, Alert>) -> bool {
    let mut changed = false;
    for (labels, candidate) in candidates {
        match state.alerts.entry(labels) {
            Entry::Occupied(mut known) if known.get().stage != Stage::Resolved => {
                let known = known.get_mut();
                changed |= known.keep_firing_since_ms.take().is_some();
                // A clock that was set back: `for` must not wait for the old time to come again.
                known.active_at_ms = known.active_at_ms.min(candidate.active_at_ms);
                known.value = candidate.value;
                known.annotations = candidate.annotations;
            }
            Entry::Occupied(mut resolved) => {
                resolved.insert(candidate);
                changed = true;
            }
            Entry::Vacant(place) => {
                place.insert(candidate);
                changed = true;
            }
        }
    }
    changed
}

fn fire_due(state: &mut RuleState, condition: &Condition, at_ms: i64) -> bool {
    let mut changed = false;
    for alert in state.alerts.values_mut() {
        let waited_ms = at_ms.saturating_sub(alert.active_at_ms);
        if alert.stage == Stage::Pending && waited_ms >= condition.for_ms {
            alert.stage = Stage::Firing;
            alert.fired_at_ms = Some(at_ms);
            changed = true;
        }
    }
    changed
}
