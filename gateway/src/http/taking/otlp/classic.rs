//! A histogram of explicit bounds as Prometheus' classic series: counts up to each bound, `_count`, `_sum`.

use weir_wire::buckets::{Buckets, Layout};
use weir_wire::exposition::go_float;

/// One series of a classic histogram.
pub(super) struct Part {
    pub(super) suffix: &'static str,
    /// The text of `le`.
    pub(super) bound: Option<String>,
    pub(super) value: f64,
}

/// The series of a histogram; none of an exponential one, which has no bounds that stay.
pub(super) fn parts(buckets: &Buckets) -> Vec<Part> {
    let Layout::Explicit { bounds } = &buckets.layout else {
        return Vec::new();
    };
    let mut parts = Vec::with_capacity(bounds.len() + 3);
    let mut filled = buckets.positive.iter().peekable();
    let mut count = 0.0;
    for (at, bound) in bounds.iter().enumerate() {
        while let Some(bucket) = filled.next_if(|bucket| bucket.index as usize <= at) {
            count += bucket.count;
        }
        if bound.is_finite() {
            parts.push(bucket(go_float(*bound), count));
        }
    }
    parts.push(bucket("+Inf".to_owned(), buckets.count));
    parts.push(Part {
        suffix: "_count",
        bound: None,
        value: buckets.count,
    });
    if let Some(sum) = buckets.sum {
        parts.push(Part {
            suffix: "_sum",
            bound: None,
            value: sum,
        });
    }
    parts
}

fn bucket(bound: String, count: f64) -> Part {
    Part {
        suffix: "_bucket",
        bound: Some(bound),
        value: count,
    }
}

#[cfg(test)]
mod tests {
    use weir_wire::buckets::Bucket;

    use super::*;

    #[test]
    fn counts_run_up_to_each_bound() {
        let bounds = vec![0.1, 1.0, 10.0];
        let mut buckets = Buckets::empty(Layout::Explicit { bounds });
        (buckets.count, buckets.sum) = (6.0, Some(25.0));
        buckets.positive = [(0, 1.0), (2, 3.0), (3, 2.0)]
            .map(|(index, count)| Bucket { index, count })
            .to_vec();
        let told: Vec<String> = parts(&buckets)
            .into_iter()
            .map(|part| format!("{}{:?} {}", part.suffix, part.bound, part.value))
            .collect();
        let wanted = [
            "_bucketSome(\"0.1\") 1",
            "_bucketSome(\"1\") 1",
            "_bucketSome(\"10\") 4",
            "_bucketSome(\"+Inf\") 6",
            "_countNone 6",
            "_sumNone 25",
        ];
        assert_eq!(told, wanted);
    }
}
