//! The Pushgateway's API.

use crate::programs::{Gateway, eventually};
use crate::sending::{Answer, gzip, now_ms, post, send, sums_close};
use crate::web::{query, single};

fn put(gateway: &Gateway, path: &str, text: &str) -> Answer {
    send(&gateway.http, "PUT", path, &[], text.as_bytes())
}

#[test]
fn groups_are_replaced_added_to_and_deleted() {
    let gateway = Gateway::start(&[]);
    let group = "/metrics/job/backup/instance/db@x";
    let labels = r#"{job="backup", instance="db@x"}"#;
    let value = |name: &str| single(&gateway.http, &format!("{name}{labels}"));
    let text = "# TYPE a gauge\na{job=\"other\"} 1\n# HELP b Help.\n# TYPE b counter\nb 2\n";
    assert_eq!(put(&gateway, group, text).status, 200);
    assert_eq!((value("a"), value("b")), (Ok(1.0), Ok(2.0)));
    let pushed = value("push_time_seconds").unwrap();
    assert!(
        (pushed - now_ms() as f64 / 1_000.0).abs() < 60.0,
        "{pushed}"
    );
    assert_eq!(value("push_failure_time_seconds"), Ok(0.0));
    // POST leaves what it does not name.
    let packed = gzip(b"b 3\n");
    let answer = post(&gateway.http, group, &["Content-Encoding: gzip"], &packed);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((value("a"), value("b")), (Ok(1.0), Ok(3.0)));
    // PUT does not; what goes, ends at once.
    assert_eq!(put(&gateway, group, "b 4\n").status, 200);
    assert!(value("a").is_err());
    assert_eq!(value("b"), Ok(4.0));
    let listed = crate::web::json(&gateway.http, "/api/v1/metrics").unwrap();
    assert_eq!(listed["data"][0]["b"]["metrics"][0]["value"], "4");
    let base64 = "/metrics/job@base64/YmFja3Vw/instance/db@x";
    assert_eq!(send(&gateway.http, "DELETE", base64, &[], b"").status, 202);
    assert!(
        query(&gateway.http, r#"{job="backup"}"#)
            .unwrap()
            .is_empty()
    );
    // The own figures stay what they were.
    assert_eq!(send(&gateway.http, "GET", "/metrics", &[], b"").status, 200);
    sums_close(&gateway.http, "pushgateway");
}

#[test]
fn a_push_is_taken_whole_or_not_at_all() {
    let gateway = Gateway::start(&[]);
    for (text, words) in [
        ("a 1\nb one\n", "line 2"),
        ("a 1 1700000000000\n", "must not have timestamps"),
        ("a 1\na 2\n", "collected before"),
        ("push_time_seconds 1\n", "push_time_seconds"),
    ] {
        let answer = put(&gateway, "/metrics/job/j", text);
        assert_eq!(answer.status, 400, "{text}");
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    assert!(query(&gateway.http, "a").unwrap().is_empty());
    assert!(single(&gateway.http, "push_failure_time_seconds").unwrap() > 0.0);
    for path in [
        "/metrics/job/",
        "/metrics/job/x/odd",
        "/metrics/job/x?ttl=soon",
    ] {
        assert_eq!(put(&gateway, path, "a 1\n").status, 400, "{path}");
    }
    assert_eq!(
        send(&gateway.http, "PUT", "/api/v1/admin/wipe", &[], b"").status,
        405
    );
}

#[test]
fn a_group_is_told_again_over_a_restart_until_its_time_is_over() {
    let mut gateway = Gateway::start(&["pushgateway.interval=1s", "http.admin=true"]);
    assert_eq!(put(&gateway, "/metrics/job/stays", "a 1\n").status, 200);
    assert_eq!(
        put(&gateway, "/metrics/job/ends?ttl=2s", "a 2\n").status,
        200
    );
    let times = |gateway: &Gateway| single(&gateway.http, r#"count_over_time(a{job="stays"}[5m])"#);
    gateway.program.kill();
    gateway.restart();
    let before = times(&gateway).unwrap();
    eventually("told again", || match times(&gateway) {
        Ok(count) if count > before + 1.0 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    eventually("the end of the other", || {
        match query(&gateway.http, r#"a{job="ends"}"#)?.len() {
            0 => Ok(()),
            some => Err(format!("{some} series")),
        }
    });
    assert_eq!(single(&gateway.http, "a"), Ok(1.0));
    assert_eq!(
        send(&gateway.http, "PUT", "/api/v1/admin/wipe", &[], b"").status,
        202
    );
    assert!(query(&gateway.http, "a").unwrap().is_empty());
}

#[test]
fn short_jobs_add_up_and_timestamps_are_taken_where_allowed() {
    let gateway = Gateway::start(&["pushgateway.timestamps=true"]);
    let run = "# TYPE runs_total counter\nruns_total 1\n# TYPE took_seconds histogram\n\
               took_seconds_bucket{le=\"1\"} 1\ntook_seconds_bucket{le=\"+Inf\"} 2\ntook_seconds_sum 3.5\ntook_seconds_count 2\n\
               # TYPE last gauge\nlast 5\n";
    for _ in 0..3 {
        let answer = post(
            &gateway.http,
            "/metrics/job/lambda?mode=aggregate",
            &[],
            run.as_bytes(),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for (expr, value) in [
        ("runs_total", 3.0),
        ("took_seconds_count", 6.0),
        ("took_seconds_sum", 10.5),
        (r#"took_seconds_bucket{le="1"}"#, 3.0),
        ("last", 5.0),
    ] {
        assert_eq!(single(&gateway.http, expr), Ok(value), "{expr}");
    }
    let at = now_ms() - 60_000;
    assert_eq!(
        put(&gateway, "/metrics/job/dated", &format!("dated 7 {at}\n")).status,
        200
    );
    assert_eq!(
        single(&gateway.http, "timestamp(dated)"),
        Ok(at as f64 / 1_000.0)
    );
}

#[test]
fn jobs_whose_histograms_have_other_bounds_add_up_to_one_that_never_goes_down() {
    let gateway = Gateway::start(&[]);
    let run = |bound: &str| {
        let text = format!(
            "# TYPE h histogram\nh_bucket{{le=\"{bound}\"}} 1\nh_bucket{{le=\"+Inf\"}} 2\nh_sum 3\nh_count 2\n"
        );
        let path = "/metrics/job/agg?mode=aggregate";
        let answer = post(&gateway.http, path, &[], text.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    for bound in ["1", "1", "1", "2", "0.5"] {
        run(bound);
    }
    for (bound, count) in [("0.5", 1.0), ("1", 4.0), ("2", 5.0), ("+Inf", 10.0)] {
        let expr = format!("h_bucket{{le=\"{bound}\"}}");
        assert_eq!(single(&gateway.http, &expr), Ok(count), "{bound}");
    }
    assert_eq!(single(&gateway.http, "h_count"), Ok(10.0));
    sums_close(&gateway.http, "pushgateway");
}

#[test]
fn a_group_ends_when_its_time_is_over_and_not_at_the_next_interval() {
    let gateway = Gateway::start(&["pushgateway.interval=1h", "pushgateway.ttl=1h"]);
    assert_eq!(put(&gateway, "/metrics/job/stays", "a 1\n").status, 200);
    let path = "/metrics/job/ends?ttl=1s";
    assert_eq!(put(&gateway, path, "a 2\n").status, 200);
    let groups = || {
        let listed = crate::web::json(&gateway.http, "/api/v1/metrics")?;
        Ok::<_, String>(listed["data"].as_array().map_or(0, Vec::len))
    };
    eventually("the end of one group", || match groups()? {
        1 => Ok(()),
        other => Err(format!("{other} groups")),
    });
    assert_eq!(single(&gateway.http, "a"), Ok(1.0));
}

#[test]
fn what_cannot_be_added_up_is_refused_and_spoils_nothing() {
    let gateway = Gateway::start(&[]);
    let push = |text: &str| {
        let path = "/metrics/job/agg?mode=aggregate";
        let answer = post(&gateway.http, path, &[], text.as_bytes());
        (answer.status, answer.text())
    };
    assert_eq!(push("# TYPE c counter\nc 1\n").0, 200);
    for (text, words) in [
        ("# TYPE c counter\nc NaN\n", "finite"),
        ("# TYPE c counter\nc +Inf\n", "finite"),
        ("# TYPE c counter\nc -1\n", "counts up"),
        ("# TYPE c gauge\nc 5\n", "mode=replace"),
    ] {
        let (status, said) = push(text);
        assert_eq!(status, 400, "{text}");
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(push("# TYPE c counter\nc 1\n").0, 200);
    assert_eq!(single(&gateway.http, "c"), Ok(2.0));
    sums_close(&gateway.http, "pushgateway");
}
