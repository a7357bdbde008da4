//! What a receiver gets: Alertmanager's webhook payload, version 4, written once and kept byte for byte until
//! it is taken, under a key that stays the same over retries and restarts.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::{Receiver, Told};
use crate::Labels;
use crate::text::{ZERO_TIME, fingerprint, label_set, rfc3339};

/// One message to one receiver about one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notification {
    /// 32 hex digits; the value of the `Idempotency-Key` header.
    pub(crate) key: String,
    pub(crate) group_key: String,
    pub(crate) status: Status,
    /// How many alerts it is about, truncated ones included.
    pub(crate) alerts: usize,
    /// The JSON that is sent.
    pub(crate) body: String,
    /// What the receiver will believe to be firing once it has this.
    pub(crate) firing: Vec<Told>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Firing,
    Resolved,
}

/// What a notification is made from.
pub(super) struct Draft<'a> {
    pub(super) receiver: &'a Receiver,
    pub(super) group: &'a Labels,
    pub(super) firing: Vec<Told>,
    pub(super) ended: Vec<Told>,
    pub(super) external_url: &'a str,
    pub(super) now_ms: i64,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Firing => "firing",
            Status::Resolved => "resolved",
        }
    }
}

impl Notification {
    /// Writes the message down.
    pub(super) fn draft(draft: &Draft<'_>) -> Self {
        let mut alerts: Vec<&Told> = draft.firing.iter().chain(&draft.ended).collect();
        alerts.sort_by_key(|alert| (alert.status(), rank(alert), alert.starts_at_ms));
        let status = match draft.firing.is_empty() {
            true => Status::Resolved,
            false => Status::Firing,
        };
        let group_key = format!("{{}}:{}", label_set(draft.group));
        let shown = &alerts[..alerts.len().min(draft.receiver.max_alerts)];
        let payload = Payload {
            receiver: &draft.receiver.name,
            status,
            alerts: shown.iter().map(|alert| AlertPayload::of(alert)).collect(),
            group_labels: draft.group,
            common_labels: common(shown.iter().map(|alert| &alert.labels)),
            common_annotations: common(shown.iter().map(|alert| &alert.annotations)),
            external_url: draft.external_url,
            version: "4",
            group_key: &group_key,
            truncated_alerts: alerts.len() - shown.len(),
        };
        Self {
            key: key(draft, &group_key, status, &alerts),
            alerts: alerts.len(),
            // Maps of text to text always have a JSON form.
            body: serde_json::to_string(&payload).unwrap_or_default(),
            status,
            group_key,
            firing: draft.firing.clone(),
        }
    }
}

/// The same for the same message and only for it: who, about what, when it was decided.
fn key(draft: &Draft<'_>, group_key: &str, status: Status, alerts: &[&Told]) -> String {
    let mut text = format!(
        "{}\0{group_key}\0{}\0{}",
        draft.receiver.name,
        status.as_str(),
        draft.now_ms
    );
    for alert in alerts {
        text.push_str(&format!("\0{:016x}", fingerprint(&alert.labels)));
    }
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

/// What wakes people comes first, so that it is not what gets truncated.
fn rank(alert: &Told) -> u8 {
    match alert.labels.get("severity").map(String::as_str) {
        Some("critical" | "page" | "emergency" | "fatal") => 0,
        Some("error" | "major" | "high") => 1,
        Some("warning" | "warn" | "minor") => 2,
        _ => 3,
    }
}

/// The pairs that all have.
fn common<'a>(mut all: impl Iterator<Item = &'a Labels>) -> Labels {
    let mut common = all.next().cloned().unwrap_or_default();
    for labels in all {
        common.retain(|name, value| labels.get(name) == Some(value));
    }
    common
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    receiver: &'a str,
    status: Status,
    alerts: Vec<AlertPayload<'a>>,
    group_labels: &'a Labels,
    common_labels: Labels,
    common_annotations: Labels,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'a str,
    group_key: &'a str,
    truncated_alerts: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertPayload<'a> {
    status: Status,
    labels: &'a Labels,
    annotations: &'a Labels,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: String,
}

impl<'a> AlertPayload<'a> {
    fn of(alert: &'a Told) -> Self {
        Self {
            status: alert.status(),
            labels: &alert.labels,
            annotations: &alert.annotations,
            starts_at: rfc3339(alert.starts_at_ms),
            ends_at: alert
                .ends_at_ms
                .map_or_else(|| ZERO_TIME.to_owned(), rfc3339),
            generator_url: &alert.generator_url,
            fingerprint: format!("{:016x}", fingerprint(&alert.labels)),
        }
    }
}
