//! Distributions of others, as far as they can be kept: from 0 to [`Histogram::MAX`]. One that has anything beyond is refused
//! rather than bent, since its quantiles would be others than its sender's and nobody would know.

use weir_wire::buckets::Buckets;
use weir_wire::{Histogram, Invalid, Reject};

/// The distribution, of one interval, in our own buckets.
///
/// # Errors
/// [`Reject::Unsupported`]: a part of it is negative, or too large.
pub(super) fn kept(buckets: &Buckets) -> Result<Histogram, Invalid> {
    let converted = buckets.to_histogram();
    if converted.clamped == 0 {
        return Ok(converted.histogram);
    }
    let text = format!(
        "{} of a histogram's {} observations are below 0 or above {:e}: distributions of such are not kept",
        converted.clamped,
        buckets.count,
        Histogram::MAX
    );
    Err(Invalid::new(Reject::Unsupported, text))
}

#[cfg(test)]
mod tests {
    use weir_wire::buckets::{Bucket, Layout};

    use super::*;

    #[test]
    fn what_is_negative_or_too_large_is_refused() {
        let bucket = |index| vec![Bucket { index, count: 2.0 }];
        let mut buckets = Buckets::empty(Layout::Exponential { scale: 0 });
        (buckets.count, buckets.positive) = (2.0, bucket(3));
        assert_eq!(kept(&buckets).map(|histogram| histogram.count()), Ok(2));
        buckets.positive = bucket(100);
        assert_eq!(kept(&buckets).unwrap_err().reject, Reject::Unsupported);
        (buckets.positive, buckets.negative) = (Vec::new(), bucket(1));
        let why = kept(&buckets).unwrap_err();
        assert!(why.text.starts_with("2 of a histogram's 2"), "{why}");
    }
}
