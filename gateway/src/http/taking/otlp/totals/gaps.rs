//! The stretches of time between a series' points that no point was of yet: one that was overtaken fills its own. Bounded;
//! the oldest is forgotten first.

/// Gaps remembered of a series.
const MOST: usize = 4;

/// Most series have none, which costs a pointer.
#[derive(Default)]
pub(super) struct Gaps(Option<Box<[Gap; MOST]>>);

/// From just after one time to another; empty where both are the same.
#[derive(Debug, Default, Clone, Copy)]
struct Gap {
    after_ms: i64,
    until_ms: i64,
}

impl Gaps {
    /// Nothing is known of this stretch, which is later than any other.
    pub(super) fn leave(&mut self, after_ms: i64, until_ms: i64) {
        let gap = Gap { after_ms, until_ms };
        if gap.is_empty() {
            return;
        }
        let gaps = self.0.get_or_insert_default();
        gaps.rotate_right(1);
        gaps[0] = gap;
    }

    /// Whether a point of this stretch fills a gap, or a part of one: then it is none any more.
    pub(super) fn fill(&mut self, after_ms: i64, until_ms: i64) -> bool {
        let Some(gaps) = &mut self.0 else {
            return false;
        };
        let stretch = Gap { after_ms, until_ms };
        let Some(at) = gaps.iter().position(|gap| gap.holds(stretch)) else {
            return false;
        };
        let gap = gaps[at];
        let (before, later) = (
            Gap {
                until_ms: after_ms,
                ..gap
            },
            Gap {
                after_ms: until_ms,
                ..gap
            },
        );
        if before.is_empty() {
            gaps[at] = later;
        } else if later.is_empty() {
            gaps[at] = before;
        } else {
            // Newest first, so the oldest leaves.
            gaps[at..].rotate_right(1);
            gaps[at] = later;
            if let Some(place) = gaps.get_mut(at + 1) {
                *place = before;
            }
        }
        true
    }
}

impl Gap {
    fn is_empty(self) -> bool {
        self.after_ms >= self.until_ms
    }

    fn holds(self, stretch: Self) -> bool {
        !stretch.is_empty()
            && self.after_ms <= stretch.after_ms
            && stretch.until_ms <= self.until_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_gap_is_filled_once() {
        let mut gaps = Gaps::default();
        assert!(!gaps.fill(0, 10));
        gaps.leave(100, 200);
        assert!(!gaps.fill(90, 110) && !gaps.fill(150, 150) && !gaps.fill(190, 210));
        assert!(gaps.fill(140, 160));
        assert!(!gaps.fill(140, 160) && !gaps.fill(130, 150));
        assert!(gaps.fill(160, 200) && gaps.fill(100, 140));
        assert!(!gaps.fill(100, 110) && !gaps.fill(180, 200));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut gaps = Gaps::default();
        for at in 0..=MOST as i64 {
            gaps.leave(at * 100, at * 100 + 50);
        }
        assert!(!gaps.fill(0, 50));
        assert!(gaps.fill(100, 150) && gaps.fill(400, 450));
    }
}
