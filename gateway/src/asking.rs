//! Introduces alerting to query: its one question answered by the PromQL engine, its expressions checked by the
//! parser, and what its recording rules make stored.

use std::sync::Arc;
use std::time::Duration;

use weir_alerting::{Ask, AskError, CheckExpr, Found, Labels, Record, Recorded};
use weir_query::promql::{self, Element, Engine, QueryValue};
use weir_query::{Budget, Source};
use weir_store::{Points, SeriesId};
use weir_wire::{NAME_LABEL, SeriesKey};

use crate::admission::{Admission, Sender, Source as Sent};
use crate::http::{CancelOnDrop, QueryLimits};

/// The engine that rules and people ask.
pub(crate) fn engine(lookback: Duration) -> Engine {
    Engine {
        lookback_ms: lookback.as_millis() as i64,
        ..Engine::default()
    }
}

/// Answers rules from a source.
pub(crate) struct Asking {
    source: Arc<dyn Source>,
    engine: Engine,
    limits: QueryLimits,
}

impl Asking {
    pub(crate) fn new(source: Arc<dyn Source>, engine: Engine, limits: QueryLimits) -> Self {
        Self {
            source,
            engine,
            limits,
        }
    }

    /// The function that alerting asks through; alerting sets the time limit (`query.timeout`).
    pub(crate) fn ask(self) -> Ask {
        let house = Arc::new(self);
        Arc::new(move |expr, time_ms| {
            let house = Arc::clone(&house);
            Box::pin(async move {
                let budget = Arc::new(Budget::new(
                    house.limits.max_series,
                    house.limits.max_samples,
                ));
                let _cancel = CancelOnDrop(Arc::clone(&budget));
                let work =
                    tokio::task::spawn_blocking(move || house.answer(&expr, time_ms, &budget));
                work.await
                    .unwrap_or_else(|error| Err(AskError(format!("the evaluation ended: {error}"))))
            })
        })
    }

    fn answer(&self, expr: &str, time_ms: i64, budget: &Budget) -> Result<Vec<Found>, AskError> {
        let parsed = promql::parse(expr).map_err(|error| AskError(error.to_string()))?;
        let answer = self
            .engine
            .instant(self.source.as_ref(), &parsed, time_ms, budget);
        found(answer.map_err(|error| AskError(error.to_string()))?.value)
    }
}

/// A rule looks at a vector; a scalar is a vector of one without labels, as in Prometheus.
fn found(value: QueryValue) -> Result<Vec<Found>, AskError> {
    match value {
        QueryValue::Scalar(scalar) => Ok(vec![Found {
            labels: Labels::new(),
            value: scalar.value,
        }]),
        QueryValue::Vector(vector) => Ok(vector.into_iter().filter_map(in_its_words).collect()),
        _ => Err(AskError(
            "a rule's expression must give a vector or a scalar".to_owned(),
        )),
    }
}

/// A distribution is no number to compare with: such an element is left out.
fn in_its_words(element: Element) -> Option<Found> {
    let labels = element
        .labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    match element.point.value {
        promql::Value::Float(value) => Some(Found {
            labels: labels.collect(),
            value,
        }),
        promql::Value::Histogram(_) => None,
    }
}

/// Parses what a rule asks, when rules are loaded.
pub(crate) fn check() -> CheckExpr {
    Arc::new(|expr| {
        promql::parse(expr)
            .map(drop)
            .map_err(|error| error.to_string())
    })
}

/// Stores what recording rules made, like any other samples.
pub(crate) fn record(admission: Admission) -> Record {
    Arc::new(move |made: Vec<Recorded>| {
        let admission = admission.clone();
        let (sender, mut points) = (admission.sender("rules", Sent::Gateway), Points::default());
        for one in &made {
            if let Some(series) = series(&admission, &sender, one) {
                points.push(series, one.timestamp_ms, one.value);
            }
        }
        tokio::spawn(async move {
            if let Err(error) = admission.store(&sender, points).await {
                tracing::warn!("what recording rules made was not stored: {error}");
            }
        });
    })
}

fn series(admission: &Admission, sender: &Sender, one: &Recorded) -> Option<SeriesId> {
    let name = one.labels.get(NAME_LABEL)?;
    let labels = one.labels.iter().filter(|(label, _)| *label != NAME_LABEL);
    let key = SeriesKey::new(name, labels.map(|(k, v)| (k.as_str(), v.as_str()))).ok()?;
    admission.resolve(sender, &key).ok()
}
