//! Tokens: where each protocol shows them, how each says no, and what becomes of one that is revoked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use weir_wire::frame::{self, Frame, Hello, Inbox, RefuseCode};

use super::{account, create, lines, now_ms, refused, token, token_file};
use crate::programs::{Gateway, eventually, start_agent_with};
use crate::web::{self, get_with, post_bytes};

/// What is promised; and a machine that is busy with other tests.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

const GUARDED: [&str; 6] = [
    "http.auth=all",
    "http.admin=true",
    "frames.auth=token",
    "opentsdb.auth=token",
    "graphite.auth=token",
    "graphite.udp=signed",
];

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[test]
fn each_path_refuses_in_the_words_of_its_protocol() {
    let gateway = Gateway::start(&GUARDED);
    let reader = create(&gateway, "reader", "read");
    for (path, kind, status, word) in [
        ("/api/v1/write", "", 401, "a token is needed here"),
        ("/write", "", 401, r#"{"error":"a token is needed here"#),
        (
            "/api/v2/write",
            "",
            401,
            r#"{"code":"unauthorized","message":"a token"#,
        ),
        (
            "/api/put",
            "",
            401,
            r#"{"error":{"code":401,"message":"a token"#,
        ),
        (
            "/v1/metrics",
            "Content-Type: application/json\r\n",
            401,
            r#"{"code":16,"message":"a token"#,
        ),
        ("/metrics/job/x", "", 401, "a token is needed"),
        ("/api/v1/query", "", 401, r#""errorType":"unauthorized""#),
        ("/-/reload", "", 401, "a token is needed"),
    ] {
        let (said_status, said) = post_bytes(&gateway.http, path, kind, b"x").unwrap();
        assert_eq!(said_status, status, "{path}: {said}");
        assert!(said.contains(word), "{path}: {said}");
        if path == "/api/v1/query" {
            continue;
        }
        let headers = format!("{kind}{}", bearer(&reader));
        let (said_status, said) = post_bytes(&gateway.http, path, &headers, b"x").unwrap();
        assert_eq!(said_status, 403, "{path}: {said}");
        assert!(said.contains("the token is not good for"), "{path}: {said}");
        let headers = format!("{kind}X-Api-Key: weir_wrong\r\n");
        let (said_status, said) = post_bytes(&gateway.http, path, &headers, b"x").unwrap();
        assert_eq!(said_status, 401, "{path}: {said}");
        assert!(!said.contains("weir_wrong"), "{said}");
    }
    for path in [
        "/",
        "/metrics",
        "/api/v1/query?query=1",
        "/render?target=a",
        "/api/v1/status/ingest",
    ] {
        assert_eq!(web::get(&gateway.http, path).unwrap().0, 401, "{path}");
        let (status, said) = get_with(&gateway.http, path, &bearer(&reader)).unwrap();
        assert_eq!(status, 200, "{path}: {said}");
    }
    for path in ["/-/healthy", "/-/ready", "/ping", "/health"] {
        assert!(web::get(&gateway.http, path).unwrap().0 < 300, "{path}");
    }
    assert!(refused(&gateway, &bearer(&reader), "http", "scope") >= 7);
}

#[test]
fn a_token_is_shown_as_each_protocols_clients_do_and_names_the_source() {
    let gateway = Gateway::start(&GUARDED);
    let web = create(&gateway, "web", "write");
    let admin = create(&gateway, "ops", "admin");
    let headers = bearer(&admin);
    for (path, shown) in [
        ("/write", bearer(&web)),
        ("/write", format!("Authorization: Token {web}\r\n")),
        ("/write", format!("X-Api-Key: {web}\r\n")),
        ("/api/v2/write", format!("Authorization: Token {web}\r\n")),
    ] {
        let sent = post_bytes(&gateway.http, path, &shown, b"m value=1\n").unwrap();
        assert_eq!(sent.0, 204, "{path} {shown}: {}", sent.1);
    }
    let in_query = format!("/write?db=x&u=anybody&p={web}");
    assert_eq!(
        post_bytes(&gateway.http, &in_query, "", b"m value=1\n")
            .unwrap()
            .0,
        204
    );
    let basic = std::process::Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-u"])
        .arg(format!("anybody:{web}"))
        .args(["--data-binary", "m value=1"])
        .arg(format!("http://{}/write", gateway.http))
        .output()
        .unwrap();
    assert_eq!(basic.stdout, b"204");
    let influx = account(&gateway, &headers, "influx_http", "web").unwrap();
    assert_eq!(influx["stored"], 6, "{influx}");
    // Lines, put and pickles begin with a line of their own.
    assert_eq!(
        lines(&gateway.graphite_tcp, &format!("auth {web}\ng.one 1 -1\n")),
        ""
    );
    assert_eq!(
        lines(
            &gateway.opentsdb,
            &format!("auth {web}\r\nput p {} 1 a=b\n", now_ms())
        ),
        ""
    );
    // [("p", (-1, 1.0))], by protocol 2.
    let pickle = b"\x80\x02]q\x00X\x01\x00\x00\x00pq\x01J\xff\xff\xff\xffG?\xf0\x00\x00\x00\x00\x00\x00\x86q\x02\x86q\x03a.";
    let mut stream = TcpStream::connect(&gateway.pickle).unwrap();
    stream
        .write_all(format!("auth {web}\n").as_bytes())
        .unwrap();
    stream
        .write_all(&(pickle.len() as u32).to_be_bytes())
        .unwrap();
    stream.write_all(pickle).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    for protocol in ["graphite_tcp", "opentsdb_telnet", "graphite_pickle"] {
        let account = account(&gateway, &headers, protocol, "web").unwrap();
        assert_eq!(account["stored"], 1, "{protocol}: {account}");
    }
    // Without, with a wrong one, and with one that only reads.
    let reader = create(&gateway, "reader", "read");
    for (address, listener) in [
        (&gateway.graphite_tcp, "graphite"),
        (&gateway.opentsdb, "opentsdb"),
        (&gateway.pickle, "pickle"),
    ] {
        for (begin, reason, word) in [
            ("g.two 1 -1\n".to_owned(), "no_token", "a token is needed"),
            (
                "auth weir_no\ng.two 1 -1\n".to_owned(),
                "unknown_token",
                "not known",
            ),
            (
                format!("auth {reader}\ng.two 1 -1\n"),
                "scope",
                "not good for write",
            ),
            (format!("auth {}", "x".repeat(5_000)), "no_token", ""),
        ] {
            let before = refused(&gateway, &headers, listener, reason);
            let said = lines(address, &begin);
            assert!(said.contains(word), "{listener} {begin}: {said}");
            let now = refused(&gateway, &headers, listener, reason);
            assert_eq!(now, before + 1, "{listener} {reason}");
        }
    }
    let (_, found) = get_with(
        &gateway.http,
        "/api/v1/query?query=count(%7Bx!%3D%22y%22%7D)",
        &headers,
    )
    .unwrap();
    assert!(!found.contains("g.two"), "{found}");
    let (status, _) = post_bytes(&gateway.http, "/-/reload", &headers, b"").unwrap();
    assert_eq!(status, 200);
}

/// A request on OpenTSDB's port shows its token in its head, where lines have it before them.
#[test]
fn opentsdbs_port_takes_tokens_of_requests_and_of_lines() {
    let gateway = Gateway::start(&GUARDED);
    let web = create(&gateway, "web", "write");
    let point = format!(
        r#"{{"metric":"h","timestamp":{},"value":1,"tags":{{"a":"b"}}}}"#,
        now_ms()
    );
    let put = |headers: &str| post_bytes(&gateway.opentsdb, "/api/put", headers, point.as_bytes());
    assert_eq!(put("").unwrap().0, 401);
    assert_eq!(put(&bearer("weir_no")).unwrap().0, 401);
    assert_eq!(put(&bearer(&web)).unwrap().0, 204);
    let at = now_ms();
    let said = lines(
        &gateway.opentsdb,
        &format!("auth {web}\nput h {at} 1 a=c\n"),
    );
    assert_eq!(said, "");
    let admin = bearer(&create(&gateway, "ops", "admin"));
    for protocol in ["opentsdb_http", "opentsdb_telnet"] {
        assert_eq!(
            account(&gateway, &admin, protocol, "web").unwrap()["stored"],
            1,
            "{protocol}"
        );
    }
}

/// At the log's most talkative, with good and bad ones shown everywhere.
#[test]
fn no_token_is_ever_in_the_log_or_in_what_the_gateway_says() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let gateway = Gateway::start_logging(&GUARDED, &log);
    let web = create(&gateway, "web", "write");
    let admin = create(&gateway, "ops", "admin");
    for shown in [web.clone(), format!("{web}0")] {
        for header in [bearer(&shown), format!("Authorization: Token {shown}\r\n")] {
            for path in ["/write", "/api/v1/write", "/api/v1/query", "/nowhere"] {
                post_bytes(&gateway.http, path, &header, b"m value=1\n").unwrap();
            }
        }
        post_bytes(
            &gateway.http,
            &format!("/write?u=x&p={shown}"),
            "",
            b"broken",
        )
        .unwrap();
        lines(&gateway.graphite_tcp, &format!("auth {shown}\nbroken\n"));
        lines(&gateway.opentsdb, &format!("auth {shown}\nput\n"));
    }
    token(&gateway, &["revoke", "web"]);
    eventually("it is revoked", || {
        let (status, said) = post_bytes(&gateway.http, "/write", &bearer(&web), b"m value=1")?;
        (status == 401).then_some(()).ok_or(said)
    });
    post_bytes(&gateway.http, "/-/reload", &bearer(&admin), b"").unwrap();
    let mut said = std::fs::read_to_string(&log).unwrap();
    let audit = r#"audit: POST /-/reload by Token("ops"): 200 OK"#;
    assert!(said.contains(audit), "{said}");
    assert!(said.contains("tokens were read again"), "{said}");
    for path in ["/metrics", "/api/v1/status/ingest"] {
        said += &get_with(&gateway.http, path, &bearer(&admin)).unwrap().1;
    }
    assert!(!said.contains(web.trim_start_matches("weir_")), "{said}");
}

#[test]
fn with_write_alone_anybody_reads() {
    let gateway = Gateway::start(&["http.auth=write", "http.admin=true"]);
    assert_eq!(
        web::get(&gateway.http, "/api/v1/query?query=1").unwrap().0,
        200
    );
    assert_eq!(
        post_bytes(&gateway.http, "/write", "", b"m value=1")
            .unwrap()
            .0,
        401
    );
    let flush = "/api/v1/admin/store/flush";
    assert_eq!(post_bytes(&gateway.http, flush, "", b"").unwrap().0, 401);
    let writer = token(&gateway, &["create", "writer", "--scope", "write"]);
    eventually("it may write", || {
        let (status, said) = post_bytes(&gateway.http, "/write", &bearer(&writer), b"m value=1")?;
        (status == 204).then_some(()).ok_or(said)
    });
    assert_eq!(
        post_bytes(&gateway.http, flush, &bearer(&writer), b"")
            .unwrap()
            .0,
        403
    );
}

/// FAULTS 45, of HTTP and of a connection that is up.
#[test]
fn fault_45_a_token_revoked_mid_stream_is_good_for_nothing_within_five_seconds() {
    let gateway = Gateway::start(&GUARDED);
    let admin = create(&gateway, "ops", "admin");
    let web = create(&gateway, "web", "write");
    let mut stream = TcpStream::connect(&gateway.graphite_tcp).unwrap();
    let mut number = 0;
    let mut line = || {
        number += 1;
        format!("g.live {number} -1\n")
    };
    stream
        .write_all(format!("auth {web}\n").as_bytes())
        .unwrap();
    stream.write_all(line().as_bytes()).unwrap();
    eventually("the first line is stored", || {
        account(&gateway, &bearer(&admin), "graphite_tcp", "web")
    });
    token(&gateway, &["revoke", "web"]);
    let revoked = Instant::now();
    while stream.write_all(line().as_bytes()).is_ok() {
        assert!(revoked.elapsed() < REVOKED_WITHIN, "lines are taken still");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (status, _) = post_bytes(&gateway.http, "/write", &bearer(&web), b"m value=1").unwrap();
    assert_eq!(status, 401);
}

/// FAULTS 45, of an agent: what it could not hand over comes when its token is good again.
#[test]
fn fault_45_an_agent_keeps_what_it_has_while_its_token_is_revoked() {
    let gateway = Gateway::start(&GUARDED);
    let admin = create(&gateway, "ops", "admin");
    let web = token(&gateway, &["create", "web", "--scope", "write"]);
    let good = std::fs::read(token_file(&gateway)).unwrap();
    let _agent = start_agent_with(&gateway, "h1", &[&format!("token={web}")]);
    let headers = bearer(&admin);
    eventually("frames of the token are stored", || {
        account(&gateway, &headers, "frames", "web")
    });
    token(&gateway, &["revoke", "web"]);
    eventually("the session is refused", || {
        let (_, text) = get_with(&gateway.http, "/metrics", &headers)?;
        let failed = r#"weir_frames_sessions_failed_total{reason="token"}"#;
        text.contains(failed).then_some(()).ok_or(text)
    });
    // What was taken before is on its way to the disk.
    std::thread::sleep(Duration::from_secs(1));
    let from_s = now_ms() / 1_000 + 1;
    let stored = || account(&gateway, &headers, "frames", "web").unwrap()["stored"].as_u64();
    let before = stored();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(stored(), before, "nothing is taken");
    let to_s = now_ms() / 1_000;
    std::fs::write(token_file(&gateway), good).unwrap();
    eventually("what was collected meanwhile is there", || {
        let expr = format!("count_over_time(node_load1[{}s] @ {to_s})", to_s - from_s);
        let path = format!("/api/v1/query?query={}", web::escape(&expr));
        let (_, found) = get_with(&gateway.http, &path, &headers)?;
        let is_whole = (to_s - from_s - 1..)
            .take(3)
            .any(|n| found.contains(&format!("\"{n}\"")));
        is_whole.then_some(()).ok_or(found)
    });
}

#[test]
fn a_hello_without_a_good_token_is_refused_by_name() {
    let gateway = Gateway::start(&["frames.auth=token", "frames.token=the-old-one"]);
    let web = create(&gateway, "web", "write");
    let answer = |token: &str| {
        let hello = Hello {
            version: frame::VERSION,
            token: token.to_owned(),
            agent: "x".into(),
            boot: 1,
            interval_ms: 1_000,
            labels: Vec::new(),
        };
        let mut bytes = Vec::new();
        frame::encode(&Frame::Hello(hello), &mut bytes);
        frame::encode(&Frame::Goodbye, &mut bytes);
        let mut stream = TcpStream::connect(&gateway.frames).unwrap();
        stream.write_all(&bytes).unwrap();
        let mut inbox = Inbox::default();
        let _ = stream.read_to_end(inbox.room());
        inbox.take().unwrap().unwrap()
    };
    for wrong in ["", "weir_no", "the-old-one-"] {
        match answer(wrong) {
            Frame::Refuse(refuse) => {
                assert_eq!(refuse.code, RefuseCode::Token);
                assert!(refuse.message.contains("token"), "{}", refuse.message);
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
    eventually("the new token is good", || match answer(&web) {
        Frame::Welcome(_) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert!(matches!(answer("the-old-one"), Frame::Welcome(_)));
}
