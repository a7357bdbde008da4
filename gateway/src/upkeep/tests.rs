//! What happens by the clock, with a clock that the test holds.

use weir_store::{Options, Points, Write};
use weir_wire::SeriesKey;

use super::*;

const T0: i64 = 1_700_000_000_000;

/// Writes series after series until the store is near its limit.
fn fill(store: &Store, name: &str) {
    for one in 0..10_000 {
        if store.is_near_limit() {
            return;
        }
        let key = SeriesKey::new(name, [("one", one.to_string().as_str())]).unwrap();
        let mut points = Points::default();
        points.push(store.resolve(&key).unwrap(), T0, 1.0);
        let (send, receive) = std::sync::mpsc::channel();
        let write = Write {
            origin: None,
            chain: None,
            points,
            done: Box::new(move |result| send.send(result).unwrap()),
        };
        assert!(store.append(write).is_ok());
        receive.recv().unwrap().unwrap();
    }
    panic!("never near its limit");
}

#[tokio::test(start_paused = true)]
async fn a_store_near_its_limit_is_sealed_within_a_second_and_not_at_the_next_round() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Clock = Arc::new(|| T0);
    let options = Options {
        max_head_bytes: 32_768,
        ..Options::new(dir.path().to_owned(), Arc::clone(&clock))
    };
    let store = Arc::new(Store::open(options).unwrap().0);
    let stop = CancellationToken::new();
    let sealing = tokio::spawn(seal(
        Arc::clone(&store),
        clock,
        Retention::new(T0, None),
        stop.clone(),
    ));
    // The first round is at once.
    tokio::time::sleep(LOOK_EVERY / 2).await;
    for name in ["a", "b"] {
        fill(&store, name);
        tokio::time::sleep(LOOK_EVERY).await;
        assert_eq!(store.stats().open_windows, 0, "{name}");
        assert!(!store.is_near_limit());
    }
    stop.cancel();
    sealing.await.unwrap();
    store.close();
}
