//! Chooses how a column of integers is written: as it is, as differences or as differences of differences, and
//! within which window of values; what lies outside the window becomes a patch. Decides, never writes.

use super::bits::mask;

/// What is written for each integer `x[i]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// `x[i]`
    Plain = 0,
    /// `x[i] - x[i-1]`
    Delta = 1,
    /// `(x[i] - x[i-1]) - (x[i-1] - x[i-2])`
    DeltaOfDelta = 2,
}

impl Mode {
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Delta, Self::DeltaOfDelta];

    /// How many integers at the front are not in the packed bits but in the column's head.
    pub(super) fn lead(self) -> usize {
        self as usize
    }

    /// The column's terms in this mode: as many as there are integers less [`Mode::lead`]. All sums wrap.
    pub(super) fn terms(self, ints: &[i64]) -> Vec<i64> {
        match self {
            Self::Plain => ints.to_vec(),
            Self::Delta => deltas(ints).collect(),
            Self::DeltaOfDelta => second_deltas(ints).collect(),
        }
    }

    fn extent(self, ints: &[i64]) -> Extent {
        match self {
            Self::Plain => Extent::of(ints.iter().copied()),
            Self::Delta => Extent::of(deltas(ints)),
            Self::DeltaOfDelta => Extent::of(second_deltas(ints)),
        }
    }

    fn sampled_extent(self, ints: &[i64]) -> Extent {
        let stride = (ints.len() / SAMPLED).max(1);
        let term = |at: usize| self.extent(&ints[at - self.lead()..=at]).low;
        Extent::of((self.lead()..ints.len()).step_by(stride).map(term))
    }
}

/// How to write a column: `term = base + (packed << shift)`, the packed number being `width` bits wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) mode: Mode,
    pub(super) base: i64,
    pub(super) shift: u32,
    pub(super) width: u32,
    /// Whether some terms lie outside the window and need a patch.
    pub(super) patched: bool,
    /// What the terms will take, a column's head not counted.
    pub(super) cost_bits: usize,
}

/// So many terms are looked at to see how wide a column would be but for its outliers.
const SAMPLED: usize = 16;
/// Up to one term in so many may be an outlier.
const OUTLIERS: usize = 8;

/// The cheapest of the ways; on a tie the simplest.
pub(super) fn plan(ints: &[i64]) -> Plan {
    let extents = Mode::ALL.map(|mode| (mode, mode.extent(ints)));
    let mut best = Plan::whole(Mode::Plain, extents[0].1, ints.len());
    for (mode, extent) in extents {
        let whole = Plan::whole(mode, extent, ints.len());
        if whole.cost_bits < best.cost_bits {
            best = whole;
        }
    }
    let width = best.width;
    for (mode, extent) in extents {
        let typical = (mode.sampled_extent(ints).range() >> extent.shift()).ilog_width();
        if typical + 2 <= width || (typical == 0 && width > 0) {
            best = Plan::trimmed(mode, extent, ints, best);
        }
    }
    best
}

impl Plan {
    fn whole(mode: Mode, extent: Extent, count: usize) -> Self {
        let shift = extent.shift();
        let width = (extent.range() >> shift).ilog_width();
        Self {
            mode,
            base: extent.low,
            shift,
            width,
            patched: false,
            cost_bits: count.saturating_sub(mode.lead()) * width as usize,
        }
    }

    /// The cheapest window that leaves some terms out, if it beats `best`.
    fn trimmed(mode: Mode, extent: Extent, ints: &[i64], best: Self) -> Self {
        let mut sorted = mode.terms(ints);
        sorted.sort_unstable();
        let shift = extent.shift();
        let full = (extent.range() >> shift).ilog_width();
        let mut best = best;
        for width in (0..full).rev() {
            let (base, covered) = densest(&sorted, mask(width) << shift);
            let outliers = sorted.len() - covered;
            if outliers * OUTLIERS > sorted.len() {
                break;
            }
            let cost_bits = sorted.len() * width as usize + outliers * patch_bits(full - width);
            if cost_bits < best.cost_bits {
                best = Self {
                    mode,
                    base,
                    shift,
                    width,
                    patched: true,
                    cost_bits,
                };
            }
        }
        best
    }
}

/// A patch is a position, mostly of one byte, and the signed bits above the width as a varint.
fn patch_bits(above: u32) -> usize {
    8 + 8 * (above as usize + 1).div_ceil(7)
}

/// Where a window of the given reach covers most of the ascending terms: its lowest term and how many it covers.
fn densest(sorted: &[i64], reach: u64) -> (i64, usize) {
    let (mut from, mut best) = (0, (0, 0));
    for (to, &high) in sorted.iter().enumerate() {
        while high.wrapping_sub(sorted[from]) as u64 > reach {
            from += 1;
        }
        if to + 1 - from > best.1 {
            best = (sorted[from], to + 1 - from);
        }
    }
    best
}

fn deltas(ints: &[i64]) -> impl Iterator<Item = i64> {
    ints.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]))
}

fn second_deltas(ints: &[i64]) -> impl Iterator<Item = i64> {
    ints.windows(3).map(|three| {
        let (before, after) = (
            three[1].wrapping_sub(three[0]),
            three[2].wrapping_sub(three[1]),
        );
        after.wrapping_sub(before)
    })
}

/// Between what values a column's terms lie, and in which bits they differ.
#[derive(Debug, Clone, Copy)]
struct Extent {
    low: i64,
    high: i64,
    differing: u64,
}

impl Extent {
    #[inline]
    fn of(mut terms: impl Iterator<Item = i64>) -> Self {
        let first = terms.next().unwrap_or(0);
        let (mut low, mut high, mut differing) = (first, first, 0);
        for term in terms {
            low = low.min(term);
            high = high.max(term);
            differing |= (term ^ first) as u64;
        }
        Self {
            low,
            high,
            differing,
        }
    }

    fn range(self) -> u64 {
        self.high.wrapping_sub(self.low) as u64
    }

    /// All terms are the lowest plus a multiple of two to this power.
    fn shift(self) -> u32 {
        if self.differing == 0 {
            0
        } else {
            self.differing.trailing_zeros()
        }
    }
}

trait BitWidth {
    /// Bits needed to write the number: 0 for 0.
    fn ilog_width(self) -> u32;
}

impl BitWidth for u64 {
    fn ilog_width(self) -> u32 {
        Self::BITS - self.leading_zeros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: i64, spread: i64) -> Vec<i64> {
        (0..count).map(|i| (i * 7_919 + i * i * 31) % spread).collect()
    }

    #[test]
    fn noise_is_plain_a_walk_is_deltas_and_a_parabola_is_deltas_of_deltas() {
        let walk: Vec<i64> = noise(180, 100)
            .iter()
            .scan(0, |sum, step| {
                *sum += step;
                Some(*sum)
            })
            .collect();
        assert_eq!(plan(&noise(180, 100)).mode, Mode::Plain);
        assert_eq!((plan(&walk).mode, plan(&walk).width), (Mode::Delta, 7));
        let parabola: Vec<i64> = (0..180).map(|i| i * i * 1_000).collect();
        let plan = plan(&parabola);
        assert_eq!((plan.mode, plan.cost_bits), (Mode::DeltaOfDelta, 0));
    }

    #[test]
    fn a_common_power_of_two_is_taken_out() {
        let pages: Vec<i64> = noise(180, 100).iter().map(|n| 12_345 + n * 4_096).collect();
        let plan = plan(&pages);
        assert_eq!((plan.shift, plan.width, plan.patched), (12, 7, false));
    }

    #[test]
    fn an_outlier_of_either_side_does_not_widen_the_others() {
        for outlier in [1_000_000_000, -1_000_000_000, i64::MAX, i64::MIN] {
            let mut ints = noise(180, 100);
            ints[90] = outlier;
            let plan = plan(&ints);
            assert!(plan.patched && plan.width <= 7, "{outlier}: {plan:?}");
        }
    }

    #[test]
    fn the_extremes_do_not_overflow() {
        let plan = plan(&[i64::MIN, i64::MAX, 0, -1]);
        assert_eq!((plan.mode, plan.width), (Mode::Plain, 64));
        assert_eq!(super::plan(&[]).cost_bits, 0);
        assert_eq!(super::plan(&[i64::MIN]).cost_bits, 0);
    }
}
