//! What people do with a store: flush, back up, check, restore, delete; by the real program and its admin API.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use crate::programs::{Gateway, gateway_path};
use crate::web::{json, post, query, single};

fn now_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn send(gateway: &Gateway, text: &str) {
    let mut stream = TcpStream::connect(&gateway.graphite_tcp).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
}

fn store(words: &[&str]) -> Output {
    Command::new(gateway_path())
        .arg("store")
        .args(words)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn a_store_is_flushed_backed_up_checked_and_restored() {
    let mut gateway = Gateway::start(&["http.admin=true"]);
    let at = now_s();
    send(
        &gateway,
        &format!("shop.hits;page=home 1 {at}\nshop.hits;page=cart 2 {at}\ndebug.x 3 {at}\n"),
    );
    let (status, body) = post(&gateway.http, "/api/v1/admin/store/flush", "").unwrap();
    assert_eq!(
        (status, body.contains("\"samples\":3")),
        (200, true),
        "{body}"
    );
    assert_eq!(single(&gateway.http, "sum(shop.hits)").unwrap(), 3.0);

    let (status, body) = post(
        &gateway.http,
        "/api/v1/admin/tsdb/delete_series",
        "match[]=debug.x",
    )
    .unwrap();
    assert_eq!(status, 204, "{body}");
    assert_eq!(query(&gateway.http, "debug.x").unwrap(), vec![]);
    send(&gateway, &format!("shop.hits;page=late 4 {at}\n"));
    let (status, body) = post(&gateway.http, "/api/v1/admin/tsdb/snapshot", "").unwrap();
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let backup = gateway
        .dir
        .path()
        .join("snapshots")
        .join(answer["data"]["name"].as_str().unwrap());

    let tsdb = json(&gateway.http, "/api/v1/status/tsdb").unwrap();
    let most = &tsdb["data"]["seriesCountByMetricName"][0];
    assert_eq!(
        (most["name"].as_str(), most["value"].as_u64()),
        (Some("shop.hits"), Some(3))
    );

    gateway.program.stop();
    let path = |path: &Path| path.display().to_string();
    let checked = store(&["check", &path(gateway.dir.path())]);
    assert!(
        checked.status.success() && said(&checked).ends_with("ok\n"),
        "{}",
        said(&checked)
    );
    let mut back = Gateway::start(&[]);
    back.program.stop();
    let over = store(&["restore", &path(&backup), &path(back.dir.path())]);
    assert!(!over.status.success(), "never over a store");
    for gone in ["db", "journal"] {
        std::fs::remove_dir_all(back.dir.path().join(gone)).unwrap();
    }
    std::fs::remove_file(back.dir.path().join("FORMAT")).unwrap();
    let done = store(&["restore", &path(&backup), &path(back.dir.path())]);
    assert!(done.status.success(), "{}", said(&done));
    back.restart();
    assert_eq!(single(&back.http, "sum(shop.hits)").unwrap(), 7.0);
    let busy = store(&["check", &path(back.dir.path())]);
    assert!(
        !busy.status.success() && said(&busy).contains("is in use by"),
        "{}",
        said(&busy)
    );
}

#[test]
fn the_admin_api_is_off_unless_it_is_asked_for() {
    let gateway = Gateway::start(&[]);
    for path in [
        "admin/store/flush",
        "admin/tsdb/snapshot",
        "admin/tsdb/clean_tombstones",
    ] {
        let (status, body) = post(&gateway.http, &format!("/api/v1/{path}"), "").unwrap();
        assert_eq!((status, body.contains("http.admin")), (403, true), "{body}");
    }
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let mut gateway = Gateway::start(&["http.admin=true"]);
    send(&gateway, &format!("a 1 {}\n", now_s()));
    let (_, body) = post(&gateway.http, "/api/v1/admin/tsdb/snapshot", "").unwrap();
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let backup = gateway
        .dir
        .path()
        .join("snapshots")
        .join(answer["data"]["name"].as_str().unwrap());
    gateway.program.stop();
    let current = backup.join("db/CURRENT");
    std::fs::remove_file(&current).unwrap();
    std::fs::write(&current, "MANIFEST-999999\n").unwrap();
    let to = gateway.dir.path().join("to");
    let refused = store(&[
        "restore",
        &backup.display().to_string(),
        &to.display().to_string(),
    ]);
    assert!(
        !refused.status.success() && said(&refused).contains("not what was backed up"),
        "{}",
        said(&refused)
    );
    assert!(!to.exists());
}
