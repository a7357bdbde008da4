//! The HTTP port: so many connections, each served by itself. Owns no path.

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::accept::accept_all;
use crate::access::Door;
use crate::http::serve_connection;

/// Connections at once; more wait.
const MAX_CONNECTIONS: usize = 16_384;

/// The listener.
pub struct HttpPort {
    pub listener: TcpListener,
    pub(crate) door: Door,
    pub routes: Router,
}

impl HttpPort {
    /// Serves until told to stop; then what was asked is answered.
    pub async fn run(self, shutdown: CancellationToken) {
        let (routes, door) = (self.routes, self.door);
        accept_all(
            self.listener,
            MAX_CONNECTIONS,
            shutdown,
            |stream, peer, shutdown| {
                let (routes, door) = (routes.clone(), door.clone());
                async move {
                    let greeted = tokio::select! {
                        () = shutdown.cancelled() => None,
                        greeted = door.greet(stream, peer) => greeted,
                    };
                    if let Some((connection, visitor)) = greeted {
                        serve_connection(connection, visitor, routes, shutdown).await;
                    }
                }
            },
        )
        .await;
    }
}
