//! Many series at once, as they come: those of a host follow each other and differ in their names alone. What they have
//! in common is read, compared and marked once; where each is looked for is asked of memory ahead of time.

use std::ops::Range;

use weir_wire::KeyRef;

use super::symbols::PairId;
use super::{Index, SeriesId};

/// How many keys ahead memory is asked for a place: about the time of a cache miss.
const AHEAD: usize = 10;

/// A key to be found, hashed before any lock is taken.
pub(crate) struct Wanted<'a> {
    pub(crate) key: KeyRef<'a>,
    identity: u128,
    /// It is not to be made.
    pub(crate) is_refused: bool,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(key: KeyRef<'a>) -> Self {
        Self {
            key,
            identity: key.identity(),
            is_refused: false,
        }
    }
}

/// The labels of the series that was put in last, and the series whose label pairs are to be marked yet.
#[derive(Default)]
pub(super) struct Siblings {
    label_bytes: Vec<u8>,
    /// The name's, then the labels'.
    pairs: Vec<PairId>,
    unmarked: Range<u32>,
    /// Name pairs, above, and the series that are to be marked with them.
    named: Vec<u64>,
}

impl Siblings {
    pub(super) fn give_back(&mut self, pairs: Vec<PairId>) {
        self.pairs = pairs;
    }
}

/// Label bytes that were compared last, and the pairs that they are.
pub(super) type Compared<'a> = (&'a [u8], &'a [PairId]);

impl Index {
    /// Finds each key, in the order asked for.
    pub(crate) fn find_all(&self, wanted: &[Wanted<'_>], found: &mut Vec<Option<SeriesId>>) {
        let mut compared = Compared::default();
        for (at, one) in wanted.iter().enumerate() {
            self.look_ahead(wanted, at);
            let series = self.identities.find(one.identity, |series| {
                self.is(series, one.key, &mut compared)
            });
            found.push(series.map(SeriesId));
        }
    }

    /// Numbers those of the keys that were not found and are not refused; the ones past the limit stay unfound.
    pub(crate) fn add_all(
        &mut self,
        wanted: &[Wanted<'_>],
        max_series: usize,
        found: &mut [Option<SeriesId>],
    ) {
        for (at, (one, id)) in wanted.iter().zip(found).enumerate() {
            self.look_ahead(wanted, at);
            if id.is_some() || one.is_refused {
                continue;
            }
            // Another session may have added it since, or this one names it twice.
            let mut compared = Compared::default();
            let there = self.identities.find(one.identity, |series| {
                self.is(series, one.key, &mut compared)
            });
            *id = match there {
                Some(series) => Some(SeriesId(series)),
                None => self.add_one(one.key, one.identity, max_series).ok(),
            };
        }
        self.carry_siblings();
    }

    fn look_ahead(&self, wanted: &[Wanted<'_>], at: usize) {
        if let Some(later) = wanted.get(at + AHEAD) {
            self.identities.look_ahead(later.identity);
        }
    }

    /// Whether a series has this key; what was compared last is not compared again.
    pub(super) fn is<'a>(
        &'a self,
        series: u32,
        key: KeyRef<'a>,
        compared: &mut Compared<'a>,
    ) -> bool {
        let Some((name, labels)) = self
            .keys
            .get(series)
            .and_then(|(_, pairs)| pairs.split_first())
        else {
            return false;
        };
        if self.symbols.pair(*name).1.as_bytes() != key.name_bytes() {
            return false;
        }
        let label_bytes = key.label_bytes();
        if *compared == (label_bytes, labels) {
            return true;
        }
        let same = key
            .labels()
            .eq(labels.iter().map(|pair| self.symbols.pair(*pair)));
        if same {
            *compared = (label_bytes, labels);
        }
        same
    }

    /// The pairs of a new series, to be given back to `siblings`.
    pub(super) fn join_siblings(
        &mut self,
        series: u32,
        name: PairId,
        key: KeyRef<'_>,
    ) -> Vec<PairId> {
        let label_bytes = key.label_bytes();
        let same = self.siblings.label_bytes == label_bytes && !self.siblings.pairs.is_empty();
        if !same || self.siblings.unmarked.end != series {
            self.carry_labels();
            self.siblings.unmarked = series..series;
        }
        if !same {
            self.siblings.label_bytes.clear();
            self.siblings.label_bytes.extend_from_slice(label_bytes);
            self.siblings.pairs.clear();
            self.siblings.pairs.push(name);
            let labels = key.labels();
            let pairs = labels.map(|(label, value)| self.symbols.intern(label, value));
            self.siblings.pairs.extend(pairs);
        }
        self.siblings.unmarked.end = series + 1;
        self.siblings
            .named
            .push(u64::from(name) << 32 | u64::from(series));
        let mut pairs = std::mem::take(&mut self.siblings.pairs);
        pairs[0] = name;
        pairs
    }

    /// Marks the series that were put in since the last call with their names and labels.
    pub(super) fn carry_siblings(&mut self) {
        self.carry_labels();
        let mut named = std::mem::take(&mut self.siblings.named);
        if let [one] = *named {
            self.symbols.carry((one >> 32) as PairId, one as u32);
        } else {
            named.sort_unstable();
            for same in named.chunk_by(|one, next| one >> 32 == next >> 32) {
                let series = same.iter().map(|one| *one as u32);
                self.symbols
                    .carry_ascending((same[0] >> 32) as PairId, series);
            }
        }
        named.clear();
        self.siblings.named = named;
    }

    fn carry_labels(&mut self) {
        let unmarked = std::mem::take(&mut self.siblings.unmarked);
        let labels = self.siblings.pairs.get(1..).unwrap_or_default();
        for pair in labels {
            match unmarked.len() {
                0 => return,
                1 => self.symbols.carry(*pair, unmarked.start),
                _ => self.symbols.carry_all(*pair, unmarked.clone()),
            }
        }
    }
}
