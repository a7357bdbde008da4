//! The handle that the gateway holds: opens, runs, reloads and shows alerting. Does none of it itself.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::delivery::{Courier, Ledger, Webhook};
use crate::engine::Engine;
use crate::inner::Inner;
use crate::routing::{Party, Routes};
use crate::snapshot::{self, Snapshot};
use crate::{
    AlertingConfig, AlertingError, Ask, CheckExpr, Clock, Record, instruments, load_rules, views,
};

/// Rules, alerts and their delivery. Cheap to clone: all clones are the same.
#[derive(Clone)]
pub struct Alerting {
    shared: Arc<Shared>,
}

/// What the handle and the running engine share.
pub(crate) struct Shared {
    pub(crate) config: AlertingConfig,
    pub(crate) ask: Ask,
    check: CheckExpr,
    pub(crate) clock: Clock,
    pub(crate) record: Option<Record>,
    pub(crate) inner: Mutex<Inner>,
    pub(crate) couriers: BTreeMap<String, Arc<Courier>>,
    /// Wakes the engine before its time.
    pub(crate) nudge: Notify,
}

impl Alerting {
    /// Loads the rules, checks the receivers and takes up the state of the last life; nothing is asked or sent
    /// before [`Alerting::run`]. Without `record`, recording rules are refused.
    ///
    /// The caller makes sure that no second process has the same `data_dir`.
    ///
    /// # Errors
    /// What [`load_rules`] refuses; a receiver's URL that cannot be meant; a state file of a future version; a
    /// folder that cannot be used.
    pub fn open(
        config: AlertingConfig,
        ask: Ask,
        check: CheckExpr,
        clock: Clock,
        record: Option<Record>,
    ) -> Result<Self, AlertingError> {
        config.checked()?;
        let rules = load_rules(&config.rules, &check)?;
        if record.is_none() {
            rules.without_recording()?;
        }
        make_folder(&config.data_dir).map_err(AlertingError::io(&config.data_dir))?;
        let couriers = couriers(&config, &clock)?;
        let saved = snapshot::load(&config.data_dir)?;
        let routes = Routes::new(&config, conversations(&saved));
        let inner = Inner::new(&config, rules, saved, routes, clock());
        let shared = Shared {
            config,
            ask,
            check,
            clock,
            record,
            inner: Mutex::new(inner),
            couriers,
            nudge: Notify::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Evaluates and delivers until `shutdown`, then writes down what is left and returns. To be called once;
    /// what is not delivered by then waits in the outbox for the next life.
    pub async fn run(&self, shutdown: CancellationToken) {
        Engine::new(self.shared.clone()).run(shutdown).await;
    }

    /// Reads the rule files again. Either all of them are taken, and the alerts of rules that stay the same go
    /// on, or none is and everything stays as it was.
    ///
    /// # Errors
    /// What [`load_rules`] refuses.
    pub fn reload(&self) -> Result<(), AlertingError> {
        let result = self.reloaded();
        let word = if result.is_ok() { "taken" } else { "refused" };
        metrics::counter!(instruments::RELOADS, "result" => word).increment(1);
        result
    }

    fn reloaded(&self) -> Result<(), AlertingError> {
        let rules = load_rules(&self.shared.config.rules, &self.shared.check)?;
        if self.shared.record.is_none() {
            rules.without_recording()?;
        }
        let now_ms = (self.shared.clock)();
        self.shared.inner.lock().install(rules, now_ms);
        self.shared.nudge.notify_one();
        Ok(())
    }

    /// `data` of Prometheus' `/api/v1/alerts`: all pending and firing alerts.
    #[must_use]
    pub fn alerts_json(&self) -> serde_json::Value {
        views::alerts(&self.shared.inner.lock())
    }

    /// `data` of Prometheus' `/api/v1/rules`: all groups with their rules, their health and their alerts.
    #[must_use]
    pub fn rules_json(&self) -> serde_json::Value {
        views::rules(&self.shared.inner.lock())
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

/// Alerts tell who is down and why: nobody else's business.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn couriers(
    config: &AlertingConfig,
    clock: &Clock,
) -> Result<BTreeMap<String, Arc<Courier>>, AlertingError> {
    let ledger = Arc::new(Ledger::open(&config.data_dir)?);
    config
        .webhooks
        .iter()
        .map(|webhook| {
            let door = Webhook::new(webhook, clock.clone())?;
            let courier = Courier::new(door, config.backoff, ledger.clone(), clock.clone());
            Ok((webhook.name.clone(), Arc::new(courier)))
        })
        .collect()
}

fn conversations(saved: &Snapshot) -> BTreeMap<Party, crate::routing::Conversation> {
    saved
        .conversations
        .iter()
        .map(|saved| {
            let party = Party {
                receiver: saved.receiver.clone(),
                group: saved.group.clone(),
            };
            (party, saved.conversation.clone())
        })
        .collect()
}
