//! `weir-agent exec`: runs a command with its own input, output and signals, then reports how it went. The command is run
//! whatever is wrong with the configuration, and its exit code is the program's, whatever becomes of the report.

mod args;
mod child;
mod signals;
mod usage;

pub(crate) use args::ExecArgs;

use std::fmt::Write;

use tokio::time::Instant;

use self::child::Ended;
use self::signals::Signals;
use crate::app::Clock;
use crate::config::Config;
use crate::push::Report;

/// Does it; the exit code.
///
/// # Errors
/// When signals cannot be listened for; nothing was run then.
pub(crate) async fn exec(
    args: ExecArgs,
    config: Result<Config, weir_config::ConfigError>,
    clock: Clock,
) -> std::io::Result<u8> {
    let mut signals = Signals::listen()?;
    let begun_ms = clock();
    let ended = child::run(&args.command, &mut signals).await;
    let deadline = Instant::now() + args.job.timeout;
    let reporting = async {
        let config = config.map_err(|error| error.to_string())?;
        let mut report = Report::new(&args.job, &config)?;
        report.text = text(&ended, begun_ms, clock());
        report
            .deliver(deadline)
            .await
            .map_err(|why| why.to_string())
    };
    let reported = tokio::select! {
        reported = reporting => reported,
        // Whoever wants it to end does not wait for a report.
        _ = signals.next() => Err("it was told to end".to_owned()),
    };
    if let Err(why) = reported {
        eprintln!(
            "weir-agent: how job {:?} went is not reported: {why}",
            args.job.job
        );
    }
    Ok(ended.code)
}

/// What is reported, as Prometheus' text.
fn text(ended: &Ended, begun_ms: i64, now_ms: i64) -> String {
    let seconds = |ms: i64| ms as f64 / 1_000.0;
    let mut figures = vec![
        (
            "exit_code",
            "What the command ended with; 128 and the signal's number where one ended it.",
            f64::from(ended.code),
        ),
        (
            "duration_seconds",
            "How long it ran.",
            ended.duration.as_secs_f64(),
        ),
        (
            "cpu_user_seconds",
            "Time of processors it took, its children's too, outside of the kernel.",
            ended.usage.user.as_secs_f64(),
        ),
        (
            "cpu_system_seconds",
            "The same in the kernel.",
            ended.usage.system.as_secs_f64(),
        ),
        (
            "max_rss_bytes",
            "The most memory that one of its processes held at once.",
            ended.usage.max_rss_bytes as f64,
        ),
        (
            "start_timestamp_seconds",
            "When it began.",
            seconds(begun_ms),
        ),
        ("end_timestamp_seconds", "When it ended.", seconds(now_ms)),
    ];
    if ended.code == 0 {
        figures.push((
            "last_success_timestamp_seconds",
            "When it last ended with 0.",
            seconds(now_ms),
        ));
    }
    let mut text = String::new();
    for (name, help, value) in figures {
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "# HELP weir_job_{name} {help}\n# TYPE weir_job_{name} gauge\nweir_job_{name} {value}"
        );
    }
    text
}
