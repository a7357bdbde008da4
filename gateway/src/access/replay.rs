//! Which signed datagrams were there already. For each sender's stream the newest number and a window of those just before
//! it, as IPsec has it (RFC 4303, 3.4.3); bounded by the time that a datagram is good for. Handed the time; checks no code.

use std::collections::HashMap;
use std::sync::Arc;

/// How far a datagram's time may be from ours.
pub(super) const WINDOW_MS: i64 = 60_000;
/// How far datagrams of a stream may overtake each other.
const BEHIND: u64 = 1_024;
const WORDS: usize = (BEHIND / 64) as usize;
/// Streams remembered, about 200 bytes each.
const MAX_STREAMS: usize = 100_000;
/// Streams that are over are let go so often at most.
const SWEEP_MS: i64 = 1_000;

/// Why a datagram is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// Its time is too far from ours, or before our start, of which nothing is remembered.
    Time,
    /// It was there, or is too far behind to tell.
    Replayed,
    /// There are more streams than are remembered.
    Full,
}

#[derive(Debug)]
pub(super) struct Replays {
    started_ms: i64,
    streams: HashMap<(Arc<str>, u64), Stream>,
    swept_ms: i64,
}

#[derive(Debug)]
struct Stream {
    /// The latest time of a datagram of it. Nothing of it is good any more once this is too old.
    last_ms: i64,
    newest: u64,
    /// Bit `sequence % BEHIND` of those within the window.
    seen: [u64; WORDS],
}

impl Replays {
    pub(super) fn new(started_ms: i64) -> Self {
        Self {
            started_ms,
            streams: HashMap::new(),
            swept_ms: started_ms,
        }
    }

    /// Takes down a datagram whose code was right.
    pub(super) fn take(
        &mut self,
        key: &Arc<str>,
        stream: u64,
        sequence: u64,
        sent_ms: i64,
        now_ms: i64,
    ) -> Result<(), Stale> {
        if sent_ms.abs_diff(now_ms) > WINDOW_MS as u64 || sent_ms < self.started_ms {
            return Err(Stale::Time);
        }
        let id = (Arc::clone(key), stream);
        if let Some(known) = self.streams.get_mut(&id) {
            known.last_ms = known.last_ms.max(sent_ms);
            return known.take(sequence);
        }
        self.sweep(now_ms);
        if self.streams.len() >= MAX_STREAMS {
            return Err(Stale::Full);
        }
        let new = Stream::new(sequence, sent_ms);
        self.streams.insert(id, new);
        Ok(())
    }

    fn sweep(&mut self, now_ms: i64) {
        if now_ms.abs_diff(self.swept_ms) < SWEEP_MS as u64 {
            return;
        }
        self.swept_ms = now_ms;
        // A clock that is set back makes old datagrams good again: never before what was let go.
        let over = now_ms.saturating_sub(WINDOW_MS);
        let before = self.streams.len();
        self.streams.retain(|_, stream| stream.last_ms >= over);
        if self.streams.len() < before {
            self.started_ms = self.started_ms.max(over);
        }
    }
}

impl Stream {
    fn new(sequence: u64, sent_ms: i64) -> Self {
        let mut new = Self {
            last_ms: sent_ms,
            newest: sequence,
            seen: [0; WORDS],
        };
        new.mark(sequence);
        new
    }

    fn take(&mut self, sequence: u64) -> Result<(), Stale> {
        if sequence > self.newest {
            if sequence - self.newest >= BEHIND {
                self.seen = [0; WORDS];
            } else {
                (self.newest + 1..=sequence).for_each(|number| self.clear(number));
            }
            self.newest = sequence;
        } else if self.newest - sequence >= BEHIND || self.is_marked(sequence) {
            return Err(Stale::Replayed);
        }
        self.mark(sequence);
        Ok(())
    }

    fn mark(&mut self, sequence: u64) {
        let (word, bit) = place(sequence);
        self.seen[word] |= bit;
    }

    fn clear(&mut self, sequence: u64) {
        let (word, bit) = place(sequence);
        self.seen[word] &= !bit;
    }

    fn is_marked(&self, sequence: u64) -> bool {
        let (word, bit) = place(sequence);
        self.seen[word] & bit != 0
    }
}

fn place(sequence: u64) -> (usize, u64) {
    let at = sequence % BEHIND;
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const NOW_MS: i64 = 1_790_000_000_000;

    #[test]
    fn each_datagram_is_taken_once_in_any_order_within_the_window() {
        let (mut replays, web) = (Replays::new(0), Arc::from("web"));
        let (mut taken, mut at) = (HashSet::new(), 7_u64);
        for _ in 0..20_000 {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let sequence = (at >> 40) % 900;
            let result = replays.take(&web, 1, sequence, NOW_MS, NOW_MS);
            assert_eq!(result.is_ok(), taken.insert(sequence), "{sequence}");
        }
        for sequence in [5_000, 5_000 - BEHIND + 1] {
            assert_eq!(replays.take(&web, 1, sequence, NOW_MS, NOW_MS), Ok(()));
        }
        for sequence in [5_000, 5_000 - BEHIND, 1, 3_977] {
            let again = replays.take(&web, 1, sequence, NOW_MS, NOW_MS);
            assert_eq!(again, Err(Stale::Replayed), "{sequence}");
        }
        assert_eq!(replays.take(&web, 2, 1, NOW_MS, NOW_MS), Ok(()));
        assert_eq!(replays.take(&web, 1, u64::MAX, NOW_MS, NOW_MS), Ok(()));
    }

    #[test]
    fn what_is_forgotten_is_too_old_by_its_time() {
        let (mut replays, web) = (Replays::new(NOW_MS), Arc::from("web"));
        assert_eq!(
            replays.take(&web, 1, 1, NOW_MS - 1, NOW_MS),
            Err(Stale::Time)
        );
        for stream in 0..MAX_STREAMS as u64 {
            replays.take(&web, stream, 1, NOW_MS, NOW_MS).unwrap();
        }
        let more = MAX_STREAMS as u64;
        assert_eq!(
            replays.take(&web, more, 1, NOW_MS, NOW_MS),
            Err(Stale::Full)
        );
        let later = NOW_MS + WINDOW_MS + 1;
        assert_eq!(replays.take(&web, more, 1, later, later), Ok(()));
        assert_eq!(replays.streams.len(), 1);
        assert_eq!(replays.take(&web, 0, 1, NOW_MS, later), Err(Stale::Time));
        assert_eq!(
            replays.take(&web, 0, 1, NOW_MS, NOW_MS),
            Err(Stale::Time),
            "the clock was set back"
        );
    }
}
