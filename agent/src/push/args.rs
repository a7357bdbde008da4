//! What the command lines of `push` and `exec` have in common, and what is `push`'s own.

use std::time::Duration;

use clap::Args;

/// Whose metrics they are, and where they may go.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobArgs {
    /// The job's name: the label `job` of all its metrics.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) job: String,
    /// One more label for all of them; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) label: Vec<(String, String)>,
    /// A gateway's HTTP port to push to when no agent answers here, as http://gw1:9347; may be repeated. Over push.gateways.
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: Vec<String>,
    /// Ask no agent: push to a gateway at once.
    #[arg(long)]
    pub(crate) no_agent: bool,
    /// How long it may take until the metrics are safe, as 10s or 1m.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

/// The command line of `push`.
#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// Metrics, as bytes_total=1e9 or 'bytes{disk="sda"}=12'; without any, Prometheus' text format is read from standard input.
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) metrics: Vec<String>,
}

fn label(text: &str) -> Result<(String, String), String> {
    let wrong = || "write it as name=value, the name of letters, digits and _".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins_well = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    if !is_name || !begins_well || name.starts_with("__") {
        return Err(wrong());
    }
    if name == "job" {
        return Err("the job is named by --job".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write it as 10s or 1m");
    let duration = weir_config::parse_duration(text).ok_or_else(wrong)?;
    match duration.is_zero() {
        true => Err("it must be more than nothing".to_owned()),
        false => Ok(duration),
    }
}
