//! Who sends: made once a connection, a source of datagrams or a request, and given with every series and every point,
//! so that limits and the ledger have one place. Cheap to clone.

use std::net::IpAddr;
use std::sync::Arc;

use weir_wire::Reject;

use super::ledger::{Account, Dropped};

/// Where something comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// This gateway itself: the beat of `up`, recording rules.
    Gateway,
    /// Who showed this token, by its name.
    Token(&'a str),
    Peer(IpAddr),
    /// Everybody on a socket whose peers have no address, or too many of them.
    Rest,
}

/// A source by one protocol.
#[derive(Debug, Clone)]
pub struct Sender {
    account: Arc<Account>,
    is_own: bool,
}

impl Sender {
    pub(super) fn new(account: Arc<Account>, is_own: bool) -> Self {
        Self { account, is_own }
    }

    #[must_use]
    pub fn protocol(&self) -> &'static str {
        self.account.protocol
    }

    /// The source as the ledger names it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.account.source
    }

    /// The gateway's own samples are bound by no limit of a source.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Counts pieces of input that were refused before they became points.
    pub fn refuse(&self, reason: Reject, count: u64) {
        self.account.refuse(reason, count);
    }

    /// Counts points that were well formed and are not stored.
    pub fn lose(&self, cause: Dropped, count: u64) {
        self.account.lose(cause, count);
    }

    /// Counts points that are in an aggregate instead of the store; of those, so many were in it already.
    pub(crate) fn aggregate(&self, count: u64, duplicates: u64) {
        self.account.aggregate(count, duplicates);
    }

    /// Counts datagrams that the kernel dropped from this sender's socket.
    pub fn kernel_drops(&self, datagrams: u64) {
        self.account.kernel_drops(datagrams);
    }

    /// Takes down what a client's telemetry says of metrics it sent and dropped, since it said so last.
    pub fn client_said(&self, sent: u64, dropped: u64) {
        self.account.client_said(sent, dropped);
    }

    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }
}
