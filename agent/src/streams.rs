//! Connections of every listener of streams: so many at once, each read on a task of its own, and all of them waited for
//! at a stop. Knows no protocol.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Room of one connection.
const READ_BYTES: usize = 16 << 10;
/// After a connection that could not be accepted: most likely no file descriptor is left.
const PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from.
pub(crate) trait Listen: Send + Sync + 'static {
    type Stream: AsyncRead + Unpin + Send + 'static;

    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// Who takes what one connection says.
pub(crate) trait Reader: Send + 'static {
    /// Bytes as they come; whether the connection goes on.
    fn feed(&mut self, bytes: &[u8]) -> bool;

    /// The sender closed it in order. After a reset this is not called: the unfinished rest is nothing then.
    fn finish(&mut self);
}

/// Serves until told to stop; `open` makes a reader for each connection.
pub(crate) async fn serve<R: Reader>(
    listener: impl Listen,
    max_connections: usize,
    shutdown: CancellationToken,
    open: impl Fn() -> R,
) {
    let (connections, slots) = (
        TaskTracker::new(),
        Arc::new(Semaphore::new(max_connections)),
    );
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            let slot = slot.map_err(io::Error::other)?;
            Ok::<_, io::Error>((slot, listener.next().await?))
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = next => accepted,
        };
        match accepted {
            Ok((slot, stream)) => {
                let read = read(stream, open(), shutdown.clone());
                connections.spawn(async move {
                    read.await;
                    drop(slot);
                });
            }
            Err(error) => {
                counter!("weir_agent_accept_failures_total").increment(1);
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn read(
    mut stream: impl AsyncRead + Unpin,
    mut reader: impl Reader,
    shutdown: CancellationToken,
) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = tokio::select! {
            // What lies in the socket is read before a stop is looked at.
            biased;
            read = stream.read(&mut buffer) => read,
            () = shutdown.cancelled() => return,
        };
        match read {
            Ok(0) => return reader.finish(),
            Ok(bytes) if reader.feed(&buffer[..bytes]) => {}
            Ok(_) | Err(_) => return,
        }
        if shutdown.is_cancelled() {
            // A sender that never pauses is cut off.
            return;
        }
    }
}
