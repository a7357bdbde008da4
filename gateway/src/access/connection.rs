//! A connection that was let in: plain or TLS, what was read ahead of the protocol first. Reading fails once the token that
//! opened it is good no more, so that no protocol has to ask again.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::{Access, Pass};
use crate::admission::Pace;

pub(crate) struct Connection {
    socket: Socket,
    /// Read while a token was asked for, and not taken yet.
    ahead: Vec<u8>,
    guarded: Option<(Arc<Access>, Pass)>,
    pace: Option<Pace>,
}

enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self::new(Socket::Plain(stream))
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self::new(Socket::Tls(Box::new(stream)))
    }

    fn new(socket: Socket) -> Self {
        Self {
            socket,
            ahead: Vec::new(),
            guarded: None,
            pace: None,
        }
    }

    /// Puts back what belongs to the protocol.
    pub(super) fn put_back(&mut self, ahead: Vec<u8>) {
        self.ahead = ahead;
    }

    /// What it begins with, which is read again; `None` when there is nothing.
    pub(crate) async fn first_byte(&mut self) -> Option<u8> {
        let mut first = [0];
        let read = self.read(&mut first).await;
        (read.is_ok_and(|bytes| bytes == 1)).then(|| {
            self.ahead.insert(0, first[0]);
            first[0]
        })
    }

    /// From now on it is read while this is good.
    pub(super) fn guard(&mut self, access: Arc<Access>, pass: Pass) {
        self.guarded = Some((access, pass));
    }

    /// From now on it is read no faster than this; `None` for as fast as it comes.
    pub(crate) fn set_pace(&mut self, pace: Option<Pace>) {
        self.pace = pace;
    }

    pub(crate) fn set_nodelay(&self) {
        let stream = match &self.socket {
            Socket::Plain(stream) => stream,
            Socket::Tls(stream) => stream.get_ref().0,
        };
        // One that is gone already says so when it is read.
        let _ = stream.set_nodelay(true);
    }

    fn is_open(&self) -> bool {
        let guarded = self.guarded.as_ref();
        guarded.is_none_or(|(access, pass)| access.is_good(pass))
    }
}

impl AsyncRead for Connection {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.is_open() {
            let over = Error::new(ErrorKind::PermissionDenied, "the token is good no more");
            return Poll::Ready(Err(over));
        }
        if !self.ahead.is_empty() {
            let bytes = self.ahead.len().min(out.remaining());
            out.put_slice(&self.ahead[..bytes]);
            self.ahead.drain(..bytes);
            return Poll::Ready(Ok(()));
        }
        if let Some(pace) = &mut self.pace {
            std::task::ready!(pace.poll_ready(context));
        }
        let before = out.filled().len();
        let read = match &mut self.socket {
            Socket::Plain(stream) => Pin::new(stream).poll_read(context, out),
            Socket::Tls(stream) => Pin::new(stream).poll_read(context, out),
        };
        let bytes = out.filled().len() - before;
        if let Some(pace) = self.pace.as_mut().filter(|_| bytes > 0) {
            pace.took(bytes);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match &mut self.socket {
            Socket::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Socket::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(stream) => Pin::new(stream).poll_flush(context),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Socket::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
