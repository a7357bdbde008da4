//! The HTTP port: so many connections, each served by itself. Owns no path.

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::accept::accept;
use crate::http::serve_connection;

/// Connections at once; more wait.
const MAX_CONNECTIONS: usize = 16_384;

/// The listener.
pub struct HttpPort {
    pub listener: TcpListener,
    pub routes: Router,
}

impl HttpPort {
    /// Serves until told to stop; then what was asked is answered.
    pub async fn run(self, shutdown: CancellationToken) {
        let routes = self.routes;
        accept(
            self.listener,
            MAX_CONNECTIONS,
            shutdown,
            |stream, peer, shutdown| serve_connection(stream, peer, routes.clone(), shutdown),
        )
        .await;
    }
}
