//! Tells every group again, each interval: to a query that looks back some minutes the last push stays there to be seen.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::groups::Telling;
use crate::http::taking::Taking;

/// Runs until told to stop.
pub(crate) async fn remember(taking: Arc<Taking>, stop: CancellationToken) {
    let config = &taking.config.pushgateway;
    let ttl_ms = config.ttl.as_millis() as i64;
    let sender = taking.pushgateway.own();
    let mut ticks = tokio::time::interval(config.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let keys = taking.groups.keys();
        metrics::gauge!("weir_pushgateway_groups").set(keys.len() as f64);
        for key in keys {
            if stop.is_cancelled() {
                return;
            }
            let telling = Telling {
                taking: &taking,
                sender: &sender,
            };
            taking.groups.tell_again(&telling, &key, ttl_ms).await;
        }
    }
}
