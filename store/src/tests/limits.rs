//! The limits of head and journal: refused by the write that reaches one, sealed before that, and taken again.

use std::sync::mpsc::Receiver;

use super::*;
use crate::writer::Command;

/// Beside what the head takes to find series at all.
const MAX_HEAD_BYTES: u64 = 32_768;
const MAX_JOURNAL_BYTES: u64 = 16_384;

fn limited(set: impl FnOnce(Options) -> Options) -> House {
    let mut house = House::new();
    house.store.take().unwrap().close();
    house.store = Some(Store::open(set(house.options())).unwrap().0);
    house
}

fn small_head(options: Options) -> Options {
    Options {
        max_head_bytes: MAX_HEAD_BYTES,
        ..options
    }
}

fn small_journal(options: Options) -> Options {
    Options {
        max_journal_bytes: MAX_JOURNAL_BYTES,
        ..options
    }
}

/// Queues a point of each series; what is done with the outcome is done in the writer's thread.
fn queue(
    house: &House,
    series: std::ops::Range<usize>,
    mut then: impl FnMut() + Send + 'static,
) -> Result<Receiver<Result<Written, StoreError>>, StoreError> {
    let mut points = Points::default();
    for one in series {
        let key = SeriesKey::new(&format!("s{one}"), [("host", "a")]).unwrap();
        points.push(house.store().resolve(&key).unwrap(), T0, 1.0);
    }
    let (send, receive) = channel();
    let write = Write {
        origin: None,
        chain: None,
        points,
        done: Box::new(move |result| {
            send.send(result).unwrap();
            then();
        }),
    };
    let queued = house.store().append(write);
    queued.map(|()| receive).map_err(|(_, error)| error)
}

/// Writes one series after the other until that is refused.
fn fill(house: &House) -> (usize, StoreError) {
    for one in 0..10_000 {
        match queue(house, one..one + 1, || {}).map(|receive| receive.recv().unwrap()) {
            Ok(Ok(_)) => {}
            Ok(Err(error)) | Err(error) => return (one, error),
        }
        // The writer's own look comes after its answer.
        house.store().ask(Command::Rotate).unwrap();
    }
    panic!("never refused");
}

#[test]
fn the_write_that_reaches_a_limit_closes_the_gate() {
    let reaches = |house: &House| {
        let stats = house.store().stats();
        [stats.head_bytes, stats.journal_bytes]
    };
    let small_head = small_head as fn(Options) -> Options;
    for (set, named, at, most) in [
        (small_head, "store.max_head", 0, MAX_HEAD_BYTES),
        (small_journal, "store.max_journal", 1, MAX_JOURNAL_BYTES),
    ] {
        let house = limited(set);
        let (taken, refused) = fill(&house);
        assert!(refused.to_string().contains(named), "{refused}");
        let held = reaches(&house)[at];
        assert!((most..most + most / 16).contains(&held), "{held}");
        assert_eq!(house.read_floats("s7"), [(T0, 1.0)]);
        house.store().relieve(T0).unwrap();
        house.store().look_for_room();
        assert_eq!(house.store().refusing(), None);
        assert_eq!(house.floats("b", None, &[(T0, 1.0)]).stored, 1);
        assert_eq!(house.store().stats().series, taken as u64 + 2);
    }
}

#[test]
fn what_was_queued_goes_only_a_little_past_a_limit() {
    for (first, is_taken) in [(0..260, true), (0..400, false)] {
        let house = limited(small_head);
        let (held, hold) = channel::<()>();
        let first = queue(&house, first, move || {
            let _ = hold.recv();
        })
        .unwrap();
        assert!(first.recv().unwrap().is_ok());
        let bytes = house.store().stats().head_bytes;
        // The writer is in the first write's answer: the gate is open still.
        let second = queue(&house, 0..1, || {}).unwrap();
        drop(held);
        let second = second.recv().unwrap();
        assert_eq!(second.is_ok(), is_taken, "{bytes}: {second:?}");
        if let Err(refused) = second {
            assert!(matches!(&refused, StoreError::Full(why) if why.contains("max_head")));
        }
        assert!(bytes >= MAX_HEAD_BYTES, "{bytes}");
        house.store().ask(Command::Rotate).unwrap();
        assert!(house.store().refusing().unwrap().contains("max_head"));
    }
}

#[test]
fn a_store_is_near_its_limit_before_it_refuses() {
    for set in [small_head as fn(Options) -> Options, small_journal] {
        let house = limited(set);
        assert!(!house.store().is_near_limit());
        let mut one = 0;
        while !house.store().is_near_limit() {
            house.floats(&format!("s{one}"), None, &[(T0, 1.0)]);
            one += 1;
        }
        assert_eq!(house.store().refusing(), None);
        assert_eq!(house.store().relieve(T0).unwrap().windows, 1);
        assert!(!house.store().is_near_limit());
        assert_eq!(house.read_floats("s7"), [(T0, 1.0)]);
    }
}
