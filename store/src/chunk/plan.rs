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

    /// The range of a few terms, their lowest and highest left out.
    fn typical_range(self, ints: &[i64]) -> u64 {
        let stride = (ints.len() / SAMPLED).max(1);
        match self {
            Self::Plain => inner_range(ints.iter().copied().step_by(stride)),
            Self::Delta => inner_range(deltas(ints).step_by(stride)),
            Self::DeltaOfDelta => inner_range(second_deltas(ints).step_by(stride)),
        }
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
    /// About what the integers will take.
    pub(super) cost_bits: usize,
}

/// So many terms are looked at to see how wide a column would be but for its outliers.
const SAMPLED: usize = 16;
/// Columns of fewer integers have at most one outlier.
const SHORT: usize = 2 * OUTLIERS;
/// What an integer in the column's head takes.
const LEAD_BITS: usize = 24;
/// From two below it, so many widths about the typical one are tried out.
const WIDTHS_TRIED: u32 = 4;
/// Up to one term in so many may be an outlier.
const OUTLIERS: usize = 8;

/// The cheapest of the ways; on a tie the simplest.
pub(super) fn plan(ints: &[i64]) -> Plan {
    if ints.len() < SHORT {
        plan_short(ints)
    } else {
        plan_long(ints)
    }
}

fn plan_long(ints: &[i64]) -> Plan {
    let plain = Mode::Plain.extent(ints);
    let mut best = Plan::whole(Mode::Plain, plain, ints.len());
    if best.width == 0 {
        return best;
    }
    let candidates = candidates(ints);
    let tried = || candidates.iter().flatten();
    for tried in tried() {
        let whole = Plan::whole(tried.mode, tried.extent, ints.len());
        if whole.cost_bits < best.cost_bits {
            best = whole;
        }
    }
    let width = best.width;
    for tried in tried() {
        if tried.typical + 2 <= width || (tried.typical == 0 && width > 0) {
            best = Plan::trimmed(tried, ints, best);
        }
    }
    best
}

/// The same for few integers. One outlier at most pays there, so the ends of the terms tell all, without an order.
fn plan_short(ints: &[i64]) -> Plan {
    let plain = Ends::of(ints.iter().copied());
    let mut best = Plan::whole(Mode::Plain, plain.extent(), ints.len());
    if best.width == 0 {
        return best;
    }
    let delta = Ends::of(deltas(ints));
    let second = Ends::of(second_deltas(ints));
    for (mode, ends) in Mode::ALL.into_iter().zip([plain, delta, second]) {
        let whole = Plan::whole(mode, ends.extent(), ints.len());
        let without = Plan::without_one(mode, ends, ints.len());
        for plan in [Some(whole), without].into_iter().flatten() {
            if plan.cost_bits < best.cost_bits {
                best = plan;
            }
        }
    }
    best
}

/// A mode worth a try: where its terms lie, and how many bits they would take but for the outliers.
struct Candidate {
    mode: Mode,
    extent: Extent,
    typical: u32,
}

/// The modes whose typical terms are about the narrowest; differences of differences only if narrower than those.
fn candidates(ints: &[i64]) -> [Option<Candidate>; 3] {
    let typical = Mode::ALL.map(|mode| bit_width(mode.typical_range(ints)));
    let [plain, delta, second] = typical;
    let narrowest = plain.min(delta).min(second);
    let tried = [true, true, second < delta];
    Mode::ALL.map(|mode| {
        let worth = tried[mode.lead()] && typical[mode.lead()] <= narrowest + 1;
        worth.then(|| {
            let extent = mode.extent(ints);
            let typical = typical[mode.lead()].saturating_sub(extent.shift());
            Candidate {
                mode,
                extent,
                typical,
            }
        })
    })
}

impl Plan {
    fn whole(mode: Mode, extent: Extent, count: usize) -> Self {
        let width = extent.width();
        Self {
            mode,
            base: extent.low,
            shift: extent.shift(),
            width,
            patched: false,
            cost_bits: cost_bits(mode, count, width),
        }
    }

    /// The window that leaves the lowest or the highest term out.
    fn without_one(mode: Mode, ends: Ends, count: usize) -> Option<Self> {
        if count.saturating_sub(mode.lead()) < OUTLIERS {
            return None;
        }
        let (extent, shift) = (ends.extent(), ends.extent().shift());
        let below = ends.high.wrapping_sub(ends.lowest) as u64;
        let above = ends.highest.wrapping_sub(ends.low) as u64;
        let (base, range) = match below <= above {
            true => (ends.lowest, below),
            false => (ends.low, above),
        };
        let (full, width) = (extent.width(), bit_width(range >> shift));
        (width < full).then(|| Self {
            mode,
            base,
            shift,
            width,
            patched: true,
            cost_bits: cost_bits(mode, count, width) + patch_bits(full - width),
        })
    }

    /// The cheapest window of about the typical width that leaves some terms out, if it beats `best`.
    fn trimmed(tried: &Candidate, ints: &[i64], best: Self) -> Self {
        let Candidate {
            mode,
            extent,
            typical,
        } = *tried;
        let mut sorted = mode.terms(ints);
        sorted.sort_unstable();
        let (shift, full, mut best) = (extent.shift(), extent.width(), best);
        for width in typical.saturating_sub(2)..full.min(typical + WIDTHS_TRIED) {
            let (base, covered) = densest(&sorted, mask(width) << shift);
            let outliers = sorted.len() - covered;
            let cost_bits =
                cost_bits(mode, ints.len(), width) + outliers * patch_bits(full - width);
            if outliers * OUTLIERS <= sorted.len() && cost_bits < best.cost_bits {
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

fn cost_bits(mode: Mode, count: usize, width: u32) -> usize {
    mode.lead() * LEAD_BITS + count.saturating_sub(mode.lead()) * width as usize
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

/// The two lowest and the two highest of a column's terms, and in which bits terms differ.
#[derive(Debug, Clone, Copy)]
struct Ends {
    lowest: i64,
    low: i64,
    high: i64,
    highest: i64,
    differing: u64,
}

impl Ends {
    #[inline]
    fn of(terms: impl Iterator<Item = i64>) -> Self {
        let mut ends = Self {
            lowest: i64::MAX,
            low: i64::MAX,
            high: i64::MIN,
            highest: i64::MIN,
            differing: 0,
        };
        let mut first = None;
        for term in terms {
            ends.low = ends.low.min(ends.lowest.max(term));
            ends.lowest = ends.lowest.min(term);
            ends.high = ends.high.max(ends.highest.min(term));
            ends.highest = ends.highest.max(term);
            ends.differing |= (term ^ *first.get_or_insert(term)) as u64;
        }
        if first.is_none() {
            (ends.lowest, ends.highest) = (0, 0);
        }
        ends
    }

    fn extent(self) -> Extent {
        Extent {
            low: self.lowest,
            high: self.highest,
            differing: self.differing,
        }
    }
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

    /// Bits that hold any term's distance from the lowest, the shift taken out.
    fn width(self) -> u32 {
        bit_width(self.high.wrapping_sub(self.low) as u64 >> self.shift())
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

/// The distance from the second lowest to the second highest; 0 for fewer than three terms.
fn inner_range(terms: impl Iterator<Item = i64>) -> u64 {
    let Ends { low, high, .. } = Ends::of(terms);
    if low < high {
        high.wrapping_sub(low) as u64
    } else {
        0
    }
}

/// Bits needed to write the number: 0 for 0.
fn bit_width(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: u64, spread: u64) -> Vec<i64> {
        let mixed = |i: u64| (i * i * i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        (0..count).map(|i| (mixed(i + 1) % spread) as i64).collect()
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
        assert_eq!((plan.mode, plan.width), (Mode::DeltaOfDelta, 0));
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
    fn few_integers_lose_nothing_against_the_search() {
        for (count, spread) in (0..SHORT as u64).flat_map(|count| [1, 9, 1_000].map(|s| (count, s)))
        {
            for outlier in [0, 7, 1 << 30, -(1 << 30), i64::MIN] {
                let mut ints = noise(count, spread);
                if let Some(last) = ints.get_mut(count as usize / 2) {
                    *last = outlier;
                }
                let (few, long) = (plan_short(&ints), plan_long(&ints));
                assert!(
                    few.cost_bits <= long.cost_bits,
                    "{ints:?}: {few:?} {long:?}"
                );
            }
        }
    }

    #[test]
    fn the_extremes_do_not_overflow() {
        let plan = plan(&[i64::MIN, i64::MAX, 0, -1, 77, 5]);
        assert!(plan.width > 60, "{plan:?}");
        assert_eq!(super::plan(&[]).cost_bits, 0);
        assert_eq!(super::plan(&[i64::MIN]).cost_bits, 0);
    }
}
