use super::*;

fn plan(seed: u64) -> Plan {
    Plan {
        seed,
        start_ms: 1_700_000_000_000,
        step_ms: 2_000,
    }
}

#[test]
fn a_batch_is_the_same_each_time_and_other_for_each_seed_agent_and_sequence() {
    let one = plan(7).batch(1, 35);
    assert_eq!(one, plan(7).batch(1, 35));
    assert_ne!(one, plan(8).batch(1, 35));
    assert_ne!(one, plan(7).batch(2, 35));
    assert_ne!(one, plan(7).batch(1, 36));
}

#[test]
fn the_load_has_everything_that_may_go_wrong() {
    let plan = plan(3);
    let (mut late, mut repeated, mut corrected, mut histograms) = (0, 0, 0, 0);
    let mut seen = std::collections::HashMap::new();
    for sequence in 1..1_000 {
        for point in plan.batch(0, sequence) {
            let at = (point.line, point.sample.timestamp_ms);
            late += u64::from(at.1 < plan.time_ms(sequence) - 60_000);
            histograms += u64::from(matches!(point.sample.value, Value::Histogram(_)));
            match seen.insert(at, point.sample.value.clone()) {
                Some(before) if before == point.sample.value => repeated += 1,
                Some(_) => corrected += 1,
                None => {}
            }
        }
    }
    for count in [late, repeated, corrected, histograms] {
        assert!(count > 1_000, "{late} {repeated} {corrected} {histograms}");
    }
    let series: std::collections::HashSet<_> = seen.keys().map(|(line, _)| *line).collect();
    assert!(series.len() > usize::from(FLOAT_SERIES + HISTOGRAM_SERIES));
}

#[test]
fn nothing_is_before_the_start_or_ahead_of_its_batch() {
    let plan = plan(5);
    for sequence in 1..400 {
        for point in plan.batch(3, sequence) {
            let at_ms = point.sample.timestamp_ms;
            assert!(at_ms >= plan.start_ms && at_ms < plan.time_ms(sequence + 1));
        }
    }
}

#[test]
fn a_line_is_read_back_from_its_labels() {
    let line = Line {
        agent: 3,
        number: 811,
        generation: 2,
    };
    let key = line.key().unwrap();
    assert_eq!(Line::of(|label| key.get(label)), Some(line));
    let stranger = SeriesKey::new("crash_float_1", key.labels()).unwrap();
    assert_eq!(Line::of(|label| stranger.get(label)), None);
}
