//! Everybody who sends datagrams to one socket: an intake a source, so that each is counted and limited by itself.
//! Bounded; who comes when it is full waits for a place of somebody who fell silent, and is counted among the rest.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use weir_store::Clock;

use super::intake::Intake;
use crate::admission::{Admission, Source};

/// Sources with an intake of their own.
const SOURCES: usize = 256;
/// Who was silent for so long gives way to somebody new.
const SILENT_MS: i64 = 60_000;

pub(crate) struct Crowd {
    protocol: &'static str,
    admission: Admission,
    clock: Clock,
    known: HashMap<IpAddr, Member>,
    rest: Intake,
}

struct Member {
    intake: Intake,
    heard_ms: i64,
}

impl Crowd {
    pub(crate) fn new(protocol: &'static str, admission: Admission, clock: Clock) -> Self {
        let rest = admission.sender(protocol, Source::Rest);
        Self {
            protocol,
            rest: Intake::new(rest, admission.clone(), Arc::clone(&clock)).mapped(),
            admission,
            clock,
            known: HashMap::new(),
        }
    }

    /// Where a datagram of this source goes, which came at `now_ms`.
    pub(crate) fn of(&mut self, source: IpAddr, now_ms: i64) -> &mut Intake {
        let source = source.to_canonical();
        if !self.known.contains_key(&source) && !self.has_room(now_ms) {
            return &mut self.rest;
        }
        let member = self.known.entry(source).or_insert_with(|| {
            let sender = self.admission.sender(self.protocol, Source::Peer(source));
            let clock = Arc::clone(&self.clock);
            Member {
                intake: Intake::new(sender, self.admission.clone(), clock).mapped(),
                heard_ms: now_ms,
            }
        });
        member.heard_ms = now_ms;
        &mut member.intake
    }

    /// Where goes what has no source that can be told.
    pub(crate) fn rest(&mut self) -> &mut Intake {
        &mut self.rest
    }

    fn has_room(&mut self, now_ms: i64) -> bool {
        if self.known.len() < SOURCES {
            return true;
        }
        let silent = self
            .known
            .iter()
            .filter(|(_, member)| member.intake.len() == 0)
            .min_by_key(|(_, member)| member.heard_ms)
            .filter(|(_, member)| now_ms.saturating_sub(member.heard_ms) > SILENT_MS)
            .map(|(source, _)| *source);
        silent.is_some_and(|source| self.known.remove(&source).is_some())
    }

    fn intakes(&mut self) -> impl Iterator<Item = &mut Intake> {
        let known = self.known.values_mut().map(|member| &mut member.intake);
        known.chain([&mut self.rest])
    }

    /// Hands over what was taken.
    pub(crate) async fn store(&mut self) {
        for intake in self.intakes().filter(|intake| intake.len() > 0) {
            intake.store().await;
        }
    }

    /// Waits until everything that was handed over is on disk, or refused.
    pub(crate) async fn all_stored(&mut self) {
        for intake in self.intakes() {
            intake.all_stored().await;
        }
    }

    /// Counts datagrams that the kernel dropped: whose they were it does not say.
    pub(crate) fn kernel_drops(&self, datagrams: u64) {
        self.rest.sender().kernel_drops(datagrams);
    }
}
