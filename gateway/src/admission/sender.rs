//! Who sends: made once a connection, a source of datagrams or a request, and given with every series and every point,
//! so that limits and the ledger have one place. Cheap to clone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use weir_wire::Reject;

use super::ledger::{Account, Dropped};
use super::priority::Class;
use super::rates::Allowance;

/// Where something comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// This gateway itself: the beat of `up`, recording rules.
    Gateway,
    /// Who showed this token, by its name.
    Token(&'a str),
    /// Whose verified certificate has this name.
    Certificate(&'a str),
    Peer(IpAddr),
    /// Everybody on a socket whose peers have no address, or too many of them.
    Rest,
}

/// A source by one protocol.
#[derive(Debug, Clone)]
pub struct Sender {
    account: Arc<Account>,
    is_own: bool,
    keys_are_final: bool,
    matters_by_series: bool,
    allowance: Option<Arc<Allowance>>,
    class: Option<Class>,
    waits: bool,
}

impl Sender {
    pub(super) fn new(account: Arc<Account>, is_own: bool) -> Self {
        Self {
            account,
            is_own,
            keys_are_final: is_own,
            matters_by_series: !is_own,
            allowance: None,
            class: None,
            waits: true,
        }
    }

    /// The same with what it may send, and how much that matters.
    pub(super) fn limited(self, allowance: Option<Arc<Allowance>>, class: Option<Class>) -> Self {
        Self {
            allowance,
            class,
            ..self
        }
    }

    /// The same for datagrams: who sends too many cannot be made to wait, so they are dropped.
    #[must_use]
    pub fn of_datagrams(self) -> Self {
        Self {
            waits: false,
            ..self
        }
    }

    /// The same for what the gateway aggregated of what others sent: under overload it goes as theirs would have. Where keys
    /// are not final yet, relabelling is applied to them.
    #[must_use]
    pub(crate) fn of_aggregates(self, keys_are_final: bool) -> Self {
        Self {
            keys_are_final,
            matters_by_series: true,
            ..self
        }
    }

    /// Whether so many bytes may be taken; for who can be told, or dropped. What is not is for the caller to count with
    /// [`Sender::lose`].
    ///
    /// # Errors
    /// How long until something may come again.
    pub fn take_bytes(&self, bytes: u64, now_ms: i64) -> Result<(), Duration> {
        match &self.allowance {
            Some(allowance) => allowance.take_bytes(bytes, now_ms),
            None => Ok(()),
        }
    }

    /// Whether so many samples may be taken that are aggregated and not handed over; for datagrams, whose sender cannot be
    /// made to wait. What may not be taken is for the caller to count with [`Sender::lose`].
    pub(crate) fn may_take_samples(&self, count: u64, now_ms: i64) -> bool {
        let allowance = self.allowance.as_ref().filter(|_| !self.waits);
        allowance.is_none_or(|allowance| allowance.take_samples(count, now_ms).is_ok())
    }

    /// Takes bytes that were read already.
    pub(crate) fn owe_bytes(&self, bytes: u64, now_ms: i64) {
        if let Some(allowance) = &self.allowance {
            allowance.owe_bytes(bytes, now_ms);
        }
    }

    /// There is a rate for its source.
    pub(crate) fn is_limited(&self) -> bool {
        self.allowance.is_some()
    }

    pub(super) fn allowance(&self) -> Option<&Arc<Allowance>> {
        self.allowance.as_ref()
    }

    /// The class of everything it sends, if it has one.
    pub(super) fn class(&self) -> Option<Class> {
        self.class
    }

    pub(super) fn waits(&self) -> bool {
        self.waits
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

    /// Keys are stored under the names they have.
    pub(super) fn keys_are_final(&self) -> bool {
        self.keys_are_final
    }

    /// Under overload some of it may be let go.
    pub(super) fn matters_by_series(&self) -> bool {
        self.matters_by_series
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
