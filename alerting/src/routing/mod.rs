//! From alerts to notifications: who is told of what, when, and what they were told before. Pure: it decides
//! and remembers; sending is another's work. Groups, waits and repeats are Alertmanager's.

mod conversation;
mod payload;
#[cfg(test)]
mod tests;

pub(crate) use conversation::Conversation;
pub(crate) use payload::{Notification, Status};

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Grouping, WebhookConfig};
use crate::{AlertingConfig, Labels};

/// An alert as receivers are told of it. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) starts_at_ms: i64,
    /// `None` while it fires.
    pub(crate) ends_at_ms: Option<i64>,
    pub(crate) generator_url: String,
}

/// A receiver and the labels that a group of alerts has in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Party {
    pub(crate) receiver: String,
    pub(crate) group: Labels,
}

/// All conversations with all receivers.
#[derive(Debug, Clone)]
pub(crate) struct Routes {
    receivers: Vec<Receiver>,
    grouping: Grouping,
    external_url: String,
    conversations: BTreeMap<Party, Conversation>,
}

/// What the decision to tell depends on, of a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    pub(crate) name: String,
    pub(crate) send_resolved: bool,
    pub(crate) max_alerts: usize,
}

impl Routes {
    /// Takes up the conversations of an earlier life; those with receivers that are no more end here.
    pub(crate) fn new(config: &AlertingConfig, mut earlier: BTreeMap<Party, Conversation>) -> Self {
        let receivers: Vec<_> = config.webhooks.iter().map(Receiver::of).collect();
        earlier.retain(|party, conversation| {
            let known = receivers
                .iter()
                .any(|receiver| receiver.name == party.receiver);
            if !known && conversation.waiting().is_some() {
                tracing::warn!(
                    receiver = party.receiver,
                    "a notification waits for a receiver that is no more"
                );
            }
            known
        });
        Self {
            receivers,
            grouping: config.grouping.clone(),
            external_url: config.external_url.clone(),
            conversations: earlier,
        }
    }

    pub(crate) fn conversations(&self) -> &BTreeMap<Party, Conversation> {
        &self.conversations
    }

    /// When the next decision is due, as far as is known.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        self.conversations
            .values()
            .filter_map(|conversation| conversation.next_ms(&self.grouping))
            .min()
    }

    /// Decides for every group whether somebody must be told now; what must be told is in
    /// [`Routes::waiting`] afterwards. Gives back whether anything changed that must be written down.
    ///
    /// `alerts` are all that fire, and those that ended a short while ago.
    pub(crate) fn decide(&mut self, now_ms: i64, alerts: Vec<Told>) -> bool {
        let groups = self.grouped(alerts);
        self.begin(&groups);
        let mut changed = false;
        let nothing = BTreeMap::new();
        for (party, conversation) in &mut self.conversations {
            let alerts = groups.get(&party.group).unwrap_or(&nothing);
            if let Some(receiver) = self.receivers.iter().find(|r| r.name == party.receiver) {
                let desk = Desk {
                    receiver,
                    grouping: &self.grouping,
                    external_url: &self.external_url,
                };
                changed |= conversation.decide(now_ms, &party.group, alerts, desk);
            }
        }
        let before = self.conversations.len();
        self.conversations.retain(|party, conversation| {
            !conversation.is_over() || groups.get(&party.group).is_some_and(has_firing)
        });
        changed || self.conversations.len() != before
    }

    /// A conversation with every receiver for every group in which something fires.
    fn begin(&mut self, groups: &BTreeMap<Labels, BTreeMap<Labels, Told>>) {
        for receiver in &self.receivers {
            for (group, _) in groups.iter().filter(|(_, alerts)| has_firing(alerts)) {
                let party = Party {
                    receiver: receiver.name.clone(),
                    group: group.clone(),
                };
                self.conversations.entry(party).or_default();
            }
        }
    }

    /// Notifications that wait to be taken.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&Party, &Notification)> {
        self.conversations
            .iter()
            .filter_map(|(party, conversation)| Some((party, conversation.waiting()?)))
    }

    /// The receiver has it.
    pub(crate) fn taken(&mut self, party: &Party, key: &str, now_ms: i64) {
        if let Some(conversation) = self.conversations.get_mut(party) {
            conversation.taken(key, now_ms);
        }
    }

    /// The receiver will not have it: the group is looked at again after `group_interval`.
    pub(crate) fn refused(&mut self, party: &Party, key: &str, now_ms: i64) {
        if let Some(conversation) = self.conversations.get_mut(party) {
            conversation.refused(key, now_ms, &self.grouping);
        }
    }

    /// By group labels, then by labels. Of two alerts with the same labels the firing one counts.
    fn grouped(&self, alerts: Vec<Told>) -> BTreeMap<Labels, BTreeMap<Labels, Told>> {
        let mut groups: BTreeMap<Labels, BTreeMap<Labels, Told>> = BTreeMap::new();
        for alert in alerts {
            let members = groups.entry(self.group_labels(&alert.labels)).or_default();
            match members.get(&alert.labels) {
                Some(known) if known.ends_at_ms.is_none() => {}
                _ => {
                    members.insert(alert.labels.clone(), alert);
                }
            }
        }
        groups
    }

    /// As in Alertmanager, a label that the alert does not have is left out; `...` groups by all labels.
    fn group_labels(&self, labels: &Labels) -> Labels {
        let by_all = self.grouping.group_by.iter().any(|name| name == "...");
        labels
            .iter()
            .filter(|(name, _)| by_all || self.grouping.group_by.contains(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn has_firing(alerts: &BTreeMap<Labels, Told>) -> bool {
    alerts.values().any(|alert| alert.ends_at_ms.is_none())
}

/// What a conversation needs to know of its surroundings.
#[derive(Debug, Clone, Copy)]
struct Desk<'a> {
    receiver: &'a Receiver,
    grouping: &'a Grouping,
    external_url: &'a str,
}

impl Receiver {
    fn of(webhook: &WebhookConfig) -> Self {
        Self {
            name: webhook.name.clone(),
            send_resolved: webhook.send_resolved,
            max_alerts: webhook.max_alerts,
        }
    }
}

impl Told {
    pub(crate) fn status(&self) -> Status {
        match self.ends_at_ms {
            None => Status::Firing,
            Some(_) => Status::Resolved,
        }
    }
}
