//! The life of the running agent: it starts and says where it listens, reads its configuration again when told to, and ends in
//! the order of the data. A configuration that is wrong changes nothing.

use anyhow::Context;
use metrics::counter;
use tokio::signal::unix::{SignalKind, signal};
use weir_config::ConfigError;

use crate::app::{Agent, Clock};
use crate::config::Config;

/// Lives until SIGTERM or SIGINT; `read` gives the configuration as it is then, at each SIGHUP.
///
/// # Errors
/// What keeps it from starting.
pub(crate) async fn live(
    config: Config,
    clock: Clock,
    boot: u64,
    read: impl Fn() -> Result<Config, ConfigError>,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut agent = Agent::start(config, clock, boot).await?;
    say_where(&agent);
    println!("ready");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload(&mut agent, &read).await,
        }
    }
    tracing::info!("stopping");
    agent.stop().await;
    Ok(())
}

/// Whoever starts it may read the ports that were left to the system.
fn say_where(agent: &Agent) {
    if let Some(address) = agent.statsd {
        println!("statsd udp {address}");
    }
    if let Some(address) = agent.statsd_tcp {
        println!("statsd-tcp {address}");
    }
    if let Some((tcp, udp)) = agent.graphite {
        println!("graphite tcp {tcp} udp {udp}");
    }
    if let Some(address) = agent.status {
        println!("status http://{address}/");
    }
}

async fn reload(agent: &mut Agent, read: &impl Fn() -> Result<Config, ConfigError>) {
    let done = match read().context("the configuration") {
        Ok(config) => agent.reload(config).await,
        Err(error) => Err(error),
    };
    let result = match &done {
        Ok(()) => {
            tracing::info!("the configuration was read again and holds");
            "taken"
        }
        Err(error) => {
            tracing::error!("nothing was changed by the reload: {error:#}");
            "refused"
        }
    };
    agent.note_reload(done.err().map(|error| format!("{error:#}")));
    counter!("weir_agent_reloads_total", "result" => result).increment(1);
}
