//! One receiver and one group of alerts: what it was told last, what it must be told next. At most one
//! notification waits at a time, so a receiver that is away is owed one message a group, not a pile; what
//! changed meanwhile is told after it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::payload::{Draft, Notification};
use super::{Desk, Told, millis};
use crate::Labels;
use crate::config::Grouping;

/// The state of it, as it is written down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Conversation {
    /// `group_interval` after the last notification: no new one before.
    not_before_ms: i64,
    /// When what has come up will be told, if something has: `group_wait` later, so that more can join.
    tell_at_ms: Option<i64>,
    sent: Option<Sent>,
    waiting: Option<Notification>,
}

/// What the receiver knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sent {
    /// The alerts it believes to be firing; with their end, once that is known.
    firing: Vec<Told>,
    at_ms: i64,
}

impl Conversation {
    pub(crate) fn waiting(&self) -> Option<&Notification> {
        self.waiting.as_ref()
    }

    /// When the next decision is due even if nothing changes: none while something waits to be taken.
    pub(super) fn next_ms(&self, grouping: &Grouping) -> Option<i64> {
        if self.waiting.is_some() {
            return None;
        }
        let sent = self.sent.as_ref().filter(|sent| !sent.firing.is_empty());
        let repeat_ms =
            sent.map(|sent| sent.at_ms.saturating_add(millis(grouping.repeat_interval)));
        self.tell_at_ms.or(repeat_ms)
    }

    /// Nothing waits, and the receiver believes nothing to be firing.
    pub(crate) fn is_over(&self) -> bool {
        let told = self.sent.as_ref().map_or(0, |sent| sent.firing.len());
        self.waiting.is_none() && told == 0
    }

    /// Gives back whether anything changed that must be written down.
    pub(super) fn decide(
        &mut self,
        now_ms: i64,
        group: &Labels,
        alerts: &BTreeMap<Labels, Told>,
        desk: Desk<'_>,
    ) -> bool {
        let noted = self.note_ends(alerts);
        if self.waiting.is_some() {
            return noted;
        }
        let firing = alerts.values().filter(|alert| alert.ends_at_ms.is_none());
        let firing: Vec<Told> = firing.cloned().collect();
        let ended = self.ended(now_ms, alerts);
        if !self.must_tell(now_ms, &firing, &ended, desk) {
            let forgotten = self.forget_ended(alerts);
            return self.tell_at_ms.take().is_some() || forgotten || noted;
        }
        let first = self.tell_at_ms.is_none();
        if now_ms < self.tell_at(now_ms, desk.grouping) {
            return first || noted;
        }
        self.tell_at_ms = None;
        self.not_before_ms = now_ms.saturating_add(millis(desk.grouping.group_interval));
        self.waiting = Some(Notification::draft(&Draft {
            receiver: desk.receiver,
            group,
            firing,
            ended: if desk.receiver.send_resolved {
                ended
            } else {
                Vec::new()
            },
            external_url: desk.external_url,
            now_ms,
        }));
        true
    }

    /// When to tell what has come up. A clock that was set back must not silence a group until the old time
    /// comes again.
    fn tell_at(&mut self, now_ms: i64, grouping: &Grouping) -> i64 {
        let waited_ms = now_ms.saturating_add(millis(grouping.group_wait));
        let longest_ms = waited_ms.max(now_ms.saturating_add(millis(grouping.group_interval)));
        let planned_ms = self.tell_at_ms.unwrap_or(waited_ms.max(self.not_before_ms));
        *self.tell_at_ms.insert(planned_ms.min(longest_ms))
    }

    pub(super) fn taken(&mut self, key: &str, now_ms: i64) {
        if let Some(notification) = self.waiting.take_if(|waiting| waiting.key == key) {
            self.sent = Some(Sent {
                firing: notification.firing,
                at_ms: now_ms,
            });
        }
    }

    pub(super) fn refused(&mut self, key: &str, now_ms: i64, grouping: &Grouping) {
        if self.waiting.take_if(|waiting| waiting.key == key).is_some() {
            self.not_before_ms = now_ms.saturating_add(millis(grouping.group_interval));
        }
    }

    /// Keeps the true end of an alert that the receiver believes to be firing, before the alert is forgotten.
    fn note_ends(&mut self, alerts: &BTreeMap<Labels, Told>) -> bool {
        let mut changed = false;
        let waiting = self
            .waiting
            .iter_mut()
            .flat_map(|waiting| &mut waiting.firing);
        let sent = self.sent.iter_mut().flat_map(|sent| &mut sent.firing);
        for told in waiting.chain(sent) {
            if let Some(now) = alerts.get(&told.labels) {
                changed |= told.ends_at_ms != now.ends_at_ms;
                told.ends_at_ms = now.ends_at_ms;
            }
        }
        changed
    }

    /// What the receiver believes to be firing and is not.
    fn ended(&self, now_ms: i64, alerts: &BTreeMap<Labels, Told>) -> Vec<Told> {
        let told = self.sent.iter().flat_map(|sent| &sent.firing);
        told.filter(|told| !is_firing(alerts, told))
            .map(|told| Told {
                ends_at_ms: told.ends_at_ms.or(Some(now_ms)),
                ..told.clone()
            })
            .collect()
    }

    fn must_tell(&self, now_ms: i64, firing: &[Told], ended: &[Told], desk: Desk<'_>) -> bool {
        let Some(sent) = &self.sent else {
            return !firing.is_empty();
        };
        let known: BTreeSet<&Labels> = sent.firing.iter().map(|told| &told.labels).collect();
        let silent_ms = now_ms.saturating_sub(sent.at_ms);
        let repeat = !firing.is_empty() && silent_ms >= millis(desk.grouping.repeat_interval);
        let anew = firing.iter().any(|alert| !known.contains(&alert.labels));
        anew || repeat || desk.receiver.send_resolved && !ended.is_empty()
    }

    fn forget_ended(&mut self, alerts: &BTreeMap<Labels, Told>) -> bool {
        let Some(sent) = &mut self.sent else {
            return false;
        };
        let before = sent.firing.len();
        sent.firing.retain(|told| is_firing(alerts, told));
        sent.firing.len() != before
    }
}

fn is_firing(alerts: &BTreeMap<Labels, Told>, told: &Told) -> bool {
    alerts
        .get(&told.labels)
        .is_some_and(|now| now.ends_at_ms.is_none())
}
