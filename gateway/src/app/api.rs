//! What the page and the API are made of: everything of the gateway that they show, ask or command.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use metrics_exporter_prometheus::PrometheusHandle;
use weir_store::{Clock, Store, StoreError};

use crate::access::Door;
use crate::admission::Admission;
use crate::config::Config;
use crate::http::{self, Api, Entrance, Taking};
use crate::reloading::Reloading;
use crate::source::StoreSource;
use crate::{asking, keeping};

pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) store: &'a Arc<Store>,
    pub(super) source: Arc<StoreSource>,
    pub(super) admission: &'a Admission,
    pub(super) taking: &'a Arc<Taking>,
    pub(super) reloading: &'a Reloading,
    pub(super) door: Door,
    pub(super) ready: Arc<AtomicBool>,
    pub(super) metrics: PrometheusHandle,
    pub(super) clock: &'a Clock,
}

impl Parts<'_> {
    pub(super) fn api(self) -> Api {
        let (config, admission) = (self.config, self.admission);
        let alerting = &self.reloading.alerting;
        let (alerts, rules) = (Arc::clone(alerting), Arc::clone(alerting));
        let [starting, broken, counted] = std::array::from_fn(|_| Arc::clone(self.store));
        let guard = admission.clone();
        Api {
            source: self.source,
            engine: asking::engine(config.lookback),
            permits: Api::permits(&config.query),
            limits: config.query.clone(),
            now: Arc::clone(self.clock),
            alerts: Arc::new(move || alerts.alerts_json()),
            rules: Arc::new(move || rules.rules_json()),
            reload: config.admin.then(|| reload(self.reloading.clone())),
            admin: config
                .admin
                .then(|| keeping::admin(self.store, self.clock, &config.data_dir)),
            cardinality: Arc::new(move |limit| {
                keeping::cardinality_json(counted.cardinality(limit))
            }),
            ready: self.ready,
            starting: Arc::new(move || {
                let percent = starting.starting()?;
                Some(StoreError::Starting { percent }.to_string())
            }),
            broken: Arc::new(move || broken.broken()),
            taking: Arc::clone(self.taking),
            ledger: Arc::clone(admission.ledger()),
            entrance: Entrance {
                door: self.door,
                auth: config.http_auth,
                admission: admission.clone(),
                now: Arc::clone(self.clock),
            },
            guard: Arc::new(move |limit| guard.guard_json(limit)),
            metrics: self.metrics,
        }
    }
}

fn reload(reloading: Reloading) -> http::Reload {
    Arc::new(move || reloading.reload().map_err(|error| format!("{error:#}")))
}
