//! The loop: asks what is due, takes answers in, writes down what changed, and only then delivers. Thin: what
//! any of it means is decided elsewhere.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::app::Shared;
use crate::delivery::End;
use crate::inner::{Answer, Assignment, Report};
use crate::routing::{Notification, Party};
use crate::rules::{Group, Kind, Rule};
use crate::{Found, Labels, Record, Recorded, instruments, snapshot};

/// The clock is looked at this often at least: it may be set.
const LONGEST_SLEEP_MS: i64 = 1_000;

/// The one owner of what is under way.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    asking: JoinSet<Report>,
    sending: JoinSet<Delivered>,
    /// Keys of the notifications that are being sent.
    under_way: HashSet<String>,
    save_failed: bool,
}

struct Delivered {
    party: Party,
    key: String,
    end: End,
}

impl Engine {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            asking: JoinSet::new(),
            sending: JoinSet::new(),
            under_way: HashSet::new(),
            save_failed: false,
        }
    }

    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let now_ms = (self.shared.clock)();
            self.ask(now_ms);
            self.shared.inner.lock().decide(now_ms);
            // IMPORTANT: before sending. What is sent and not written down is forgotten by a crash.
            self.save(now_ms).await;
            self.send();
            let nap = self.nap(now_ms);
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(Ok(report)) = self.asking.join_next() => self.shared.inner.lock().apply(report),
                Some(Ok(delivered)) = self.sending.join_next() => self.conclude(&delivered),
                () = self.shared.nudge.notified() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
        while let Some(Ok(delivered)) = self.sending.try_join_next() {
            self.conclude(&delivered);
        }
        self.asking.shutdown().await;
        self.sending.shutdown().await;
        self.save((self.shared.clock)()).await;
    }

    fn ask(&mut self, now_ms: i64) {
        let due = self.shared.inner.lock().due(now_ms);
        for assignment in due {
            self.asking
                .spawn(ask_group(self.shared.clone(), assignment));
        }
    }

    /// A disk that takes nothing must not keep people asleep: it is logged and counted, and what must be told
    /// is told all the same.
    async fn save(&mut self, now_ms: i64) {
        let Some(unsaved) = self.shared.inner.lock().unsaved(now_ms) else {
            return;
        };
        let folder = self.shared.config.data_dir.clone();
        let saved = tokio::task::spawn_blocking(move || snapshot::save(&folder, &unsaved)).await;
        let failure = match saved {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &failure {
            self.shared.inner.lock().not_saved();
            metrics::counter!(instruments::SAVE_FAILURES).increment(1);
            if !self.save_failed {
                tracing::error!(
                    error,
                    "the state of alerts cannot be written; a crash now would repeat or forget notifications"
                );
            }
        }
        self.save_failed = failure.is_some();
    }

    fn send(&mut self) {
        let waiting: Vec<(Party, Notification)> = {
            let inner = self.shared.inner.lock();
            for receiver in self.shared.couriers.keys() {
                let count = inner
                    .routes
                    .waiting()
                    .filter(|(party, _)| party.receiver == *receiver);
                instruments::set_outbox(receiver, count.count());
            }
            let new = inner
                .routes
                .waiting()
                .filter(|(_, n)| !self.under_way.contains(&n.key));
            new.map(|(party, notification)| (party.clone(), notification.clone()))
                .collect()
        };
        for (party, notification) in waiting {
            let Some(courier) = self.shared.couriers.get(&party.receiver).cloned() else {
                continue;
            };
            self.under_way.insert(notification.key.clone());
            self.sending.spawn(async move {
                let end = courier.deliver(&party, &notification).await;
                Delivered {
                    party,
                    key: notification.key,
                    end,
                }
            });
        }
    }

    fn conclude(&mut self, delivered: &Delivered) {
        let Delivered { party, key, end } = delivered;
        self.under_way.remove(key);
        let now_ms = (self.shared.clock)();
        let mut inner = self.shared.inner.lock();
        match end {
            End::Taken => {
                instruments::notified(&party.receiver, "taken");
                inner.routes.taken(party, key, now_ms);
            }
            End::Refused => {
                instruments::notified(&party.receiver, "refused");
                inner.routes.refused(party, key, now_ms);
            }
        }
        inner.delivered();
    }

    fn nap(&self, now_ms: i64) -> Duration {
        let next_ms = self.shared.inner.lock().next_ms();
        let nap_ms = next_ms.map_or(LONGEST_SLEEP_MS, |next_ms| next_ms.saturating_sub(now_ms));
        Duration::from_millis(nap_ms.clamp(5, LONGEST_SLEEP_MS).unsigned_abs())
    }
}

/// Asks the questions of a group, one after the other, so that a later rule finds what an earlier one
/// recorded.
async fn ask_group(shared: Arc<Shared>, assignment: Assignment) -> Report {
    let group = assignment.group;
    let mut answers = Vec::with_capacity(group.rules.len());
    for rule in &group.rules {
        let begun = Instant::now();
        let asked_ms = assignment.at_ms.saturating_sub(group.query_offset_ms);
        let mut result = ask(&shared, rule, asked_ms).await;
        if let (Kind::Record, Some(record)) = (&rule.kind, &shared.record) {
            result = result
                .and_then(|found| recorded(&group, rule, found, asked_ms))
                .and_then(|samples| hand_over(record, samples));
        }
        answers.push(Answer {
            rule_id: rule.id.clone(),
            result,
            seconds: begun.elapsed().as_secs_f64(),
        });
    }
    Report {
        group_key: group.key(),
        at_ms: assignment.at_ms,
        answers,
    }
}

/// One question, within its time. A question that panics is one without an answer.
async fn ask(shared: &Shared, rule: &Rule, at_ms: i64) -> Result<Vec<Found>, String> {
    let question = tokio::spawn((shared.ask)(rule.expr.clone(), at_ms));
    let question = AbortOnDropHandle::new(question);
    match tokio::time::timeout(shared.config.query_timeout, question).await {
        Ok(Ok(answer)) => answer.map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(format!("the question broke off: {error}")),
        Err(_) => Err(format!(
            "no answer within {:?}",
            shared.config.query_timeout
        )),
    }
}

/// The other side's panic must not leave the group waiting for ever.
fn hand_over(record: &Record, samples: Vec<Recorded>) -> Result<Vec<Found>, String> {
    std::panic::catch_unwind(AssertUnwindSafe(|| record(samples)))
        .map(|()| Vec::new())
        .map_err(|_| "what was recorded could not be stored: the store panicked".to_owned())
}

fn recorded(
    group: &Group,
    rule: &Rule,
    found: Vec<Found>,
    timestamp_ms: i64,
) -> Result<Vec<Recorded>, String> {
    if group.limit > 0 && found.len() > group.limit {
        return Err(format!(
            "exceeded limit of {} with {} series",
            group.limit,
            found.len()
        ));
    }
    let mut seen: HashSet<Labels> = HashSet::with_capacity(found.len());
    let mut samples = Vec::with_capacity(found.len());
    for found in found {
        let mut labels = found.labels;
        labels.extend(
            rule.labels
                .iter()
                .map(|(name, text)| (name.clone(), text.source().to_owned())),
        );
        labels.insert("__name__".to_owned(), rule.name.clone());
        labels.retain(|_, value| !value.is_empty());
        if !seen.insert(labels.clone()) {
            return Err(
                "vector contains metrics with the same labelset after applying rule labels"
                    .to_owned(),
            );
        }
        samples.push(Recorded {
            labels,
            value: found.value,
            timestamp_ms,
        });
    }
    Ok(samples)
}
