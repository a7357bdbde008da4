//! Points made again beside those that were made before: samples may be gone meanwhile of which there are points, and
//! those points are not made worse. Knows no bytes.

use super::RollupPoint;

/// The points of both runs, each ascending with one a bucket. Where both have a bucket the one made again holds, unless
/// it has fewer samples: then some that the older one counts are gone or cannot be read.
pub(crate) fn keep_fuller(
    before: Vec<RollupPoint>,
    made: Vec<RollupPoint>,
    resolution_ms: i64,
) -> Vec<RollupPoint> {
    if before.is_empty() {
        return made;
    }
    let bucket = |point: &RollupPoint| point.last_ms.div_euclid(resolution_ms);
    let mut kept = Vec::with_capacity(before.len().max(made.len()));
    let mut before = before.into_iter().peekable();
    for point in made {
        while let Some(old) = before.next_if(|old| bucket(old) < bucket(&point)) {
            kept.push(old);
        }
        let old = before.next_if(|old| bucket(old) == bucket(&point));
        kept.push(old.filter(|old| has_more(old, &point)).unwrap_or(point));
    }
    kept.extend(before);
    kept
}

fn has_more(old: &RollupPoint, made: &RollupPoint) -> bool {
    let floats = |point: &RollupPoint| if point.has_floats() { point.count } else { 0.0 };
    let observed =
        |point: &RollupPoint| (point.histogram.as_ref()).map_or(0, |histogram| histogram.count());
    floats(old) > floats(made) || observed(old) > observed(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(of: &[(i64, f64)]) -> Vec<RollupPoint> {
        let point = |(last_ms, count): &(i64, f64)| RollupPoint {
            last_ms: *last_ms,
            last: 1.0,
            count: *count,
            sum: *count,
            min: 1.0,
            max: 1.0,
            histogram: None,
        };
        of.iter().map(point).collect()
    }

    #[test]
    fn a_bucket_keeps_the_point_of_more_samples() {
        let before = points(&[(5, 2.0), (15, 2.0), (35, 2.0)]);
        let made = points(&[(3, 1.0), (16, 2.0), (25, 1.0), (59, 1.0)]);
        let kept = keep_fuller(before, made, 10);
        let kept: Vec<_> = kept.iter().map(|one| (one.last_ms, one.count)).collect();
        let expected = [(5, 2.0), (16, 2.0), (25, 1.0), (35, 2.0), (59, 1.0)];
        assert_eq!(kept, expected);
    }
}
