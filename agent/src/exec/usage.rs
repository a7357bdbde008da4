//! What the command and its children took of the host, as the kernel counts it for all that was waited for.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) user: Duration,
    pub(super) system: Duration,
    /// Of the largest process.
    pub(super) max_rss_bytes: u64,
}

/// Of all children that ended; there is one. Nothing where the kernel does not say.
pub(super) fn of_children() -> Usage {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return Usage::default();
    };
    Usage {
        user: duration(usage.user_time()),
        system: duration(usage.system_time()),
        // In KiB (getrusage(2)).
        max_rss_bytes: u64::try_from(usage.max_rss()).unwrap_or(0) * 1_024,
    }
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec()).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
