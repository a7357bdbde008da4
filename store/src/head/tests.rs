use super::*;

fn sample(timestamp_ms: i64, value: f64) -> Sample {
    Sample {
        timestamp_ms,
        value: Value::Float(value),
    }
}

fn read(head: &Head) -> Vec<(i64, f64)> {
    let [older, newer] = head.samples(1, 7, i64::MIN, i64::MAX);
    let floats = |s: &Sample| match s.value {
        Value::Float(value) => (s.timestamp_ms, value),
        Value::Histogram(_) => unreachable!("floats only"),
    };
    merge(older.to_vec(), newer).iter().map(floats).collect()
}

#[test]
fn the_last_to_come_stays_and_order_is_kept() {
    let mut head = Head::default();
    assert_eq!(head.insert(1, 7, sample(20, 1.0)), Kept::New);
    assert_eq!(head.insert(1, 7, sample(10, 2.0)), Kept::New);
    assert_eq!(head.insert(1, 7, sample(20, 1.0)), Kept::Duplicate);
    assert_eq!(head.insert(1, 7, sample(20, 3.0)), Kept::Replaced);
    assert_eq!(head.insert(1, 7, sample(30, weir_wire::stale())), Kept::New);
    assert_eq!(
        head.insert(1, 7, sample(30, weir_wire::stale())),
        Kept::Duplicate
    );
    assert_eq!(read(&head)[..2], [(10, 2.0), (20, 3.0)]);
    assert_eq!(head.len(), 3);
}

#[test]
fn a_window_being_sealed_is_read_under_what_came_since() {
    let mut head = Head::default();
    head.insert(1, 7, sample(10, 1.0));
    head.insert(1, 7, sample(20, 1.0));
    assert!(head.freeze(1).is_some());
    head.insert(1, 7, sample(20, 9.0));
    head.insert(1, 7, sample(15, 5.0));
    assert!(head.freeze(1).is_none(), "one at a time");
    assert_eq!(read(&head), [(10, 1.0), (15, 5.0), (20, 9.0)]);
    head.thaw(1);
    assert_eq!(read(&head), [(10, 1.0), (15, 5.0), (20, 9.0)]);
    assert!(head.freeze(1).is_some());
    head.release(1);
    assert_eq!(read(&head), []);
}
