//! Who made a request: the peer's address, its certificate's name and the token it showed. Put beside the request by the
//! entrance; asked for by what takes samples.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::access::Visitor;
use crate::admission::Source;

/// Whose request it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) address: Option<IpAddr>,
    pub(crate) certificate: Option<Arc<str>>,
    /// The name of the token that was shown and is good.
    pub(crate) token: Option<Arc<str>>,
}

impl Caller {
    pub(crate) fn of(visitor: Option<&Visitor>) -> Self {
        Self {
            address: visitor.map(|visitor| visitor.address),
            certificate: visitor.and_then(|visitor| visitor.certificate.clone()),
            token: None,
        }
    }

    pub(crate) fn source(&self) -> Source<'_> {
        match (&self.token, &self.certificate, self.address) {
            (Some(token), ..) => Source::Token(token),
            (None, Some(name), _) => Source::Certificate(name),
            (None, None, Some(address)) => Source::Peer(address),
            (None, None, None) => Source::Rest,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
