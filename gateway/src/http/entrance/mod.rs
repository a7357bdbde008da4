//! The way into every request: which scope it needs, the token it shows, and how many bytes its source may send. Who is let
//! in is put beside the request as its [`Caller`]; who is not is told in the words of the path's protocol.

mod metered;
mod needs;
mod shown;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Caller;
use crate::access::{Denied, Door, Pass, Scope, Visitor};
use crate::admission::{Admission, Dropped, Sender};
use metered::Metered;
use words::refusal;

/// For which requests a token is needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HttpAuth {
    #[default]
    Off,
    /// For what changes something: writes, silences, the admin API.
    Write,
    /// For everything but health.
    All,
}

impl HttpAuth {
    fn asks_for(self, scope: Scope) -> bool {
        match self {
            Self::Off => false,
            Self::Write => scope != Scope::Read,
            Self::All => true,
        }
    }
}

/// One a gateway.
#[derive(Clone)]
pub struct Entrance {
    pub(crate) door: Door,
    pub(crate) auth: HttpAuth,
    pub(crate) admission: Admission,
    pub(crate) now: weir_store::Clock,
}

/// Why a request does not come in.
struct Refused {
    status: StatusCode,
    why: String,
    retry_after: Option<Duration>,
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        let status = match denied {
            Denied::Scope(_) => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        };
        Self {
            status,
            why: denied.to_string(),
            retry_after: None,
        }
    }
}

pub(super) async fn enter(
    State(entrance): State<Arc<Entrance>>,
    mut request: Request,
    next: Next,
) -> Response {
    let (caller, pays) = match entrance.caller(&request) {
        Ok(entered) => entered,
        Err(refused) => return told(&request, &refused),
    };
    let audited = Audited::of(&request, &caller);
    request.extensions_mut().insert(caller);
    if let Some(sender) = pays {
        let now = Arc::clone(&entrance.now);
        request = request.map(|body| Body::new(Metered::new(body, sender, now)));
    }
    let response = next.run(request).await;
    if let Some(audited) = audited {
        audited.tell(response.status());
    }
    response
}

/// A request that deletes, silences or reloads: who did it is told in the log.
struct Audited {
    what: String,
    who: String,
}

impl Audited {
    fn of(request: &Request, caller: &Caller) -> Option<Self> {
        let (method, path) = (request.method(), request.uri().path());
        let scope = needs::scope(method, path)?;
        matches!(scope, Scope::Admin | Scope::Silence).then(|| Self {
            what: format!("{method} {path}"),
            who: format!("{:?}", caller.source()),
        })
    }

    fn tell(&self, status: StatusCode) {
        tracing::info!("audit: {} by {}: {status}", self.what, self.who);
    }
}

fn told(request: &Request, refused: &Refused) -> Response {
    let path = request.uri().path();
    let mut response = refusal(path, request.headers(), refused.status, &refused.why);
    if let Some(wait) = refused.retry_after {
        let seconds = HeaderValue::from(wait.as_secs() + 1);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

impl Entrance {
    /// Whose it is, and who pays for its body, when somebody has to.
    fn caller(&self, request: &Request) -> Result<(Caller, Option<Sender>), Refused> {
        let visitor = request.extensions().get::<ConnectInfo<Visitor>>();
        let mut caller = Caller::of(visitor.map(|ConnectInfo(visitor)| visitor));
        let path = request.uri().path();
        let Some(scope) = needs::scope(request.method(), path) else {
            return Ok((caller, None));
        };
        match self.check(request, scope) {
            Ok(pass) => caller.token = Some(Arc::clone(pass.name())),
            Err(denied) if self.auth.asks_for(scope) => {
                if let Some(address) = caller.address {
                    self.door.refuse(denied, address);
                }
                return Err(denied.into());
            }
            // Nobody asked for it; it may be meant for another.
            Err(_) => {}
        }
        let pays = match scope {
            Scope::Write => self.within_rate(&caller, path)?,
            _ => None,
        };
        Ok((caller, pays))
    }

    fn check(&self, request: &Request, scope: Scope) -> Result<Pass, Denied> {
        let shown = shown::token(request).ok_or(Denied::Missing)?;
        self.door.access().check(&shown, scope)
    }

    /// A body is taken while anything is left, and paid for as it is read; bodies are bounded elsewhere.
    fn within_rate(&self, caller: &Caller, path: &str) -> Result<Option<Sender>, Refused> {
        let protocol = words::protocol(path);
        let sender = self.admission.sender(protocol, caller.source());
        if !sender.is_limited() {
            return Ok(None);
        }
        let Err(wait) = sender.take_bytes(0, (self.now)()) else {
            return Ok(Some(sender));
        };
        sender.lose(Dropped::Rate, 1);
        Err(Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            why: "this source sends more bytes than it may (section rates)".to_owned(),
            retry_after: Some(wait),
        })
    }
}
