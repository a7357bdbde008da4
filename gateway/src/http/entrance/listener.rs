//! The HTTP port behind its door: handshakes go on beside each other, so that a slow one holds up nobody, and bounded in
//! number. What is let in is given to the HTTP server with who it is.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use crate::access::{Connection, Door, Visitor};

/// Connections that are greeted at a time; more wait in the kernel.
const GREETED: usize = 1_024;
/// Let in, and not taken by the server yet.
const READY: usize = 64;
/// After accepting failed: descriptors ran out, and trying at once would only burn the processor.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

pub(crate) struct HttpListener {
    ready: mpsc::Receiver<(Connection, Visitor)>,
}

impl HttpListener {
    pub(crate) fn new(listener: TcpListener, door: Door) -> Self {
        let (let_in, ready) = mpsc::channel(READY);
        tokio::spawn(greet_all(listener, door, let_in));
        Self { ready }
    }

    /// The next who was let in.
    pub(crate) async fn accept(&mut self) -> (Connection, Visitor) {
        match self.ready.recv().await {
            Some(greeted) => greeted,
            // The task below ends only after this.
            None => std::future::pending().await,
        }
    }
}

async fn greet_all(listener: TcpListener, door: Door, let_in: mpsc::Sender<(Connection, Visitor)>) {
    let (slots, door) = (Arc::new(Semaphore::new(GREETED)), Arc::new(door));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            () = let_in.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                metrics::counter!("weir_accept_failures_total").increment(1);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (door, let_in) = (Arc::clone(&door), let_in.clone());
        tokio::spawn(async move {
            if let Some(greeted) = door.greet(stream, peer.ip()).await {
                // The server has ended when nobody takes it.
                let _ = let_in.send(greeted).await;
            }
            drop(slot);
        });
    }
}
