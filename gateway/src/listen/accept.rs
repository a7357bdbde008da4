//! Accepting connections: so many at once, each on a task of its own, and all of them waited for at the end.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves until told to stop; then connections get to store what they have read.
pub(super) async fn accept<F>(
    listener: TcpListener,
    max_connections: usize,
    shutdown: CancellationToken,
    serve: impl Fn(TcpStream, IpAddr, CancellationToken) -> F,
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
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let served = serve(stream, peer.ip(), shutdown.clone());
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
