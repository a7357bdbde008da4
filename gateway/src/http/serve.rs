//! One HTTP connection, by any port that speaks HTTP: a limit on the time that a request's head may take, and an end when the
//! gateway stops; who made it is known to what is asked. What is answered is the router's.

use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::access::Visitor;

/// How long a client may take to send the head of a request, the time between two requests included.
const HEAD: Duration = Duration::from_secs(30);

/// Serves until the client leaves or is too slow; told to stop, it answers what was asked already.
pub(crate) async fn serve_connection<S>(
    stream: S,
    visitor: Visitor,
    routes: Router,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let visitor = ConnectInfo(visitor);
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(visitor.clone());
        routes.call(request)
    });
    let served = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    // What fails here is the client's connection; it was answered, or has left.
    tokio::select! {
        _ = served.as_mut() => return,
        () = stop.cancelled() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}
