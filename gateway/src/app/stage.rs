//! Tasks that stop together: told so, and waited for within a grace time.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::GRACE;

/// Tasks that stop together.
pub(super) struct Stage {
    name: &'static str,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Stage {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn spawn<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(self.stop.clone()));
    }

    pub(super) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                "{} of the {} were still busy after {GRACE:?}",
                self.tasks.len(),
                self.name
            );
        }
    }
}
