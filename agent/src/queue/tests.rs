//! Numbers are given at the first sending and kept; the bound drops the oldest of the lowest class.

use std::time::Duration;

use weir_wire::{Sample, SeriesKey, Value};

use super::batch::{BATCH_BYTES, weight};
use super::*;
use crate::priority::{Class, Rule};

fn points(name: &str, count: usize) -> Vec<Point> {
    let sample = Sample {
        timestamp_ms: 1,
        value: Value::Float(1.0),
    };
    vec![(SeriesKey::bare(name).unwrap(), sample); count]
}

fn queue(max_bytes: usize) -> Queue {
    Queue::new(max_bytes, Priorities::default(), Arc::default())
}

fn sequence(next: Option<(u64, Arc<Batch>)>) -> u64 {
    next.unwrap().0
}

#[test]
fn sequences_are_given_at_the_first_sending_and_kept_until_acknowledged() {
    let mut queue = queue(1 << 20);
    queue.push(points("a", BATCH_POINTS + 1));
    queue.push(points("a", 1));
    assert_eq!((queue.len(), sequence(queue.next(0))), (3, 1));
    assert_eq!((sequence(queue.next(1)), sequence(queue.next(0))), (2, 1));
    queue.acknowledge(2);
    assert_eq!(sequence(queue.next(0)), 3);
    assert!(queue.next(3).is_none());
    queue.acknowledge(3);
    assert_eq!((queue.is_empty(), queue.bytes()), (true, 0));
    // A gateway that knows of more: those numbers are taken.
    queue.acknowledge(7);
    queue.push(points("a", 1));
    assert_eq!(sequence(queue.next(3)), 8);
}

#[test]
fn batches_of_long_names_stay_below_a_frame() {
    let long = "x".repeat(4_000);
    let key = SeriesKey::new("a", [("b", long.as_str()), ("c", long.as_str())]).unwrap();
    let sample = Sample {
        timestamp_ms: 1,
        value: Value::Float(1.0),
    };
    let mut queue = queue(64 << 20);
    queue.push(vec![(key, sample); 3_000]);
    assert!(queue.len() > 10);
    let batches = &queue.waiting;
    assert!(batches.iter().all(|batch| batch.bytes <= BATCH_BYTES));
    let all: usize = batches.iter().map(|batch| batch.points.len()).sum();
    assert_eq!(all, 3_000);
}

/// FAULTS 41, as far as memory goes: bounded, the oldest of the lowest class first, counted by class.
#[test]
fn the_oldest_of_the_lowest_class_goes_but_never_the_newest() {
    let one: usize = points("a", 10).iter().map(weight).sum();
    let rules = [(Class::Low, "debug"), (Class::Critical, "money")];
    let rules = rules.map(|(class, name)| Rule::new(class, name).unwrap());
    let drops = Arc::new(Drops::default());
    let mut queue = Queue::new(
        3 * one + one / 2,
        Priorities(rules.into()),
        Arc::clone(&drops),
    );
    for name in ["money", "a", "debug", "b", "debug", "money", "money"] {
        queue.push(points(name, 10));
    }
    let kept: Vec<&str> = queue
        .waiting
        .iter()
        .map(|batch| batch.points[0].0.name())
        .collect();
    assert_eq!(kept, ["money", "money", "money"]);
    let dropped: Vec<_> = drops
        .all()
        .iter()
        .map(|one| (one.class, one.batches, one.samples))
        .collect();
    assert_eq!(dropped, [("low", 2, 20), ("normal", 2, 20)]);
    queue.push(points("debug", 100));
    assert_eq!(queue.waiting.len(), 1, "the newest stays");
    // What was sent goes only when nothing else is left to go.
    assert_eq!(sequence(queue.next(0)), 1);
    queue.push(points("debug", 100));
    queue.push(points("debug", 100));
    assert_eq!((queue.len(), sequence(queue.next(0))), (1, 2));
}

#[test]
fn what_is_interleaved_by_class_is_sent_apart() {
    let rules = vec![Rule::new(Class::Critical, "money").unwrap()];
    let mut queue = Queue::new(1 << 20, Priorities(rules), Arc::default());
    queue.push([points("a", 2), points("money", 1), points("a", 1)].concat());
    let sizes = queue
        .waiting
        .iter()
        .map(|batch| (batch.class, batch.points.len()));
    assert_eq!(
        sizes.collect::<Vec<_>>(),
        [(Class::Critical, 1), (Class::Normal, 3)]
    );
}

#[test]
fn the_overdue_leave_and_come_back_in_their_order() {
    let mut queue = queue(1 << 20);
    (1..=4).for_each(|count| drop(queue.push(points("a", count))));
    queue.next(0);
    assert!(
        queue
            .overdue(Instant::now() - Duration::from_secs(1), 1 << 20)
            .is_empty()
    );
    let overdue = queue.overdue(Instant::now(), 1 << 20);
    assert_eq!((overdue.unanswered.len(), overdue.waiting.len()), (1, 3));
    assert_eq!(queue.len(), 1);
    queue.put_back(overdue.waiting);
    queue.copied(&overdue.unanswered);
    let again = queue.overdue(Instant::now(), 1 << 20);
    assert!(again.unanswered.is_empty(), "it is on disk already");
    let sizes = again.waiting.iter().map(|batch| batch.points.len());
    assert_eq!(sizes.collect::<Vec<_>>(), [2, 3, 4]);
    assert!(queue.in_flight(1).1 == queue.bytes());
}

#[test]
fn what_is_new_is_overdue_when_memory_is_half_full() {
    let one: usize = points("a", 10).iter().map(weight).sum();
    let mut queue = queue(4 * one);
    (0..4).for_each(|_| drop(queue.push(points("a", 10))));
    let long_ago = Instant::now() - Duration::from_secs(3_600);
    assert_eq!(queue.overdue(long_ago, usize::MAX).waiting.len(), 2);
}
