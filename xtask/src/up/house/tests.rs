//! Shells as residents, health answered by the test itself.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
};

use super::*;

/// Runs until SIGTERM, then says so in the file `order`. It is ready once its trap is set.
const PATIENT: &str =
    r#"trap 'echo "$1" >> order; exit 0' TERM; touch "$1.ready"; while :; do sleep 0.01; done"#;

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("weir-xtask-house-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn resident(&self, name: &'static str, script: &str, address: SocketAddr) -> Resident {
        let script = format!("cd '{}' && {script}", self.0.display());
        Resident {
            name,
            program: "sh".into(),
            args: vec!["-c".into(), script, "sh".into(), name.into()],
            address,
            stops_within: Duration::from_secs(20),
        }
    }

    fn wait_until_ready(&self, name: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.0.join(format!("{name}.ready")).exists() {
            assert!(Instant::now() < deadline, "{name} never started");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Answers these statuses, one a connection, then closes the port.
fn health_of(statuses: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().expect("a client");
            read_request(&mut stream);
            write!(stream, "HTTP/1.1 {status}\r\n\r\n").expect("an answer");
        }
    });
    address
}

/// To its end: what is left unread would turn the answer into a reset.
fn read_request(stream: &mut TcpStream) {
    let lines = BufReader::new(stream).lines();
    lines
        .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
        .for_each(drop);
}

fn nobody() -> StopFlag {
    StopFlag::listen().expect("listens")
}

#[test]
fn both_come_up_are_watched_and_stop_in_reverse() {
    let place = Place::new("order");
    let healthy = || health_of(&["503 Service Unavailable", "200 OK", "200 OK"]);
    let residents = ["first", "second"].map(|name| place.resident(name, PATIENT, healthy()));
    let mut house = House::start(residents, &place.0).expect("starts");
    ["first", "second"]
        .iter()
        .for_each(|name| place.wait_until_ready(name));
    assert!(house.wait_until_healthy(&nobody()).expect("comes up"));
    house
        .watch(&nobody(), Some(Duration::ZERO))
        .expect("stays up");
    house.stop().expect("stops");
    assert_eq!(
        fs::read_to_string(place.0.join("order")).expect("an order"),
        "second\nfirst\n"
    );
}

#[test]
fn one_that_ends_early_is_blamed_with_its_last_words() {
    let place = Place::new("early");
    let script = "echo 'port 9347 is in use' >&2; exit 4";
    let residents = [
        place.resident("patient", PATIENT, health_of(&[])),
        place.resident("early", script, health_of(&[])),
    ];
    let mut house = House::start(residents, &place.0).expect("starts");
    place.wait_until_ready("patient");
    let error = house
        .wait_until_healthy(&nobody())
        .expect_err("ends")
        .to_string();
    assert!(
        error.starts_with("early ended by itself (exit status: 4)"),
        "{error}"
    );
    assert!(error.contains("port 9347 is in use"), "{error}");
    let error = house.stop().expect_err("one has failed").to_string();
    assert_eq!(error, "early ended with exit status: 4");
}

#[test]
fn one_that_was_healthy_only_once_is_not_up() {
    let place = Place::new("once");
    let resident = place.resident("once", PATIENT, health_of(&["200 OK"]));
    let mut house = House::start([resident], &place.0).expect("starts");
    place.wait_until_ready("once");
    assert!(house.wait_until_healthy(&nobody()).expect("comes up"));
    let error = house
        .watch(&nobody(), Some(Duration::ZERO))
        .expect_err("is down")
        .to_string();
    assert!(
        error.starts_with("once was healthy and is no longer"),
        "{error}"
    );
    house.stop().expect("stops");
}

#[test]
fn one_that_is_late_is_named() {
    let place = Place::new("late");
    let deaf = "trap '' TERM; touch late.ready; while :; do sleep 0.01; done";
    let mut resident = place.resident("late", deaf, health_of(&[]));
    resident.stops_within = Duration::from_millis(50);
    let house = House::start([resident], &place.0).expect("starts");
    place.wait_until_ready("late");
    let error = house.stop().expect_err("is late").to_string();
    assert_eq!(error, "late was late and was killed after 0.05 s");
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let place = Place::new("absent");
    let mut resident = place.resident("absent", PATIENT, health_of(&[]));
    resident.program = place.0.join("nothing-here");
    let error = House::start([resident], &place.0)
        .err()
        .expect("cannot start");
    assert!(format!("{error:#}").contains("nothing-here"), "{error:#}");
}
