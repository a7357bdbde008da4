//! etsy's own server beside ours: the same lines, the same paths, the same figures.

use super::*;

/// What etsy's own server makes of the same lines, beside what ours does: the same paths, the same figures.
#[test]
fn etsys_own_server_gives_the_same() {
    let dir = node("statsd");
    let lines: Vec<String> = [
        "a.b:1|c\na.b:2|c|@0.1\na.b:-4|c|@0.5\nneg:-3|c",
        "odd name/x(1):5|c\nweird:3|kv\nweird:1|C|@0.5",
        "g:3|g\ng:+2|g\ng:-1|g\nfresh:-5|g\nzero:0|g\nzero:-2|g",
        "s:a|s\ns:b|s\ns:a|s\ns:|s",
        "mixed:1|c:2|ms:3|g",
        "t:450|ms\nt:120|ms|@0.1\nt:553|ms\nt:994|ms\nt:334|ms\nt:844|ms\nt:675|ms\nt:496|ms",
        "one:7.5|ms",
        "tagged:2|c|#env:prod,az:b\ntagged:9|g|#env:prod",
        "same:1|c\nsame:2|g\nsame:3|ms\nsame:4|s",
        "broken\nbroken:x|c\nbroken:-1|ms",
    ]
    .map(str::to_owned)
    .into();
    for legacy in [true, false] {
        let theirs = etsy(&dir, legacy, &lines);
        let ours = ours(legacy, &lines);
        let differ = |path: &&String| ours.get(*path) != theirs.get(*path);
        let all: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for path in all.into_iter().filter(differ) {
            let (ours, theirs) = (ours.get(path), theirs.get(path));
            let near = match (ours, theirs) {
                (Some(ours), Some(theirs)) => (ours - theirs).abs() <= ours.abs() * 1e-9,
                _ => false,
            };
            assert!(near, "{path}: ours {ours:?}, etsy's {theirs:?}");
        }
        assert!(theirs.len() > 80, "{theirs:?}");
    }
}

type Figures = std::collections::BTreeMap<String, f64>;

/// Without what is a matter of time, and what etsy's server says of its connection to Graphite, which ours has not.
fn keep(path: &str) -> bool {
    // From the second flush on numStats counts the lag too.
    let others = [
        "graphiteStats.",
        "processing_time",
        "timestamp_lag",
        "numStats",
    ];
    !others.iter().any(|word| path.contains(word))
}

const BINS: &str = "[{metric: 't', bins: [200, 500.5, 'inf']}]";

/// Runs the packaged server until it flushes these lines to a listener of ours.
fn etsy(dir: &std::path::Path, legacy: bool, lines: &[String]) -> Figures {
    let carbon = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (free, admin) = (free_port(), free_port());
    let at = tempfile::tempdir().unwrap();
    let config = at.path().join("config.js");
    let text = format!(
        "{{ port: {free}, mgmt_port: {admin}, address: '127.0.0.1', mgmt_address: '127.0.0.1', graphiteHost: '127.0.0.1', graphitePort: {}, flushInterval: 3000, percentThreshold: [90, 50, -25], histogram: {BINS}, backends: ['./backends/graphite'], graphite: {{ legacyNamespace: {legacy} }} }}",
        carbon.local_addr().unwrap().port()
    );
    std::fs::write(&config, text).unwrap();
    let package = dir.join("node_modules/statsd");
    let mut server = Command::new("node");
    server.current_dir(&package).arg("stats.js").arg(&config);
    server.stdout(std::process::Stdio::null());
    let _server = crate::clients::Running(server.spawn().unwrap());
    eventually("etsy's server listens", || {
        TcpStream::connect(("127.0.0.1", admin)).map_err(|error| error.to_string())
    });
    let socket = udp();
    for line in lines {
        socket
            .send_to(line.as_bytes(), ("127.0.0.1", free))
            .unwrap();
    }
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        let mut text = String::new();
        let (mut stream, _) = carbon.accept().unwrap();
        stream.read_to_string(&mut text).unwrap();
        let figures = text.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let (path, value) = (words.next()?, words.next()?.parse().ok()?);
            keep(path).then(|| (path.to_owned(), value))
        });
        let figures: Figures = figures.collect();
        if figures.keys().any(|path| path.contains("a.b")) {
            return figures;
        }
    }
    panic!("etsy's server flushed nothing");
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// The same from a gateway: the flush that its stop makes.
fn ours(legacy: bool, lines: &[String]) -> Figures {
    // On a busy machine an interval may end before the stop.
    let stopped = (0..10).find_map(|_| stopped_within_an_interval(legacy, lines));
    let mut gateway = stopped.expect("a gateway that is stopped within three seconds");
    gateway.restart();
    // A flush is of the nearest second, which may be to come.
    let found = eventually("the last flush", || {
        let found = ask(&gateway, "{__name__=~'stats.*'}")?;
        match found.is_empty() {
            true => Err("nothing".to_owned()),
            false => Ok(found),
        }
    });
    let each = found.into_iter().map(|(labels, value)| {
        let labels = labels.as_object().unwrap();
        let mut path = labels["__name__"].as_str().unwrap().to_owned();
        // etsy's order of tags is the line's; these were sent in an order that is kept.
        for label in ["env", "az"] {
            if let Some(value) = labels.get(label) {
                path += &format!(";{label}={}", value.as_str().unwrap());
            }
        }
        (path, value.parse().unwrap())
    });
    each.filter(|(path, _)| keep(path)).collect()
}

/// Behind an interval's end, so that all of it falls into one; `None` if it was over too soon.
fn stopped_within_an_interval(legacy: bool, lines: &[String]) -> Option<Gateway> {
    let mut gateway = gateway(&[
        "statsd.interval=3s",
        "statsd.naming=graphite",
        "statsd.origin=",
        "statsd.graphite.percentiles=[90,50,-25]",
        "statsd.graphite.histogram=[{metric='t',bins=[200,500.5,inf]}]",
        &format!("statsd.graphite.legacy_namespace={legacy}"),
    ]);
    let now_ms = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        now.as_millis()
    };
    while now_ms() % 3_000 > 500 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let interval = now_ms() / 3_000;
    for line in lines {
        send(&gateway, line.as_bytes());
    }
    received(&gateway, "statsd_udp", 38);
    gateway.program.stop();
    (now_ms() / 3_000 == interval).then_some(gateway)
}
