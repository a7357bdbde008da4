//! Looks at tokens and certificates again and again, so that a change on disk holds within seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Access;

/// What is promised is five seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn keep_current(access: Arc<Access>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let access = Arc::clone(&access);
        // A look that panics would end the task, and with it revocation.
        if let Err(error) = tokio::task::spawn_blocking(move || access.look()).await {
            tracing::error!("looking at tokens and certificates failed: {error}");
        }
    }
}
