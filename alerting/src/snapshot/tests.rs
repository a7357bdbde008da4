use super::*;
use crate::state::Stage;

fn snapshot() -> Snapshot {
    Snapshot {
        saved_at_ms: 1_613_707_265_000,
        rules: vec![RuleAlerts {
            id: "hosts\0alert\0Down".to_owned(),
            alerts: vec![Alert {
                labels: Labels::from([("alertname".to_owned(), "Down".to_owned())]),
                annotations: Labels::new(),
                stage: Stage::Pending,
                active_at_ms: 1_613_707_200_000,
                fired_at_ms: None,
                resolved_at_ms: None,
                keep_firing_since_ms: None,
                value: 0.5,
            }],
        }],
        conversations: vec![SavedConversation {
            receiver: "ops".to_owned(),
            group: Labels::new(),
            conversation: Conversation::default(),
        }],
    }
}

#[test]
fn what_is_saved_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load(folder.path()).unwrap(), Snapshot::default());
    save(folder.path(), &snapshot()).unwrap();
    save(folder.path(), &snapshot()).unwrap();
    assert_eq!(load(folder.path()).unwrap(), snapshot());
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, [FILE], "nothing is left beside it");
}

#[test]
fn the_bytes_of_version_1_stay_readable() {
    let body = concat!(
        r#"{"saved_at_ms":1613707265000,"rules":[{"id":"hosts\u0000alert\u0000Down","alerts":[{"#,
        r#""labels":{"alertname":"Down"},"annotations":{},"stage":"pending","active_at_ms":1613707200000,"#,
        r#""fired_at_ms":null,"resolved_at_ms":null,"keep_firing_since_ms":null,"value":"0.5"}]}],"#,
        r#""conversations":[{"receiver":"ops","group":{},"conversation":{"#,
        r#""not_before_ms":0,"tell_at_ms":null,"sent":null,"waiting":null}}]}"#,
    );
    let mut golden = b"WEIRALRT\x01\x00\x00\x00".to_vec();
    golden.extend((body.len() as u64).to_le_bytes());
    golden.extend(crc32c::crc32c(body.as_bytes()).to_le_bytes());
    golden.extend(body.as_bytes());
    assert_eq!(format::encode(&snapshot()), golden);
    assert_eq!(format::decode(&golden).unwrap(), snapshot());
}

#[test]
fn a_future_version_is_refused_and_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = format::encode(&snapshot());
    bytes[8] = 9;
    std::fs::write(folder.path().join(FILE), &bytes).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("version 9") && error.contains("up to 1"),
        "{error}"
    );
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), bytes);
}

#[test]
fn any_damage_puts_the_file_aside() {
    let good = format::encode(&snapshot());
    for at in (0..good.len()).filter(|at| !(8..12).contains(at)) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        assert!(
            format::decode(&bytes).is_err(),
            "a flipped bit at {at} goes unnoticed"
        );
        assert!(
            format::decode(&good[..at]).is_err(),
            "a cut at {at} goes unnoticed"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), &good[..good.len() - 1]).unwrap();
    assert_eq!(load(folder.path()).unwrap(), Snapshot::default());
    assert!(folder.path().join("alert-state.damaged").exists());
    assert!(!folder.path().join(FILE).exists());
}
