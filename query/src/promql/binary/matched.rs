//! Arithmetic and comparison between two vectors: pairs by match group at each step, one to one or many to one.

use super::element::apply;
use super::settled;
use super::signature::{Groups, duplicate};
use crate::promql::assembly::{Assembly, Cursor, Table, same_labels};
use crate::promql::ast::{Binary, Sides};
use crate::promql::eval::Eval;
use crate::promql::{Labels, QueryError, Series, Value};

pub(super) fn join(
    eval: &Eval<'_>,
    node: &Binary,
    left: &[Series],
    right: &[Series],
) -> Result<Vec<Series>, QueryError> {
    let groups = Groups::new(&node.matching, left, right);
    // From here on: many elements on one side may meet one of the other.
    let swapped = node.matching.grouping == Sides::OneToMany;
    let ((many, many_groups), (one, one_groups)) = match swapped {
        false => ((left, &groups.left), (right, &groups.right)),
        true => ((right, &groups.right), (left, &groups.left)),
    };
    let (mut many_at, mut one_at) = (Cursor::new(many), Cursor::new(one));
    let mut pairing = Pairing::new(node, many, one, swapped, groups.count);
    for (step, time_ms) in (1..).zip(eval.grid.times()) {
        eval.budget.check()?;
        let many_now: Vec<(usize, &Value)> = many_at.at(time_ms).collect();
        let one_now: Vec<(usize, &Value)> = one_at.at(time_ms).collect();
        if many_now.is_empty() || one_now.is_empty() {
            continue;
        }
        for (place, value) in one_now {
            pairing.offer(step, one_groups[place], place, value)?;
        }
        for (place, value) in many_now {
            pairing.meet(eval, step, time_ms, many_groups[place], place, value)?;
        }
    }
    Ok(pairing.out.done())
}

/// The joining of one pair of vectors, step after step.
struct Pairing<'a> {
    node: &'a Binary,
    many: &'a [Series],
    one: &'a [Series],
    swapped: bool,
    /// By group: the step when the one side last had it, and what it had.
    offered: Vec<Option<(i64, usize, &'a Value)>>,
    /// By group: the step when it last made a result.
    met: Vec<i64>,
    out: Assembly,
    /// The output's place of each pair that has met.
    slots: Table<(usize, usize), usize>,
    /// By output place: the step and group of its last point.
    made: Vec<(i64, usize)>,
}

impl<'a> Pairing<'a> {
    fn new(
        node: &'a Binary,
        many: &'a [Series],
        one: &'a [Series],
        swapped: bool,
        groups: usize,
    ) -> Self {
        Self {
            node,
            many,
            one,
            swapped,
            offered: vec![None; groups],
            met: vec![0; groups],
            out: Assembly::default(),
            slots: Table::default(),
            made: Vec::new(),
        }
    }

    fn offer(
        &mut self,
        step: i64,
        group: usize,
        place: usize,
        value: &'a Value,
    ) -> Result<(), QueryError> {
        let before = self.offered[group].replace((step, place, value));
        match before.filter(|(then, ..)| *then == step) {
            None => Ok(()),
            Some((_, other, _)) => {
                let side = if self.swapped { "left" } else { "right" };
                let (new, old) = (&self.one[place].labels, &self.one[other].labels);
                Err(duplicate(&self.node.matching, side, new, old))
            }
        }
    }

    fn meet(
        &mut self,
        eval: &Eval<'_>,
        step: i64,
        time_ms: i64,
        group: usize,
        place: usize,
        value: &Value,
    ) -> Result<(), QueryError> {
        let Some((_, one, other)) = self.offered[group].filter(|(then, ..)| *then == step) else {
            return Ok(());
        };
        let (left, right) = if self.swapped {
            (other, value)
        } else {
            (value, other)
        };
        let outcome = apply(self.node.op, left, right);
        let Some(result) = settled(eval, self.node, outcome, left) else {
            return Ok(());
        };
        let one_to_one = self.node.matching.grouping == Sides::OneToOne;
        if one_to_one && self.met[group] == step {
            return Err(many_to_one());
        }
        self.met[group] = step;
        let slot = self.slot(place, one);
        if self.out.has_point_at(slot, time_ms) {
            return Err(match self.made[slot] == (step, group) {
                true => not_unique(),
                false => same_labels(),
            });
        }
        self.made[slot] = (step, group);
        self.out.push(slot, time_ms, result)
    }

    fn slot(&mut self, place: usize, one: usize) -> usize {
        if let Some(slot) = self.slots.get(&(place, one)) {
            return *slot;
        }
        let labels = result_labels(self.node, &self.many[place].labels, &self.one[one].labels);
        let slot = self.out.slot(labels);
        self.slots.insert((place, one), slot);
        if self.made.len() <= slot {
            self.made.resize(slot + 1, (0, 0));
        }
        slot
    }
}

fn result_labels(node: &Binary, many: &Labels, one: &Labels) -> Labels {
    let matching = &node.matching;
    let mut labels = many.clone();
    if node.drops_name() {
        labels = labels.without_name();
    }
    if matching.grouping == Sides::OneToOne {
        labels = match matching.on {
            true => labels.keep(&matching.labels),
            false => labels.remove(&matching.labels),
        };
    }
    if matching.include.is_empty() {
        return labels;
    }
    let mut edit = labels.edit();
    for label in &matching.include {
        edit.set(label, one.get(label).unwrap_or_default());
    }
    edit.done()
}

fn many_to_one() -> QueryError {
    let message = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
    QueryError::Execution(message.to_owned())
}

fn not_unique() -> QueryError {
    let message = "multiple matches for labels: grouping labels must ensure unique matches";
    QueryError::Execution(message.to_owned())
}
