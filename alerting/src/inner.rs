//! Everything that alerting knows, under one lock, and the moves on it: take rules in, hand questions out, take
//! answers in, decide who is told, give a snapshot. Synchronous; does no input or output.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::routing::{Routes, Told};
use crate::rules::{Group, Kind, RuleSet, limits};
use crate::snapshot::{RuleAlerts, SavedConversation, Snapshot};
use crate::state::{self, Alert, Context, Health, RuleState, Schedule, Stage};
use crate::{AlertingConfig, Found, instruments};

/// After a longer absence, pending alerts begin anew: Prometheus' tolerance for outages.
const OUTAGE_MS: i64 = 3_600_000;
/// The clock is looked at each second: one that went further than this was set, or nothing ran meanwhile.
const JUMP_MS: i64 = 5 * 60_000;
/// For so long after that, what is not found any more does not end: who sends may keep the time that we have lost.
const HELD_MS: i64 = 3_600_000;
/// How often pending alerts are written down although nothing changed, so that an absence can be measured.
const PENDING_SAVED_MS: i64 = 60_000;

pub(crate) struct Inner {
    pub(crate) groups: Vec<LiveGroup>,
    pub(crate) routes: Routes,
    interval_ms: i64,
    external_url: String,
    saved_at_ms: i64,
    unsaved: bool,
    undecided: bool,
    /// When it was last asked what is due.
    looked_ms: Option<i64>,
    /// Since when no alert ends because it is not found.
    pub(crate) held_since_ms: Option<i64>,
}

/// A group with its alerts and its times.
pub(crate) struct LiveGroup {
    pub(crate) group: Arc<Group>,
    pub(crate) schedule: Schedule,
    /// One for each rule.
    pub(crate) states: Vec<RuleState>,
    pub(crate) last_evaluation_ms: Option<i64>,
    pub(crate) evaluation_seconds: f64,
    /// Its questions are being asked.
    pub(crate) busy: bool,
}

/// The questions of one group, for one time.
pub(crate) struct Assignment {
    pub(crate) group: Arc<Group>,
    pub(crate) at_ms: i64,
}

/// The answers to it.
pub(crate) struct Report {
    pub(crate) group_key: String,
    pub(crate) at_ms: i64,
    pub(crate) answers: Vec<Answer>,
}

/// The answer to one rule's question.
pub(crate) struct Answer {
    pub(crate) rule_id: String,
    pub(crate) result: Result<Vec<Found>, String>,
    pub(crate) seconds: f64,
}

impl Inner {
    /// Takes up the alerts of an earlier life, as far as their rules are still there.
    pub(crate) fn new(
        config: &AlertingConfig,
        rules: RuleSet,
        saved: Snapshot,
        routes: Routes,
        now_ms: i64,
    ) -> Self {
        let long_absent = now_ms.saturating_sub(saved.saved_at_ms) > OUTAGE_MS;
        let mut states: HashMap<String, RuleState> = HashMap::new();
        for rule in saved.rules {
            let stays = |alert: &Alert| !(long_absent && alert.stage == Stage::Pending);
            let alerts = rule.alerts.into_iter().filter(stays);
            let state = states.entry(rule.id).or_default();
            state.alerts = alerts.map(|alert| (alert.labels.clone(), alert)).collect();
        }
        let mut inner = Self {
            groups: Vec::new(),
            routes,
            interval_ms: i64::try_from(config.interval.as_millis()).unwrap_or(i64::MAX),
            external_url: config.external_url.clone(),
            saved_at_ms: saved.saved_at_ms,
            unsaved: false,
            undecided: true,
            looked_ms: None,
            held_since_ms: None,
        };
        inner.place(rules, states, HashMap::new(), now_ms);
        inner
    }

    /// Puts new rules in the place of the old ones; rules and groups that stay the same keep what they had.
    pub(crate) fn install(&mut self, rules: RuleSet, now_ms: i64) {
        let mut states = HashMap::new();
        let mut known = HashMap::new();
        for mut live in std::mem::take(&mut self.groups) {
            for (rule, state) in live.group.rules.iter().zip(live.states.drain(..)) {
                states.insert(rule.id.clone(), state);
            }
            known.insert(live.group.key(), live);
        }
        self.place(rules, states, known, now_ms);
        self.unsaved = true;
        self.undecided = true;
    }

    fn place(
        &mut self,
        rules: RuleSet,
        mut states: HashMap<String, RuleState>,
        mut known: HashMap<String, LiveGroup>,
        now_ms: i64,
    ) {
        for group in rules.groups {
            let interval_ms = group.interval_ms.unwrap_or(self.interval_ms);
            let key = group.key();
            let states = group
                .rules
                .iter()
                .map(|rule| states.remove(&rule.id).unwrap_or_default());
            let states = states.collect();
            let before = known
                .remove(&key)
                .filter(|live| live.schedule.interval_ms() == interval_ms);
            self.groups.push(LiveGroup {
                schedule: match &before {
                    Some(live) => live.schedule.clone(),
                    None => Schedule::new(&key, interval_ms, now_ms),
                },
                busy: before.as_ref().is_some_and(|live| live.busy),
                last_evaluation_ms: before.as_ref().and_then(|live| live.last_evaluation_ms),
                evaluation_seconds: before.as_ref().map_or(0.0, |live| live.evaluation_seconds),
                group: Arc::new(group),
                states,
            });
        }
    }

    /// The groups whose time has come. What nobody could evaluate in time is counted and leaves every alert
    /// as it is.
    pub(crate) fn due(&mut self, now_ms: i64) -> Vec<Assignment> {
        self.look_at_the_clock(now_ms);
        let mut assignments = Vec::new();
        for live in &mut self.groups {
            let Some(due) = live.schedule.due(now_ms) else {
                continue;
            };
            let missed = due.missed + u64::from(live.busy);
            if missed > 0 {
                metrics::counter!(instruments::EVALUATIONS_MISSED).increment(missed);
                tracing::warn!(
                    group = live.group.name,
                    missed,
                    "evaluations did not take place in time"
                );
            }
            if !live.busy {
                live.busy = true;
                assignments.push(Assignment {
                    group: live.group.clone(),
                    at_ms: due.at_ms,
                });
            }
        }
        assignments
    }

    /// After a jump every question is asked for a time of which nothing may be known: that ends no alert.
    fn look_at_the_clock(&mut self, now_ms: i64) {
        let went_ms = self
            .looked_ms
            .replace(now_ms)
            .map_or(0, |ms| now_ms.saturating_sub(ms));
        if !(-JUMP_MS..=JUMP_MS).contains(&went_ms) {
            self.held_since_ms = Some(now_ms);
            metrics::counter!(instruments::CLOCK_JUMPS).increment(1);
            tracing::warn!(
                "the clock went {} s at once: it was set, or nothing ran; for {} minutes no alert is resolved because it is not found",
                went_ms / 1_000,
                HELD_MS / 60_000
            );
        }
    }

    /// Moves the alerts on by the answers. Answers to rules that are gone meanwhile are left out.
    pub(crate) fn apply(&mut self, report: Report) {
        let mut total: usize = self.states().map(|state| state.alerts.len()).sum();
        let Some(live) = self
            .groups
            .iter_mut()
            .find(|live| live.group.key() == report.group_key)
        else {
            return;
        };
        live.busy = false;
        live.last_evaluation_ms = Some(report.at_ms);
        live.evaluation_seconds = report.answers.iter().map(|answer| answer.seconds).sum();
        let mut changed = false;
        for answer in report.answers {
            let Some(index) = live
                .group
                .rules
                .iter()
                .position(|rule| rule.id == answer.rule_id)
            else {
                continue;
            };
            let own = live.states[index].alerts.len();
            let held = |since_ms: i64| report.at_ms.saturating_sub(since_ms) < HELD_MS;
            let context = Context {
                at_ms: report.at_ms,
                keeps_absent: self.held_since_ms.is_some_and(held),
                limit: live.group.limit,
                room: limits::ALERTS.saturating_sub(total - own),
                external_url: &self.external_url,
            };
            changed |= live.take(index, answer, context);
            total = total - own + live.states[index].alerts.len();
        }
        self.unsaved |= changed;
        self.undecided |= changed;
        self.show();
    }

    /// Decides who must be told, if anything may have come due. Gives back what waits to be delivered.
    pub(crate) fn decide(&mut self, now_ms: i64) {
        let due = self
            .routes
            .next_ms()
            .is_some_and(|next_ms| next_ms <= now_ms);
        if due || self.undecided {
            self.undecided = false;
            let alerts = self.told();
            self.unsaved |= self.routes.decide(now_ms, alerts);
        }
    }

    /// Something about the outbox changed outside: a delivery ended.
    pub(crate) fn delivered(&mut self) {
        self.unsaved = true;
        self.undecided = true;
    }

    /// What must be written down now; `None` when the disk has it.
    pub(crate) fn unsaved(&mut self, now_ms: i64) -> Option<Snapshot> {
        let pending = self.states().any(|state| state.count(Stage::Pending) > 0);
        let old = now_ms.saturating_sub(self.saved_at_ms) >= PENDING_SAVED_MS;
        if !(self.unsaved || pending && old) {
            return None;
        }
        self.unsaved = false;
        self.saved_at_ms = now_ms;
        Some(self.snapshot(now_ms))
    }

    /// The disk did not take it.
    pub(crate) fn not_saved(&mut self) {
        self.unsaved = true;
    }

    /// When there is something to do next, as far as is known.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        let evaluations = self.groups.iter().map(|live| live.schedule.next_ms());
        evaluations.chain(self.routes.next_ms()).min()
    }

    fn states(&self) -> impl Iterator<Item = &RuleState> {
        self.groups.iter().flat_map(|live| &live.states)
    }

    fn show(&self) {
        let count = |stage| self.states().map(|state| state.count(stage)).sum();
        instruments::set_alerts(count(Stage::Pending), count(Stage::Firing));
    }

    fn told(&self) -> Vec<Told> {
        let mut all = Vec::new();
        for live in &self.groups {
            for (rule, state) in live.group.rules.iter().zip(&live.states) {
                let link = generator_url(&self.external_url, &rule.expr);
                let alerts = state
                    .alerts
                    .values()
                    .filter(|alert| alert.stage != Stage::Pending);
                all.extend(alerts.map(|alert| told(alert, &link)));
            }
        }
        all
    }

    fn snapshot(&self, now_ms: i64) -> Snapshot {
        let rules = self
            .groups
            .iter()
            .flat_map(|live| live.group.rules.iter().zip(&live.states));
        let conversations: &BTreeMap<_, _> = self.routes.conversations();
        Snapshot {
            saved_at_ms: now_ms,
            rules: rules
                .filter(|(_, state)| !state.alerts.is_empty())
                .map(|(rule, state)| RuleAlerts {
                    id: rule.id.clone(),
                    alerts: state.alerts.values().cloned().collect(),
                })
                .collect(),
            conversations: conversations
                .iter()
                .map(|(party, conversation)| SavedConversation {
                    receiver: party.receiver.clone(),
                    group: party.group.clone(),
                    conversation: conversation.clone(),
                })
                .collect(),
        }
    }
}

impl LiveGroup {
    fn take(&mut self, index: usize, answer: Answer, context: Context<'_>) -> bool {
        let (rule, state) = (&self.group.rules[index], &mut self.states[index]);
        state.evaluation_seconds = answer.seconds;
        let changed = match &rule.kind {
            Kind::Alert(condition) => {
                state::evaluate(state, rule, condition, answer.result, context)
            }
            Kind::Record => {
                state.last_evaluation_ms = Some(context.at_ms);
                state.health = answer.result.map_or_else(Health::Failed, |_| Health::Ok);
                false
            }
        };
        instruments::evaluated(answer.seconds, state.health == Health::Ok);
        if let Health::Failed(reason) = &state.health {
            tracing::warn!(
                rule = rule.name,
                place = rule.place,
                reason,
                "a rule cannot be evaluated"
            );
        }
        changed
    }
}

fn told(alert: &Alert, link: &str) -> Told {
    Told {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
        ends_at_ms: alert.resolved_at_ms,
        generator_url: link.to_owned(),
    }
}

/// The page that draws the expression, as Prometheus links to it.
fn generator_url(external_url: &str, expr: &str) -> String {
    let mut escaped = String::with_capacity(expr.len());
    for byte in expr.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    format!("{external_url}/graph?g0.expr={escaped}&g0.tab=1")
}
