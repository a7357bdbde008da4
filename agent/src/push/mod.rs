//! `weir-agent push`: a job's metrics to the agent of this host, or else to a gateway, and an exit code that says whether
//! they are safe. Ends within its time-out, whatever hangs.
//!
//! Exit codes: 0 safe with the agent or a gateway, 1 refused, 2 usage, 3 nobody took it within the time-out.

mod args;
mod input;
mod report;

pub(crate) use args::{JobArgs, PushArgs, duration};
pub(crate) use input::MAX_BYTES;
pub(crate) use report::{NotSafe, Report};

use tokio::time::{Instant, timeout_at};

use crate::cli::{Failure, failure};
use crate::config::Config;

const EXIT_REFUSED: u8 = 1;
const EXIT_USAGE: u8 = 2;
const EXIT_NOBODY: u8 = 3;

/// Does it; returns once the metrics are safe.
///
/// # Errors
/// With the exit code that fits.
pub(crate) async fn push(args: PushArgs, config: &Config) -> Result<(), Failure> {
    let deadline = Instant::now() + args.job.timeout;
    let usage = |reason: String| failure(EXIT_USAGE, anyhow::anyhow!(reason));
    let mut report = Report::new(&args.job, config).map_err(usage)?;
    report.text = match args.metrics.is_empty() {
        false => input::of_words(&args.metrics).map_err(usage)?,
        true => match timeout_at(deadline, input::of_stdin()).await {
            Ok(text) => text.map_err(usage)?,
            Err(_) => {
                let reason = "standard input did not end within --timeout; nothing was pushed";
                return Err(failure(EXIT_NOBODY, anyhow::anyhow!(reason)));
            }
        },
    };
    report.deliver(deadline).await.map_err(|why| {
        let code = match why {
            NotSafe::Refused(_) => EXIT_REFUSED,
            NotSafe::Nobody(_) => EXIT_NOBODY,
        };
        failure(code, why.into())
    })
}
