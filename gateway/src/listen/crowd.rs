//! Everybody who sends datagrams to one socket: an intake a source, so that each is counted and limited by itself.
//! Bounded; who comes when it is full waits for a place of somebody who fell silent, and is counted among the rest.

use std::collections::HashMap;
use std::iter::{Peekable, from_fn};
use std::net::IpAddr;
use std::sync::Arc;

use weir_datagram::Datagram;
use weir_store::Clock;

use super::intake::Intake;
use crate::access::Door;
use crate::admission::{Admission, Dropped, Sender, Source};

/// Sources with an intake of their own.
const SOURCES: usize = 256;
/// Who was silent for so long gives way to somebody new.
const SILENT_MS: i64 = 60_000;

pub(crate) struct Crowd {
    protocol: &'static str,
    door: Door,
    admission: Admission,
    clock: Clock,
    known: HashMap<Who, Member>,
    rest: Intake,
    is_mapped: bool,
}

/// Who sent a datagram: whose signature it has, or else from which address it came.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    Token(Arc<str>),
    Address(IpAddr),
}

struct Member {
    intake: Intake,
    heard_ms: i64,
}

impl Crowd {
    pub(crate) fn new(
        protocol: &'static str,
        door: Door,
        admission: Admission,
        clock: Clock,
    ) -> Self {
        let rest = admission.sender(protocol, Source::Rest).of_datagrams();
        Self {
            protocol,
            door,
            rest: Intake::new(rest, admission.clone(), Arc::clone(&clock)),
            admission,
            clock,
            known: HashMap::new(),
            is_mapped: false,
        }
    }

    /// For a protocol of dotted paths: see [`Intake::mapped`].
    pub(crate) fn mapped(self) -> Self {
        Self {
            rest: self.rest.mapped(),
            is_mapped: true,
            ..self
        }
    }

    /// What a datagram says that came at `now_ms`, and where it goes; `None` for what the door or the rate turned away.
    pub(crate) fn open<'a>(
        &mut self,
        datagram: &'a [u8],
        source: IpAddr,
        now_ms: i64,
    ) -> Option<(&'a [u8], &mut Intake)> {
        let (said, token) = self.door.open(datagram, source)?;
        let who = match token {
            Some(name) => Who::Token(name),
            None => Who::Address(source.to_canonical()),
        };
        let intake = self.of(who, now_ms);
        let sender = intake.sender();
        if sender.take_bytes(datagram.len() as u64, now_ms).is_err() {
            // Nothing of it is read; what it held is told by its lines.
            sender.lose(Dropped::Rate, lines(said));
            return None;
        }
        Some((said, intake))
    }

    /// The same for datagrams that came from one source one after the other; what they say goes behind `run`. Of signed
    /// ones each is a run of its own, since each says itself whose it is.
    pub(crate) fn open_run<'a>(
        &mut self,
        datagrams: &mut Peekable<impl Iterator<Item = Datagram<'a>>>,
        now_ms: i64,
        run: &mut Vec<&'a [u8]>,
    ) -> Option<&mut Intake> {
        let first = datagrams.next()?;
        let Some(peer) = first.peer else {
            run.push(first.bytes);
            run.extend(
                from_fn(|| datagrams.next_if(|next| next.peer.is_none())).map(|next| next.bytes),
            );
            within_rate(self.rest.sender(), run, now_ms);
            return Some(&mut self.rest);
        };
        if self.door.asks_for_signatures() {
            let (said, intake) = self.open(first.bytes, peer, now_ms)?;
            run.push(said);
            return Some(intake);
        }
        run.extend(self.door.open(first.bytes, peer).map(|(said, _)| said));
        while let Some(next) = datagrams.next_if(|next| next.peer == first.peer) {
            run.extend(self.door.open(next.bytes, peer).map(|(said, _)| said));
        }
        if run.is_empty() {
            return None;
        }
        let intake = self.of(Who::Address(peer.to_canonical()), now_ms);
        within_rate(intake.sender(), run, now_ms);
        Some(intake)
    }

    fn of(&mut self, who: Who, now_ms: i64) -> &mut Intake {
        if !self.known.contains_key(&who) && !self.has_room(now_ms) {
            return &mut self.rest;
        }
        let member = self.known.entry(who).or_insert_with_key(|who| {
            let source = match who {
                Who::Token(name) => Source::Token(name),
                Who::Address(address) => Source::Peer(*address),
            };
            let sender = self.admission.sender(self.protocol, source).of_datagrams();
            let clock = Arc::clone(&self.clock);
            let intake = Intake::new(sender, self.admission.clone(), clock);
            Member {
                intake: match self.is_mapped {
                    true => intake.mapped(),
                    false => intake,
                },
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
            .map(|(who, _)| who.clone());
        silent.is_some_and(|who| self.known.remove(&who).is_some())
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

/// Leaves what the sender's rate lets through; the rest is counted.
fn within_rate(sender: &Sender, run: &mut Vec<&[u8]>, now_ms: i64) {
    if !sender.is_limited() {
        return;
    }
    run.retain(|said| match sender.take_bytes(said.len() as u64, now_ms) {
        Ok(()) => true,
        Err(_) => {
            sender.lose(Dropped::Rate, lines(said));
            false
        }
    });
}

/// Those with anything in them.
fn lines(said: &[u8]) -> u64 {
    let lines = said.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty()).count() as u64
}
