//! The page in a real browser, with real data: hosts, charts that have been drawn, and the firing alert.

use std::path::Path;
use std::process::Command;

use crate::programs::{Gateway, eventually, start_agent};
use crate::web::{get, query};

const RULES: &str = "groups: [{name: g, interval: 1s, rules: [{alert: host_seen, expr: up == 1, labels: {severity: info}}]}]";

#[test]
fn the_page_draws_the_hosts_and_the_firing_alerts() {
    let files = tempfile::tempdir().unwrap();
    let (rules, shot) = (files.path().join("r.yml"), files.path().join("page.png"));
    std::fs::write(&rules, RULES).unwrap();
    let rules = format!("alerting.rules=[\"{}\"]", rules.display());
    let gateway = Gateway::start(&[&rules, "presence.beat=1s"]);
    if !built(&gateway) {
        return;
    }
    let _agent = start_agent(&gateway, "web01");
    eventually("four samples of cpu", || {
        let found = query(&gateway.http, "count_over_time(node_load1[1h]) > 4")?;
        if found.is_empty() {
            Err("too few".into())
        } else {
            Ok(())
        }
    });
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let output = Command::new("node")
        .current_dir(&ui)
        .args(["e2e/page.mjs", &format!("http://{}", gateway.http)])
        .arg(&shot)
        .args(["--expect-alert", "host_seen", "--range", "15m"])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
    assert!(
        std::fs::metadata(&shot).unwrap().len() > 10_000,
        "a screenshot with something in it"
    );
}

/// Without Node the page is not built, and the gateway says so; `cargo xtask test` builds it wherever npm is.
fn built(gateway: &Gateway) -> bool {
    let (status, page) = get(&gateway.http, "/").unwrap();
    assert_eq!(status, 200);
    let built = page.contains("<script");
    if !built {
        assert!(page.contains("not built"), "{page}");
        assert!(
            std::env::var_os("CI").is_none()
                || Command::new("npm").arg("--version").output().is_err(),
            "npm is here, so the page must be built"
        );
    }
    built
}
