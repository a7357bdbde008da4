//! HTTP connections, by any port that speaks HTTP: a limit on the time that a request's head may take, and an end when the
//! gateway stops; who made it is known to what is asked. What is answered is the router's.

use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Caller, HttpListener};
use crate::access::{Connection, Visitor};

/// How long a client may take to send the head of a request, the time between two requests included.
const HEAD: Duration = Duration::from_secs(30);

/// Serves a port until told to stop; then what was asked is answered.
pub(crate) async fn serve(mut listener: HttpListener, routes: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let (connection, visitor) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (routes, stop) = (routes.clone(), stop.clone());
        connections.spawn(serve_connection(connection, visitor, routes, stop));
    }
    connections.close();
    connections.wait().await;
}

/// Serves until the client leaves or is too slow; told to stop, it answers what was asked already.
pub(crate) async fn serve_connection(
    connection: Connection,
    visitor: Visitor,
    routes: Router,
    stop: CancellationToken,
) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let extensions = request.extensions_mut();
        // Where there is an entrance, it puts another there: of the token that the request shows.
        extensions.insert(Caller::of(Some(&visitor)));
        extensions.insert(ConnectInfo(visitor.clone()));
        routes.call(request)
    });
    let served = builder.serve_connection(TokioIo::new(connection), service);
    tokio::pin!(served);
    // What fails here is the client's connection; it was answered, or has left.
    tokio::select! {
        _ = served.as_mut() => return,
        () = stop.cancelled() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}
