//! Tells every group again, each interval: to a query that looks back some minutes the last push stays there to be seen.
//! Ends those whose time to live is over, when it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::groups::Telling;
use crate::http::taking::Taking;

/// Groups are not looked at for their end more often than this, however many end.
const LOOK_AT_MOST: Duration = Duration::from_millis(500);

/// Runs until told to stop.
pub(crate) async fn remember(taking: Arc<Taking>, stop: CancellationToken) {
    let sender = taking.pushgateway.own();
    let mut ticks = tokio::time::interval(taking.config.pushgateway.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_told_again = tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => true,
            () = next_end(&taking) => false,
        };
        let keys = taking.groups.keys();
        metrics::gauge!("weir_pushgateway_groups").set(keys.len() as f64);
        taking.groups.ends.begin_look();
        for key in keys {
            if stop.is_cancelled() {
                return;
            }
            let telling = Telling {
                taking: &taking,
                sender: &sender,
            };
            taking.groups.look_at(&telling, &key, is_told_again).await;
        }
    }
}

/// Returns when a group's time is over.
async fn next_end(taking: &Taking) {
    let ends = &taking.groups.ends;
    loop {
        let Some(end_ms) = ends.next_ms() else {
            ends.earlier().await;
            continue;
        };
        let until_ms = u64::try_from(end_ms.saturating_sub(taking.now_ms())).unwrap_or(0);
        let until = Duration::from_millis(until_ms).max(LOOK_AT_MOST);
        tokio::select! {
            () = tokio::time::sleep(until) => return,
            () = ends.earlier() => {}
        }
    }
}
