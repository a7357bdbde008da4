//! A job's metrics on their way: to the agent here, or else to a gateway, until somebody says they are safe, one says they
//! are wrong, or the time is over.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use weir_wire::pushgateway;

use super::args::JobArgs;
use crate::config::{Config, HttpPlace};
use crate::request::{self, Answer, Place};

/// Between rounds of tries.
const PAUSE: Duration = Duration::from_millis(250);
/// Of what somebody answers, so much is repeated.
const MAX_REASON_CHARS: usize = 300;

/// Why nobody answers for them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSafe {
    #[error("refused: {0}")]
    Refused(String),
    #[error("nobody took it: {0}")]
    Nobody(String),
}

/// Metrics, and where they may go, in that order.
pub(crate) struct Report {
    pub(crate) text: String,
    ways: Vec<Way>,
}

struct Way {
    /// For messages.
    name: String,
    place: Place,
    path: String,
}

impl Report {
    /// # Errors
    /// Nowhere to go, or a gateway that is none.
    pub(crate) fn new(args: &JobArgs, config: &Config) -> Result<Self, String> {
        let mut ways = Vec::new();
        if let Some(address) = config.status.filter(|_| !args.no_agent) {
            ways.push(Way {
                name: format!("the agent on {address}"),
                place: Place {
                    address: address.to_string(),
                    tls: None,
                    token: String::new(),
                },
                path: pushgateway::path(&args.job, &args.label),
            });
        }
        let given = args.gateway.iter().map(|url| HttpPlace::read(url));
        let given: Vec<HttpPlace> = given.collect::<Result<_, _>>()?;
        let gateways = match given.is_empty() {
            true => &config.push_gateways,
            false => &given,
        };
        ways.extend(
            gateways
                .iter()
                .map(|gateway| Way::of_gateway(gateway, args, config)),
        );
        if ways.is_empty() {
            return Err("nowhere to push to: give --gateway, or push.gateways or status.listen in the configuration".to_owned());
        }
        Ok(Self {
            text: String::new(),
            ways,
        })
    }

    /// Tries one after the other, again and again; returns once it is safe.
    ///
    /// # Errors
    /// When it is not: refused, or still nowhere at the deadline.
    pub(crate) async fn deliver(&self, deadline: Instant) -> Result<(), NotSafe> {
        let begun = Instant::now();
        // Who takes a connection and says nothing must leave time for the others.
        let share = deadline.saturating_duration_since(begun) / self.ways.len() as u32;
        let mut reasons: Vec<String> = Vec::new();
        loop {
            let mut now = Vec::new();
            for way in &self.ways {
                let until = deadline.min(Instant::now() + share);
                match way.go(&self.text, until).await {
                    Ok(()) => return Ok(()),
                    Err(NotSafe::Nobody(reason)) => now.push(reason),
                    Err(refused) => return Err(refused),
                }
                if Instant::now() >= deadline {
                    break;
                }
            }
            // What the last whole round found says more than a try that was cut short.
            if now.len() == self.ways.len() || reasons.is_empty() {
                reasons = now;
            }
            let next = Instant::now() + PAUSE;
            if next >= deadline {
                return Err(NotSafe::Nobody(reasons.join("; ")));
            }
            sleep_until(next).await;
        }
    }
}

impl Way {
    /// The labels that the agent would put on are part of the group here, so that the series are the same by either way and
    /// one host's group is not another's.
    fn of_gateway(gateway: &HttpPlace, args: &JobArgs, config: &Config) -> Self {
        let mut labels = args.label.clone();
        for (name, value) in config.all_labels() {
            if name != "job" && labels.iter().all(|(own, _)| *own != name) {
                labels.push((name, value));
            }
        }
        Self {
            name: format!("the gateway on {}", gateway.address),
            place: Place {
                address: gateway.address.clone(),
                tls: gateway
                    .is_tls
                    .then(|| config.tls.clone().unwrap_or_default()),
                token: config.token.clone(),
            },
            path: format!(
                "{}{}",
                gateway.prefix,
                pushgateway::path(&args.job, &labels)
            ),
        }
    }

    async fn go(&self, text: &str, until: Instant) -> Result<(), NotSafe> {
        let asked = request::ask(&self.place, "POST", &self.path, text.as_bytes());
        match timeout_at(until, asked).await {
            Err(_) => Err(NotSafe::Nobody(format!(
                "{} did not answer in time",
                self.name
            ))),
            Ok(Err(error)) => Err(NotSafe::Nobody(format!("{}: {error}", self.name))),
            Ok(Ok(answer)) => self.told(&answer),
        }
    }

    fn told(&self, Answer { status, body }: &Answer) -> Result<(), NotSafe> {
        let body: String = body.chars().take(MAX_REASON_CHARS).collect();
        let reason = format!("{} answered {status}: {body}", self.name);
        match status {
            200..=299 => Ok(()),
            // No such path is another program, or an agent of before; the rest may be over soon.
            404 | 405 | 408 | 429 => Err(NotSafe::Nobody(reason)),
            400..=499 => Err(NotSafe::Refused(reason)),
            _ => Err(NotSafe::Nobody(reason)),
        }
    }
}
