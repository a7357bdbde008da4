//! Series that leave while samples of them are on their way.

use super::*;

#[test]
fn a_series_that_got_samples_since_it_was_found_idle_stays() {
    let house = House::new();
    let named = |name: &str| SeriesKey::new(name, [("host", "a")]).unwrap();
    let idle = house.store().resolve(&named("idle")).unwrap();
    house.floats("late", None, &[(T0, 1.0)]);
    let late = house.store().find(&named("late")).unwrap();
    // What upkeep found before the write was taken.
    let gone = [idle.0, late.0].into_iter().collect();
    let left = house
        .store()
        .ask(|reply| crate::writer::Command::Leave(gone, reply))
        .unwrap()
        .unwrap();
    assert_eq!(left.iter().collect::<Vec<_>>(), [idle.0]);
    assert_eq!(house.read_floats("late"), [(T0, 1.0)]);
    assert!(house.store().find(&named("idle")).is_none());
}

#[test]
fn nothing_acknowledged_is_lost_to_leaving() {
    const SERIES: usize = 4_000;
    let mut house = House::new();
    house.store.take().unwrap().close();
    let options = Options {
        queued_writes: 2 * SERIES,
        ..house.options()
    };
    house.store = Some(Store::open(options).unwrap().0);
    let name = |n: usize| format!("s{n}");
    house.floats("keep", None, &[(T0 - 1_000, 1.0)]);
    let resolve = |n| {
        let key = SeriesKey::new(&name(n), [("host", "a")]).unwrap();
        house.store().resolve(&key).unwrap()
    };
    let ids: Vec<_> = (0..SERIES).map(resolve).collect();
    house.store().drop_expired(T0).unwrap();
    let now_ms = house.pass(HOUR);
    let (send, receive) = channel();
    for (n, id) in ids.iter().enumerate() {
        let mut points = Points::default();
        points.push(*id, now_ms - 1_000, 1.0);
        let send = send.clone();
        let write = Write {
            origin: None,
            chain: None,
            points,
            done: Box::new(move |result| send.send((n, result.is_ok())).unwrap()),
        };
        assert!(house.store().append(write).is_ok());
    }
    house.store().drop_expired(now_ms).unwrap();
    drop(send);
    for (n, taken) in receive {
        let found = house.read_floats(&name(n)).len();
        assert_eq!(found, usize::from(taken), "s{n}");
    }
}
