//! Who is up: each agent's session keeps its host alive here, and at each beat a sample `up{host=…}` is stored: 1
//! while frames come, 0 after three missed intervals, and the stale mark after a clean goodbye. Beside it stands
//! `clock_skew_seconds{host=…}`: how far the host's clock is ahead of ours, the way of its newest batch included.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use weir_store::{Clock, Limit, Limits, Points, Selected, Store, StoreError, Wish};
use weir_wire::frame::Hello;
use weir_wire::{MatchOp, Matcher, NAME_LABEL, SeriesKey, is_stale, stale};

use crate::admission::{Admission, Source};

const UP: &str = "up";
const SKEW: &str = "clock_skew_seconds";
const MISSED_INTERVALS: i64 = 3;
/// For hosts known only from what is stored.
const USUAL_INTERVAL_MS: i64 = 10_000;
/// Of the batches of so long the newest by its own clock tells the skew: others were late.
const SKEW_OVER_MS: i64 = 60_000;
/// Nobody can be called silent over a longer time than this between two beats, or than three beats: we did not listen, or
/// our clock was set.
const LONGEST_GAP_MS: i64 = 60_000;
/// How far back the hosts of before a restart are looked for, until some are found.
const LOOK_BACK_MS: [i64; 3] = [3_600_000, 86_400_000, 7 * 86_400_000];

/// The hosts that are expected to be heard.
pub struct Presence {
    clock: Clock,
    longest_gap_ms: i64,
    forget_after_ms: i64,
    hosts: Mutex<BTreeMap<SeriesKey, Host>>,
    /// When the last beat was; 0 before the first.
    beat_ms: AtomicI64,
}

#[derive(Debug, Clone)]
struct Host {
    interval_ms: i64,
    heard_ms: i64,
    /// Said goodbye: one stale mark is due, then it is gone.
    left: bool,
    boot: u64,
    skew: Option<Skew>,
}

/// How far a host's clock is ahead of ours.
#[derive(Debug, Clone, Copy)]
struct Skew {
    ms: i64,
    told_ms: i64,
}

impl Presence {
    #[must_use]
    pub fn new(clock: Clock, beat_ms: i64, forget_after_ms: i64) -> Self {
        Self {
            clock,
            longest_gap_ms: LONGEST_GAP_MS.max(3 * beat_ms),
            forget_after_ms,
            hosts: Mutex::default(),
            beat_ms: AtomicI64::new(0),
        }
    }

    /// Takes up the hosts that were expected before a restart: whoever stays silent now turns 0 like anyone else. Who
    /// was heard already, while the store was starting, stays as it was heard.
    ///
    /// # Errors
    /// The store's.
    pub fn restore(&self, store: &Store) -> Result<usize, StoreError> {
        let now_ms = (self.clock)();
        let matcher = Matcher::new(NAME_LABEL, MatchOp::Equal, UP);
        for back_ms in LOOK_BACK_MS {
            let found = store.select(
                std::slice::from_ref(&matcher),
                now_ms - back_ms,
                now_ms,
                Wish::RAW,
                &Unlimited,
            )?;
            if found.series.is_empty() {
                continue;
            }
            let last = |one: &Selected| one.columns.values.last().copied();
            let expected = found.series.into_iter();
            let expected = expected.filter(|one| !last(one).is_some_and(is_stale));
            let expected = expected.map(|one| (last(&one) == Some(0.0), one.key));
            return Ok(self.expect(now_ms, expected.collect()));
        }
        Ok(self.expect(now_ms, Vec::new()))
    }

    /// Hosts that were down, or up, before this start; gives back how many there are.
    fn expect(&self, now_ms: i64, expected: Vec<(bool, SeriesKey)>) -> usize {
        let mut hosts = self.hosts.lock();
        let before: BTreeSet<&SeriesKey> = expected.iter().map(|(_, key)| key).collect();
        // As in `heard`: who is there under other labels than before has left the earlier ones.
        let moved = hosts.keys().filter(|key| !before.contains(key));
        let moved = moved.filter_map(|key| Some(key.get("host")?.to_owned()));
        let moved: BTreeSet<String> = moved.collect();
        // Frames may have had to wait for us: that is no silence of theirs.
        hosts.values_mut().for_each(|host| host.heard_ms = now_ms);
        for (down, key) in expected {
            let left = key.get("host").is_some_and(|host| moved.contains(host));
            let host = Host {
                left,
                ..Host::from_store(now_ms, down)
            };
            hosts.entry(key).or_insert(host);
        }
        hosts.len()
    }

    /// A frame came from this agent.
    pub fn heard(&self, hello: &Hello) {
        let Some(key) = key_of(hello) else {
            return;
        };
        let mut hosts = self.hosts.lock();
        let host = Host {
            interval_ms: i64::from(hello.interval_ms).max(1_000),
            heard_ms: (self.clock)(),
            left: false,
            boot: hello.boot,
            skew: hosts.get(&key).and_then(|host| host.skew),
        };
        if !hosts.contains_key(&key) {
            // The agent came back with other labels: its earlier series has ended, and must not page as down.
            let same = |(known, _): &(&SeriesKey, &mut Host)| {
                known.get("host") == Some(hello.agent.as_str())
            };
            hosts
                .iter_mut()
                .filter(same)
                .for_each(|(_, earlier)| earlier.left = true);
        }
        hosts.insert(key, host);
    }

    /// The newest sample of a batch that came now has this time by its agent's clock. One that waited for us tells only how
    /// long it waited, so the largest of a while holds.
    pub fn stamped(&self, hello: &Hello, newest_ms: i64) {
        let Some(key) = key_of(hello) else {
            return;
        };
        let now_ms = (self.clock)();
        let told = Skew {
            ms: newest_ms.saturating_sub(now_ms),
            told_ms: now_ms,
        };
        if let Some(host) = self.hosts.lock().get_mut(&key) {
            let holds = |known: &Skew| {
                let age_ms = now_ms.saturating_sub(known.told_ms);
                known.ms > told.ms && (0..SKEW_OVER_MS).contains(&age_ms)
            };
            host.skew = host.skew.filter(holds).or(Some(told));
        }
    }

    /// This agent said goodbye; another boot of it that was heard since stays.
    pub fn left(&self, hello: &Hello) {
        let Some(key) = key_of(hello) else {
            return;
        };
        if let Some(host) = self
            .hosts
            .lock()
            .get_mut(&key)
            .filter(|host| host.boot == hello.boot)
        {
            host.left = true;
        }
    }

    /// What is to be stored now: each host's state; the stale mark for those that left or are long gone.
    fn beat(&self) -> Vec<(SeriesKey, f64)> {
        let now_ms = (self.clock)();
        let mut hosts = self.hosts.lock();
        self.forgive_a_gap(now_ms, &mut hosts);
        let mut beat = Vec::with_capacity(2 * hosts.len());
        for (key, host) in hosts.iter() {
            let state = match now_ms - host.heard_ms < self.forget_after_ms {
                true => host.state(now_ms),
                false => stale(),
            };
            if let (Some(skew), Some(key)) = (host.skew, skew_key(key)) {
                // Who is silent has no clock that we know of.
                let told = match state {
                    1.0 => Some(skew.ms as f64 / 1_000.0),
                    state => is_stale(state).then(stale),
                };
                beat.extend(told.map(|told| (key, told)));
            }
            beat.push((key.clone(), state));
        }
        beat
    }

    /// Time that passed without a beat, or a clock that was set, is not held against hosts.
    fn forgive_a_gap(&self, now_ms: i64, hosts: &mut BTreeMap<SeriesKey, Host>) {
        let before_ms = self.beat_ms.swap(now_ms, Ordering::Relaxed);
        let gap_ms = now_ms - before_ms;
        if before_ms == 0 || (0..=self.longest_gap_ms).contains(&gap_ms) {
            return;
        }
        tracing::warn!(
            "the clock went {} s from one beat to the next: it was set, or we stood still; no host is called down for it",
            gap_ms / 1_000
        );
        // Whom we heard by the clock as it is now stays as heard.
        let by_the_old = |host: &&mut Host| gap_ms > 0 || host.heard_ms > now_ms;
        for host in hosts.values_mut().filter(by_the_old) {
            host.heard_ms = host.heard_ms.saturating_add(gap_ms).min(now_ms);
        }
    }

    /// The beat is on disk: whose end it told is forgotten, unless it was heard again meanwhile.
    fn settle(&self, beat: &[(SeriesKey, f64)]) {
        let now_ms = (self.clock)();
        let mut hosts = self.hosts.lock();
        for (key, _) in beat.iter().filter(|(_, up)| is_stale(*up)) {
            let gone = |host: &Host| host.left || now_ms - host.heard_ms >= self.forget_after_ms;
            if hosts.get(key).is_some_and(gone) {
                hosts.remove(key);
            }
        }
    }

    /// Stores one beat.
    pub async fn store(&self, admission: &Admission) {
        let timestamp_ms = (self.clock)();
        let beat = self.beat();
        let (sender, mut points) = (
            admission.sender("presence", Source::Gateway),
            Points::default(),
        );
        for (key, up) in &beat {
            if let Ok(series) = admission.resolve(&sender, key) {
                points.push(series, timestamp_ms, *up);
            }
        }
        if points.is_empty() {
            return;
        }
        match admission.store(&sender, points).await {
            Ok(_) => self.settle(&beat),
            Err(error) => tracing::warn!("`up` of this beat was not stored: {error}"),
        }
    }
}

impl Host {
    /// Our own absence is not held against those that were up; who was down stays down until it is heard.
    fn from_store(now_ms: i64, down: bool) -> Self {
        let silent_ms = if down {
            (MISSED_INTERVALS + 1) * USUAL_INTERVAL_MS
        } else {
            0
        };
        Self {
            interval_ms: USUAL_INTERVAL_MS,
            heard_ms: now_ms - silent_ms,
            left: false,
            boot: 0,
            skew: None,
        }
    }

    fn state(&self, now_ms: i64) -> f64 {
        if self.left {
            stale()
        } else if now_ms - self.heard_ms > MISSED_INTERVALS * self.interval_ms {
            0.0
        } else {
            1.0
        }
    }
}
fn key_of(hello: &Hello) -> Option<SeriesKey> {
    let own = hello.labels.iter().filter(|(name, _)| name != "host");
    let labels = own.map(|(name, value)| (name.as_str(), value.as_str()));
    SeriesKey::new(UP, labels.chain([("host", hello.agent.as_str())])).ok()
}

/// The series of the skew has the labels of `up`.
fn skew_key(up: &SeriesKey) -> Option<SeriesKey> {
    SeriesKey::new(SKEW, up.labels()).ok()
}

/// At start nobody competes with this read.
struct Unlimited;

impl Limits for Unlimited {
    fn series(&self, _: u64) -> Result<(), Limit> {
        Ok(())
    }

    fn samples(&self, _: u64) -> Result<(), Limit> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
