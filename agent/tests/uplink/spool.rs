//! What is spooled arrives under the numbers it has, over gateways that never acknowledge, stops, and disks that cannot be
//! written.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use weir_agent::app::Agent;
use weir_agent::config::Config;
use weir_wire::frame::{Ack, Frame};

use super::session::Session;
use super::{config, on_gateway, wall_clock};

/// The spool's numbers are told from the process's own by this bit.
const RUN_BIT: u64 = 1 << 63;

fn spooling(listener: &TcpListener, dir: &Path) -> Config {
    let sets = [
        format!("spool.dir={}", dir.display()),
        "spool.disk_reserve=1MiB".to_owned(),
        "spool.min_rate=1000000".to_owned(),
    ];
    let spool = Config::load(None, std::iter::empty(), &sets).unwrap().spool;
    let mut config = Config {
        patience: Duration::from_secs(1),
        spool,
        ..config(listener)
    };
    config.spool.as_mut().unwrap().after = Duration::from_millis(200);
    // One hit is told at every interval's end for as long as a test lasts.
    config.statsd.as_mut().unwrap().idle_intervals = 10_000;
    config
}

/// What a session brought: its boot, each batch's sequence, and the times of `hits`.
#[derive(Debug, Default)]
struct Brought {
    boot: u64,
    sequences: Vec<u64>,
    times_ms: Vec<i64>,
    /// When each batch came.
    came: Vec<Instant>,
    said_goodbye: bool,
}

/// Reads a session to its end.
fn read(mut session: Session, acknowledges: bool) -> Brought {
    let mut brought = Brought {
        boot: session.hello.boot,
        ..Brought::default()
    };
    while let Some(frame) = session.next() {
        match frame {
            Frame::Batch(batch) => {
                session
                    .dictionary
                    .extend(batch.new_series.iter().map(|key| key.to_key()));
                brought.sequences.push(batch.sequence);
                brought.came.push(Instant::now());
                let named = batch.floats.iter();
                let named =
                    named.filter(|(id, ..)| session.dictionary[*id as usize].name() == "hits");
                brought.times_ms.extend(named.map(|(_, at_ms, _)| at_ms));
                if acknowledges {
                    session.say(&Frame::Ack(Ack {
                        sequence: batch.sequence,
                        load_permille: 0,
                    }));
                }
            }
            Frame::Goodbye => brought.said_goodbye = true,
            Frame::Heartbeat => {}
            other => panic!("{other:?}"),
        }
    }
    brought
}

/// Takes every session from now on and acknowledges everything; tells of each at its end.
fn gateway(listener: TcpListener) -> Receiver<Brought> {
    let (told, all) = channel();
    std::thread::spawn(move || {
        loop {
            let (session, told) = (Session::accept(&listener, 0), told.clone());
            std::thread::spawn(move || told.send(read(session, true)));
        }
    });
    all
}

/// The sessions until one of this boot said goodbye, and what else comes in the moment after.
fn until_goodbye(all: &Receiver<Brought>, boot: u64) -> Vec<Brought> {
    let mut found = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !found
        .iter()
        .any(|one: &Brought| one.boot == boot && one.said_goodbye)
    {
        let left = deadline.saturating_duration_since(Instant::now());
        found.push(all.recv_timeout(left).unwrap());
    }
    found
}

/// Each sequence of each boot once and in order, and no interval of `hits` twice or left out. It was read by nobody who
/// acknowledged it before.
fn assert_whole(sessions: &[Brought]) {
    let mut sequences = BTreeMap::<u64, Vec<u64>>::new();
    let mut times_ms: Vec<i64> = Vec::new();
    for one in sessions {
        sequences
            .entry(one.boot)
            .or_default()
            .extend(&one.sequences);
        times_ms.extend(&one.times_ms);
    }
    for (boot, sequences) in &sequences {
        assert!(
            sequences.is_sorted_by(|a, b| a < b),
            "{boot}: {sequences:?}"
        );
    }
    times_ms.sort_unstable();
    // The first is the zero before it, and the last the open interval's at a stop.
    let inner = &times_ms[1..times_ms.len() - 1];
    let steps: Vec<i64> = inner.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        inner.len() > 10 && steps.iter().all(|step| *step == 100),
        "{times_ms:?}"
    );
}

fn status(address: SocketAddr) -> Json {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /status HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// Batches on disk.
fn held(status: &Json) -> u64 {
    let all = status["spool"]["held"].as_array().unwrap().iter();
    all.map(|one| one["batches"].as_u64().unwrap()).sum()
}

async fn wait_for(address: SocketAddr, wanted: impl Fn(&Json) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let now = on_gateway(move || status(address)).await;
        if wanted(&now) {
            return;
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A gateway that accepts and never acknowledges gets a bounded number of batches and is left; the same come again, under their
/// numbers, and beside them what was spooled meanwhile under numbers of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_never_acknowledges_is_left_and_nothing_comes_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        // Longer than a session goes on sending without a word.
        patience: Duration::from_millis(4_500),
        ..spooling(&listener, dir.path())
    };
    let agent = Agent::start(config, wall_clock(), 77).await.unwrap();
    let app = UdpSocket::bind("127.0.0.1:0").unwrap();
    app.send_to(b"hits:1|c", agent.statsd.unwrap()).unwrap();
    let (listener, silent) = on_gateway(move || {
        let silent = read(Session::accept(&listener, 0), false);
        (listener, silent)
    })
    .await;
    // For 3 seconds a batch each 100 ms; it is left after 4.5.
    let bound = 32;
    assert!((5..=bound).contains(&silent.sequences.len()), "{silent:?}");
    let all = gateway(listener);
    let page = agent.status.unwrap();
    wait_for(page, |status| {
        status["acknowledged_ms"].is_number() && held(status) == 0
    })
    .await;
    agent.stop().await;
    let sessions = on_gateway(move || until_goodbye(&all, 77)).await;
    assert!(
        sessions.iter().any(|one| one.boot == 77 | RUN_BIT),
        "{sessions:?}"
    );
    let live = sessions.iter().find(|one| one.boot == 77).unwrap();
    assert_eq!(live.sequences[..silent.sequences.len()], silent.sequences);
    assert_whole(&sessions);
}

/// A stop without an acknowledgement: goodbye all the same, and everything is on disk; the next start sends it, what was
/// sent before under the boot and numbers of then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stop_could_not_deliver_the_next_start_sends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let patient = Config {
        patience: Duration::from_secs(20),
        ..spooling(&listener, dir.path())
    };
    let agent = Agent::start(patient, wall_clock(), 77).await.unwrap();
    let app = UdpSocket::bind("127.0.0.1:0").unwrap();
    app.send_to(b"hits:1|c", agent.statsd.unwrap()).unwrap();
    let accepting = listener.try_clone().unwrap();
    let silent = tokio::task::spawn_blocking(move || read(Session::accept(&accepting, 0), false));
    // Copies of what was sent come first, then what is not sent any more.
    wait_for(agent.status.unwrap(), |status| {
        let held = status["spool"]["held"].as_array().unwrap().iter();
        let mut normal = held.filter(|one| one["class"] == "normal");
        normal.any(|one| one["batches"] != 0)
    })
    .await;
    agent.stop().await;
    let silent = silent.await.unwrap();
    assert!(silent.said_goodbye, "{silent:?}");

    let config = spooling(&listener, dir.path());
    let all = gateway(listener);
    let agent = Agent::start(config, wall_clock(), 78).await.unwrap();
    let page = agent.status.unwrap();
    wait_for(page, |status| held(status) == 0).await;
    agent.stop().await;
    let sessions = on_gateway(move || until_goodbye(&all, 78)).await;
    // The first process tried for its spool too, and nobody answered it.
    let sessions: Vec<Brought> = sessions
        .into_iter()
        .filter(|one| !one.sequences.is_empty())
        .collect();
    let boots: Vec<u64> = sessions
        .iter()
        .map(|one| one.boot)
        .filter(|boot| *boot != 78)
        .collect();
    assert_eq!(boots, [77, 77 | RUN_BIT], "{sessions:?}");
    assert_eq!(sessions[0].sequences, silent.sequences);
    assert_whole(&sessions);
}

/// A disk that cannot be written: memory goes on, it is said and counted, and what is on disk later is everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_nothing_is_told_and_used_once_it_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("spool");
    std::fs::write(&in_the_way, "").unwrap();
    let mut config = spooling(&listener, &in_the_way);
    // Nobody is there.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    config.gateways = vec![gone.local_addr().unwrap().to_string()];
    drop(gone);
    let agent = Agent::start(config, wall_clock(), 77).await.unwrap();
    let page = agent.status.unwrap();
    let app = UdpSocket::bind("127.0.0.1:0").unwrap();
    app.send_to(b"hits:1|c", agent.statsd.unwrap()).unwrap();
    wait_for(page, |status| {
        let why = status["spool"]["failure"].as_str();
        why.is_some_and(|why| why.contains("cannot use")) && status["queue_batches"] != 0
    })
    .await;
    std::fs::remove_file(&in_the_way).unwrap();
    wait_for(page, |status| status["spool"]["failure"].is_null()).await;
    agent.stop().await;

    let config = spooling(&listener, &in_the_way);
    let all = gateway(listener);
    let agent = Agent::start(config, wall_clock(), 78).await.unwrap();
    let page = agent.status.unwrap();
    wait_for(page, |status| held(status) == 0).await;
    agent.stop().await;
    let sessions = on_gateway(move || until_goodbye(&all, 78)).await;
    assert_whole(&sessions);
}

/// What is on disk comes at its pace and no faster, and live data between it as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_paced_and_live_data_go_on_beside_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut config = spooling(&listener, dir.path());
    let to = std::mem::replace(&mut config.gateways, vec!["127.0.0.1:1".to_owned()]);
    let agent = Agent::start(config, wall_clock(), 77).await.unwrap();
    let app = UdpSocket::bind("127.0.0.1:0").unwrap();
    app.send_to(b"hits:1|c", agent.statsd.unwrap()).unwrap();
    wait_for(agent.status.unwrap(), |status| held(status) >= 20).await;
    agent.stop().await;

    let mut config = spooling(&listener, dir.path());
    config.gateways = to;
    let spool = config.spool.as_mut().unwrap();
    (spool.min_rate, spool.share) = (10.0, 0.01);
    let all = gateway(listener);
    let agent = Agent::start(config, wall_clock(), 78).await.unwrap();
    app.send_to(b"other:1|c", agent.statsd.unwrap()).unwrap();
    wait_for(agent.status.unwrap(), |status| held(status) == 0).await;
    agent.stop().await;
    let sessions = on_gateway(move || until_goodbye(&all, 78)).await;
    assert_whole(&sessions);
    let backlog = sessions
        .iter()
        .find(|one| one.boot == 77 | RUN_BIT)
        .unwrap();
    let live = sessions.iter().find(|one| one.boot == 78).unwrap();
    let (first, last) = (backlog.came[0], *backlog.came.last().unwrap());
    // The last of them is not paid for before it comes. Half: a reader that is late brings the first near the others.
    let paid_for = backlog.times_ms.len() - 1;
    let least = Duration::from_millis(100) * u32::try_from(paid_for).unwrap();
    assert!(
        last - first >= least.mul_f64(0.5),
        "{:?} for {paid_for}",
        last - first
    );
    let beside = live.came.iter().filter(|came| (first..last).contains(came));
    assert!(beside.count() > 3, "{live:?}");
}
