use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use weir_query::{Aspect, Budget, Source as _, TimeRange, Wish};
use weir_store::{Options, Origin};
use weir_wire::{MatchOp, Matcher, graphite};

use super::*;
use crate::admission::{Admission, AdmissionConfig, Counts, Ledger, Source};
use crate::source::StoreSource;

/// A store, rules, and a clock that stands.
struct House {
    now: Arc<AtomicI64>,
    store: Arc<Store>,
    admission: Admission,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

/// 2023-11-14, a whole number of minutes.
const T0: i64 = 1_700_000_040_000;

fn rules(dir: &Path, text: &str) -> AggregationConfig {
    let file = dir.join("rules.yml");
    std::fs::write(&file, text).unwrap();
    AggregationConfig {
        files: vec![file],
        ..AggregationConfig::default()
    }
}

impl House {
    /// Half a second after a whole interval of ten.
    fn start(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(T0 + 500));
        let read = Arc::clone(&now);
        let clock: Clock = Arc::new(move || read.load(Ordering::Relaxed));
        let options = Options::new(dir.path().join("store"), Arc::clone(&clock));
        let store = Arc::new(Store::open(options).unwrap().0);
        let config = rules(dir.path(), text);
        let (aggregation, task) =
            Aggregation::open(config, Arc::clone(&store), Arc::clone(&clock)).unwrap();
        let config = AdmissionConfig::default();
        let admission =
            Admission::new(Arc::clone(&store), config, clock).with_aggregation(aggregation);
        let stop = CancellationToken::new();
        let task = tokio::spawn(task.run(admission.clone(), stop.clone()));
        Self {
            now,
            store,
            admission,
            stop,
            task,
            _dir: dir,
        }
    }

    fn sender(&self) -> Sender {
        let peer = Source::Peer(std::net::Ipv4Addr::LOCALHOST.into());
        self.admission.sender("test", peer)
    }

    fn points(&self, samples: &[(&str, i64, f64)]) -> Points {
        let mut points = Points::default();
        for (series, at_s, value) in samples {
            let key = graphite::series_key(series.as_bytes()).unwrap();
            points.push(
                self.admission.resolve(&self.sender(), &key).unwrap(),
                T0 + at_s * 1_000,
                *value,
            );
        }
        points
    }

    async fn send(&self, samples: &[(&str, i64, f64)]) {
        let points = self.points(samples);
        self.admission.store(&self.sender(), points).await.unwrap();
    }

    async fn send_named(&self, sequence: u64, samples: &[(&str, i64, f64)]) -> Written {
        let (send, receive) = oneshot::channel();
        let origin = Origin {
            agent: "a".to_owned(),
            boot: 1,
            sequence,
        };
        let done = Box::new(move |result| drop(send.send(result)));
        let points = self.points(samples);
        self.admission
            .submit(&self.sender(), Some(origin), None, points, done)
            .await;
        receive.await.unwrap().unwrap()
    }

    /// Until the task has taken so many.
    async fn taken(&self, aggregated: u64) {
        for _ in 0..2_000 {
            if counts(self.admission.ledger()).aggregated == aggregated {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("{aggregated} samples were not taken");
    }

    /// Stops the task at a time; what is stored then, as `series value@seconds`.
    async fn stop_at(self, at_s: i64) -> Vec<String> {
        self.now.store(T0 + at_s * 1_000, Ordering::Relaxed);
        self.stop.cancel();
        self.task.await.unwrap();
        stored(&self.store)
    }
}

fn stored(store: &Arc<Store>) -> Vec<String> {
    let all = [Matcher::new("__name__", MatchOp::Regex, ".+")];
    let range = TimeRange {
        from_ms: T0 - 100_000,
        to_ms: T0 + 100_000,
    };
    let wish = Wish {
        aspect: Aspect::Last,
        spacing_ms: 0,
    };
    let source = StoreSource(Arc::clone(store));
    let found = source
        .select(&all, range, wish, &Budget::new(1_000, 100_000))
        .unwrap();
    let mut lines = Vec::new();
    for series in found.series {
        for (time_ms, value) in series.times_ms.iter().zip(&series.values) {
            lines.push(format!("{} {value}@{}", series.key, (time_ms - T0) / 1_000));
        }
    }
    lines
}

fn counts(ledger: &Ledger) -> Counts {
    let lines = ledger.lines();
    let sent = lines.iter().find(|line| line.protocol == "test");
    sent.map(|line| line.counts.clone()).unwrap_or_default()
}

const DROPS: &str =
    "- {match: req, interval: 10s, by: [dc], outputs: [sum], keep: false, grace: 5s}\n";

#[tokio::test(flavor = "multi_thread")]
async fn originals_are_withheld_and_every_sample_is_counted() {
    let house = House::start(DROPS);
    // Its interval began before the rules did: the original is stored.
    house
        .send(&[("req;dc=a;host=1", 5, 1.0), ("other", 5, 9.0)])
        .await;
    house.now.store(T0 + 12_000, Ordering::Relaxed);
    house
        .send(&[("req;dc=a;host=1", 11, 2.0), ("req;dc=a;host=2", 12, 3.0)])
        .await;
    house.taken(2).await;
    house.now.store(T0 + 36_000, Ordering::Relaxed);
    // The next is told at the end, the last is not over then.
    house
        .send(&[("req;dc=a;host=1", 22, 4.0), ("req;dc=a;host=1", 31, 5.0)])
        .await;
    let ledger = Arc::clone(house.admission.ledger());
    let lines = house.stop_at(36).await;
    assert_eq!(
        lines,
        [
            "other 9@5",
            r#"req{dc="a",host="1"} 1@5"#,
            r#"req{dc="a",host="1"} 5@31"#,
            r#"req:sum{dc="a"} 5@20"#,
        ],
        "22 s came behind the grace; 31 s was given back"
    );
    let counts = counts(&ledger);
    let (stored, rejected) = (counts.stored, counts.rejected_total());
    assert_eq!((stored, counts.aggregated, rejected), (2, 3, 1));
    assert_eq!(counts.received, stored + counts.aggregated + rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn originals_are_kept_and_a_batch_sent_again_counts_once() {
    let keeps = DROPS.replace("keep: false", "keep: true");
    let house = House::start(&keeps);
    house.now.store(T0 + 12_000, Ordering::Relaxed);
    let batch = [("req;dc=a;host=1", 11, 2.0), ("req;dc=a;host=2", 12, 3.0)];
    assert!(!house.send_named(1, &batch).await.known_batch);
    assert!(house.send_named(1, &batch).await.known_batch);
    let lines = house.stop_at(20).await;
    assert_eq!(
        lines,
        [
            r#"req{dc="a",host="1"} 2@11"#,
            r#"req{dc="a",host="2"} 3@12"#,
            r#"req:sum{dc="a"} 5@20"#,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_without_points_left_keeps_its_name() {
    let count = DROPS.replace("[sum]", "[count]");
    let house = House::start(&count);
    house.now.store(T0 + 12_000, Ordering::Relaxed);
    let batch = [("req;dc=a;host=1", 11, 2.0)];
    assert!(!house.send_named(1, &batch).await.known_batch);
    assert!(house.send_named(1, &batch).await.known_batch);
    let ledger = Arc::clone(house.admission.ledger());
    assert_eq!(house.stop_at(20).await, [r#"req:count{dc="a"} 1@20"#]);
    let counts = counts(&ledger);
    assert_eq!(
        (counts.received, counts.aggregated, counts.duplicates),
        (2, 2, 1)
    );
}

#[test]
fn what_is_wrong_in_a_file_is_told_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        (
            "- {match: req, interval: 10s, outputs: [sum], by: [a], without: [b]}",
            "rules.yml:1:51",
        ),
        (
            "- match: '{a='\n  interval: 10s\n  outputs: [sum]",
            "rules.yml:1:10: match",
        ),
        (
            "- match: a\n  interval: 1ms\n  outputs: [sum]",
            "rules.yml:2:13: interval",
        ),
        (
            "- match: a\n  interval: 10s\n  outputs: []",
            "rules.yml:3:12: outputs",
        ),
        (
            "- match: a\n  interval: 10s\n  outputs: [sum]\n  nmae: x",
            "rules.yml:4:3",
        ),
        (
            "- match: a\n  interval: 10s\n  outputs: [sum, max]\n  name: x",
            "rules.yml:4:9: name",
        ),
    ];
    for (text, expected) in cases {
        let config = rules(dir.path(), text);
        let error = load(&config, &Rules::default(), 0).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let file = dir.path().join("c.conf");
    std::fs::write(&file, "\na (60) = sum b.<c\n").unwrap();
    let error = document::load_file(&file, 0).unwrap_err().to_string();
    assert!(error.contains("c.conf:2: match"), "{error}");
}
