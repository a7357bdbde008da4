//! Points whose series was not taken, for who is to be told: how many, why, and the first such series by its name. Counted
//! in the ledger already; what rules drop is not among them, since that is how it was wanted.

use weir_wire::{KeyRef, Reject};

/// Bytes of a metric's name that are repeated in words.
const NAMED_BYTES: usize = 200;

#[derive(Debug, Default, Clone)]
pub(crate) struct NotTaken {
    /// Of new series that a limit on those did not let in.
    pub(crate) over_limit: u64,
    /// Of series whose name or labels the section `[admission]` does not take.
    pub(crate) unfit: u64,
    /// One of the latter, in words.
    named: Option<String>,
}

impl NotTaken {
    pub(crate) fn count(&self) -> u64 {
        self.over_limit + self.unfit
    }

    /// Adds a point.
    pub(super) fn add(&mut self, reason: Reject, key: Option<KeyRef<'_>>) {
        match reason {
            Reject::Unwanted => {}
            Reject::OverLimit => self.over_limit += 1,
            other => {
                self.unfit += 1;
                if self.named.is_none() {
                    self.named = key.map(|key| in_words(other, key));
                }
            }
        }
    }

    /// Why, a sentence for each cause; none where everything was taken.
    pub(crate) fn words(&self) -> impl Iterator<Item = (u64, String)> {
        let (limit, unfit) = (self.over_limit, self.unfit);
        let limit = (limit > 0).then(|| {
            let text = format!("{limit} samples are of new series, and no more of those are taken");
            (limit, text)
        });
        let unfit = (unfit > 0).then(|| {
            let named = self.named.as_deref().unwrap_or_default();
            let text =
                format!("{unfit} samples are of series that the section admission refuses{named}");
            (unfit, text)
        });
        limit.into_iter().chain(unfit)
    }
}

fn in_words(reason: Reject, key: KeyRef<'_>) -> String {
    let name = key.name();
    let mut end = name.len().min(NAMED_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let why = match reason {
        Reject::BadName => "its name is longer than max_name_bytes, or relabelling leaves it none",
        Reject::BadLabels => {
            "it has more labels than max_labels, or one past max_label_name_bytes or max_label_value_bytes"
        }
        other => other.as_str(),
    };
    format!(", the first one {:?}: {why}", &name[..end])
}

#[cfg(test)]
mod tests {
    use weir_wire::SeriesKey;

    use super::*;

    #[test]
    fn each_cause_is_counted_and_the_first_series_named() {
        let mut not_taken = NotTaken::default();
        assert_eq!(not_taken.words().count(), 0);
        let long = "\u{e9}".repeat(1_000);
        for (reason, name) in [
            (Reject::Unwanted, "dropped"),
            (Reject::OverLimit, "new"),
            (Reject::BadLabels, &long),
            (Reject::BadName, "second"),
        ] {
            let key = SeriesKey::new(name, []).unwrap();
            not_taken.add(reason, Some(key.borrowed()));
        }
        assert_eq!(not_taken.count(), 3);
        let words: Vec<_> = not_taken.words().collect();
        assert_eq!((words[0].0, words[1].0), (1, 2));
        let text = &words[1].1;
        assert!(
            text.contains("max_labels") && text.contains("\u{e9}\u{e9}"),
            "{text}"
        );
        assert!(text.len() < 500 && !text.contains("second"), "{text}");
    }
}
