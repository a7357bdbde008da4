//! Accepting connections: so many at once, each on a task of its own, and all of them waited for at the end.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What connections come from.
pub(super) trait Listener {
    type Connection;

    fn poll(&self, context: &mut Context<'_>) -> Poll<io::Result<Self::Connection>>;
}

impl Listener for TcpListener {
    type Connection = (TcpStream, IpAddr);

    fn poll(&self, context: &mut Context<'_>) -> Poll<io::Result<Self::Connection>> {
        let accepted = self.poll_accept(context);
        accepted.map_ok(|(stream, peer)| (stream, peer.ip()))
    }
}

impl Listener for UnixListener {
    type Connection = UnixStream;

    fn poll(&self, context: &mut Context<'_>) -> Poll<io::Result<Self::Connection>> {
        self.poll_accept(context).map_ok(|(stream, _)| stream)
    }
}

/// Serves until told to stop; then connections get to store what they have read.
pub(super) async fn accept<L: Listener, F>(
    listener: L,
    max_connections: usize,
    shutdown: CancellationToken,
    serve: impl Fn(L::Connection, CancellationToken) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let (connections, slots) = (
        TaskTracker::new(),
        Arc::new(Semaphore::new(max_connections)),
    );
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = poll_fn(|context| listener.poll(context)) => accepted,
        };
        match accepted {
            Ok(connection) => {
                let served = serve(connection, shutdown.clone());
                connections.spawn(async move {
                    served.await;
                    drop(slot);
                });
            }
            Err(error) => super::frames::pause_after(&error).await,
        }
    }
    connections.close();
    connections.wait().await;
}
