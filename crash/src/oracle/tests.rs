use weir_wire::Sample;

use super::*;

const ALL: RangeInclusive<i64> = 0..=i64::MAX;

fn line(number: u16) -> Line {
    Line {
        agent: 1,
        number,
        generation: 0,
    }
}

fn point(number: u16, timestamp_ms: i64, value: f64) -> Planned {
    let sample = Sample {
        timestamp_ms,
        value: Value::Float(value),
    };
    Planned {
        line: line(number),
        sample,
    }
}

fn answer(number: u16, samples: &[(i64, f64)]) -> Answer {
    let seen = |(at_ms, value): &(i64, f64)| (*at_ms, Seen::Float(value.to_bits()));
    Answer {
        line: Some(line(number)),
        name: format!("line {number}"),
        samples: samples.iter().map(seen).collect(),
    }
}

/// Two series of two samples, acknowledged; a third sample of the first on its way.
fn oracle() -> Oracle {
    let mut oracle = Oracle::default();
    let first = [point(1, 10, 1.0), point(2, 10, 2.0)];
    oracle.sent(1, 1, &first);
    oracle.sent(1, 2, &[point(1, 20, 3.0), point(2, 20, 4.0)]);
    oracle.acknowledged(1, 2);
    oracle.sent(1, 3, &[point(1, 30, 5.0)]);
    oracle
}

fn judge(oracle: &Oracle, answers: &[Answer]) -> [u64; 5] {
    let verdict = oracle.judge(|_| true, answers, ALL, 0);
    let counts = Fault::ALL.map(|fault| verdict.count(fault));
    assert_eq!(verdict.clean(), counts == [0; 5]);
    counts
}

#[test]
fn what_was_acknowledged_is_right_with_and_without_what_was_on_its_way() {
    let oracle = oracle();
    let second = answer(2, &[(10, 2.0), (20, 4.0)]);
    let with = answer(1, &[(10, 1.0), (20, 3.0), (30, 5.0)]);
    let without = answer(1, &[(10, 1.0), (20, 3.0)]);
    assert_eq!(judge(&oracle, &[with, second.clone()]), [0; 5]);
    assert_eq!(judge(&oracle, &[without, second]), [0; 5]);
}

#[test]
fn a_lost_sample_and_a_lost_series_are_found() {
    let answers = [answer(1, &[(20, 3.0)])];
    assert_eq!(judge(&oracle(), &answers), [3, 0, 0, 0, 0]);
    assert_eq!(judge(&oracle(), &[]), [4, 0, 0, 0, 0]);
}

#[test]
fn a_sample_or_series_that_is_there_twice_is_found() {
    let oracle = oracle();
    let second = answer(2, &[(10, 2.0), (20, 4.0)]);
    let twice = answer(1, &[(10, 1.0), (10, 1.0), (20, 3.0)]);
    assert_eq!(judge(&oracle, &[twice, second.clone()]), [0, 1, 0, 0, 0]);
    let once = answer(1, &[(10, 1.0), (20, 3.0)]);
    assert_eq!(
        judge(&oracle, &[once, second.clone(), second]),
        [0, 2, 0, 0, 0]
    );
}

#[test]
fn what_nobody_sent_is_found() {
    let oracle = oracle();
    let mut stranger = answer(9, &[(10, 1.0)]);
    let first = answer(1, &[(10, 1.0), (15, 1.0), (20, 3.0)]);
    let second = answer(2, &[(10, 2.0), (20, 4.0)]);
    let answers = [first, second.clone(), stranger.clone()];
    assert_eq!(judge(&oracle, &answers), [0, 0, 2, 0, 0]);
    stranger.line = None;
    let first = answer(1, &[(10, 1.0), (20, 3.0)]);
    assert_eq!(judge(&oracle, &[first, second, stranger]), [0, 0, 1, 0, 0]);
}

#[test]
fn a_changed_sample_is_found_to_the_bit() {
    let answers = [
        answer(1, &[(10, 1.0), (20, 3.0)]),
        answer(2, &[(10, 2.0), (20, 4.000_000_000_000_001)]),
    ];
    assert_eq!(judge(&oracle(), &answers), [0, 0, 0, 1, 0]);
}

#[test]
fn a_corrected_sample_may_not_fall_back() {
    let mut oracle = oracle();
    oracle.sent(1, 4, &[point(1, 10, 7.0)]);
    let second = answer(2, &[(10, 2.0), (20, 4.0)]);
    let (old, new) = (
        answer(1, &[(10, 1.0), (20, 3.0)]),
        answer(1, &[(10, 7.0), (20, 3.0)]),
    );
    // On its way: either holds.
    for first in [&old, &new] {
        assert_eq!(judge(&oracle, &[first.clone(), second.clone()]), [0; 5]);
    }
    oracle.acknowledged(1, 4);
    let lost_third = [1, 0, 0, 0, 0];
    assert_eq!(judge(&oracle, &[new, second.clone()]), lost_third);
    assert_eq!(judge(&oracle, &[old, second]), [1, 0, 0, 0, 1]);
}

#[test]
fn what_is_past_retention_may_be_gone_but_not_wrong() {
    let oracle = oracle();
    let verdict = oracle.judge(|_| true, &[], ALL, 20);
    assert_eq!(verdict.count(Fault::Lost), 2);
    let wrong = [answer(1, &[(10, 9.0), (20, 3.0)])];
    let verdict = oracle.judge(|line| line.number == 1, &wrong, ALL, 20);
    assert_eq!(
        (verdict.count(Fault::Lost), verdict.count(Fault::Changed)),
        (0, 1)
    );
}

#[test]
fn only_the_range_that_was_asked_for_is_missed() {
    let verdict = oracle().judge(|_| true, &[], 15..=25, 0);
    assert_eq!(verdict.count(Fault::Lost), 2);
}

#[test]
fn histograms_are_compared_with_their_buckets() {
    let mut histogram = weir_wire::Histogram::new();
    histogram.record(3.0, 2).unwrap();
    let value = Value::Histogram(std::sync::Arc::new(histogram));
    let seen = Seen::from(&value);
    let sample = Sample {
        timestamp_ms: 10,
        value,
    };
    let mut oracle = Oracle::default();
    oracle.sent(
        1,
        1,
        &[Planned {
            line: line(1),
            sample,
        }],
    );
    oracle.acknowledged(1, 1);
    let mut right = answer(1, &[]);
    right.samples.push((10, seen.clone()));
    let Seen::Histogram(mut shape) = seen else {
        panic!("a histogram is seen as one");
    };
    shape.buckets[0].2 += 1;
    let mut wrong = answer(1, &[]);
    wrong.samples.push((10, Seen::Histogram(shape)));
    assert_eq!(judge(&oracle, &[right]), [0; 5]);
    assert_eq!(judge(&oracle, &[wrong]), [0, 0, 0, 1, 0]);
}

#[test]
fn past_retention_a_minute_of_histograms_answers_as_one_with_nothing_else_in_it() {
    let shape = |count, sum: f64, buckets: &[(f64, u64)]| {
        let bits = |(lower, count): &(f64, u64)| (lower.to_bits(), (lower + 1.0).to_bits(), *count);
        Seen::Histogram(Box::new(Shape {
            count,
            sum: sum.to_bits(),
            buckets: buckets.iter().map(bits).collect(),
        }))
    };
    let mut oracle = Oracle::default();
    let sent = oracle.sent.entry(line(1)).or_default();
    sent.insert((60_010, 1), shape(3, 4.0, &[(1.0, 3)]));
    sent.insert((119_000, 1), shape(2, 9.0, &[(1.0, 1), (7.0, 1)]));
    sent.insert((120_000, 1), shape(1, 1.0, &[(1.0, 1)]));
    oracle.acknowledged(1, 1);
    let faults = |at_ms, seen, kept_from_ms| {
        let answers = [Answer {
            line: Some(line(1)),
            name: String::new(),
            samples: vec![(at_ms, seen)],
        }];
        let verdict = oracle.judge(|_| true, &answers, 0..=0, kept_from_ms);
        Fault::ALL
            .map(|fault| verdict.count(fault))
            .iter()
            .sum::<u64>()
    };
    let all = || shape(5, 13.0, &[(1.0, 4), (7.0, 1)]);
    assert_eq!(faults(119_000, all(), 120_000), 0);
    assert_eq!(faults(119_000, all(), 119_000), 1, "samples are kept");
    assert_eq!(faults(60_010, all(), 120_000), 1, "it stands at the last");
    let less = shape(4, 13.0, &[(1.0, 3), (7.0, 1)]);
    assert_eq!(faults(119_000, less, 120_000), 0);
    let more = shape(6, 14.0, &[(1.0, 5), (7.0, 1)]);
    assert_eq!(faults(119_000, more, 120_000), 1);
}
