//! One way to run a query: a permit, a thread that may block, a time limit, and an end as soon as nobody waits.

use std::sync::Arc;

use weir_query::Budget;

use super::Api;

/// Why a query was not run to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("too many queries at once (limit {0}); try again")]
    Busy(usize),
    #[error("query timed out in expression evaluation")]
    TimedOut,
    #[error("the query ended without an answer")]
    Lost,
}

/// Cancels the budget when the waiting side goes away: the client has left, or time is up.
pub(crate) struct CancelOnDrop(pub(crate) Arc<Budget>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs `work` off the event loop.
pub(super) async fn ask<T: Send + 'static>(
    api: &Arc<Api>,
    work: impl FnOnce(&Api, &Budget) -> T + Send + 'static,
) -> Result<T, NoAnswer> {
    let limits = &api.limits;
    let permit = Arc::clone(&api.permits).try_acquire_owned();
    let permit = permit.map_err(|_| NoAnswer::Busy(limits.concurrent))?;
    let budget = Arc::new(Budget::new(limits.max_series, limits.max_samples));
    let _cancel = CancelOnDrop(Arc::clone(&budget));
    let api = Arc::clone(api);
    // The permit travels with the work: a cancelled query holds its place until its thread has stopped.
    let run = tokio::task::spawn_blocking(move || {
        let answer = work(&api, &budget);
        drop(permit);
        answer
    });
    match tokio::time::timeout(limits.timeout, run).await {
        Err(_) => Err(NoAnswer::TimedOut),
        Ok(Err(_)) => Err(NoAnswer::Lost),
        Ok(Ok(answer)) => Ok(answer),
    }
}
