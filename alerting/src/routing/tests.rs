use serde_json::Value;

use super::*;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

fn config() -> AlertingConfig {
    let mut config = AlertingConfig {
        webhooks: vec![WebhookConfig::new("ops", "http://127.0.0.1/")],
        external_url: "http://weir".to_owned(),
        ..AlertingConfig::default()
    };
    config.grouping.group_wait = Duration::ZERO;
    config
}

fn told(name: &str, host: &str, ends_at_ms: Option<i64>) -> Told {
    let pairs = [("alertname", name), ("host", host), ("severity", "page")];
    Told {
        labels: pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        annotations: Labels::from([("summary".to_owned(), format!("{host} is down"))]),
        starts_at_ms: 1_613_707_265_000,
        ends_at_ms,
        generator_url: "http://weir/graph?g0.expr=up&g0.tab=1".to_owned(),
    }
}

fn routes(config: &AlertingConfig) -> Routes {
    Routes::new(config, BTreeMap::new())
}

fn only(routes: &Routes) -> (Party, Notification) {
    let all: Vec<_> = routes.waiting().collect();
    assert_eq!(all.len(), 1);
    (all[0].0.clone(), all[0].1.clone())
}

fn take(routes: &mut Routes, now_ms: i64) -> Value {
    let (party, notification) = only(routes);
    routes.taken(&party, &notification.key, now_ms);
    assert_eq!(routes.waiting().count(), 0);
    serde_json::from_str(&notification.body).unwrap()
}

#[test]
fn the_payload_is_alertmanagers_version_4() {
    let mut config = config();
    config.grouping.group_wait = Duration::from_secs(5);
    let mut routes = routes(&config);
    assert!(routes.decide(0, vec![told("Down", "a", None)]));
    assert_eq!(routes.waiting().count(), 0, "group_wait is not over");
    assert_eq!(routes.next_ms(), Some(5 * SECOND));
    assert!(routes.decide(5 * SECOND, vec![told("Down", "a", None)]));
    let (_, notification) = only(&routes);
    let expected = serde_json::json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"Down\"}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {"alertname": "Down"},
        "commonLabels": {"alertname": "Down", "host": "a", "severity": "page"},
        "commonAnnotations": {"summary": "a is down"},
        "externalURL": "http://weir",
        "alerts": [{
            "status": "firing",
            "labels": {"alertname": "Down", "host": "a", "severity": "page"},
            "annotations": {"summary": "a is down"},
            "startsAt": "2021-02-19T04:01:05Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://weir/graph?g0.expr=up&g0.tab=1",
            "fingerprint": format!("{:016x}", crate::text::fingerprint(&told("Down", "a", None).labels)),
        }],
    });
    assert_eq!(
        serde_json::from_str::<Value>(&notification.body).unwrap(),
        expected
    );
    assert_eq!(notification.key.len(), 32);
}

#[test]
fn nothing_more_is_told_until_something_changes_or_the_repeat_is_due() {
    let mut routes = routes(&config());
    let one = vec![told("Down", "a", None)];
    let two = vec![told("Down", "a", None), told("Down", "b", None)];
    routes.decide(0, one.clone());
    take(&mut routes, SECOND);
    routes.decide(2 * MINUTE, one);
    assert_eq!(routes.waiting().count(), 0);
    routes.decide(4 * MINUTE, two.clone());
    assert_eq!(routes.waiting().count(), 0, "group_interval is not over");
    assert_eq!(routes.next_ms(), Some(5 * MINUTE));
    routes.decide(5 * MINUTE, two.clone());
    let body = take(&mut routes, 5 * MINUTE);
    assert_eq!(body["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(body["commonLabels"].as_object().unwrap().len(), 2);
    let again = 5 * MINUTE + 4 * 60 * MINUTE;
    routes.decide(again - 1, two.clone());
    assert_eq!(routes.waiting().count(), 0);
    assert_eq!(routes.next_ms(), Some(again));
    routes.decide(again, two);
    take(&mut routes, again);
}

#[test]
fn what_comes_and_goes_within_an_interval_is_not_told() {
    let mut routes = routes(&config());
    routes.decide(0, vec![told("Down", "a", None)]);
    take(&mut routes, 0);
    for second in 1..300 {
        let ends_at_ms = (second % 2 == 0).then_some(second * SECOND);
        routes.decide(second * SECOND, vec![told("Down", "a", ends_at_ms)]);
        assert_eq!(routes.waiting().count(), 0, "one message an interval");
    }
    routes.decide(300 * SECOND, vec![told("Down", "a", None)]);
    assert_eq!(routes.waiting().count(), 0);
}

#[test]
fn the_end_is_told_once_and_then_the_conversation_is_over() {
    let mut routes = routes(&config());
    routes.decide(0, vec![told("Down", "a", None)]);
    routes.decide(5 * SECOND, vec![told("Down", "a", None)]);
    take(&mut routes, 5 * SECOND);
    routes.decide(6 * MINUTE, vec![told("Down", "a", Some(1_613_707_300_000))]);
    let body = take(&mut routes, 6 * MINUTE);
    assert_eq!(
        (&body["status"], &body["alerts"][0]["status"]),
        (&"resolved".into(), &"resolved".into())
    );
    assert_eq!(body["alerts"][0]["endsAt"], "2021-02-19T04:01:40Z");
    assert!(routes.decide(12 * MINUTE, vec![]));
    assert!(routes.conversations().is_empty());
}

#[test]
fn an_end_during_a_long_absence_is_told_with_its_true_time() {
    let mut routes = routes(&config());
    routes.decide(0, vec![told("Down", "a", None)]);
    routes.decide(5 * SECOND, vec![told("Down", "a", None)]);
    assert!(routes.decide(6 * SECOND, vec![told("Down", "a", Some(1_613_707_300_000))]));
    assert!(!routes.decide(20 * MINUTE, vec![]));
    let body = take(&mut routes, 60 * MINUTE);
    assert_eq!(
        body["status"], "firing",
        "what was written down is what is sent"
    );
    routes.decide(60 * MINUTE, vec![]);
    let body = take(&mut routes, 60 * MINUTE);
    assert_eq!(body["alerts"][0]["endsAt"], "2021-02-19T04:01:40Z");
}

#[test]
fn an_alert_that_vanished_is_resolved_now() {
    let mut routes = routes(&config());
    routes.decide(0, vec![told("Down", "a", None)]);
    routes.decide(5 * SECOND, vec![told("Down", "a", None)]);
    take(&mut routes, 5 * SECOND);
    routes.decide(6 * MINUTE, vec![]);
    let body = take(&mut routes, 6 * MINUTE);
    assert_eq!(body["alerts"][0]["endsAt"], "1970-01-01T00:06:00Z");
}

#[test]
fn who_does_not_want_ends_is_not_told_of_them() {
    let mut config = config();
    config.webhooks[0].send_resolved = false;
    let mut routes = routes(&config);
    routes.decide(0, vec![told("Down", "a", None)]);
    routes.decide(5 * SECOND, vec![told("Down", "a", None)]);
    take(&mut routes, 5 * SECOND);
    routes.decide(6 * MINUTE, vec![]);
    assert_eq!(routes.waiting().count(), 0);
    assert!(routes.conversations().is_empty());
    routes.decide(7 * MINUTE, vec![told("Down", "a", None)]);
    routes.decide(8 * MINUTE, vec![told("Down", "a", None)]);
    assert_eq!(take(&mut routes, 8 * MINUTE)["status"], "firing");
}

#[test]
fn a_refused_notification_is_tried_anew_after_the_group_interval() {
    let mut routes = routes(&config());
    routes.decide(0, vec![told("Down", "a", None)]);
    routes.decide(5 * SECOND, vec![told("Down", "a", None)]);
    let (party, first) = only(&routes);
    routes.refused(&party, &first.key, MINUTE);
    routes.decide(MINUTE + 1, vec![told("Down", "a", None)]);
    assert_eq!(routes.waiting().count(), 0);
    routes.decide(6 * MINUTE, vec![told("Down", "a", None)]);
    assert_ne!(only(&routes).1.key, first.key);
}

#[test]
fn groups_are_separate_and_ten_thousand_alerts_are_one_message() {
    let mut config = config();
    config.webhooks[0].max_alerts = 100;
    let mut routes = routes(&config);
    let mut alerts: Vec<Told> = (0..10_000)
        .map(|n| told("Many", &n.to_string(), None))
        .collect();
    for alert in &mut alerts[1..] {
        alert
            .labels
            .insert("severity".to_owned(), "info".to_owned());
    }
    alerts.swap(0, 5_000);
    alerts.push(told("Other", "x", None));
    routes.decide(0, alerts.clone());
    routes.decide(5 * SECOND, alerts.clone());
    let all: Vec<_> = routes
        .waiting()
        .map(|(p, n)| (p.clone(), n.clone()))
        .collect();
    assert_eq!(all.len(), 2);
    let many = all
        .iter()
        .find(|(party, _)| party.group["alertname"] == "Many")
        .unwrap();
    let body: Value = serde_json::from_str(&many.1.body).unwrap();
    assert_eq!(body["truncatedAlerts"], 9_900);
    assert_eq!(
        body["alerts"][0]["labels"]["severity"], "page",
        "critical first"
    );
    for (party, notification) in all {
        routes.taken(&party, &notification.key, 6 * SECOND);
    }
    routes.decide(6 * MINUTE, alerts);
    assert_eq!(
        routes.waiting().count(),
        0,
        "all were told of, the truncated ones too"
    );
}

/// FAULTS 22.
#[test]
fn a_clock_that_is_set_back_does_not_silence_a_group() {
    let mut config = config();
    config.grouping.group_wait = Duration::from_secs(5);
    let mut routes = routes(&config);
    let day = 24 * 60 * MINUTE;
    routes.decide(2 * day, vec![told("Down", "a", None)]);
    routes.decide(day, vec![told("Down", "a", None)]);
    routes.decide(day + 5 * MINUTE, vec![told("Down", "a", None)]);
    assert_eq!(routes.waiting().count(), 1);
}

#[test]
fn conversations_with_receivers_that_are_no_more_end() {
    let mut routes = routes(&config());
    routes.decide(0, vec![told("Down", "a", None)]);
    let mut other = config();
    other.webhooks[0].name = "others".to_owned();
    let routes = Routes::new(&other, routes.conversations().clone());
    assert!(routes.conversations().is_empty());
}
