//! Reading chunks out of tables. A window's packs lie by part, then by place, so each part is one walk forward beside
//! the wanted series. What cannot be read is named, counted and passed over.

use std::sync::atomic::Ordering;

use rocksdb::{DBRawIterator, ReadOptions};

use super::{Backend, Tier, keys};
use crate::StoreError;
use crate::pack::{Pack, Place};
use crate::window::Window;

/// Packs passed over one by one before a seek is cheaper.
const STEPS_BEFORE_SEEK: usize = 4;

/// A pack's window, part and last place, `None` for a key that is none, and its bytes.
pub(super) type Entry = (Option<(Window, u32, Place)>, Vec<u8>);

impl Backend {
    /// Hands over the chunks of the wanted series in one window; of each series, older parts first. `wanted` ascends.
    pub(crate) fn chunks_in(
        &self,
        tier: Tier,
        window: Window,
        wanted: &[Place],
        mut take: impl FnMut(usize, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.parts_in(tier, window, wanted, |at, _, bytes| take(at, bytes))
    }

    /// The same, with the part of each.
    pub(crate) fn parts_in(
        &self,
        tier: Tier,
        window: Window,
        wanted: &[Place],
        mut take: impl FnMut(usize, u32, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut walk = Walk {
            entries: self.window(tier, window)?,
            tier,
            window,
            wanted,
            damaged: 0,
            scratch: Vec::new(),
        };
        let mut next = (!wanted.is_empty()).then_some(0);
        while let Some(from) = next {
            let Some(part) = walk.part_from(from)? else {
                break;
            };
            walk.part(part, &mut take)?;
            next = part.checked_add(1);
        }
        if walk.damaged > 0 {
            metrics::counter!("weir_store_damaged_chunks_total").increment(walk.damaged);
            self.unread.fetch_add(walk.damaged, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The highest part of a window; 0 where it has none.
    pub(crate) fn newest_part(&self, tier: Tier, window: Window) -> Result<u32, StoreError> {
        let mut entries = self.window(tier, window)?;
        entries.seek_to_last();
        let part = part_at(&entries, window);
        entries.status()?;
        Ok(part.unwrap_or(0))
    }

    /// Every pack of a tier, in the order of keys; block checksums are verified. Where a block cannot be read an error
    /// says so, and the next window is gone on with.
    pub(crate) fn entries(
        &self,
        tier: Tier,
    ) -> Result<impl Iterator<Item = Result<Entry, StoreError>> + '_, StoreError> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_verify_checksums(true);
        let family = self.family(tier.family())?;
        let mut entries = self.db.raw_iterator_cf_opt(&family, options);
        entries.seek_to_first();
        let mut detour = self.detour(tier)?;
        let mut at = Some(0);
        Ok(std::iter::from_fn(move || {
            if let Some(entry) = entry_of(&mut entries, &mut at) {
                return Some(Ok(entry));
            }
            loop {
                let error = entries.status().err()?;
                let window = at.take()?;
                if error.kind() != rocksdb::ErrorKind::Corruption {
                    return Some(Err(error.into()));
                }
                let is_new = detour.is_new(&error);
                at = detour.behind(window, is_new);
                if let Some(next) = at {
                    entries.seek(next.to_be_bytes());
                }
                if is_new {
                    return Some(Err(self.damaged(error)));
                }
                if entries.valid() {
                    return Some(Ok(entry_of(&mut entries, &mut at)?));
                }
            }
        }))
    }

    /// For a walk over a tier.
    pub(super) fn detour(&self, tier: Tier) -> Result<Detour, StoreError> {
        let mut bounds: Vec<Window> = self
            .db
            .live_files()?
            .into_iter()
            .filter(|file| file.column_family_name == tier.family())
            .flat_map(|file| {
                let window =
                    |key: Option<Vec<u8>>| keys::read_pack_key(&key?).map(|(window, _, _)| window);
                let behind = window(file.end_key).and_then(|last| last.checked_add(1));
                [window(file.start_key), behind]
            })
            .flatten()
            .collect();
        bounds.sort_unstable();
        bounds.dedup();
        Ok(Detour { bounds, last: None })
    }

    fn window(&self, tier: Tier, window: Window) -> Result<DBRawIterator<'_>, StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(window.to_be_bytes());
        options.set_iterate_upper_bound(keys::window_end(window));
        let family = self.family(tier.family())?;
        Ok(self.db.raw_iterator_cf_opt(&family, options))
    }
}

/// Leads around blocks that cannot be read, in few steps: of such a block nobody knows where it ends.
pub(super) struct Detour {
    /// Where files begin and end.
    bounds: Vec<Window>,
    /// What was said of the last bad block.
    last: Option<String>,
}

impl Detour {
    /// Whether this is another bad block than the last one.
    pub(super) fn is_new(&mut self, error: &rocksdb::Error) -> bool {
        let text = error.to_string();
        let is_new = self.last.as_ref() != Some(&text);
        self.last = Some(text);
        is_new
    }

    /// From where to go on: the next window, or, when that did not help, where a file begins or ends.
    pub(super) fn behind(&self, window: Window, is_new: bool) -> Option<Window> {
        if is_new {
            return window.checked_add(1);
        }
        let at = self.bounds.partition_point(|bound| *bound <= window);
        self.bounds.get(at).copied()
    }
}

fn entry_of(entries: &mut DBRawIterator<'_>, at: &mut Option<Window>) -> Option<Entry> {
    let (key, value) = entries.item()?;
    let entry = (keys::read_pack_key(key), value.to_vec());
    if let Some((window, _, _)) = entry.0 {
        *at = Some(window);
    }
    entries.next();
    Some(entry)
}

struct Walk<'a> {
    entries: DBRawIterator<'a>,
    tier: Tier,
    window: Window,
    wanted: &'a [Place],
    /// Chunks that were wanted and could not be read.
    damaged: u64,
    scratch: Vec<u8>,
}

impl Walk<'_> {
    /// The lowest part that is not below `from`.
    fn part_from(&mut self, from: u32) -> Result<Option<u32>, StoreError> {
        self.advance_to(&keys::pack_key(self.window, from, Place::default()));
        if !self.is_damaged()? {
            return Ok(part_at(&self.entries, self.window));
        }
        // Where the next part begins cannot be read; mostly there is one alone, and its end tells its number.
        self.entries.seek_to_last();
        self.is_damaged()?;
        let part = part_at(&self.entries, self.window).filter(|part| *part >= from);
        if let Some(part) = part {
            self.entries
                .seek(keys::pack_key(self.window, part, Place::default()));
        } else {
            // Whose chunks lay there cannot be told: any of them.
            self.damaged += self.wanted.len() as u64;
        }
        Ok(part)
    }

    fn part(
        &mut self,
        part: u32,
        take: &mut impl FnMut(usize, u32, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut at = 0;
        while let Some(place) = self.wanted.get(at) {
            self.advance_to(&keys::pack_key(self.window, part, *place));
            if self.is_damaged()? {
                self.damaged += 1;
                at += 1;
                continue;
            }
            let Some((key, pack)) = self.entries.item() else {
                break;
            };
            let Some((_, found, last)) = keys::read_pack_key(key) else {
                break;
            };
            if found != part {
                break;
            }
            let behind = at + self.wanted[at..].partition_point(|place| *place <= last);
            let read = hand_over(
                pack,
                &self.wanted[at..behind],
                &mut self.scratch,
                &mut |nth, bytes| take(at + nth, part, bytes),
            )?;
            if let Err(error) = read {
                let wanted = (behind - at) as u64;
                tracing::error!(
                    "{:?} chunks of {wanted} series around {} in window {} are skipped: {error}",
                    self.tier,
                    self.wanted[at].1,
                    self.window
                );
                self.damaged += wanted;
            }
            at = behind;
        }
        Ok(())
    }

    fn advance_to(&mut self, target: &[u8]) {
        if self.entries.valid() {
            for _ in 0..STEPS_BEFORE_SEEK {
                if self.entries.key().is_none_or(|key| key >= target) {
                    break;
                }
                self.entries.next();
            }
        }
        if self.entries.key().is_none_or(|key| key < target) {
            self.entries.seek(target);
        }
    }

    /// Whether the walk stopped at a block that fails its checksum.
    fn is_damaged(&self) -> Result<bool, StoreError> {
        match self.entries.status() {
            Ok(()) => Ok(false),
            Err(error) if error.kind() == rocksdb::ErrorKind::Corruption => {
                if self.damaged == 0 {
                    tracing::error!(
                        "{:?} tables of window {} are damaged: {error}",
                        self.tier,
                        self.window
                    );
                }
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Hands over those of a pack that are wanted; the inner error is the pack's own.
fn hand_over(
    pack: &[u8],
    wanted: &[Place],
    scratch: &mut Vec<u8>,
    take: &mut impl FnMut(usize, &[u8]) -> Result<(), StoreError>,
) -> Result<Result<(), crate::pack::PackError>, StoreError> {
    let members = match Pack::open(pack) {
        Ok(members) => members,
        Err(error) => return Ok(Err(error)),
    };
    let mut at = 0;
    for member in members {
        let member = match member {
            Ok(member) => member,
            Err(error) => return Ok(Err(error)),
        };
        while wanted.get(at).is_some_and(|place| *place < member.place) {
            at += 1;
        }
        match wanted.get(at) {
            None => break,
            Some(place) if *place == member.place => take(at, member.chunk(scratch))?,
            Some(_) => {}
        }
    }
    Ok(Ok(()))
}

fn part_at(entries: &DBRawIterator<'_>, window: Window) -> Option<u32> {
    let (found, part, _) = keys::read_pack_key(entries.key()?)?;
    (found == window).then_some(part)
}
