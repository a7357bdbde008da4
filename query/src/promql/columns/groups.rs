//! Which series make a group: by the bytes of the labels that are kept, so that only a new group's labels are made.

use weir_wire::{NAME_LABEL, SeriesKey};

use crate::SeriesData;
use crate::promql::Labels;
use crate::promql::assembly::Table;
use crate::promql::ast::Aggregate;

/// The groups of a list of series, in the order of their first.
pub(super) struct Groups {
    pub(super) labels: Vec<Labels>,
    /// The group of each series.
    pub(super) of_series: Vec<usize>,
    /// The places of the series, group by group, ascending within each.
    order: Vec<usize>,
    /// Where each group begins in the order.
    starts: Vec<usize>,
}

impl Groups {
    /// `None` where names are dropped and more than one is there: then labels may come to be the same.
    pub(super) fn of(series: &[SeriesData], node: &Aggregate, named: bool) -> Option<Self> {
        let kept = Kept { node, named };
        let one_name = || series.first().map(|one| name_bytes(&one.key));
        let name = if named { None } else { one_name() };
        let mut table: Table<Box<[u8]>, usize> = Table::default();
        let mut labels: Vec<Labels> = Vec::new();
        let mut of_series = Vec::with_capacity(series.len());
        let mut bytes = Vec::new();
        let mut last: (Vec<u8>, Option<usize>) = (Vec::new(), None);
        for one in series {
            if name.is_some_and(|name| name != name_bytes(&one.key)) {
                return None;
            }
            kept.write(&one.key, &mut bytes);
            let known = last.1.filter(|_| last.0 == bytes);
            let group = match known.or_else(|| table.get(bytes.as_slice()).copied()) {
                Some(group) => group,
                None => {
                    let before = labels.last().cloned().unwrap_or_default();
                    labels.push(kept.labels(&one.key, &before));
                    table.insert(bytes.as_slice().into(), labels.len() - 1);
                    labels.len() - 1
                }
            };
            std::mem::swap(&mut last.0, &mut bytes);
            last.1 = Some(group);
            of_series.push(group);
        }
        Some(Self::sorted(labels, of_series))
    }

    fn sorted(labels: Vec<Labels>, of_series: Vec<usize>) -> Self {
        let mut starts = vec![0; labels.len() + 1];
        for group in &of_series {
            starts[group + 1] += 1;
        }
        for group in 0..labels.len() {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut order = vec![0; of_series.len()];
        for (place, group) in of_series.iter().enumerate() {
            order[next[*group]] = place;
            next[*group] += 1;
        }
        Self {
            labels,
            of_series,
            order,
            starts,
        }
    }

    /// The places of a group's series.
    pub(super) fn members(&self, group: usize) -> &[usize] {
        let bounds = (self.starts.get(group), self.starts.get(group + 1));
        let (Some(from), Some(to)) = bounds else {
            return &[];
        };
        self.order.get(*from..*to).unwrap_or_default()
    }
}

/// Which labels an aggregation keeps of series that have their name, or have it no more.
struct Kept<'a> {
    node: &'a Aggregate,
    named: bool,
}

/// Whether a group keeps the name, of series that have theirs, or have it no more.
pub(super) fn named_by(node: &Aggregate, named: bool) -> bool {
    named && !node.without && node.labels.iter().any(|label| label == NAME_LABEL)
}

impl Kept<'_> {
    fn name(&self) -> bool {
        named_by(self.node, self.named)
    }

    fn label(&self, label: &[u8]) -> bool {
        let listed = |name: &String| name.as_bytes() == label;
        self.node.labels.iter().any(listed) != self.node.without
    }

    /// The bytes that tell a series' group.
    fn write(&self, key: &SeriesKey, out: &mut Vec<u8>) {
        out.clear();
        let (name, mut rest) = split(key.as_bytes());
        if self.name() {
            out.extend_from_slice(name);
        }
        while !rest.is_empty() {
            let (label, after) = split(rest);
            let (value, after) = split(after);
            if self.label(label.get(2..).unwrap_or_default()) {
                out.extend_from_slice(label);
                out.extend_from_slice(value);
            }
            rest = after;
        }
    }

    fn labels(&self, key: &SeriesKey, before: &Labels) -> Labels {
        let kept = key
            .labels()
            .filter(|(label, _)| self.label(label.as_bytes()));
        let name = self.name().then_some((NAME_LABEL, key.name()));
        Labels::like(before, name, kept)
    }
}

fn name_bytes(key: &SeriesKey) -> &[u8] {
    split(key.as_bytes()).0
}

/// The first text of a key's canonical bytes with its length before it, and the rest; all of what is none.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = bytes.first_chunk::<2>().map(|two| u16::from_le_bytes(*two));
    let end = length.map_or(bytes.len(), |length| usize::from(length) + 2);
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}
