//! The file drop: `*.prom` files of a folder, which cron jobs leave, read each interval as node_exporter's textfile collector
//! does. A file that is bad is named and skipped, and holds up no other. A series that is gone ends at once.

mod folder;
mod read;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio_util::sync::CancellationToken;
use weir_wire::{Sample, SeriesKey, Value, stale};

use self::folder::{Found, Problem};
use crate::app::Clock;
use crate::queue::Point;
use crate::sink::Sink;
use crate::status::Status;
use crate::ticks::Ticks;

/// The part of the status page that is about it.
const NAME: &str = "textfile";

pub(crate) struct Textfile {
    pub(crate) folder: PathBuf,
    pub(crate) sink: Sink,
    pub(crate) status: Arc<Status>,
    pub(crate) clock: Clock,
}

impl Textfile {
    /// Reads until told to stop.
    pub(crate) async fn run(self, interval: Duration, shutdown: CancellationToken) {
        let mut ticks = Ticks::new(interval, Arc::clone(&self.clock));
        let (mut alive, mut told) = (HashSet::new(), Vec::new());
        loop {
            let tick = tokio::select! {
                () = shutdown.cancelled() => return,
                tick = ticks.next() => tick,
            };
            let (folder, sink) = (self.folder.clone(), self.sink.clone());
            let work = tokio::task::spawn_blocking(move || folder::read(&folder, sink.labels()));
            let found = tokio::select! {
                () = shutdown.cancelled() => return,
                found = work => found,
            };
            let Ok(found) = found else {
                tracing::error!("reading {} ended by a panic", self.folder.display());
                continue;
            };
            gauge!("weir_agent_textfile_bad_files").set(found.problems.len() as f64);
            gauge!("weir_agent_textfile_not_finite_samples").set(found.not_finite as f64);
            self.tell(&found.problems, &mut told);
            self.sink.deliver(points(found, &mut alive, tick.at_ms));
        }
    }

    /// Says what is wrong once, not each interval.
    fn tell(&self, problems: &[Problem], told: &mut Vec<Problem>) {
        for problem in problems.iter().filter(|problem| !told.contains(problem)) {
            tracing::warn!("textfile {problem}");
        }
        let text: Vec<String> = problems.iter().map(Problem::to_string).collect();
        let text = Some(text.join("; ")).filter(|text| !text.is_empty());
        self.status.noted(NAME, text);
        *told = problems.to_vec();
    }
}

/// What was found, and the ends of what was there before and is not any more.
fn points(found: Found, alive: &mut HashSet<SeriesKey>, at_ms: i64) -> Vec<Point> {
    let now: HashSet<SeriesKey> = found.samples.iter().map(|(key, _)| key.clone()).collect();
    let point = |key, value| {
        let value = Value::Float(value);
        let timestamp_ms = at_ms;
        (
            key,
            Sample {
                timestamp_ms,
                value,
            },
        )
    };
    let gone = alive.difference(&now).cloned();
    let gone: Vec<Point> = gone.map(|key| point(key, stale())).collect();
    *alive = now;
    let found = found.samples.into_iter();
    found
        .map(|(key, value)| point(key, value))
        .chain(gone)
        .collect()
}
