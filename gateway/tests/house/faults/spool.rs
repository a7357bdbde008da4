//! What agents do when a gateway is out of reach: on disk, bounded, and exactly once when it is back. The gateway is real;
//! the bad network is a proxy in this process.

mod proxy;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value as Json;
use weir_agent::app::{Agent, Clock};
use weir_agent::config::Config;
use weir_agent::priority::{Class, Priorities, Rule};
use weir_agent::spool::segment;
use weir_wire::Value;

use super::account;
use crate::programs::{
    Gateway, Program, agent_spool, eventually, gateway_path, run, start_agent_with,
};
use crate::web;
use proxy::{Mode, Proxy};

fn status(address: &str) -> Result<Json, String> {
    let (_, body) = web::get(address, "/status")?;
    serde_json::from_str(&body).map_err(|error| error.to_string())
}

fn status_address(agent: &Program) -> String {
    let said = agent.said["status"].as_str();
    let address = said.trim_start_matches("http://");
    address.trim_end_matches('/').to_owned()
}

/// Samples that were dropped, by class and reason.
fn dropped(status: &Json) -> BTreeMap<(String, String), u64> {
    let all = status["dropped"].as_array().unwrap().iter();
    let word = |one: &Json, key: &str| one[key].as_str().unwrap().to_owned();
    all.map(|one| {
        let key = (word(one, "class"), word(one, "reason"));
        (key, one["samples"].as_u64().unwrap())
    })
    .collect()
}

fn held(status: &Json, key: &str) -> u64 {
    let all = status["spool"]["held"].as_array().unwrap().iter();
    all.map(|one| one[key].as_u64().unwrap()).sum()
}

fn segments(dir: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "spool"));
    // One may be done meanwhile.
    files
        .filter_map(|file| std::fs::read(file.path()).ok())
        .collect()
}

/// Names that no compression makes small.
fn names(prefix: &str, count: u64) -> Vec<String> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let names = (0..count).map(|_| format!("{prefix}_{:016x}{:016x}", next(), next()));
    names.collect()
}

/// Counts each once, in datagrams that are not too many at a time.
fn hit(socket: &UdpSocket, to: &str, names: &[String]) {
    for (at, some) in names.chunks(25).enumerate() {
        let lines: Vec<String> = some.iter().map(|name| format!("{name}:1|c")).collect();
        socket.send_to(lines.join("\n").as_bytes(), to).unwrap();
        if at % 50 == 49 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn wall_clock() -> Clock {
    Arc::new(|| {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_millis() as i64
    })
}

const INTERVAL_MS: u64 = 200;
const SPOOL_BYTES: u64 = 256 << 10;

async fn agent_in_a_hurry(proxy: &Proxy, dir: &Path) -> Agent {
    let sets = [
        format!("gateways=[\"{}\"]", proxy.address),
        "host=far".to_owned(),
        "statsd.listen=127.0.0.1:0".to_owned(),
        "status.listen=127.0.0.1:0".to_owned(),
        format!("spool.dir={}", dir.display()),
        "spool.disk_reserve=1MiB".to_owned(),
        "spool.min_rate=1000000".to_owned(),
        format!("collectors.disabled={:?}", weir_agent::collect::NAMES),
    ];
    let mut config = Config::load(None, std::iter::empty(), &sets).unwrap();
    config.interval = Duration::from_millis(INTERVAL_MS);
    config.patience = Duration::from_secs(2);
    let rules = [(Class::Low, "debug_.*"), (Class::Critical, "money")];
    let rules = rules.map(|(class, name)| Rule::new(class, &format!("{{__name__=~\"{name}\"}}")));
    config.priorities = Priorities(rules.into_iter().collect::<Result<_, _>>().unwrap());
    let spool = config.spool.as_mut().unwrap();
    spool.max_bytes = SPOOL_BYTES;
    spool.after = Duration::from_millis(300);
    Agent::start(config, wall_clock(), 4_100).await.unwrap()
}

/// FAULTS 41: a proxy reads one byte a second, then cuts every fifth piece and delays the others by 200 ms. On disk is
/// never more than the bound; what is dropped is low; everything else arrives, each sample once.
#[test]
fn fault_41_a_bad_network_costs_low_priority_alone_and_nothing_twice() {
    let gateway = Gateway::start(&[]);
    let proxy = Proxy::start(&gateway.frames);
    proxy.set(Mode::OneByteASecond);
    let dir = gateway.dir.path().join("far");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let agent = runtime.block_on(agent_in_a_hurry(&proxy, &dir));
    let (statsd, page) = (
        agent.statsd.unwrap().to_string(),
        agent.status.unwrap().to_string(),
    );
    let is_over = Arc::new(AtomicBool::new(false));
    let app = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let (debug, usual) = (names("debug", 300), names("usual", 100));
            let mut hits = 0;
            while !is_over.load(Ordering::Relaxed) {
                let more = if hits % 20 == 0 {
                    [debug.as_slice(), &usual].concat()
                } else {
                    Vec::new()
                };
                hit(&socket, &statsd, &more);
                socket.send_to(b"money:1|c", &statsd).unwrap();
                hits += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            hits
        })
    };
    let low_is_dropped = |status: &Json| dropped(status).keys().any(|(class, _)| class == "low");
    eventually("low is dropped", || {
        let status = status(&page)?;
        assert!(held(&status, "bytes") <= SPOOL_BYTES, "{status}");
        let on_disk: usize = segments(&dir).iter().map(Vec::len).sum();
        // A look at files one by one may see an old one and the new one that made it go.
        assert!(on_disk as u64 <= SPOOL_BYTES * 9 / 8, "{on_disk}");
        low_is_dropped(&status)
            .then_some(())
            .ok_or(status.to_string())
    });
    proxy.set(Mode::Lossy);
    std::thread::sleep(Duration::from_secs(8));
    proxy.set(Mode::Through);
    let ended = eventually("the spool is empty", || {
        let status = status(&page)?;
        assert!(held(&status, "bytes") <= SPOOL_BYTES, "{status}");
        let is_empty = held(&status, "batches") == 0 && status["gateway"].is_string();
        is_empty.then(|| status.clone()).ok_or(status.to_string())
    });
    for ((class, reason), samples) in dropped(&ended) {
        assert_eq!(
            (class.as_str(), reason.as_str()),
            ("low", "spool_full"),
            "{samples}"
        );
    }
    is_over.store(true, Ordering::Relaxed);
    let hits = app.join().unwrap();
    runtime.block_on(agent.stop());
    assert_eq!(web::single(&gateway.http, "money"), Ok(f64::from(hits)));
    // Each interval since a series began has a sample: all began within the first second.
    let whole = web::single(&gateway.http, "count_over_time(money[1h])").unwrap();
    let usual = names("usual", 100).into_iter().step_by(20);
    let counts = usual.map(|name| {
        let query = format!("count_over_time({name}[1h])");
        web::single(&gateway.http, &query).unwrap()
    });
    let least = counts.fold(whole, f64::min);
    assert!(
        whole > 50.0 && least >= whole - 5.0,
        "{whole} of money, {least} of the usual"
    );
    let account = account(&gateway, "frames").unwrap();
    assert_eq!(
        (&account["duplicates"], &account["replaced"]),
        (&0.into(), &0.into()),
        "{account}"
    );
}

/// Everything that lies in an agent's spool: the samples of each series' floats by time, and how many there are.
fn spooled(dir: &Path) -> (u64, BTreeMap<String, BTreeMap<i64, f64>>) {
    let (mut count, mut series) = (0, BTreeMap::<_, BTreeMap<i64, f64>>::new());
    for bytes in segments(dir) {
        for (record, _) in segment::read(&bytes).unwrap().records {
            let points = record.points().unwrap();
            count += points.len() as u64;
            for (key, sample) in points {
                if let Value::Float(value) = sample.value {
                    let samples = series.entry(key.name().to_owned()).or_default();
                    samples.insert(sample.timestamp_ms, value);
                }
            }
        }
    }
    (count, series)
}

/// Nothing but what is on disk is sent then.
fn silent() -> [String; 3] {
    let none = format!("collectors.disabled={:?}", weir_agent::collect::NAMES);
    [
        none,
        "statsd.listen=".to_owned(),
        "spool.min_rate=1000000".to_owned(),
    ]
}

fn delivered(gateway: &Gateway, dir: &Path, count: u64) -> Json {
    eventually("what was spooled is stored", || {
        let account = account(gateway, "frames")?;
        let is_done = account["stored"] == count && segments(dir).is_empty();
        is_done.then(|| account.clone()).ok_or(account.to_string())
    })
}

/// FAULTS 44: a spool that is full already, and an agent that is killed: what its files hold, which is what was synced, is
/// stored by the gateway once, sample by sample.
#[test]
fn fault_44_a_full_spool_survives_sigkill_and_arrives_exactly_once() {
    let gateway = Gateway::start(&[]);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("gateways=[\"{}\"]", nobody.local_addr().unwrap());
    drop(nobody);
    let small = ["spool.max_bytes=1MiB", "spool.disk_reserve=1MiB"];
    let rule = "priorities.rules=[{match=\"{__name__=~'debug_.*'}\",priority=\"low\"}]";
    let mut agent = start_agent_with(&gateway, "h44", &[&gone, small[0], small[1], rule]);
    let to = agent.said["statsd"]
        .split(' ')
        .next_back()
        .unwrap()
        .to_owned();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (debug, usual) = (names("debug", 8_000), names("usual", 100));
    let page = status_address(&agent);
    eventually("it is full", || {
        hit(&socket, &to, &debug);
        hit(&socket, &to, &usual);
        let status = status(&page)?;
        let low = ("low".to_owned(), "spool_full".to_owned());
        dropped(&status)
            .contains_key(&low)
            .then_some(())
            .ok_or(status.to_string())
    });
    agent.kill();
    let dir = agent_spool(&gateway, "h44");
    let (count, series) = spooled(&dir);
    assert!(count > 8_000, "{count}");
    let silent = silent();
    let silent: Vec<&str> = silent.iter().map(String::as_str).chain(small).collect();
    let _agent = start_agent_with(&gateway, "h44", &silent);
    let account = delivered(&gateway, &dir, count);
    assert_eq!(
        (&account["duplicates"], &account["replaced"]),
        (&0.into(), &0.into()),
        "{account}"
    );
    for name in usual.iter().take(5).chain(debug.iter().take(5)) {
        let Some(samples) = series.get(name) else {
            continue;
        };
        let found = web::single(&gateway.http, &format!("count_over_time({name}[1h])"));
        assert_eq!(found, Ok(samples.len() as f64), "{name}");
        let newest = samples.last_key_value().unwrap();
        let found = web::single(&gateway.http, &format!("last_over_time({name}[1h])"));
        assert_eq!(found, Ok(*newest.1), "{name}");
    }
    assert!(series.contains_key(&usual[0]), "the usual outlives the low");
}

/// FAULTS 45: a token is revoked in the middle of a session. The agent is told, keeps everything on disk over its own end
/// too, and it arrives once there is another token.
#[test]
fn fault_45_what_a_revoked_token_held_up_arrives_with_a_new_one() {
    let gateway = Gateway::start(&["frames.auth=token", "presence.beat=1s"]);
    let file = gateway.dir.path().join("tokens.toml");
    let token = |words: &[&str]| {
        let all = [&["token", "--file", file.to_str().unwrap()], words].concat();
        let (code, text) = run(&gateway_path(), &all);
        assert_eq!(code, 0, "{text}");
        text.trim().to_owned()
    };
    let first = format!("token={}", token(&["create", "first", "--scope", "write"]));
    let mut agent = start_agent_with(&gateway, "h45", &[&first]);
    eventually("frames are stored", || {
        let account = account(&gateway, "frames")?;
        let stored = account["stored"].as_u64() > Some(0);
        stored.then_some(()).ok_or(account.to_string())
    });
    token(&["revoke", "first"]);
    let page = status_address(&agent);
    eventually("it is refused and spools", || {
        let status = status(&page)?;
        let is_told = status["last_failure"]["reason"]
            .as_str()
            .is_some_and(|why| why.contains("Token"));
        let is_kept = is_told && held(&status, "batches") > 3;
        is_kept.then_some(()).ok_or(status.to_string())
    });
    agent.stop();
    let log = agent.log();
    assert!(!log.contains("neither acknowledged nor on disk"), "{log}");
    let dir = agent_spool(&gateway, "h45");
    let (count, series) = spooled(&dir);
    assert!(count > 0 && series.contains_key("node_load1"));
    let before = account(&gateway, "frames").unwrap();
    let second = format!("token={}", token(&["create", "second", "--scope", "write"]));
    let silent = silent();
    let mut more: Vec<&str> = silent.iter().map(String::as_str).collect();
    more.push(&second);
    // One that is stopped in the middle of it goes in peace, and the next goes on from there.
    let slow = [more.as_slice(), &["spool.min_rate=20"]].concat();
    let mut agent = start_agent_with(&gateway, "h45", &slow);
    let stored = before["stored"].as_u64();
    eventually("some of it is stored", || {
        let account = account(&gateway, "frames")?;
        let is_begun = account["stored"].as_u64() > stored;
        is_begun.then_some(()).ok_or(account.to_string())
    });
    eventually("it is up", || match web::single(&gateway.http, "up") {
        Ok(1.0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    agent.stop();
    assert!(!segments(&dir).is_empty(), "it was in the middle");
    eventually("it has left", || {
        let up = web::query(&gateway.http, "up")?;
        up.is_empty().then_some(()).ok_or(format!("{up:?}"))
    });
    let _agent = start_agent_with(&gateway, "h45", &more);
    let account = delivered(&gateway, &dir, stored.unwrap() + count);
    assert_eq!(
        (&account["duplicates"], &account["replaced"]),
        (&0.into(), &0.into()),
        "{account}"
    );
}
