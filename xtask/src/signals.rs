//! Owns the wish to stop: Ctrl-C, SIGTERM or a closed terminal raise one flag.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

/// From its creation on, the signals no longer end the process.
pub(crate) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// # Errors
    /// When the system refuses to register for a signal.
    pub(crate) fn listen() -> Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register(signal, Arc::clone(&raised)).context("listen for signals")?;
        }
        Ok(Self(raised))
    }

    /// Stays true once it is.
    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
