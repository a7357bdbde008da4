//! Who made a request: the peer's address and the token it showed. Put into the request where the connection and the
//! token are known; asked for by what takes samples.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::admission::Source;

/// Whose request it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) address: Option<IpAddr>,
    /// The name of the token that was shown and is good.
    pub(crate) token: Option<Arc<str>>,
}

impl Caller {
    pub(crate) fn source(&self) -> Source<'_> {
        match (&self.token, self.address) {
            (Some(token), _) => Source::Token(token),
            (None, Some(address)) => Source::Peer(address),
            (None, None) => Source::Rest,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            address: peer.map(|ConnectInfo(peer)| peer.ip()),
            token: None,
        })
    }
}
