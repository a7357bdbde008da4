//! An agent is killed: its host's `up` falls to 0, the rule fires, and the webhook arrives, though the receiver
//! refuses twice. The gateway is restarted: still down. The agent comes back: resolved.

use std::time::Duration;

use crate::programs::{Gateway, eventually, start_agent};
use crate::web::{json, query, receiver, single};

const RULES: &str = "
- name: instance_down
  interval: 1s
  rules: [{alert: instance_down, expr: up == 0, for: 1s, labels: {severity: page}, annotations: {summary: '{{ $labels.host }} is down'}}]
";

#[test]
fn a_killed_agent_pages_and_its_return_resolves() {
    let files = tempfile::tempdir().unwrap();
    let rules = files.path().join("down.yml");
    std::fs::write(&rules, RULES).unwrap();
    let (url, webhooks) = receiver(2);
    let config = files.path().join("gateway.toml");
    let text = format!(
        "[presence]\nbeat = \"1s\"\n[alerting]\nrules = [\"{}\"]\ngroup_wait = \"0s\"\ngroup_interval = \"1s\"\n\
         [[alerting.webhooks]]\nname = \"ops\"\nurl = \"{url}\"\n",
        rules.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut gateway = Gateway::start_with(&config);
    let mut agent = start_agent(&gateway, "web01");
    let up = r#"up{host="web01"}"#;
    eventually("up", || {
        if single(&gateway.http, up)? == 1.0 {
            Ok(())
        } else {
            Err("0".into())
        }
    });

    agent.kill();
    let fired = webhooks
        .recv_timeout(Duration::from_secs(30))
        .expect("the page arrives");
    assert_eq!(fired["version"], "4");
    assert_eq!(fired["status"], "firing");
    let alert = &fired["alerts"][0];
    assert_eq!(alert["labels"]["alertname"], "instance_down");
    assert_eq!(
        (&alert["labels"]["host"], &alert["labels"]["severity"]),
        (&"web01".into(), &"page".into())
    );
    assert_eq!(alert["annotations"]["summary"], "web01 is down");
    let shown = json(&gateway.http, "/api/v1/alerts").unwrap();
    assert_eq!(shown["data"]["alerts"][0]["state"], "firing", "{shown}");

    // A restart of the gateway makes nobody up who is down, and tells nobody that it was.
    gateway.program.stop();
    gateway.restart();
    let since = "count_over_time(up{host=\"web01\"}[3s]) > 2 and max_over_time(up{host=\"web01\"}[3s]) == 0";
    eventually("still down", || match query(&gateway.http, since)?.len() {
        1 => Ok(()),
        _ => Err("not yet".into()),
    });
    assert!(webhooks.try_recv().is_err(), "nothing was told meanwhile");

    let _back = start_agent(&gateway, "web01");
    let resolved = webhooks
        .recv_timeout(Duration::from_secs(30))
        .expect("the resolve arrives");
    assert_eq!(resolved["status"], "resolved");
    assert_eq!(resolved["alerts"][0]["fingerprint"], alert["fingerprint"]);
}
