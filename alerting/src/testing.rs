//! A house for tests: a rule file, a clock that is set by hand, an answer that is changed at will, a real
//! webhook on a port of its own; and lives of alerting in it that end cleanly or by a kill.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    Alerting, AlertingConfig, AlertingError, Ask, AskError, Backoff, CheckExpr, Clock, Found,
    Labels, Record, WebhookConfig,
};

const START_MS: i64 = 1_613_707_265_000;
pub(crate) const MINUTE: i64 = 60_000;

/// One rule, `for: 2m`, evaluated each minute.
pub(crate) const DOWN: &str =
    "- name: hosts\n  rules:\n  - {alert: Down, expr: up == 0, for: 2m}\n";

type Answer = Arc<Mutex<Result<Vec<Found>, AskError>>>;

pub(crate) struct House {
    folder: TempDir,
    pub(crate) now_ms: Arc<AtomicI64>,
    pub(crate) answer: Answer,
    pub(crate) config: AlertingConfig,
    pub(crate) record: Option<Record>,
}

impl House {
    pub(crate) fn new(hook: SocketAddr, rules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = AlertingConfig {
            rules: vec![folder.path().join("*.yml").display().to_string()],
            data_dir: folder.path().join("alerting"),
            external_url: "http://weir".to_owned(),
            webhooks: vec![WebhookConfig::new("ops", format!("http://{hook}/alerts"))],
            backoff: Backoff {
                first: Duration::from_millis(2),
                max: Duration::from_millis(10),
            },
            ..AlertingConfig::default()
        };
        config.grouping.group_wait = Duration::ZERO;
        let house = Self {
            folder,
            now_ms: Arc::new(AtomicI64::new(START_MS)),
            answer: Arc::new(Mutex::new(Ok(Vec::new()))),
            config,
            record: None,
        };
        house.write_rules(rules);
        house
    }

    pub(crate) fn write_rules(&self, rules: &str) {
        std::fs::write(self.folder.path().join("rules.yml"), rules).unwrap();
    }

    pub(crate) fn find(&self, hosts: &[&str]) {
        *self.answer.lock() = Ok(hosts.iter().map(|host| found(host)).collect());
    }

    pub(crate) fn fail(&self, reason: &str) {
        *self.answer.lock() = Err(AskError(reason.to_owned()));
    }

    pub(crate) fn pass(&self, by_ms: i64) {
        self.now_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) -> Result<Alerting, AlertingError> {
        let answer = self.answer.clone();
        let ask: Ask = Arc::new(move |_, _| {
            let answer = answer.lock().clone();
            Box::pin(async move { answer })
        });
        self.open_with(ask)
    }

    pub(crate) fn open_with(&self, ask: Ask) -> Result<Alerting, AlertingError> {
        let now_ms = self.now_ms.clone();
        let clock: Clock = Arc::new(move || now_ms.load(Ordering::SeqCst));
        let check: CheckExpr = Arc::new(|_| Ok(()));
        Alerting::open(self.config.clone(), ask, check, clock, self.record.clone())
    }

    pub(crate) fn live(&self) -> Life<'_> {
        Life::of(self, self.open().unwrap())
    }

    /// The lines of the ledger.
    pub(crate) fn ledger(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.config.data_dir.join("ledger.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub(crate) fn found(host: &str) -> Found {
    let pairs = [("__name__", "up"), ("host", host)];
    Found {
        labels: Labels::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))),
        value: 0.0,
    }
}

/// Alerting from start to end.
pub(crate) struct Life<'a> {
    pub(crate) alerting: Alerting,
    house: &'a House,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl<'a> Life<'a> {
    pub(crate) fn of(house: &'a House, alerting: Alerting) -> Self {
        let shutdown = CancellationToken::new();
        let (running, token) = (alerting.clone(), shutdown.clone());
        let task = tokio::spawn(async move { running.run(token).await });
        Self {
            alerting,
            house,
            shutdown,
            task,
        }
    }

    /// Sets the clock to the next evaluation and waits until it is over.
    pub(crate) async fn evaluate(&self) {
        // One that is on its way, as after a jump of the clock, would make this one missed.
        let idle = || !self.alerting.shared().inner.lock().groups[0].busy;
        until("the evaluation before", idle).await;
        let at_ms = self.alerting.shared().inner.lock().groups[0]
            .schedule
            .next_ms();
        self.house.now_ms.store(at_ms, Ordering::SeqCst);
        self.nudge();
        let done =
            || self.alerting.shared().inner.lock().groups[0].last_evaluation_ms == Some(at_ms);
        until("the evaluation", done).await;
    }

    pub(crate) fn nudge(&self) {
        self.alerting.shared().nudge.notify_one();
    }

    /// The state of the only alert, or `inactive`.
    pub(crate) fn stage(&self) -> String {
        let view = self.alerting.alerts_json();
        let alerts = view["alerts"].as_array().unwrap();
        alerts.first().map_or("inactive".to_owned(), |alert| {
            alert["state"].as_str().unwrap().to_owned()
        })
    }

    pub(crate) fn waiting(&self) -> usize {
        self.alerting.shared().inner.lock().routes.waiting().count()
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// As kill -9: nothing more is written or sent.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Waits for something that happens on real sockets or threads.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} did not come within 10 s");
}

/// A receiver that answers as it is told: the given codes one after the other, then 200 for ever.
pub(crate) struct Hook {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Heard {
    answers: VecDeque<u16>,
    calls: Vec<Call>,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) key: String,
    pub(crate) body: Value,
    pub(crate) code: u16,
}

impl Hook {
    pub(crate) async fn new(answers: &[u16]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers)
    }

    pub(crate) fn on(listener: TcpListener, answers: &[u16]) -> Self {
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Heard {
            answers: answers.iter().copied().collect(),
            calls: Vec::new(),
        }));
        let router = axum::Router::new()
            .route("/alerts", axum::routing::post(hear))
            .with_state(heard.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            heard,
            server,
        }
    }

    pub(crate) fn then_answer(&self, answers: &[u16]) {
        self.heard.lock().answers.extend(answers);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.heard.lock().calls.clone()
    }

    /// What was answered with 200.
    pub(crate) fn taken(&self) -> Vec<Call> {
        self.calls()
            .into_iter()
            .filter(|call| call.code == 200)
            .collect()
    }

    pub(crate) async fn until_taken(&self, count: usize) -> Vec<Call> {
        until("the webhook", || self.taken().len() >= count).await;
        self.taken()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn hear(
    State(heard): State<Arc<Mutex<Heard>>>,
    headers: HeaderMap,
    axum::Json(body): axum::Json<Value>,
) -> (StatusCode, HeaderMap, &'static str) {
    let mut heard = heard.lock();
    let code = heard.answers.pop_front().unwrap_or(200);
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    heard.calls.push(Call { key, body, code });
    let mut extra = HeaderMap::new();
    if code == 302 {
        extra.insert("location", "/alerts".parse().unwrap());
    }
    if code == 429 {
        extra.insert("retry-after", "0".parse().unwrap());
    }
    (StatusCode::from_u16(code).unwrap(), extra, "as told")
}
