//! `weir-agent status`: asks the agent that runs here how it is, twice, and says so on a page for people: gateway, queue,
//! rates between the two, collectors, and what went wrong last.

mod counters;
mod page;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use self::counters::Counters;
use crate::request::{Place, ask};

const TIMEOUT: Duration = Duration::from_secs(5);

/// The page, of rates over `over`; or with `json` what the agent said, as it is.
///
/// # Errors
/// When no agent answers.
pub(crate) async fn status(
    address: SocketAddr,
    over: Duration,
    json: bool,
    now_ms: i64,
) -> anyhow::Result<String> {
    let place = Place {
        address: address.to_string(),
        tls: None,
        token: String::new(),
    };
    if json {
        let said: Value = serde_json::from_str(&get(&place, "/status").await?)?;
        return Ok(format!("{said:#}\n"));
    }
    let before = Counters::read(&get(&place, "/metrics").await?)?;
    sleep(over).await;
    let after = Counters::read(&get(&place, "/metrics").await?)?;
    let said = serde_json::from_str(&get(&place, "/status").await?)?;
    Ok(page::page(&said, &before, &after, over, now_ms))
}

async fn get(place: &Place, path: &str) -> anyhow::Result<String> {
    let nobody = || format!("no agent answers on {} (key status.listen)", place.address);
    let answer = timeout(TIMEOUT, ask(place, "GET", path, b"")).await;
    let answer = answer.with_context(nobody)?.with_context(nobody)?;
    match answer.status {
        200 => Ok(answer.body),
        status => anyhow::bail!("{} answered {status} for {path}", place.address),
    }
}
