//! Who may come in: tokens, TLS, networks and signatures, in one place for every listener. A listener has a [`Door`] and
//! asks it once a connection or datagram; requests are asked in `http::entrance`. What is refused is counted here, and no
//! secret is ever logged.

mod certificate_name;
mod config;
mod connection;
mod door;
mod greetings;
mod hex;
mod networks;
mod replay;
mod scope;
mod signing;
mod task;
mod tls;
mod tokens;

pub(crate) use config::{AccessConfig, DoorConfig, ReadTls};
pub(crate) use connection::Connection;
pub(crate) use door::{Door, Visitor};
pub(crate) use scope::Scope;
pub(crate) use task::keep_current;
pub(crate) use tls::TlsMode;
pub(crate) use tokens::{Denied, Pass, TokenCommand, run_command};

use std::sync::Arc;

use anyhow::Context;
use metrics::counter;
use weir_store::Clock;

use signing::Signatures;
use tls::Tls;
use tokens::Tokens;

/// What all doors share; one a gateway.
pub struct Access {
    tokens: Tokens,
    /// `None`: no certificate was given.
    tls: Option<Tls>,
    signatures: Signatures,
    clock: Clock,
}

impl Access {
    /// Reads tokens and certificates.
    ///
    /// # Errors
    /// A file that is named and cannot be read, or says nothing that can be used.
    pub fn open(config: &AccessConfig, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let tls = config.tls.clone().map(Tls::open).transpose();
        Ok(Arc::new(Self {
            tokens: Tokens::open(config.tokens.clone()).context("access.tokens")?,
            tls: tls.context("tls")?,
            signatures: Signatures::new(clock()),
            clock,
        }))
    }

    /// Whether what the configuration names can be used: for who only checks.
    ///
    /// # Errors
    /// As [`Access::open`], but for tokens in a data directory that only the gateway may read.
    pub(crate) fn check_files(config: &AccessConfig) -> anyhow::Result<()> {
        config
            .tls
            .clone()
            .map(Tls::open)
            .transpose()
            .context("tls")?;
        match config.is_named() {
            true => Tokens::open(config.tokens.clone())
                .map(|_| ())
                .context("access.tokens"),
            false => Ok(()),
        }
    }

    /// What a token that was shown is good for.
    ///
    /// # Errors
    /// Why it is good for nothing, or not for this.
    pub(crate) fn check(&self, shown: &str, scope: Scope) -> Result<Pass, Denied> {
        self.tokens.check(shown, scope, (self.clock)())
    }

    /// Whether what was shown before is good still.
    pub(crate) fn is_good(&self, pass: &Pass) -> bool {
        self.tokens.is_good(pass, (self.clock)())
    }

    /// Reads what changed on disk; what is broken is told, and leaves what was.
    pub(crate) fn look(&self) {
        self.tokens.look();
        if let Some(tls) = &self.tls {
            tls.look();
        }
    }

    /// Reads everything again, changed or not.
    ///
    /// # Errors
    /// What is broken; it stays as it was.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        self.tokens.reload().context("access.tokens")?;
        match &self.tls {
            Some(tls) => tls.reload().context("tls"),
            None => Ok(()),
        }
    }
}

/// Counts what was turned away at a door.
fn count_refused(listener: &'static str, reason: &'static str) {
    counter!("weir_access_refused_total", "listener" => listener, "reason" => reason).increment(1);
}
