//! The way out of a lane: records are handed out from the oldest, forgotten when they are acknowledged, and handed out
//! again after a rewind. Reads closed segments only: what is read was synced.

use std::collections::VecDeque;

use metrics::counter;

use super::{Lane, Place, end_of};
use crate::queue::Point;
use crate::spool::kind::{Kind, path};
use crate::spool::record::{self, Head};
use crate::spool::segment;

#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) number: u64,
    run: u64,
    bytes: Vec<u8>,
    /// Where the records lie that were not handed out.
    left: VecDeque<(usize, usize, Head)>,
}

/// A record that was handed out.
#[derive(Debug)]
pub(in crate::spool) struct Taken {
    pub place: Place,
    pub sequence: u64,
    pub samples: u64,
    /// `None`: it is damaged though its checksum is right.
    pub points: Option<Vec<Point>>,
}

impl Lane {
    /// The run and sequence of the next record to hand out. Of `own` there are none in the lane of the unanswered: they
    /// are in memory too, and leave from there.
    pub(in crate::spool) fn peek(&mut self, own: u64) -> Option<(u64, u64)> {
        loop {
            if let Some(loaded) = &self.loaded
                && let Some((.., head)) = loaded.left.front()
            {
                return Some((loaded.run, head.sequence));
            }
            if let Some(done) = self.loaded.take() {
                self.cursor = self.cursor.max(end_of(done.number));
            }
            let cursor = self.cursor;
            let next = self
                .segments
                .iter()
                .position(|segment| end_of(segment.number) > cursor);
            let Some(at) = next else {
                self.writing
                    .as_ref()
                    .filter(|_| self.kind != Kind::Unanswered)?;
                self.close().ok()?;
                continue;
            };
            if self.kind == Kind::Unanswered && self.segments[at].run == own {
                return None;
            }
            self.load(at);
        }
    }

    fn load(&mut self, at: usize) {
        let segment = &self.segments[at];
        let number = segment.number;
        let from = [self.cursor, self.mark]
            .into_iter()
            .filter(|place| place.segment == number);
        let from = from.map(|place| place.offset).max().unwrap_or(0);
        let path = path(&self.dir, number, self.kind);
        let mut bytes = std::fs::read(&path).unwrap_or_default();
        bytes.truncate(segment.bytes as usize);
        let mut left = VecDeque::new();
        if let Ok(read) = segment::read(&bytes) {
            let unread = read.records.iter().filter(|(_, end)| *end as u64 > from);
            left.extend(unread.map(|(record, end)| (end - record.bytes(), *end, record.head)));
        }
        if from <= self.mark_offset(number) {
            let found = left.len() as u64;
            let segment = &mut self.segments[at];
            let lost = segment.batches.saturating_sub(found);
            if lost > 0 {
                tracing::warn!(
                    "{}: {lost} records can no longer be read; they are skipped",
                    path.display()
                );
                counter!("weir_agent_spool_damaged_records_total").increment(lost);
            }
            segment.batches = found;
            segment.samples = left.iter().map(|(.., head)| u64::from(head.points)).sum();
            if found == 0 {
                self.segments.remove(at);
                self.delete(number);
                return;
            }
        }
        self.loaded = Some(Loaded {
            number,
            run: self.segments[at].run,
            bytes,
            left,
        });
    }

    fn mark_offset(&self, number: u64) -> u64 {
        match self.mark.segment == number {
            true => self.mark.offset,
            false => 0,
        }
    }

    /// Hands out the record that [`Self::peek`] saw.
    pub(in crate::spool) fn take(&mut self) -> Option<Taken> {
        let loaded = self.loaded.as_mut()?;
        let (start, end, head) = loaded.left.pop_front()?;
        self.cursor = Place {
            segment: loaded.number,
            offset: end as u64,
        };
        let record = record::decode(&loaded.bytes[start..end]);
        Some(Taken {
            place: self.cursor,
            sequence: head.sequence,
            samples: u64::from(head.points),
            points: record.and_then(|(record, _)| record.points()),
        })
    }

    /// Everything is handed out again that is not acknowledged.
    pub(in crate::spool) fn rewind(&mut self) {
        self.loaded = None;
        self.cursor = self.mark;
    }

    /// A record that was handed out is not needed any more. False where its segment is gone already.
    pub(in crate::spool) fn done(&mut self, place: Place, samples: u64) -> bool {
        self.mark = self.mark.max(place);
        let known = self
            .segments
            .iter()
            .position(|segment| segment.number == place.segment);
        let Some(at) = known else {
            return false;
        };
        let segment = &mut self.segments[at];
        segment.batches = segment.batches.saturating_sub(1);
        segment.samples = segment.samples.saturating_sub(samples);
        if segment.batches == 0 {
            self.segments.remove(at);
            self.delete(place.segment);
        }
        true
    }
}
