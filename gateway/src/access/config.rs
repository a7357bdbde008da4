//! What is read of doors, certificates and tokens, and what is meant by it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use weir_config::ConfigError;

use super::networks::Networks;
use super::tls::{TlsConfig, TlsMode};

/// In the data directory, where none is named.
const TOKENS_FILE: &str = "tokens.toml";

/// The section `[tls]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadTls {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: PathBuf,
}

/// What all doors share.
#[derive(Debug, Clone)]
pub struct AccessConfig {
    pub(crate) tokens: PathBuf,
    /// It was named, and is not the data directory's.
    is_named: bool,
    pub(crate) tls: Option<TlsConfig>,
}

/// One listener's.
#[derive(Debug, Clone, Default)]
pub struct DoorConfig {
    pub(crate) allow: Networks,
    pub(crate) tls: TlsMode,
    /// A token is needed.
    pub(crate) auth: bool,
    /// Datagrams must be signed.
    pub(crate) signed: bool,
}

impl AccessConfig {
    /// # Errors
    /// A certificate without its key.
    pub(crate) fn meant(
        tokens: PathBuf,
        tls: ReadTls,
        data_dir: &Path,
    ) -> Result<Self, ConfigError> {
        let is_given = |file: &Path| !file.as_os_str().is_empty();
        if is_given(&tls.certificate) != is_given(&tls.key) {
            let reason = "a certificate and its key are given together";
            return Err(invalid("tls.certificate", reason.to_owned()));
        }
        let tls = is_given(&tls.certificate).then(|| TlsConfig {
            certificate: tls.certificate,
            key: tls.key,
            client_ca: Some(tls.client_ca).filter(|file| is_given(file)),
        });
        let is_named = is_given(&tokens);
        let tokens = match is_named {
            true => tokens,
            false => data_dir.join(TOKENS_FILE),
        };
        Ok(Self {
            tokens,
            is_named,
            tls,
        })
    }

    pub(super) fn is_named(&self) -> bool {
        self.is_named
    }

    /// The file of tokens.
    pub(crate) fn tokens(&self) -> &Path {
        &self.tokens
    }

    /// Relative files are meant from here.
    pub(crate) fn found_from(&mut self, dir: &Path) {
        if self.is_named {
            self.tokens = dir.join(&self.tokens);
        }
        if let Some(tls) = &mut self.tls {
            tls.certificate = dir.join(&tls.certificate);
            tls.key = dir.join(&tls.key);
            tls.client_ca = tls.client_ca.take().map(|ca| dir.join(ca));
        }
    }

    /// The door of the listener that this section is of.
    ///
    /// # Errors
    /// A word that is not known, a network that is none, and TLS without what it takes.
    pub(crate) fn door(
        &self,
        section: &str,
        auth: &str,
        tls: &str,
        allow: &[String],
    ) -> Result<DoorConfig, ConfigError> {
        let key = |name: &str| format!("{section}.{name}");
        let auth = match auth {
            "off" => false,
            "token" => true,
            other => {
                let reason = format!("{other:?} is none of \"off\" and \"token\"");
                return Err(invalid(&key("auth"), reason));
            }
        };
        let allow = Networks::parse(allow).map_err(|reason| invalid(&key("allow"), reason))?;
        Ok(DoorConfig {
            allow,
            tls: self.tls_mode(&key("tls"), tls)?,
            auth,
            signed: false,
        })
    }

    fn tls_mode(&self, key: &str, word: &str) -> Result<TlsMode, ConfigError> {
        let authority = self.tls.as_ref().map(|tls| tls.client_ca.is_some());
        match (word, authority) {
            ("off", _) => Ok(TlsMode::Off),
            ("on", Some(_)) => Ok(TlsMode::On),
            ("mutual", Some(true)) => Ok(TlsMode::Mutual),
            ("on" | "mutual", None) => {
                let reason = "it takes tls.certificate and tls.key";
                Err(invalid(key, reason.to_owned()))
            }
            ("mutual", Some(false)) => Err(invalid(key, "it takes tls.client_ca".to_owned())),
            (other, _) => {
                let reason = format!("{other:?} is none of \"off\", \"on\" and \"mutual\"");
                Err(invalid(key, reason))
            }
        }
    }
}

impl DoorConfig {
    /// Says of datagrams on the same section's port whether they must be signed.
    ///
    /// # Errors
    /// A word that is not known; open datagrams beside connections that must say who they are.
    pub(crate) fn datagrams(&self, section: &str, word: &str) -> Result<Self, ConfigError> {
        let key = format!("{section}.udp");
        let signed = match word {
            "open" => false,
            "signed" => true,
            other => {
                let reason = format!("{other:?} is none of \"open\" and \"signed\"");
                return Err(invalid(&key, reason));
            }
        };
        if !signed && (self.auth || self.tls == TlsMode::Mutual) {
            let reason = format!(
                "{section}.auth and {section}.tls ask who sends, and open datagrams do not say; give \"signed\""
            );
            return Err(invalid(&key, reason));
        }
        Ok(Self {
            signed,
            ..self.clone()
        })
    }
}

fn invalid(key: &str, reason: String) -> ConfigError {
    ConfigError::Invalid {
        place: key.to_owned(),
        reason,
    }
}
