//! A listener's door: who may come in by address, TLS, token or signature. Asked once a connection or datagram; what it
//! turns away it counts by listener and cause, and tells in one line where the protocol has lines.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use weir_wire::signed;

use super::certificate_name::certificate_name;
use super::greetings::{Greeting, Greetings};
use super::{Access, Connection, Denied, DoorConfig, Pass, Scope, TlsMode, count_refused};
use crate::admission::Source;

/// For a handshake, and for the token behind it.
const PATIENCE: Duration = Duration::from_secs(10);
/// `auth`, a token, and a line's end fit well.
const MAX_AUTH_LINE_BYTES: usize = 512;
const AUTH: &[u8] = b"auth ";

/// One a listener; cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    /// The listener's section of the configuration.
    listener: &'static str,
    config: DoorConfig,
    access: Arc<Access>,
    greetings: Greetings,
}

/// Who came in.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) address: IpAddr,
    /// The name in a verified certificate, as the ledger has it.
    pub(crate) certificate: Option<Arc<str>>,
    pub(crate) pass: Option<Pass>,
}

impl Visitor {
    pub(crate) fn new(address: IpAddr) -> Self {
        Self {
            address,
            certificate: None,
            pass: None,
        }
    }

    /// Whose what it sends is: of the token it showed, its certificate's, or its address'.
    pub(crate) fn source(&self) -> Source<'_> {
        match (&self.pass, &self.certificate) {
            (Some(pass), _) => Source::Token(pass.name()),
            (None, Some(name)) => Source::Certificate(name),
            (None, None) => Source::Peer(self.address),
        }
    }
}

impl Door {
    pub(crate) fn new(listener: &'static str, config: DoorConfig, access: Arc<Access>) -> Self {
        Self {
            listener,
            config,
            access,
            greetings: Greetings::default(),
        }
    }

    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    pub(crate) fn asks_for_tokens(&self) -> bool {
        self.config.auth
    }

    pub(crate) fn asks_for_signatures(&self) -> bool {
        self.config.signed
    }

    /// Whether this address may send anything at all.
    #[inline]
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        let admits = self.config.allow.allow(address);
        if !admits {
            count_refused(self.listener, "network");
        }
        admits
    }

    /// Address and TLS: for protocols that show their tokens themselves. `None` for who was turned away.
    pub(crate) async fn greet(
        &self,
        stream: TcpStream,
        address: IpAddr,
    ) -> Option<(Connection, Visitor)> {
        if !self.admits(address) {
            return None;
        }
        let mut visitor = Visitor::new(address);
        let tls = self.access.tls.as_ref();
        let Some(acceptor) = tls.and_then(|tls| tls.acceptor(self.config.tls)) else {
            return (self.config.tls == TlsMode::Off).then(|| (Connection::plain(stream), visitor));
        };
        let _greeting = self.begin(address)?;
        let handshake = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await;
        let stream = match handshake {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                count_refused(self.listener, "handshake");
                tracing::debug!("{} from {address}: no TLS: {error}", self.listener);
                return None;
            }
            Err(_) => {
                count_refused(self.listener, "handshake_timeout");
                return None;
            }
        };
        if self.config.tls == TlsMode::Mutual {
            let chain = stream.get_ref().1.peer_certificates();
            let name = chain.and_then(|chain| certificate_name(chain.first()?));
            let Some(name) = name else {
                count_refused(self.listener, "certificate_name");
                return None;
            };
            visitor.certificate = Some(name.into());
        }
        Some((Connection::tls(stream), visitor))
    }

    /// The same, and a token in a first line `auth TOKEN` where one is needed: for protocols that have no place for it.
    pub(crate) async fn welcome(
        &self,
        stream: TcpStream,
        address: IpAddr,
    ) -> Option<(Connection, Visitor)> {
        let (connection, visitor) = self.greet(stream, address).await?;
        self.ask_for_token(connection, visitor).await
    }

    /// What is left to be asked of who was greeted.
    pub(crate) async fn ask_for_token(
        &self,
        mut connection: Connection,
        mut visitor: Visitor,
    ) -> Option<(Connection, Visitor)> {
        if !self.config.auth {
            return Some((connection, visitor));
        }
        let _greeting = self.begin(visitor.address)?;
        let shown = tokio::time::timeout(PATIENCE, auth_line(&mut connection)).await;
        let pass = match shown {
            Err(_) | Ok(None) => Err(Denied::Missing),
            Ok(Some(token)) => self.access.check(&token, Scope::Write),
        };
        match pass {
            Ok(pass) => {
                connection.guard(Arc::clone(&self.access), pass.clone());
                visitor.pass = Some(pass);
                Some((connection, visitor))
            }
            Err(denied) => {
                self.refuse(denied, visitor.address);
                let said = format!("error: {denied}; begin with a line: auth TOKEN\n");
                let answer = async {
                    // It may not listen; it was counted.
                    let _ = connection.write_all(said.as_bytes()).await;
                    let _ = connection.shutdown().await;
                };
                let _ = tokio::time::timeout(PATIENCE, answer).await;
                None
            }
        }
    }

    fn begin(&self, address: IpAddr) -> Option<Greeting> {
        let greeting = self.greetings.begin(address);
        if greeting.is_none() {
            count_refused(self.listener, "greetings");
        }
        greeting
    }

    /// What a datagram says, and whose it is when it is signed; `None` for what was turned away.
    #[inline]
    pub(crate) fn open<'a>(
        &self,
        datagram: &'a [u8],
        address: IpAddr,
    ) -> Option<(&'a [u8], Option<Arc<str>>)> {
        if !self.admits(address) {
            return None;
        }
        if !self.config.signed {
            return Some((datagram, None));
        }
        if !signed::is_signed(datagram) {
            count_refused(self.listener, "unsigned");
            return None;
        }
        match self.access.verify(datagram) {
            Ok((payload, name)) => Some((payload, Some(name))),
            Err(reason) => {
                count_refused(self.listener, reason);
                None
            }
        }
    }

    /// Counts somebody whose token did not open this door.
    pub(crate) fn refuse(&self, denied: Denied, address: IpAddr) {
        count_refused(self.listener, denied.as_str());
        tracing::debug!("{} from {address}: {denied}", self.listener);
    }
}

/// Reads up to the end of the first line and puts back what is behind it; `None` when that is no token.
async fn auth_line(connection: &mut Connection) -> Option<String> {
    let mut read = Vec::with_capacity(MAX_AUTH_LINE_BYTES);
    loop {
        // One after the other: nothing of the protocol is lost, and no more than this is kept.
        let room = MAX_AUTH_LINE_BYTES
            .checked_sub(read.len())
            .filter(|room| *room > 0)?;
        let bytes = (&mut *connection)
            .take(room as u64)
            .read_buf(&mut read)
            .await;
        if !matches!(bytes, Ok(1..)) {
            return None;
        }
        let begun = read.len().min(AUTH.len());
        if read[..begun] != AUTH[..begun] {
            return None;
        }
        if let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let token = std::str::from_utf8(&read[AUTH.len()..end]).ok()?;
            let token = token.trim().to_owned();
            connection.put_back(read.split_off(end + 1));
            return Some(token);
        }
    }
}
