//! Certificates: read from files, and again when the files change, by every handshake from then on. Connections that are
//! up go on with what they began with. What is broken is told, counted, and leaves what was. rustls with ring.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use metrics::counter;
use parking_lot::{Mutex, RwLock};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// What a listener asks of connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TlsMode {
    #[default]
    Off,
    /// TLS 1.2 or 1.3.
    On,
    /// The same, with a certificate of the client's.
    Mutual,
}

/// Where certificates lie: PEM.
#[derive(Debug, Clone)]
pub(crate) struct TlsConfig {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Who signs certificates of clients; `None`: no listener is mutual.
    pub(crate) client_ca: Option<PathBuf>,
}

/// The certificates in force.
pub(super) struct Tls {
    config: TlsConfig,
    current: RwLock<Servers>,
    read: Mutex<Vec<Option<SystemTime>>>,
}

#[derive(Clone)]
struct Servers {
    on: Arc<ServerConfig>,
    mutual: Option<Arc<ServerConfig>>,
}

impl Tls {
    /// # Errors
    /// What is wrong with which file.
    pub(super) fn open(config: TlsConfig) -> anyhow::Result<Self> {
        let read = Mutex::new(stamps(&config));
        let current = RwLock::new(load(&config)?);
        Ok(Self {
            config,
            current,
            read,
        })
    }

    /// `None` where TLS is off, or mutual without an authority: the configuration does not let that happen.
    pub(super) fn acceptor(&self, mode: TlsMode) -> Option<TlsAcceptor> {
        let current = self.current.read();
        let server = match mode {
            TlsMode::Off => None,
            TlsMode::On => Some(Arc::clone(&current.on)),
            TlsMode::Mutual => current.mutual.clone(),
        };
        server.map(TlsAcceptor::from)
    }

    /// Reads the files again if one changed. Who replaces two files is seen between them: that is told, and set right at
    /// the next look.
    pub(super) fn look(&self) {
        if *self.read.lock() == stamps(&self.config) {
            return;
        }
        match self.reload() {
            Ok(()) => tracing::info!("certificates were read again"),
            Err(error) => tracing::error!("the certificates stay as they were: {error:#}"),
        }
    }

    /// # Errors
    /// What is wrong with which file; the certificates stay.
    pub(super) fn reload(&self) -> anyhow::Result<()> {
        // Before they are read: what changes meanwhile is read again.
        *self.read.lock() = stamps(&self.config);
        let loaded = load(&self.config);
        let result = if loaded.is_ok() { "ok" } else { "failed" };
        counter!("weir_tls_reloads_total", "result" => result).increment(1);
        *self.current.write() = loaded?;
        Ok(())
    }
}

fn load(config: &TlsConfig) -> anyhow::Result<Servers> {
    let chain = certificates(&config.certificate)?;
    let named = || config.key.display().to_string();
    let key = PrivateKeyDer::from_pem_file(&config.key).with_context(named)?;
    let provider = Arc::new(default_provider());
    let builder = || {
        ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
    };
    let pair = || format!("{} and its key", config.certificate.display());
    let on = builder()?
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key.clone_key())
        .with_context(pair)?;
    let Some(ca) = &config.client_ca else {
        return Ok(Servers {
            on: Arc::new(on),
            mutual: None,
        });
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        let named = || ca.display().to_string();
        roots.add(certificate).with_context(named)?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let mutual = builder()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .with_context(pair)?;
    Ok(Servers {
        on: Arc::new(on),
        mutual: Some(Arc::new(mutual)),
    })
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let named = || file.display().to_string();
    let read = CertificateDer::pem_file_iter(file).with_context(named)?;
    let chain: Vec<_> = read.collect::<Result<_, _>>().with_context(named)?;
    anyhow::ensure!(!chain.is_empty(), "{} holds no certificate", named());
    Ok(chain)
}

fn stamps(config: &TlsConfig) -> Vec<Option<SystemTime>> {
    let files = [
        Some(&config.certificate),
        Some(&config.key),
        config.client_ca.as_ref(),
    ];
    let modified = |file: &PathBuf| std::fs::metadata(file).ok()?.modified().ok();
    files.into_iter().flatten().map(modified).collect()
}
