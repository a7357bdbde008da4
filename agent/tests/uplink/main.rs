//! The agent in this process, against a gateway made of the real frame codec: what is not acknowledged is sent again
//! under its number, and the end is a goodbye.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod session;
mod spool;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use weir_agent::app::{Agent, Clock};
use weir_agent::config::Config;
use weir_wire::frame::{Ack, Frame, Refuse, RefuseCode};

use session::Session;

fn wall_clock() -> Clock {
    Arc::new(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis() as i64
    })
}

fn config(listener: &TcpListener) -> Config {
    let sets = [
        format!("gateways=[\"{}\"]", listener.local_addr().unwrap()),
        "host=web01".to_owned(),
        "statsd.listen=127.0.0.1:0".to_owned(),
        "status.listen=127.0.0.1:0".to_owned(),
        "spool.dir=".to_owned(),
        format!("collectors.disabled={:?}", weir_agent::collect::NAMES),
    ];
    let config = Config::load(None, std::iter::empty(), &sets).unwrap();
    Config {
        interval: Duration::from_millis(100),
        ..config
    }
}

async fn on_gateway<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// FAULTS 38, 40.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_acknowledged_is_sent_again_under_its_number() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let agent = Agent::start(config(&listener), wall_clock(), 77)
        .await
        .unwrap();
    let app = UdpSocket::bind("127.0.0.1:0").unwrap();
    app.send_to(b"hits:2|c\nhits:3|c", agent.statsd.unwrap())
        .unwrap();

    let (listener, first) = on_gateway(move || {
        let mut session = Session::accept(&listener, 0);
        assert_eq!(
            (session.hello.agent.as_str(), session.hello.boot),
            ("web01", 77)
        );
        let batch = session.batch();
        assert_eq!(
            session.values(&batch, "hits"),
            [0.0, 5.0],
            "it begins with a zero"
        );
        assert_eq!(session.dictionary[0].get("host"), Some("web01"));
        (listener, batch)
    })
    .await;

    let (listener, sequence) = on_gateway(move || {
        let mut session = Session::accept(&listener, 0);
        let again = session.batch();
        assert_eq!(
            (again.sequence, &again.floats),
            (first.sequence, &first.floats)
        );
        assert_eq!(
            again.new_series.len(),
            first.new_series.len(),
            "a new session spells series out anew"
        );
        session.say(&Frame::Ack(Ack {
            sequence: again.sequence,
            load_permille: 0,
        }));
        (listener, again.sequence)
    })
    .await;

    on_gateway(move || {
        // This gateway has two more than the agent knows of: they are not sent.
        let mut session = Session::accept(&listener, sequence + 2);
        assert!(session.batch().sequence > sequence + 2);
    })
    .await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_delivers_the_open_interval_and_says_goodbye() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config {
        interval: Duration::from_secs(3_600),
        ..config(&listener)
    };
    let agent = Agent::start(config, wall_clock(), 1).await.unwrap();
    let app = UdpSocket::bind("127.0.0.1:0").unwrap();
    app.send_to(b"last:1|g", agent.statsd.unwrap()).unwrap();
    let gateway = tokio::task::spawn_blocking(move || {
        let mut session = Session::accept(&listener, 0);
        let batch = session.batch();
        assert_eq!(session.values(&batch, "last"), [1.0]);
        session.say(&Frame::Ack(Ack {
            sequence: batch.sequence,
            load_permille: 0,
        }));
        while let Some(frame) = session.next() {
            if frame == Frame::Goodbye {
                return true;
            }
        }
        false
    });
    agent.stop().await;
    assert!(gateway.await.unwrap(), "goodbye");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_shown_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let agent = Agent::start(config(&listener), wall_clock(), 1)
        .await
        .unwrap();
    let status = agent.status.unwrap();
    on_gateway(move || {
        let mut session = Session::accept_silently(&listener);
        let refuse = Refuse {
            code: RefuseCode::Token,
            sequence: 0,
            message: "no such token".into(),
        };
        session.say(&Frame::Refuse(refuse));
        drop(session);
        let _session = Session::accept(&listener, 0);
        let mut stream = TcpStream::connect(status).unwrap();
        stream.write_all(b"GET /status HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("no such token"), "{answer}");
    })
    .await;
}

/// FAULTS 40: a connection that is cut in the middle of a batch, and a gateway that says nothing any more: what was sent is
/// sent again, under its number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_batch_and_a_silent_gateway_lose_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config {
        patience: Duration::from_millis(500),
        ..config(&listener)
    };
    let agent = Agent::start(config, wall_clock(), 5).await.unwrap();
    let app = UdpSocket::bind("127.0.0.1:0").unwrap();
    app.send_to(b"hits:7|c", agent.statsd.unwrap()).unwrap();
    let sequence = on_gateway(move || {
        let mut cut = Session::accept(&listener, 0);
        // Some bytes of the first batch, and the connection is gone.
        cut.stream.read_exact(&mut [0; 20]).unwrap();
        drop(cut);
        let mut silent = Session::accept(&listener, 0);
        let first = silent.batch();
        assert_eq!(silent.values(&first, "hits"), [0.0, 7.0]);
        let mut next = Session::accept(&listener, 0);
        let again = next.batch();
        assert_eq!(
            (again.sequence, &again.floats),
            (first.sequence, &first.floats)
        );
        again.sequence
    })
    .await;
    assert_eq!(sequence, 1);
    drop(agent);
}
