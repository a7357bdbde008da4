//! Who is up: each agent's session keeps its host alive here, and at each beat a sample `up{host=…}` is stored: 1
//! while frames come, 0 after three missed intervals, and the stale mark after a clean goodbye.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use weir_store::{Clock, Limit, Limits, Points, Selected, Store, StoreError, Wish};
use weir_wire::frame::Hello;
use weir_wire::{MatchOp, Matcher, NAME_LABEL, SeriesKey, is_stale, stale};

use crate::admission::{Admission, Source};

const UP: &str = "up";
const MISSED_INTERVALS: i64 = 3;
/// For hosts known only from what is stored.
const USUAL_INTERVAL_MS: i64 = 10_000;
/// How far back the hosts of before a restart are looked for, until some are found.
const LOOK_BACK_MS: [i64; 3] = [3_600_000, 86_400_000, 7 * 86_400_000];

/// The hosts that are expected to be heard.
pub struct Presence {
    clock: Clock,
    forget_after_ms: i64,
    hosts: Mutex<BTreeMap<SeriesKey, Host>>,
}

#[derive(Debug, Clone)]
struct Host {
    interval_ms: i64,
    heard_ms: i64,
    /// Said goodbye: one stale mark is due, then it is gone.
    left: bool,
    boot: u64,
}

impl Presence {
    #[must_use]
    pub fn new(clock: Clock, forget_after_ms: i64) -> Self {
        Self {
            clock,
            forget_after_ms,
            hosts: Mutex::default(),
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
        let host = Host {
            interval_ms: i64::from(hello.interval_ms).max(1_000),
            heard_ms: (self.clock)(),
            left: false,
            boot: hello.boot,
        };
        let mut hosts = self.hosts.lock();
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
        let hosts = self.hosts.lock();
        let state = |host: &Host| match now_ms - host.heard_ms < self.forget_after_ms {
            true => host.state(now_ms),
            false => stale(),
        };
        hosts
            .iter()
            .map(|(key, host)| (key.clone(), state(host)))
            .collect()
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
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn hello(boot: u64) -> Hello {
        Hello {
            version: 1,
            token: String::new(),
            agent: "web01".into(),
            boot,
            interval_ms: 10_000,
            labels: vec![("az".into(), "1".into())],
        }
    }

    #[test]
    fn up_falls_after_three_missed_intervals_and_ends_with_goodbye() {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let clock = Arc::clone(&now);
        let presence = Presence::new(Arc::new(move || clock.load(Ordering::Relaxed)), 3_600_000);
        presence.heard(&hello(1));
        let up = |presence: &Presence| {
            let beat = presence.beat();
            presence.settle(&beat);
            beat.first().map(|(_, up)| *up)
        };
        assert_eq!(
            presence.beat()[0].0.to_string(),
            r#"up{az="1",host="web01"}"#
        );
        now.fetch_add(30_000, Ordering::Relaxed);
        assert_eq!(up(&presence), Some(1.0));
        now.fetch_add(1, Ordering::Relaxed);
        assert_eq!(up(&presence), Some(0.0));
        presence.heard(&hello(2));
        presence.left(&hello(1));
        assert_eq!(
            up(&presence),
            Some(1.0),
            "the goodbye of an earlier boot is not this one's"
        );
        presence.left(&hello(2));
        assert!(is_stale(up(&presence).unwrap()));
        assert_eq!(up(&presence), None);
    }

    #[test]
    fn a_host_that_comes_back_with_other_labels_is_not_down() {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let clock = Arc::clone(&now);
        let presence = Presence::new(Arc::new(move || clock.load(Ordering::Relaxed)), 3_600_000);
        presence.heard(&hello(1));
        let mut moved = hello(2);
        moved.labels = vec![("az".into(), "2".into())];
        presence.heard(&moved);
        let beat = presence.beat();
        let states: Vec<bool> = beat.iter().map(|(_, up)| is_stale(*up)).collect();
        assert_eq!(states, [true, false], "{beat:?}");
        presence.settle(&beat);
        assert_eq!(presence.beat().len(), 1);
    }

    #[test]
    fn who_was_heard_while_starting_is_not_down() {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let clock = Arc::clone(&now);
        let presence = Presence::new(Arc::new(move || clock.load(Ordering::Relaxed)), 3_600_000);
        let named = |agent: &str, az: &str| Hello {
            agent: agent.into(),
            labels: vec![("az".into(), az.into())],
            ..hello(2)
        };
        presence.heard(&named("web01", "1"));
        presence.heard(&named("web02", "2"));
        presence.heard(&named("web03", "1"));
        presence.left(&named("web03", "1"));
        // The journal took long, and the agents' frames had to wait.
        let now_ms = now.fetch_add(60_000, Ordering::Relaxed) + 60_000;
        let key = |agent: &str, az: &str| key_of(&named(agent, az)).unwrap();
        let known = presence.expect(
            now_ms,
            vec![
                (true, key("web01", "1")),
                (false, key("web02", "1")),
                (false, key("web03", "1")),
                (true, key("web04", "1")),
                (false, key("web05", "1")),
            ],
        );
        assert_eq!(known, 6);
        let states: Vec<(String, String)> = presence
            .beat()
            .into_iter()
            .map(|(key, up)| {
                let state = if is_stale(up) {
                    "stale".to_owned()
                } else {
                    up.to_string()
                };
                (
                    format!("{}/{}", key.get("host").unwrap(), key.get("az").unwrap()),
                    state,
                )
            })
            .collect();
        let expected = [
            ("web01/1", "1"),
            ("web02/1", "stale"),
            ("web02/2", "1"),
            ("web03/1", "stale"),
            ("web04/1", "0"),
            ("web05/1", "1"),
        ];
        let expected = expected.map(|(host, state)| (host.to_owned(), state.to_owned()));
        let mut states = states;
        states.sort();
        assert_eq!(states, expected);
    }

    #[test]
    fn a_host_silent_for_long_is_forgotten() {
        let now = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&now);
        let presence = Presence::new(Arc::new(move || clock.load(Ordering::Relaxed)), 3_600_000);
        presence.heard(&hello(1));
        now.store(3_600_000, Ordering::Relaxed);
        let last = presence.beat();
        assert!(is_stale(last[0].1), "its series ends");
        assert_eq!(presence.beat().len(), 1, "until that is on disk");
        presence.settle(&last);
        assert!(presence.beat().is_empty());
    }
}
