//! What became of everything that was sent, by protocol and source. Each account is counted under one lock, so that at
//! every moment `received = stored + rejected + dropped + aggregated` in it; knows no store and refuses nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::counter;
use parking_lot::Mutex;
use weir_store::{StoreError, Written};
use weir_wire::Reject;

/// Sources that have an account of their own; past it, those whose senders have left are added to [`REST`].
const ACCOUNTS: usize = 1_000;
/// The source that stands for all without an account of their own.
pub const REST: &str = "other";

/// Why something that was well formed is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The journal could not write.
    Journal,
    /// There was no room, and who sent it was told so.
    Queue,
    /// The source sent more than it may.
    Rate,
    /// Under overload what matters more was taken.
    Priority,
}

impl Dropped {
    pub const ALL: [Self; 4] = [Self::Journal, Self::Queue, Self::Rate, Self::Priority];

    /// The cause as a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Queue => "queue",
            Self::Rate => "rate",
            Self::Priority => "priority",
        }
    }
}

impl From<&StoreError> for Dropped {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Full(_) => Self::Queue,
            _ => Self::Journal,
        }
    }
}

/// One account's figures. Of what was received the outcome is known; what waits for the disk is beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub received: u64,
    /// Handed over, the outcome not known yet.
    pub waiting: u64,
    pub stored: u64,
    /// Of the stored: the same was there.
    pub duplicates: u64,
    /// Of the stored: took the place of another value.
    pub replaced: u64,
    /// In an aggregate's interval instead of the store.
    pub aggregated: u64,
    /// In the order of [`Reject::ALL`].
    pub rejected: [u64; Reject::ALL.len()],
    /// In the order of [`Dropped::ALL`].
    pub dropped: [u64; Dropped::ALL.len()],
    /// Datagrams that the kernel dropped before anybody read them: not received.
    pub kernel_drops: u64,
    /// What clients said of themselves: metrics sent, and dropped on their side.
    pub client_sent: u64,
    pub client_dropped: u64,
}

impl Counts {
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.waiting += other.waiting;
        self.stored += other.stored;
        self.duplicates += other.duplicates;
        self.replaced += other.replaced;
        self.aggregated += other.aggregated;
        self.kernel_drops += other.kernel_drops;
        self.client_sent += other.client_sent;
        self.client_dropped += other.client_dropped;
        let each = self.rejected.iter_mut().zip(other.rejected);
        each.for_each(|(sum, more)| *sum += more);
        let each = self.dropped.iter_mut().zip(other.dropped);
        each.for_each(|(sum, more)| *sum += more);
    }

    fn reject(&mut self, reason: Reject, count: u64) {
        self.received += count;
        self.rejected[reason as usize] += count;
    }

    fn lose(&mut self, cause: Dropped, count: u64) {
        self.received += count;
        self.dropped[cause as usize] += count;
    }

    fn settle(&mut self, count: u64, result: &Result<Written, StoreError>) {
        self.waiting = self.waiting.saturating_sub(count);
        let written = match result {
            Ok(written) => written,
            Err(error) => return self.lose(error.into(), count),
        };
        self.reject(Reject::TooEarly, written.too_early);
        self.reject(Reject::TooOld, written.too_old);
        let kept = count.saturating_sub(written.too_early + written.too_old);
        self.received += kept;
        self.stored += kept;
        self.duplicates += if written.known_batch {
            count
        } else {
            written.duplicate
        };
        self.replaced += written.replaced;
    }
}

/// One source's by one protocol; held by its senders.
#[derive(Debug)]
pub(crate) struct Account {
    pub(super) protocol: &'static str,
    pub(super) source: Arc<str>,
    counts: Mutex<Counts>,
}

impl Account {
    fn new(protocol: &'static str, source: &str) -> Self {
        Self {
            protocol,
            source: source.into(),
            counts: Mutex::default(),
        }
    }

    pub(super) fn refuse(&self, reason: Reject, count: u64) {
        if count > 0 {
            self.counts.lock().reject(reason, count);
        }
    }

    pub(super) fn lose(&self, cause: Dropped, count: u64) {
        if count > 0 {
            self.counts.lock().lose(cause, count);
        }
    }

    pub(super) fn hand_over(&self, count: u64) {
        self.counts.lock().waiting += count;
    }

    pub(super) fn settle(&self, count: u64, result: &Result<Written, StoreError>) {
        self.counts.lock().settle(count, result);
    }

    /// Takes down samples that are in an aggregate; of those, so many were in it already.
    pub(super) fn aggregate(&self, count: u64, duplicates: u64) {
        if count > 0 {
            let mut counts = self.counts.lock();
            counts.received += count;
            counts.aggregated += count;
            counts.duplicates += duplicates;
        }
    }

    pub(super) fn kernel_drops(&self, datagrams: u64) {
        if datagrams > 0 {
            self.counts.lock().kernel_drops += datagrams;
        }
        counter!("weir_ingest_kernel_drops_total", "protocol" => self.protocol)
            .increment(datagrams);
    }

    pub(super) fn client_said(&self, sent: u64, dropped: u64) {
        let mut counts = self.counts.lock();
        counts.client_sent += sent;
        counts.client_dropped += dropped;
    }
}

/// Every account of a gateway.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: Mutex<Accounts>,
}

type Accounts = BTreeMap<(&'static str, Arc<str>), Arc<Account>>;

/// What one protocol's account said at one moment.
#[derive(Debug, Clone)]
pub struct Line {
    pub protocol: &'static str,
    pub source: Arc<str>,
    pub counts: Counts,
}

impl Ledger {
    /// The account of a source, made now if it is new.
    pub(super) fn account(&self, protocol: &'static str, source: &str) -> Arc<Account> {
        let mut accounts = self.accounts.lock();
        let key = (protocol, Arc::from(source));
        if let Some(account) = accounts.get(&key) {
            return Arc::clone(account);
        }
        if accounts.len() >= ACCOUNTS && !fold(&mut accounts) {
            return rest(&mut accounts, protocol);
        }
        let account = Arc::new(Account::new(protocol, source));
        accounts.insert(key, Arc::clone(&account));
        account
    }

    /// Every account, by protocol and source; in each the sums close.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let accounts = self.accounts.lock();
        let line = |account: &Arc<Account>| Line {
            protocol: account.protocol,
            source: Arc::clone(&account.source),
            counts: account.counts.lock().clone(),
        };
        accounts.values().map(line).collect()
    }
}

/// The account of a protocol's other sources.
fn rest(accounts: &mut Accounts, protocol: &'static str) -> Arc<Account> {
    let key = (protocol, Arc::from(REST));
    let account = || Arc::new(Account::new(protocol, REST));
    Arc::clone(accounts.entry(key).or_insert_with(account))
}

/// Adds the smallest account that no sender holds to the rest of its protocol; nothing is lost from the sums.
fn fold(accounts: &mut Accounts) -> bool {
    let idle = accounts
        .iter()
        .filter(|((_, source), account)| Arc::strong_count(account) == 1 && source.as_ref() != REST)
        .min_by_key(|(_, account)| account.counts.lock().received)
        .map(|(key, _)| key.clone());
    let Some(gone) = idle.and_then(|key| accounts.remove(&key)) else {
        return false;
    };
    let rest = rest(accounts, gone.protocol);
    rest.counts.lock().add(&gone.counts.lock());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closes(counts: &Counts) -> bool {
        counts.received == counts.stored + counts.rejected_total() + counts.dropped_total()
    }

    #[test]
    fn causes_lie_where_their_number_says() {
        for (at, reason) in Reject::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
        }
        for (at, cause) in Dropped::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, at);
        }
    }

    #[test]
    fn every_outcome_closes_the_sum() {
        let account = Account::new("p", "s");
        account.refuse(Reject::Malformed, 3);
        account.hand_over(10);
        let written = Written {
            stored: 5,
            duplicate: 2,
            too_early: 1,
            too_old: 2,
            ..Written::default()
        };
        account.settle(10, &Ok(written));
        account.hand_over(4);
        account.settle(4, &Err(StoreError::Busy));
        account.lose(Dropped::Rate, 5);
        let counts = account.counts.lock().clone();
        assert!(closes(&counts), "{counts:?}");
        assert_eq!((counts.received, counts.stored, counts.waiting), (22, 7, 0));
        assert_eq!(counts.dropped[Dropped::Queue as usize], 4);
    }

    #[test]
    fn sources_are_bounded_and_what_left_is_kept_under_other() {
        let ledger = Ledger::default();
        for number in 0..ACCOUNTS * 2 {
            ledger
                .account("p", &number.to_string())
                .refuse(Reject::Malformed, 1);
        }
        let lines = ledger.lines();
        assert!(lines.len() <= ACCOUNTS + 1, "{}", lines.len());
        let all: u64 = lines.iter().map(|line| line.counts.received).sum();
        assert_eq!(all, ACCOUNTS as u64 * 2);
        let held: Vec<_> = (0..ACCOUNTS)
            .map(|n| ledger.account("q", &n.to_string()))
            .collect();
        assert_eq!(ledger.account("q", "late").source.as_ref(), REST);
        drop(held);
    }
}
