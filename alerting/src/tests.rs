//! Whole lives of alerting against a real webhook, with a clock set by hand.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tokio::net::TcpListener;

use crate::snapshot;
use crate::testing::{DOWN, Hook, House, Life, MINUTE, found, until};
use crate::{Ask, Recorded};

/// Evaluates until the rule's `for` is over.
async fn fire(life: &Life<'_>) {
    for stage in ["pending", "pending", "firing"] {
        life.evaluate().await;
        assert_eq!(life.stage(), stage);
    }
}

#[tokio::test]
async fn an_alert_is_delivered_once_although_the_receiver_stumbles() {
    let hook = Hook::new(&[500, 503, 408, 429]).await;
    let house = House::new(hook.address, DOWN);
    let life = house.live();
    house.find(&["a"]);
    fire(&life).await;
    let taken = hook.until_taken(1).await;
    until("the outbox", || life.waiting() == 0).await;
    let calls = hook.calls();
    assert_eq!(
        calls.iter().map(|call| call.code).collect::<Vec<_>>(),
        [500, 503, 408, 429, 200]
    );
    assert!(
        calls
            .iter()
            .all(|call| call.key == taken[0].key && call.body == taken[0].body)
    );
    assert_eq!(
        taken[0].body["alerts"][0]["labels"],
        json!({"alertname": "Down", "host": "a"})
    );
    let results: Vec<_> = house
        .ledger()
        .iter()
        .map(|line| line["result"].clone())
        .collect();
    assert_eq!(results, ["retry", "retry", "retry", "retry", "taken"]);
    life.evaluate().await;
    life.stop().await;
    assert_eq!(hook.calls().len(), 5, "nothing is told twice");
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = House::new(listener.local_addr().unwrap(), DOWN);
    let life = house.live();
    house.find(&["a"]);
    fire(&life).await;
    for _ in 0..3 {
        drop(listener.accept().await.unwrap());
    }
    let hook = Hook::on(listener, &[]);
    hook.until_taken(1).await;
    until("the outbox", || life.waiting() == 0).await;
    let ledger = house.ledger();
    assert!(
        ledger[0]["code"].is_null() && ledger[0]["result"] == "retry",
        "{:?}",
        ledger[0]
    );
    assert!(ledger.iter().all(|line| line["key"] == ledger[0]["key"]));
    life.stop().await;
}

#[tokio::test]
async fn a_restart_while_pending_keeps_the_for() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    life.evaluate().await;
    let since = life.alerting.alerts_json()["alerts"][0]["activeAt"].clone();
    until("the state file", || saved(&house) == 1).await;
    life.kill().await;
    house.pass(MINUTE / 2);
    let life = house.live();
    assert_eq!(life.alerting.alerts_json()["alerts"][0]["activeAt"], since);
    life.evaluate().await;
    life.evaluate().await;
    assert_eq!(life.stage(), "firing");
    hook.until_taken(1).await;
    life.stop().await;
}

fn saved(house: &House) -> usize {
    let snapshot = snapshot::load(&house.config.data_dir).unwrap();
    snapshot.rules.iter().map(|rule| rule.alerts.len()).sum()
}

#[tokio::test]
async fn after_a_long_absence_pending_begins_anew() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    life.evaluate().await;
    life.stop().await;
    house.pass(61 * MINUTE);
    let life = house.live();
    assert_eq!(life.stage(), "inactive");
    life.evaluate().await;
    assert_eq!(life.stage(), "pending");
    life.stop().await;
}

#[tokio::test]
async fn an_alert_that_cleared_while_nobody_looked_is_resolved() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    fire(&life).await;
    hook.until_taken(1).await;
    until("the outbox", || life.waiting() == 0).await;
    life.stop().await;
    house.find(&[]);
    house.pass(10 * MINUTE);
    let life = house.live();
    assert_eq!(life.stage(), "firing", "until it is known to be over");
    life.evaluate().await;
    assert_eq!(life.stage(), "inactive");
    let taken = hook.until_taken(2).await;
    assert_eq!(taken[1].body["status"], "resolved");
    assert_ne!(taken[1].body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    assert_ne!(taken[0].key, taken[1].key);
    life.stop().await;
}

#[tokio::test]
async fn an_alert_whose_rule_is_gone_is_resolved() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    fire(&life).await;
    hook.until_taken(1).await;
    until("the outbox", || life.waiting() == 0).await;
    life.stop().await;
    house.write_rules("- name: other\n  rules: []\n");
    house.pass(10 * MINUTE);
    let life = house.live();
    let taken = hook.until_taken(2).await;
    assert_eq!(taken[1].body["status"], "resolved");
    life.stop().await;
}

#[tokio::test]
async fn a_question_without_answer_changes_no_alert() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    let life = house.live();
    house.find(&["a"]);
    life.evaluate().await;
    house.fail("the store is away");
    life.evaluate().await;
    assert_eq!(life.stage(), "pending");
    let rule = life.alerting.rules_json()["groups"][0]["rules"][0].clone();
    assert_eq!(
        (&rule["health"], &rule["lastError"]),
        (&json!("err"), &json!("the store is away"))
    );
    house.find(&["a"]);
    life.evaluate().await;
    assert_eq!(
        life.stage(),
        "firing",
        "the failed evaluation counts towards `for`"
    );
    house.fail("the store is away");
    for _ in 0..6 {
        life.evaluate().await;
        assert_eq!(life.stage(), "firing");
    }
    life.stop().await;
    assert!(
        hook.calls()
            .iter()
            .all(|call| call.body["status"] == "firing")
    );
}

#[tokio::test]
async fn what_was_written_down_and_not_taken_is_sent_by_the_next_life() {
    let hook = Hook::new(&[503; 1_000]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    fire(&life).await;
    until("a try", || !hook.calls().is_empty()).await;
    life.kill().await;
    let first = hook.calls()[0].clone();
    let on_disk = snapshot::load(&house.config.data_dir).unwrap();
    let waiting = on_disk.conversations[0]
        .conversation
        .waiting()
        .unwrap()
        .clone();
    assert_eq!(waiting.key, first.key, "on disk before it was sent");
    drop(hook);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut house = house;
    house.config.webhooks[0].url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let hook = Hook::on(listener, &[]);
    let life = house.live();
    let taken = hook.until_taken(1).await;
    assert_eq!((&taken[0].key, &taken[0].body), (&first.key, &first.body));
    until("the outbox", || life.waiting() == 0).await;
    life.stop().await;
    assert_eq!(hook.calls().len(), 1);
}

#[tokio::test]
async fn what_is_refused_is_given_up_and_the_group_tried_anew_later() {
    let hook = Hook::new(&[400]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    fire(&life).await;
    until("the refusal", || {
        hook.calls().len() == 1 && life.waiting() == 0
    })
    .await;
    let ledger = house.ledger();
    assert_eq!(
        (&ledger[0]["result"], &ledger[0]["code"]),
        (&json!("refused"), &json!(400))
    );
    hook.then_answer(&[422]);
    for minutes in 1..=5 {
        assert_eq!(hook.calls().len(), 1, "{minutes}");
        life.evaluate().await;
    }
    until("the next refusal", || {
        hook.calls().len() == 2 && life.waiting() == 0
    })
    .await;
    for _ in 0..5 {
        life.evaluate().await;
    }
    let taken = hook.until_taken(1).await;
    assert_ne!(taken[0].key, hook.calls()[0].key);
    life.stop().await;
}

#[tokio::test]
async fn a_reload_is_taken_whole_or_not_at_all() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    life.evaluate().await;
    house.write_rules(&format!("{DOWN}  - {{alert: Other, expr: up, wrong: 1}}\n"));
    let error = life.alerting.reload().unwrap_err().to_string();
    assert!(
        error.contains("rules.yml:4:") && error.contains("wrong"),
        "{error}"
    );
    assert_eq!(life.stage(), "pending");
    house.write_rules(&DOWN.replace("2m", "1m"));
    life.alerting.reload().unwrap();
    assert_eq!(
        life.stage(),
        "pending",
        "the alert of a rule that stays goes on"
    );
    life.evaluate().await;
    assert_eq!(life.stage(), "firing");
    life.stop().await;
}

#[tokio::test]
async fn recording_rules_hand_over_what_they_find() {
    let hook = Hook::new(&[]).await;
    let rules = "groups:\n- name: g\n  query_offset: 1m\n  rules:\n  - {record: 'a:b', expr: up, labels: {x: y, host: ''}}\n";
    let mut house = House::new(hook.address, rules);
    let error = house.open().err().unwrap().to_string();
    assert!(
        error.contains("rules.yml:5:") && error.contains("nothing stores"),
        "{error}"
    );
    let taken: Arc<Mutex<Vec<Recorded>>> = Arc::default();
    let sink = taken.clone();
    house.record = Some(Arc::new(move |samples| sink.lock().extend(samples)));
    house.find(&["a"]);
    let life = house.live();
    life.evaluate().await;
    let samples = taken.lock().clone();
    assert_eq!(samples.len(), 1);
    assert_eq!(
        json!(samples[0].labels),
        json!({"__name__": "a:b", "x": "y"})
    );
    let asked_ms = house.now_ms.load(std::sync::atomic::Ordering::SeqCst) - MINUTE;
    assert_eq!(samples[0].timestamp_ms, asked_ms);
    house.find(&["a", "b"]);
    life.evaluate().await;
    let rule = life.alerting.rules_json()["groups"][0]["rules"][0].clone();
    assert!(
        rule["lastError"]
            .as_str()
            .unwrap()
            .contains("same labelset"),
        "{rule}"
    );
    life.stop().await;
}

#[tokio::test]
async fn a_question_that_panics_or_hangs_is_one_without_answer() {
    let hook = Hook::new(&[]).await;
    let mut house = House::new(
        hook.address,
        "- name: g\n  rules: [{alert: A, expr: panic}, {alert: B, expr: hang}, {alert: C, expr: up}]\n",
    );
    house.config.query_timeout = std::time::Duration::from_millis(20);
    let ask: Ask = Arc::new(|expr, _| {
        Box::pin(async move {
            assert_ne!(expr, "panic");
            if expr == "hang" {
                std::future::pending::<()>().await;
            }
            Ok(vec![found("a")])
        })
    });
    let life = Life::of(&house, house.open_with(ask).unwrap());
    life.evaluate().await;
    let rules = life.alerting.rules_json()["groups"][0]["rules"].clone();
    assert!(
        rules[0]["lastError"]
            .as_str()
            .unwrap()
            .contains("broke off")
    );
    assert!(
        rules[1]["lastError"]
            .as_str()
            .unwrap()
            .contains("no answer within")
    );
    assert_eq!(
        (&rules[2]["health"], &rules[2]["state"]),
        (&json!("ok"), &json!("firing"))
    );
    life.stop().await;
}

#[tokio::test]
async fn the_views_have_prometheus_shapes() {
    let hook = Hook::new(&[]).await;
    let rules = "- name: hosts\n  rules:\n  - {alert: Down, expr: up == 0, for: 90s, labels: {severity: page}, annotations: {s: '{{ $labels.host }}'}}\n";
    let house = House::new(hook.address, rules);
    let life = house.live();
    let before = life.alerting.rules_json();
    assert_eq!(
        before["groups"][0]["lastEvaluation"],
        "0001-01-01T00:00:00Z"
    );
    assert_eq!(before["groups"][0]["rules"][0]["health"], "unknown");
    assert_eq!(life.alerting.alerts_json(), json!({"alerts": []}));
    house.find(&["a"]);
    life.evaluate().await;
    let mut view = life.alerting.rules_json();
    let group = &mut view["groups"][0];
    assert!(group["file"].as_str().unwrap().ends_with("rules.yml"));
    let evaluated = group["lastEvaluation"].clone();
    for key in ["file", "evaluationTime"] {
        group[key] = json!(null);
    }
    group["rules"][0]["evaluationTime"] = json!(null);
    let alert = json!({
        "labels": {"alertname": "Down", "host": "a", "severity": "page"},
        "annotations": {"s": "a"},
        "state": "pending",
        "activeAt": evaluated,
        "value": "0e+00",
    });
    let expected = json!({"groups": [{
        "name": "hosts", "file": null, "interval": 60, "limit": 0,
        "evaluationTime": null, "lastEvaluation": evaluated,
        "rules": [{
            "state": "pending", "name": "Down", "query": "up == 0", "duration": 90, "keepFiringFor": 0,
            "labels": {"severity": "page"}, "annotations": {"s": "{{ $labels.host }}"},
            "alerts": [alert], "health": "ok", "evaluationTime": null,
            "lastEvaluation": evaluated, "type": "alerting",
        }],
    }]});
    assert_eq!(view, expected);
    assert_eq!(life.alerting.alerts_json(), json!({"alerts": [alert]}));
    life.stop().await;
}

#[tokio::test]
async fn missed_evaluations_change_no_alert() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    life.evaluate().await;
    house.pass(30 * MINUTE);
    life.nudge();
    until("firing", || life.stage() == "firing").await;
    hook.until_taken(1).await;
    life.stop().await;
}

/// FAULTS 22: no storm of resolves, neither when the clock jumps nor when it is set right.
#[tokio::test]
async fn a_clock_that_jumps_resolves_nothing() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    let hosts: Vec<String> = (0..100).map(|n| format!("h{n}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    house.find(&hosts);
    let life = house.live();
    fire(&life).await;
    hook.until_taken(1).await;
    let firing = || {
        let alerts = life.alerting.alerts_json()["alerts"].clone();
        let all = alerts.as_array().unwrap().clone();
        all.iter().filter(|one| one["state"] == "firing").count()
    };
    for jump_ms in [24 * 60 * MINUTE, -24 * 60 * MINUTE] {
        // At the new time nothing is known of the hosts.
        house.find(&[]);
        house.pass(jump_ms);
        life.nudge();
        let now_ms = Some(house.now_ms.load(std::sync::atomic::Ordering::SeqCst));
        let seen = || life.alerting.shared().inner.lock().held_since_ms == now_ms;
        until("the jump is seen", seen).await;
        for _ in 0..5 {
            life.evaluate().await;
        }
        assert_eq!(firing(), 100);
    }
    // Nothing was ended by the jumps; an hour later what is over is over.
    let ended = |call: &crate::testing::Call| call.body["status"] == "resolved";
    assert!(!hook.taken().iter().any(ended));
    for _ in 0..60 {
        life.evaluate().await;
    }
    assert_eq!(firing(), 0);
    until("the resolve", || hook.taken().iter().any(ended)).await;
    life.stop().await;
}

#[tokio::test]
async fn a_folder_that_takes_nothing_does_not_keep_people_asleep() {
    let hook = Hook::new(&[]).await;
    let house = House::new(hook.address, DOWN);
    house.find(&["a"]);
    let life = house.live();
    let blocker = house.config.data_dir.join("alert-state.new");
    std::fs::create_dir(&blocker).unwrap();
    fire(&life).await;
    hook.until_taken(1).await;
    assert_eq!(saved(&house), 0);
    std::fs::remove_dir(&blocker).unwrap();
    life.nudge();
    until("the state file", || saved(&house) == 1).await;
    life.stop().await;
}

#[test]
fn configs_that_cannot_be_meant_are_refused() {
    let house = House::new("127.0.0.1:1".parse().unwrap(), DOWN);
    let refused = |change: fn(&mut House)| {
        let mut house = House::new("127.0.0.1:1".parse().unwrap(), DOWN);
        change(&mut house);
        house.open().err().unwrap().to_string()
    };
    house.open().unwrap();
    assert!(
        refused(|h| h.config.webhooks[0].url = "gopher://x".to_owned())
            .contains("webhook \"ops\": the URL")
    );
    assert!(refused(|h| h.config.webhooks[0].name.clear()).contains("no name"));
    assert!(refused(|h| h.config.webhooks[0].max_alerts = 0).contains("0 alerts"));
    assert!(refused(|h| h.config.interval = std::time::Duration::ZERO).contains("1s or more"));
    assert!(
        refused(|h| h.config.webhooks.push(h.config.webhooks[0].clone())).contains("two webhooks")
    );
    assert!(
        refused(|h| h.write_rules("groups: [{name: x, rules: [{alert: y}]}]"))
            .contains("rules.yml:1:")
    );
}
