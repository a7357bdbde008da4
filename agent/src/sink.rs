//! Where everything that makes samples hands them to: the queue before the uplink. Owns the labels that this host puts on
//! what it sends; measures nothing and sends nothing.

use std::sync::Arc;

use weir_aggregate::Labels;
use weir_wire::{Reject, SeriesKey};

use crate::queue::Point;
use crate::uplink::Outbox;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sink {
    outbox: Arc<Outbox>,
    labels: Arc<Labels>,
}

impl Sink {
    /// `labels` give way to a series' own of the same name.
    #[must_use]
    pub(crate) fn new(outbox: Arc<Outbox>, labels: Vec<(String, String)>) -> Self {
        let labels = Labels {
            defaults: labels,
            origin: None,
        };
        Self {
            outbox,
            labels: Arc::new(labels),
        }
    }

    /// The labels of this host.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// A series with the labels of this host.
    ///
    /// # Errors
    /// Whatever keeps them from being a series.
    pub(crate) fn labelled(&self, own: &SeriesKey) -> Result<SeriesKey, Reject> {
        self.labels.put_on(own, "")
    }

    /// Hands over what nobody waits for.
    pub(crate) fn deliver(&self, points: Vec<Point>) {
        if !points.is_empty() {
            self.outbox.queue.lock().push(points);
            self.outbox.filled.notify_one();
        }
    }

    /// The same for a sender that waits until they are safe: on a gateway's disk, or in the spool. With the spool off, or its
    /// disk full, that may take for ever.
    ///
    /// # Errors
    /// When they were dropped.
    pub(crate) async fn keep(&self, points: Vec<Point>) -> std::io::Result<()> {
        if points.is_empty() {
            return Ok(());
        }
        let batches = self.outbox.queue.lock().push(points);
        self.outbox.filled.notify_one();
        for mut safe in batches {
            let dropped = |_| std::io::Error::other("there was no room for them");
            safe.wait_for(|safe| *safe).await.map_err(dropped)?;
        }
        Ok(())
    }
}
