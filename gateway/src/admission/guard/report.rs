//! What the guard says at `/api/v1/status/cardinality`: its limits, who passed them, and what is newest.

use serde_json::{Value, json};

use super::{Guard, Metric};

/// Labels listed of each metric.
const LABELS: usize = 10;

impl Guard {
    /// `data` of the answer, with lists of at most so many.
    #[must_use]
    pub fn to_json(&self, limit: usize) -> Value {
        let watched = self.watched.lock();
        let offenders: Vec<Value> = watched
            .offences
            .latest()
            .into_iter()
            .take(limit)
            .map(|(of, offence)| {
                json!({
                    "limit": of.limit.as_str(),
                    "metric": offence.metric,
                    "label": offence.label,
                    "source": of.source,
                    "refused": offence.refused,
                    "collapsed": offence.collapsed,
                    "first_ms": offence.first_ms,
                    "last_ms": offence.last_ms,
                })
            })
            .collect();
        let mut metrics: Vec<(&str, &Metric)> = watched
            .metrics
            .iter()
            .map(|(name, metric)| (name.as_str(), metric))
            .collect();
        metrics.sort_by(|a, b| b.1.new.cmp(&a.1.new).then_with(|| a.0.cmp(b.0)));
        let metrics = metrics.into_iter().take(limit).map(metric_json);
        let mut sources: Vec<(&str, u64)> = watched
            .sources
            .iter()
            .map(|(name, source)| (name.as_str(), source.new))
            .collect();
        sources.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let sources = sources.into_iter().take(limit);
        let config = &self.config;
        json!({
            "limits": {
                "source_per_minute": config.source_per_minute,
                "metric_per_minute": config.metric_per_minute,
                "label_values_per_minute": config.label_values_per_minute,
                "metric_total": config.metric_total,
                "label_values_total": config.label_values_total,
                "on_explosion": if config.collapses { "collapse" } else { "refuse" },
            },
            "offenders": offenders,
            "metrics": metrics.collect::<Vec<_>>(),
            "sources": sources
                .map(|(source, new)| json!({"source": source, "new_series": new}))
                .collect::<Vec<_>>(),
        })
    }
}

fn metric_json((name, metric): (&str, &Metric)) -> Value {
    let mut labels: Vec<(&str, u64)> = metric
        .labels
        .0
        .iter()
        .map(|(label, found)| (label.as_ref(), found.values.count()))
        .collect();
    labels.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let labels = labels.into_iter().take(LABELS);
    let labels = labels.map(|(label, values)| json!({"label": label, "new_values": values}));
    json!({"metric": name, "new_series": metric.new, "labels": labels.collect::<Vec<_>>()})
}
