//! One try at one webhook: a POST, and what its answer means. Follows no redirect, uses no proxy, reads no
//! more of an answer than its first kilobytes.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use rustls::{ClientConfig, RootCertStore};

use super::Outcome;
use crate::config::WebhookConfig;
use crate::text::bounded;
use crate::{AlertingError, Clock};

/// Bytes of an answer that are read, for the ledger.
const ANSWER_BYTES: usize = 4_096;
/// Bytes of a reason.
const REASON_BYTES: usize = 300;

/// One receiver.
pub(crate) struct Webhook {
    name: String,
    url: Url,
    timeout: Duration,
    client: Client,
    clock: Clock,
}

impl Webhook {
    /// Checks the URL and makes the client. The system's certificates are read only where the URL is `https`.
    pub(crate) fn new(config: &WebhookConfig, clock: Clock) -> Result<Self, AlertingError> {
        let roots = match config.url.starts_with("https:") {
            true => system_roots().map_err(|reason| refusal(config, reason))?,
            false => RootCertStore::empty(),
        };
        Self::with_roots(config, clock, roots)
    }

    pub(super) fn with_roots(
        config: &WebhookConfig,
        clock: Clock,
        roots: RootCertStore,
    ) -> Result<Self, AlertingError> {
        let url = checked(&config.url).map_err(|reason| refusal(config, reason))?;
        let client = client(config.timeout, roots).map_err(|reason| refusal(config, reason))?;
        Ok(Self {
            name: config.name.clone(),
            url,
            timeout: config.timeout,
            client,
            clock,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// One try, within the time that the receiver was given.
    pub(crate) async fn send(&self, key: &str, body: &str) -> Outcome {
        let retry = |reason: String| Outcome::Retry {
            code: None,
            reason: bounded(reason, REASON_BYTES),
            after: None,
        };
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key)
            .body(body.to_owned());
        let answer = async {
            match request.send().await {
                Ok(response) => self.judge(response).await,
                Err(error) => retry(chain(&error)),
            }
        };
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(outcome) => outcome,
            Err(_) => retry(format!("no answer within {:?}", self.timeout)),
        }
    }

    async fn judge(&self, response: Response) -> Outcome {
        let status = response.status();
        let code = status.as_u16();
        if status.is_success() {
            return Outcome::Taken { code };
        }
        let after = retry_after(response.headers(), (self.clock)());
        let reason = reason(status, response).await;
        if is_passing(status) {
            return Outcome::Retry {
                code: Some(code),
                reason,
                after,
            };
        }
        Outcome::Refused { code, reason }
    }
}

/// Whether the same request may be answered otherwise later. Only an answer that blames the body will be the same
/// again; a wrong address, a missing permission or a proxy in between can be mended, and a page must not be lost
/// meanwhile.
fn is_passing(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}

async fn reason(status: StatusCode, mut response: Response) -> String {
    let mut answer = Vec::new();
    while answer.len() < ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
            // What came before a break is reason enough.
            Ok(None) | Err(_) => break,
        }
    }
    answer.truncate(ANSWER_BYTES);
    let hint = if status.is_redirection() {
        " (redirects are not followed)"
    } else {
        ""
    };
    let text = String::from_utf8_lossy(&answer);
    bounded(format!("{status}{hint}: {}", text.trim()), REASON_BYTES)
}

/// Seconds or an HTTP date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let wait_ms = date.timestamp().as_millisecond().saturating_sub(now_ms);
    Some(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)))
}

fn checked(text: &str) -> Result<Url, String> {
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Err("the URL must begin with http:// or https://".to_owned());
    }
    let url: Url = text
        .parse()
        .map_err(|error| format!("{text:?} is no URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the URL holds a user or password, which would end up in logs; leave them out"
                .to_owned(),
        );
    }
    Ok(url)
}

/// IMPORTANT: TLS is handed over whole, with ring: the client's own way looks for a provider of the process.
fn client(timeout: Duration, roots: RootCertStore) -> Result<Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(timeout)
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(2)
        .build()
        .map_err(|error| chain(&error))
}

fn system_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    match added {
        0 => Err("the system has no root certificates; install ca-certificates".to_owned()),
        _ => Ok(roots),
    }
}

fn refusal(config: &WebhookConfig, reason: impl Into<String>) -> AlertingError {
    AlertingError::Webhook {
        name: config.name.clone(),
        reason: reason.into(),
    }
}

/// An error and its causes: the cause is what tells a refused connection from a bad certificate.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_cannot_be_meant_are_refused() {
        for (url, reason) in [
            ("ftp://host/x", "http:// or https://"),
            ("host:80", "http:// or https://"),
            ("/x", "http:// or https://"),
            ("http://user:secret@host/", "user or password"),
            ("http:// host/", "no URL"),
        ] {
            let refused = checked(url).unwrap_err();
            assert!(refused.contains(reason), "{url}: {refused}");
        }
        checked("https://hooks.example.org:8443/a?b=c").unwrap();
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wish = |text: &str, now_ms| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now_ms)
        };
        assert_eq!(wish("120", 0), Some(Duration::from_secs(120)));
        assert_eq!(
            wish("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770_000),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            wish("Sun, 06 Nov 1994 08:49:37 GMT", i64::MAX),
            Some(Duration::ZERO)
        );
        assert_eq!(wish("soon", 0), None);
        assert_eq!(wish("-5", 0), None);
    }

    #[test]
    fn only_an_answer_that_blames_the_body_is_final() {
        let all = (100..600).filter_map(|code| StatusCode::from_u16(code).ok());
        let given_up: Vec<u16> = all
            .filter(|status| !is_passing(*status))
            .map(|status| status.as_u16())
            .collect();
        assert_eq!(given_up, [400, 413, 422]);
    }
}
