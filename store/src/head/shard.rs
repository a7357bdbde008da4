//! A part of the head: the lines of its series, and beside them what no line takes. Changed by the writer alone; a
//! window that is being sealed stays readable until its tables are.

use std::collections::{BTreeMap, BTreeSet};

use super::arena::{Arena, NONE};
use super::beside::{Beside, Run, Value};
use super::line::{Line, Slab};
use super::{Kept, Place};
use crate::columns::{Columns, Distribution};
use crate::memory::prefetch;
use crate::places::Places;
use crate::window::{self, Window};

/// A window on its way to tables.
#[derive(Debug, Default)]
struct Sealing {
    /// Series and the place of its retired line, ascending.
    lines: Vec<(u32, u32)>,
    /// By series, the place of its retired line; [`MANY`] for those with several.
    places: Places,
    beside: BTreeMap<u32, Run>,
}

/// A series with more than one line: where a window was thawed after a failure and went on.
const MANY: u32 = NONE - 1;

impl Sealing {
    fn note_places(&mut self) {
        for (local, at) in &self.lines {
            let place = match self.places.get(*local) {
                None => *at,
                Some(_) => MANY,
            };
            self.places.put(*local, place);
        }
    }

    #[inline]
    fn place(&self, local: u32) -> u32 {
        self.places.get(local).unwrap_or(NONE)
    }

    /// The places of a series' lines, newest first.
    fn places_of(&self, local: u32) -> impl DoubleEndedIterator<Item = u32> + '_ {
        let first = self.lines.partition_point(|(other, _)| *other < local);
        let lines = &self.lines[first..];
        let end = lines.partition_point(|(other, _)| *other == local);
        lines[..end].iter().map(|(_, at)| *at)
    }
}

/// Some of the series, by numbers dense from 0.
#[derive(Debug)]
pub(super) struct Shard {
    window_ms: i64,
    /// By series, the place of its newest line.
    places: Places,
    lines: Arena<Line>,
    retired: Arena<Line>,
    slabs: Arena<Slab>,
    beside: Beside,
    sealing: BTreeMap<Window, Sealing>,
    /// Windows with samples that are not being sealed.
    open: BTreeSet<Window>,
    /// Series that got their first sample in a window.
    begun: BTreeMap<Window, Vec<u32>>,
}

impl Shard {
    /// How many samples ahead a line is asked for: about the time of a cache miss.
    pub(super) const AHEAD: usize = 12;

    pub(super) fn new(window_ms: i64) -> Self {
        Self {
            window_ms,
            places: Places::default(),
            lines: Arena::default(),
            retired: Arena::default(),
            slabs: Arena::default(),
            beside: Beside::default(),
            sealing: BTreeMap::new(),
            open: BTreeSet::new(),
            begun: BTreeMap::new(),
        }
    }

    #[inline]
    pub(super) fn look_ahead(&self, at: Place) {
        if let Some(place) = self.places.get(at.local) {
            prefetch(self.lines.get(place));
        }
    }

    /// Asks for the older bytes of the line that [`Shard::look_ahead`] asked for before.
    #[inline]
    pub(super) fn look_ahead_further(&self, at: Place) {
        if let Some(place) = self.places.get(at.local)
            && let Some(slab) = self.lines.get(place).first_slab(&self.slabs)
        {
            prefetch(slab);
        }
    }

    /// Takes a float.
    #[inline]
    pub(super) fn insert(&mut self, at: Place, time_ms: i64, value: f64) -> Kept {
        let place = match self.places.get(at.local) {
            Some(place) => place,
            None => self.make_place(at, time_ms),
        };
        let line = self.lines.get_mut(place);
        let offset = time_ms.wrapping_sub(window::start_ms(line.window, self.window_ms));
        let in_window = (0..self.window_ms).contains(&offset);
        let offset_ms = offset as u32;
        if in_window && offset_ms > line.last_offset_ms() && !line.is_empty() && !line.has_beside()
        {
            line.push(offset_ms, value, &mut self.slabs);
            return Kept::New;
        }
        self.insert_otherwise(at, place, time_ms, value)
    }

    #[cold]
    fn insert_otherwise(&mut self, at: Place, place: u32, time_ms: i64, value: f64) -> Kept {
        let Some(window) = window::of(time_ms, self.window_ms) else {
            return Kept::Duplicate;
        };
        if self.lines.get(place).window < window {
            self.roll(at.local, place, window);
        }
        let line = self.lines.get_mut(place);
        let offset_ms = (time_ms - window::start_ms(window, self.window_ms)) as u32;
        let later = line.is_empty() || offset_ms > line.last_offset_ms();
        if line.window > window || !later {
            let same = line.window == window
                && offset_ms == line.last_offset_ms()
                && line.last_value().to_bits() == value.to_bits();
            if same && !line.has_beside() {
                return Kept::Duplicate;
            }
            return self.insert_beside(at, window, time_ms, Value::Float(value.to_bits()));
        }
        let there = line
            .has_beside()
            .then(|| self.value_at(at.local, window, time_ms))
            .flatten();
        if there == Some(Value::Float(value.to_bits())) {
            return Kept::Duplicate;
        }
        let line = self.lines.get_mut(place);
        let first = line.is_empty();
        line.push(offset_ms, value, &mut self.slabs);
        if first {
            self.begin(window, at.series);
        }
        if there.is_some() {
            // What lies beside would hide the newer one. What is being sealed cannot be taken out: it is laid over.
            if self.beside.remove(window, at.local, time_ms) {
                return Kept::Replaced;
            }
            self.beside
                .insert(window, at.local, time_ms, Value::Float(value.to_bits()));
            return Kept::Replaced;
        }
        Kept::New
    }

    pub(super) fn insert_histogram(&mut self, at: Place, one: &Distribution) -> Kept {
        match window::of(one.timestamp_ms, self.window_ms) {
            Some(window) => {
                let value = Value::Histogram(one.bytes.clone());
                self.insert_beside(at, window, one.timestamp_ms, value)
            }
            None => Kept::Duplicate,
        }
    }

    fn insert_beside(&mut self, at: Place, window: Window, time_ms: i64, value: Value) -> Kept {
        let there = self.value_at(at.local, window, time_ms);
        if there.as_ref() == Some(&value) {
            return Kept::Duplicate;
        }
        if self.beside.insert(window, at.local, time_ms, value) {
            self.begin(window, at.series);
        }
        if let Some(place) = self.places.get(at.local)
            && self.lines.get(place).window == window
        {
            self.lines.get_mut(place).set_beside();
        }
        if there.is_some() {
            return Kept::Replaced;
        }
        Kept::New
    }

    fn begin(&mut self, window: Window, series: u32) {
        self.open.insert(window);
        self.begun.entry(window).or_default().push(series);
    }

    #[cold]
    fn make_place(&mut self, at: Place, time_ms: i64) -> u32 {
        let window = window::of(time_ms, self.window_ms).unwrap_or_default();
        let line = self.new_line(at.local, at.series, window, NONE);
        let place = self.lines.add(line);
        self.places.put(at.local, place);
        place
    }

    fn new_line(&self, local: u32, series: u32, window: Window, previous: u32) -> Line {
        let mut line = Line::new(series, window, previous);
        let sealing = self.sealing.get(&window);
        if self.beside.run(window, local).is_some()
            || sealing.is_some_and(|s| s.beside.contains_key(&local))
        {
            line.set_beside();
        }
        line
    }

    /// Retires a line's samples and begins another window.
    fn roll(&mut self, local: u32, place: u32, window: Window) {
        let line = self.lines.get(place);
        let (series, mut previous) = (line.series, line.previous);
        if !line.is_empty() {
            previous = self.retired.add(line.clone());
        }
        let line = self.new_line(local, series, window, previous);
        *self.lines.get_mut(place) = line;
    }

    /// The value that a reader would get at a time.
    fn value_at(&self, local: u32, window: Window, time_ms: i64) -> Option<Value> {
        let sealing = self
            .sealing
            .get(&window)
            .and_then(|of| of.beside.get(&local));
        let runs = self.beside.run(window, local).into_iter().chain(sealing);
        if let Some(value) = runs.filter_map(|run| run.get(time_ms)).next() {
            return Some(value.clone());
        }
        let offset = time_ms - window::start_ms(window, self.window_ms);
        let (mut found, mut bytes) = (None, Vec::new());
        self.each_line(local, |line| {
            if line.window == window {
                line.read(&self.slabs, &mut bytes, |offsets_ms, values| {
                    let at = offsets_ms.iter().position(|at| i64::from(*at) == offset);
                    if let Some(at) = at {
                        found = Some(Value::Float(values[at].to_bits()));
                    }
                });
            }
        });
        found
    }

    /// The lines of a series, newest first; only the newest may be empty.
    fn each_line(&self, local: u32, mut take: impl FnMut(&Line)) {
        let Some(place) = self.places.get(local) else {
            return;
        };
        let line = self.lines.get(place);
        take(line);
        let mut at = line.previous;
        while at != NONE {
            let line = self.retired.get(at);
            take(line);
            at = line.previous;
        }
    }

    /// The samples of a series between two times, both inclusive, in place of what `found` holds.
    pub(super) fn read(
        &self,
        local: u32,
        from_ms: i64,
        to_ms: i64,
        bytes: &mut Vec<u8>,
        found: &mut Columns,
    ) {
        found.clear();
        self.read_lines(local, from_ms, to_ms, bytes, found);
        for sealing in self.sealing.values() {
            if let Some(run) = sealing.beside.get(&local) {
                found.lay_over(run.columns(from_ms, to_ms));
            }
        }
        if !self.beside.is_empty() {
            for (_, run) in self.beside.runs(local) {
                found.lay_over(run.columns(from_ms, to_ms));
            }
        }
    }

    fn read_lines(
        &self,
        local: u32,
        from_ms: i64,
        to_ms: i64,
        bytes: &mut Vec<u8>,
        found: &mut Columns,
    ) {
        let Some(place) = self.places.get(local) else {
            return;
        };
        let newest = self.lines.get(place);
        if newest.previous == NONE {
            return self.read_line(newest, from_ms, to_ms, bytes, found);
        }
        let mut lines = Vec::new();
        self.each_line(local, |line| lines.push(line.clone()));
        for line in lines.iter().rev() {
            self.read_line(line, from_ms, to_ms, bytes, found);
        }
    }

    fn read_line(
        &self,
        line: &Line,
        from_ms: i64,
        to_ms: i64,
        bytes: &mut Vec<u8>,
        found: &mut Columns,
    ) {
        let start_ms = window::start_ms(line.window, self.window_ms);
        if line.is_empty() || start_ms > to_ms || start_ms + self.window_ms <= from_ms {
            return;
        }
        let about = line.samples_about();
        found.times_ms.reserve(about);
        found.values.reserve(about);
        line.read(&self.slabs, bytes, |offsets_ms, values| {
            let time_ms = |offset_ms: &u32| start_ms + i64::from(*offset_ms);
            let within = |ms: &u32| (from_ms..=to_ms).contains(&time_ms(ms));
            let all = offsets_ms.first().is_none_or(within) && offsets_ms.last().is_none_or(within);
            let (first, end) = match all {
                true => (0, offsets_ms.len()),
                false => (
                    offsets_ms.partition_point(|ms| time_ms(ms) < from_ms),
                    offsets_ms.partition_point(|ms| time_ms(ms) <= to_ms),
                ),
            };
            if first < end {
                let times_ms = offsets_ms[first..end].iter().map(time_ms);
                found.times_ms.extend(times_ms);
                found.values.extend_from_slice(&values[first..end]);
            }
        });
    }

    pub(super) fn open_windows(&self) -> &BTreeSet<Window> {
        &self.open
    }

    pub(super) fn unsealed_windows(&self) -> impl Iterator<Item = Window> + '_ {
        self.open.iter().chain(self.sealing.keys()).copied()
    }

    /// Series that got their first sample in a window since the last call.
    pub(super) fn take_begun(&mut self) -> BTreeMap<Window, Vec<u32>> {
        std::mem::take(&mut self.begun)
    }

    /// Takes a window's samples for sealing; gives back the locals that have some. What comes for it from now on is
    /// late, and is sealed again.
    pub(super) fn freeze(&mut self, window: Window) -> Vec<u32> {
        let mut sealing = Sealing::default();
        // Nothing below asks for a place.
        let places = std::mem::take(&mut self.places);
        for (local, place) in places.iter() {
            let line = self.lines.get(place);
            if line.window == window && !line.is_empty() {
                self.roll(local, place, window.saturating_add(1));
            }
            let mut at = self.lines.get(place).previous;
            while at != NONE {
                let retired = self.retired.get(at);
                if retired.window == window {
                    sealing.lines.push((local, at));
                }
                at = retired.previous;
            }
        }
        self.places = places;
        sealing.note_places();
        sealing.beside = self.beside.take(window);
        self.open.remove(&window);
        let lines = sealing.lines.iter().map(|(local, _)| *local);
        let mut locals: Vec<u32> = lines.chain(sealing.beside.keys().copied()).collect();
        locals.sort_unstable();
        locals.dedup();
        if !locals.is_empty() {
            self.sealing.insert(window, sealing);
        }
        locals
    }

    /// Asks for what [`Shard::frozen`] will read: first where the line is, then the line, then its oldest bytes.
    #[inline]
    pub(super) fn look_ahead_frozen(&self, local: u32, window: Window, stage: usize) {
        let Some(sealing) = self.sealing.get(&window) else {
            return;
        };
        if stage == 0 {
            return sealing.places.look_ahead(local);
        }
        let place = sealing.place(local);
        if place >= MANY {
            return;
        }
        let line = self.retired.get(place);
        if stage == 1 {
            prefetch(line);
        } else if let Some(slab) = line.first_slab(&self.slabs) {
            prefetch(slab);
        }
    }

    /// What was frozen of a series, in place of what `found` holds.
    pub(super) fn frozen(
        &self,
        local: u32,
        window: Window,
        bytes: &mut Vec<u8>,
        found: &mut Columns,
    ) {
        found.clear();
        let Some(sealing) = self.sealing.get(&window) else {
            return;
        };
        match sealing.place(local) {
            NONE => {}
            MANY => {
                for at in sealing.places_of(local).rev() {
                    let mut part = Columns::default();
                    self.read_line(self.retired.get(at), i64::MIN, i64::MAX, bytes, &mut part);
                    found.lay_over(part);
                }
            }
            at => self.read_line(self.retired.get(at), i64::MIN, i64::MAX, bytes, found),
        }
        if let Some(run) = sealing.beside.get(&local) {
            found.lay_over(run.columns(i64::MIN, i64::MAX));
        }
    }

    /// Lets go of what was frozen: it is in tables. Series without a sample since `idle_before` leave.
    pub(super) fn release(&mut self, window: Window, idle_before: Window) {
        let Some(sealing) = self.sealing.remove(&window) else {
            return;
        };
        for (local, at) in sealing.lines {
            self.unlink(local, at);
            self.retired.get(at).free(&mut self.slabs);
            self.retired.free(at);
        }
        let lines = &mut self.lines;
        self.places.retain(|place| {
            let line = lines.get(place);
            let leaves = line.is_empty() && line.previous == NONE && line.window < idle_before;
            if leaves {
                lines.free(place);
            }
            !leaves
        });
    }

    fn unlink(&mut self, local: u32, gone: u32) {
        let next = self.retired.get(gone).previous;
        let Some(place) = self.places.get(local) else {
            return;
        };
        let line = self.lines.get_mut(place);
        if line.previous == gone {
            line.previous = next;
            return;
        }
        let mut at = line.previous;
        while at != NONE {
            let retired = self.retired.get_mut(at);
            if retired.previous == gone {
                retired.previous = next;
                return;
            }
            at = retired.previous;
        }
    }

    /// Takes back what was frozen: it could not be sealed.
    pub(super) fn thaw(&mut self, window: Window) {
        if let Some(sealing) = self.sealing.remove(&window) {
            self.beside.put_back(window, sealing.beside);
            self.open.insert(window);
        }
    }

    /// Forgets all samples of a series. No window may be frozen.
    pub(super) fn forget(&mut self, local: u32) {
        self.beside.forget(local);
        let Some(gone) = self.places.get(local) else {
            return;
        };
        self.places.remove(local);
        let line = self.lines.get(gone);
        line.free(&mut self.slabs);
        let mut at = line.previous;
        self.lines.free(gone);
        while at != NONE {
            let line = self.retired.get(at);
            line.free(&mut self.slabs);
            let next = line.previous;
            self.retired.free(at);
            at = next;
        }
    }

    /// Bytes in use.
    pub(super) fn used_bytes(&self) -> usize {
        let places = self.lines.used() + self.retired.used() + self.slabs.used();
        places * size_of::<Line>() + self.beside.bytes() + self.places.bytes()
    }

    /// Bytes held from the system, free places too.
    pub(super) fn held_bytes(&self) -> usize {
        let arenas = self.lines.bytes() + self.retired.bytes() + self.slabs.bytes();
        arenas + self.beside.bytes() + self.places.bytes()
    }
}
