//! Groups of series by some of their labels. A series' labels are numbered pairs, so telling its group looks at
//! numbers alone; text is read once a label and once a group.

use std::collections::HashMap;

use weir_wire::NAME_LABEL;

use super::Index;
use super::symbols::PairId;

/// Which series make a group: those that have the same values of the labels that are kept.
#[derive(Debug, Clone, Copy)]
pub struct Grouping<'a> {
    /// The labels that are kept, or, of all but the name, those that are not.
    pub labels: &'a [String],
    pub without: bool,
    /// Whether the name is kept.
    pub name: bool,
    /// No groups where the series have more than one name between them.
    pub one_name: bool,
    /// No groups where there are more of them than this.
    pub most: usize,
}

/// The labels of a group, `__name__` among them where it is kept.
pub type GroupLabels = Vec<(String, String)>;

/// The groups of the series that were asked about so far.
///
/// Pairs are numbered again when their last series leaves, but then no series that there is now carries the new one.
pub(crate) struct Groups<'a> {
    by: Grouping<'a>,
    pub(crate) labels: Vec<GroupLabels>,
    /// By the numbers of the pairs that are kept.
    numbers: HashMap<Box<[PairId]>, u32, rapidhash::fast::RandomState>,
    name: Option<PairId>,
    /// Whether a label is kept, by its number.
    kept: Vec<Option<bool>>,
    last: (Vec<PairId>, Option<u32>),
    pairs: Vec<PairId>,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(by: Grouping<'a>) -> Self {
        Self {
            by,
            labels: Vec::new(),
            numbers: HashMap::default(),
            name: None,
            kept: Vec::new(),
            last: (Vec::new(), None),
            pairs: Vec::new(),
        }
    }

    /// The group of a series that there is; `None` where there are to be no groups.
    pub(crate) fn of(&mut self, index: &Index, pairs: &[PairId]) -> Option<u32> {
        let (name, labels) = pairs.split_first()?;
        if self.by.one_name && *self.name.get_or_insert(*name) != *name {
            return None;
        }
        self.pairs.clear();
        if self.by.name {
            self.pairs.push(*name);
        }
        for pair in labels {
            if self.keeps(index, *pair) {
                self.pairs.push(*pair);
            }
        }
        if let (known, Some(group)) = &self.last
            && *known == self.pairs
        {
            return Some(*group);
        }
        let group = match self.numbers.get(self.pairs.as_slice()) {
            Some(group) => *group,
            None => self.add(index)?,
        };
        std::mem::swap(&mut self.last.0, &mut self.pairs);
        self.last.1 = Some(group);
        Some(group)
    }

    fn keeps(&mut self, index: &Index, pair: PairId) -> bool {
        let label = index.symbols.label(pair) as usize;
        if let Some(Some(kept)) = self.kept.get(label) {
            return *kept;
        }
        let (text, _) = index.symbols.pair(pair);
        let listed = self.by.labels.iter().any(|one| one == text);
        let kept = listed != self.by.without && text != NAME_LABEL;
        if self.kept.len() <= label {
            self.kept.resize(label + 1, None);
        }
        self.kept[label] = Some(kept);
        kept
    }

    fn add(&mut self, index: &Index) -> Option<u32> {
        if self.labels.len() >= self.by.most {
            return None;
        }
        let pairs = self.pairs.iter().map(|pair| index.symbols.pair(*pair));
        let labels = pairs.map(|(label, value)| (label.to_owned(), value.to_owned()));
        let group = self.labels.len() as u32;
        self.labels.push(labels.collect());
        self.numbers.insert(self.pairs.as_slice().into(), group);
        Some(group)
    }
}
