//! Accepting connections: so many at once, each through the listener's door and on a task of its own, and all of them
//! waited for at the end.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::last_reads::LastReads;
use crate::access::{Connection, Door, Visitor};
use crate::admission::{Admission, Sender};

/// Who may come in, and under which protocol what they send is counted.
pub(super) struct Entry {
    pub(super) door: Door,
    pub(super) admission: Admission,
    pub(super) protocol: &'static str,
    pub(super) max_connections: usize,
}

impl Entry {
    /// Whose connection it is, which is read from now on no faster than it may send.
    pub(super) fn admit(&self, connection: &mut Connection, visitor: &Visitor) -> Sender {
        let sender = self.admission.sender(self.protocol, visitor.source());
        connection.set_pace(self.admission.pace(&sender));
        sender
    }
}

/// The same as [`accept_all`], for protocols of lines: through the door, token and all.
pub(super) async fn accept<F>(
    listener: TcpListener,
    entry: Entry,
    shutdown: CancellationToken,
    serve: impl Fn(Connection, Sender, CancellationToken) -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let max_connections = entry.max_connections;
    let inside = Arc::new((entry, serve));
    accept_all(
        listener,
        max_connections,
        shutdown,
        move |stream, peer, shutdown| {
            let inside = Arc::clone(&inside);
            async move {
                let (entry, serve) = &*inside;
                let mut reads = LastReads::new(shutdown.clone());
                let welcome = reads.or_end(entry.door.welcome(stream, peer)).await;
                if let Some((mut connection, visitor)) = welcome.flatten() {
                    let sender = entry.admit(&mut connection, &visitor);
                    serve(connection, sender, shutdown).await;
                }
            }
        },
    )
    .await;
}

/// Serves until told to stop; then whoever has come already is let in, and connections get to store what was sent to them.
pub(super) async fn accept_all<F>(
    listener: TcpListener,
    max_connections: usize,
    shutdown: CancellationToken,
    serve: impl Fn(TcpStream, IpAddr, CancellationToken) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(max_connections));
    let mut reads = LastReads::new(shutdown.clone());
    while let Some(accepted) = reads.or_end(next(&listener, &slots)).await {
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
