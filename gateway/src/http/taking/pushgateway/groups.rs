//! Every group. A push locks its own only: it is stored, put into its file, and is the group's state then, in this order, so
//! that one that failed can be pushed again. Bounded in groups and in series.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use weir_wire::graphite::Keys;
use weir_wire::{Invalid, Reject, pushgateway};

use super::ends::Ends;
use super::group::{Change, Counts, Group, Point};
use super::{NotDone, PROTOCOL, file};
use crate::admission::Sender;
use crate::http::taking::Taking;
use crate::http::taking::cumulative::{Brought, Counted};
use crate::http::taking::distribution;
use crate::http::taking::refusal::{self, Refusal};
use crate::listen::intake::Intake;

const MOST_GROUPS: usize = 50_000;
/// Series of all groups together.
const MOST_SERIES: usize = 1_000_000;

type Shared = Arc<tokio::sync::Mutex<State>>;

/// Who finds one gone looks for it again.
enum State {
    There(Group),
    Gone,
}

pub(in crate::http::taking) struct Groups {
    dir: PathBuf,
    groups: Mutex<BTreeMap<Vec<u8>, Shared>>,
    series: AtomicUsize,
    pub(super) ends: Ends,
}

impl Groups {
    /// With the groups that have files.
    ///
    /// # Errors
    /// The directory cannot be read or made.
    pub(in crate::http::taking) fn open(dir: PathBuf) -> std::io::Result<Self> {
        let read = file::read_all(&dir)?;
        let series = read.iter().map(Group::len).sum();
        let groups = read.into_iter().map(|group| {
            let key = key(&group);
            (key, Arc::new(tokio::sync::Mutex::new(State::There(group))))
        });
        Ok(Self {
            dir,
            groups: Mutex::new(groups.collect()),
            series: AtomicUsize::new(series),
            ends: Ends::default(),
        })
    }

    pub(super) fn keys(&self) -> Vec<Vec<u8>> {
        self.groups.lock().keys().cloned().collect()
    }

    /// A copy of each.
    pub(super) async fn all(&self) -> Vec<Group> {
        let shared: Vec<Shared> = self.groups.lock().values().cloned().collect();
        let mut all = Vec::with_capacity(shared.len());
        for one in shared {
            if let State::There(group) = &*one.lock().await {
                all.push(group.clone());
            }
        }
        all
    }

    /// Stores a push and keeps the group as it is after it.
    ///
    /// # Errors
    /// A limit is reached, or the disk takes nothing.
    pub(super) async fn push(
        &self,
        telling: &Telling<'_>,
        name: &pushgateway::Group,
        change: Change,
    ) -> Result<(), NotDone> {
        loop {
            let shared = self.find_or_make(name)?;
            let mut state = shared.lock().await;
            if let State::There(group) = &mut *state {
                let now_ms = telling.now_ms();
                let (after, points) = group
                    .changed(change, now_ms)
                    .inspect_err(|why| telling.sender.refuse(why.reject, 1))?;
                self.room_for(after.len(), group.len())
                    .inspect_err(|why| telling.sender.refuse(why.reject, points.len() as u64))?;
                telling.store_whole(points, now_ms).await?;
                write(&self.dir, &after).await?;
                self.recount(group.len(), after.len());
                self.ends.note(after.ends_ms(telling.default_ttl_ms()));
                *group = after;
                return Ok(());
            }
        }
    }

    /// Notes that a push to a group was a mistake.
    pub(super) async fn failed(&self, telling: &Telling<'_>, name: &pushgateway::Group) {
        let Ok(shared) = self.find_or_make(name) else {
            return;
        };
        let mut state = shared.lock().await;
        if let State::There(group) = &mut *state {
            let now_ms = telling.now_ms();
            group.failed_ms = now_ms;
            self.ends.note(group.ends_ms(telling.default_ttl_ms()));
            let times = group.times(now_ms).collect();
            // The push is refused already; that this note is not kept is counted.
            let _ = telling.store(times, now_ms).await;
            let _ = write(&self.dir, group).await;
        }
    }

    /// Ends every series of a group and forgets it; one that is not there is gone already.
    ///
    /// # Errors
    /// The disk takes nothing.
    pub(super) async fn delete(&self, telling: &Telling<'_>, key: &[u8]) -> Result<(), NotDone> {
        let found = self.groups.lock().get(key).cloned();
        let Some(shared) = found else {
            return Ok(());
        };
        let mut state = shared.lock().await;
        self.end(telling, key, &mut state).await
    }

    async fn end(
        &self,
        telling: &Telling<'_>,
        key: &[u8],
        state: &mut State,
    ) -> Result<(), NotDone> {
        let State::There(group) = state else {
            return Ok(());
        };
        let now_ms = telling.now_ms();
        telling.store(group.ended(now_ms), now_ms).await?;
        let path = file::path(&self.dir, key);
        let removed = tokio::task::spawn_blocking(move || file::remove(&path)).await;
        file_error(removed)?;
        self.recount(group.len(), 0);
        *state = State::Gone;
        self.groups.lock().remove(key);
        Ok(())
    }

    /// Ends a group when its time is over, and notes when that is; tells it again where this is asked.
    pub(super) async fn look_at(&self, telling: &Telling<'_>, key: &[u8], is_told_again: bool) {
        let found = self.groups.lock().get(key).cloned();
        let Some(shared) = found else {
            return;
        };
        let mut state = shared.lock().await;
        let State::There(group) = &*state else {
            return;
        };
        let (now_ms, ends_ms) = (telling.now_ms(), group.ends_ms(telling.default_ttl_ms()));
        if ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
            // What fails is tried again at the next interval.
            let _ = self.end(telling, key, &mut state).await;
            return;
        }
        self.ends.note(ends_ms);
        if is_told_again {
            let _ = telling.store(group.again(now_ms), now_ms).await;
        }
    }

    fn find_or_make(&self, name: &pushgateway::Group) -> Result<Shared, Invalid> {
        let mut groups = self.groups.lock();
        if let Some(found) = groups.get(&name.key()) {
            return Ok(Arc::clone(found));
        }
        if groups.len() >= MOST_GROUPS {
            let text = format!("there are {MOST_GROUPS} groups: delete some, or give them a ttl");
            return Err(Invalid::new(Reject::OverLimit, text));
        }
        let made = Arc::new(tokio::sync::Mutex::new(State::There(Group::of(name))));
        groups.insert(name.key(), Arc::clone(&made));
        Ok(made)
    }

    fn room_for(&self, after: usize, before: usize) -> Result<(), Invalid> {
        let series = self.series.load(Ordering::Relaxed) + after - before.min(after);
        if after > before && series > MOST_SERIES {
            let text = format!("the groups have {MOST_SERIES} series: delete some groups");
            return Err(Invalid::new(Reject::OverLimit, text));
        }
        Ok(())
    }

    fn recount(&self, before: usize, after: usize) {
        self.series.fetch_add(after, Ordering::Relaxed);
        self.series.fetch_sub(before, Ordering::Relaxed);
    }
}

fn key(group: &Group) -> Vec<u8> {
    let mut key = Vec::new();
    for (name, value) in &group.labels {
        weir_wire::varint::put_bytes(&mut key, name.as_bytes());
        weir_wire::varint::put_bytes(&mut key, value.as_bytes());
    }
    key
}

async fn write(dir: &std::path::Path, group: &Group) -> Result<(), NotDone> {
    let (path, group) = (file::path(dir, &key(group)), group.clone());
    file_error(tokio::task::spawn_blocking(move || file::write(&path, &group)).await)
}

fn file_error(done: Result<std::io::Result<()>, tokio::task::JoinError>) -> Result<(), NotDone> {
    let why = match done {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(NotDone::File(why))
}

/// Points on their way to the disk, and in whose name.
pub(super) struct Telling<'a> {
    pub(super) taking: &'a Taking,
    pub(super) sender: &'a Sender,
}

impl Telling<'_> {
    fn now_ms(&self) -> i64 {
        self.taking.now_ms()
    }

    fn default_ttl_ms(&self) -> i64 {
        self.taking.config.pushgateway.ttl.as_millis() as i64
    }

    /// Stores all of them or none.
    async fn store_whole(&self, points: Vec<Point>, now_ms: i64) -> Result<(), NotDone> {
        let (mut intake, brought) = self.gather(points, now_ms)?;
        let not_taken = intake.resolve_new();
        let Some((_, why)) = not_taken.words().next() else {
            return self.deliver(intake, brought).await;
        };
        let reject = match not_taken.over_limit {
            0 => Reject::BadLabels,
            _ => Reject::OverLimit,
        };
        intake.discard(reject);
        self.taking.pushgateway.give_back(intake);
        Err(Invalid::new(reject, why).into())
    }

    /// Stores what a group had; where a series is not taken any more there is nothing to tell, or to end.
    async fn store(&self, points: Vec<Point>, now_ms: i64) -> Result<(), NotDone> {
        let (intake, brought) = self.gather(points, now_ms)?;
        self.deliver(intake, brought).await
    }

    fn gather(&self, points: Vec<Point>, now_ms: i64) -> Result<(Intake, Brought), Invalid> {
        let intakes = &self.taking.pushgateway;
        let (mut intake, mut brought) = (intakes.take(self.sender), Brought::default());
        let gathered = points
            .into_iter()
            .try_for_each(|point| self.put(point, now_ms, &mut intake, &mut brought));
        if let Err(invalid) = gathered {
            intake.discard(invalid.reject);
            intake.refuse(invalid.reject, 1);
            intakes.give_back(intake);
            return Err(invalid);
        }
        Ok((intake, brought))
    }

    async fn deliver(&self, mut intake: Intake, brought: Brought) -> Result<(), NotDone> {
        let intakes = &self.taking.pushgateway;
        let delivered = intake.deliver().await;
        intakes.give_back(intake);
        let delivered = delivered.map_err(|error| NotDone::Store(Refusal::from(&error)))?;
        self.taking.cumulative.remember(brought).count(self.sender);
        match refusal::of_time(&delivered.written) {
            None => Ok(()),
            Some(why) => Err(Invalid::new(Reject::BadTimestamp, why).into()),
        }
    }

    fn put(
        &self,
        point: Point,
        now_ms: i64,
        intake: &mut Intake,
        brought: &mut Brought,
    ) -> Result<(), Invalid> {
        match point {
            Point::Float(key, at_ms, value) => {
                let put_key = |keys: &mut Keys| {
                    keys.push_key(&key);
                    Ok(())
                };
                intake.float(key.identity(), put_key, Some(at_ms), value)
            }
            Point::Native {
                key,
                timestamp_ms,
                buckets,
                counts,
            } => {
                let counted = Counted {
                    protocol: PROTOCOL,
                    hash: key.identity(),
                    timestamp_ms,
                    start_ms: None,
                    reset: false,
                    whole_at_first: counts == Counts::AllAtFirst,
                    buckets: *buckets,
                };
                let interval = match counts {
                    Counts::Run => Some(counted.buckets),
                    _ => {
                        let cumulative = &self.taking.cumulative;
                        cumulative.interval(now_ms, counted, brought)?
                    }
                };
                let Some(interval) = interval else {
                    return Ok(());
                };
                let histogram = distribution::kept(&interval)?;
                intake.histogram(key.identity(), || Ok(key.clone()), timestamp_ms, histogram)
            }
        }
    }
}
