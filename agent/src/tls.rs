//! TLS to a gateway: whom the agent trusts, and the certificate it shows. The files are read at every connection, so that
//! a new certificate needs no restart. rustls with ring.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Files in PEM.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TlsConfig {
    /// Who signs gateways' certificates; `None` trusts whom this host trusts.
    pub ca: Option<PathBuf>,
    /// This agent's certificate with its chain, and its key.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// Why there is no TLS to a gateway.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {source}", file.display())]
    File {
        file: PathBuf,
        source: rustls::pki_types::pem::Error,
    },
    #[error("{} holds no certificate that can be used", .0.display())]
    Empty(PathBuf),
    #[error("this host trusts nobody; give tls.ca")]
    NoRoots,
    #[error("{0:?} is no name that a certificate could have")]
    Name(String),
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    #[error("{0}")]
    Handshake(std::io::Error),
}

/// A connection to a gateway, plain or TLS.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// Shakes hands with the gateway `host:port`, whose certificate must be of that host.
pub(crate) async fn connect(
    config: &TlsConfig,
    gateway: &str,
    stream: TcpStream,
) -> Result<Box<dyn Socket>, TlsError> {
    let host = gateway.rsplit_once(':').map_or(gateway, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.to_owned()))?;
    let connector = TlsConnector::from(Arc::new(client(config)?));
    let connected = connector.connect(name, stream).await;
    Ok(Box::new(connected.map_err(TlsError::Handshake)?))
}

/// What the files say now.
///
/// # Errors
/// The file that cannot be used.
pub(crate) fn client(config: &TlsConfig) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(config.ca.as_deref())?);
    let Some((certificate, key)) = &config.own else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::File {
        file: key.clone(),
        source,
    })?;
    Ok(builder.with_client_auth_cert(chain, key)?)
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(ca) => {
            for certificate in certificates(ca)? {
                roots.add(certificate)?;
            }
        }
        None => {
            // Of many some may be odd; one that is good is enough.
            let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    match roots.is_empty() {
        true => Err(TlsError::NoRoots),
        false => Ok(roots),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::File {
        file: file.to_owned(),
        source,
    };
    let read = CertificateDer::pem_file_iter(file).map_err(failed)?;
    let chain: Vec<_> = read.collect::<Result<_, _>>().map_err(failed)?;
    match chain.is_empty() {
        true => Err(TlsError::Empty(file.to_owned())),
        false => Ok(chain),
    }
}
