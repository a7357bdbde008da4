//! Accepting connections: so many at once, each on a task of its own, and all of them waited for at the end.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = next(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((slot, stream, peer)) => {
                let served = serve(stream, peer, shutdown.clone());
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

/// A connection, once there is a place for it.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(OwnedSemaphorePermit, TcpStream, IpAddr)> {
    let slot = Arc::clone(slots).acquire_owned().await;
    let slot = slot.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((slot, stream, peer.ip()))
}
