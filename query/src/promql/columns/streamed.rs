//! Series folded while the source reads them, on a thread or two, so that none of them is ever kept. Only what comes
//! as raw floats goes this way; whatever else turns up, the attempt is given up and the series are read as a list.

use super::fold::Fold;
use super::folding::Folding;
use super::plan::{Leaf, Plan};
use super::row::Row;
use super::rows::Rows;
use super::{MOST_CELLS, named_by};
use crate::promql::ast::Aggregate;
use crate::promql::eval::Eval;
use crate::promql::reading::uneven;
use crate::promql::{Labels, QueryError, Series};
use crate::{BudgetError, GroupLabels, Grouping, Selection, Taker};

/// Series whose steps are paid for together.
const SERIES_A_PAYMENT: u64 = 256;

/// The aggregation of a plan; `None` where series are to be read as a list.
pub(super) fn aggregate<F: Fold>(
    eval: &Eval<'_>,
    node: &Aggregate,
    plan: &Plan<'_>,
) -> Result<Option<Vec<Series>>, QueryError> {
    let before = eval.budget.spent();
    // Raw samples are all there is, so nothing is known of their spacing.
    let raw = Selection::default();
    let mut first = Folder::<F>::new(eval, plan, &raw);
    let mut second = Folder::<F>::new(eval, plan, &raw);
    let labels = read(eval, node, plan, &mut [&mut first, &mut second])?;
    if first.uneven || second.uneven {
        return Err(uneven());
    }
    let done = labels.and_then(|labels| first.joined(&second)?.series(labels));
    match &done {
        Some(_) => [&mut first, &mut second]
            .into_iter()
            .try_for_each(Folder::pay)?,
        None => eval.budget.back_to(before),
    }
    Ok(done)
}

fn read(
    eval: &Eval<'_>,
    node: &Aggregate,
    plan: &Plan<'_>,
    takers: &mut [&mut dyn Taker],
) -> Result<Option<Vec<GroupLabels>>, QueryError> {
    let (selector, (range, wish)) = match plan.leaf {
        Leaf::Instant(selector) => (selector, eval.sight_of_newest(selector)),
        Leaf::Windows {
            selector,
            range_ms,
            function,
            ..
        } => {
            let sight = eval.sight_of_windows(selector, range_ms, function.need);
            (selector, sight)
        }
    };
    let named = plan.is_named();
    let by = Grouping {
        labels: &node.labels,
        without: node.without,
        name: named_by(node, named),
        one_name: !named,
        most: MOST_CELLS / eval.grid.len().max(1),
    };
    let (matchers, budget) = (&selector.matchers, eval.budget);
    let source = eval.source;
    Ok(source.grouped(matchers, range, wish, &by, takers, budget)?)
}

/// Folds the series that one thread reads.
struct Folder<'a, F> {
    eval: &'a Eval<'a>,
    plan: &'a Plan<'a>,
    rows: Rows<'a>,
    own: Row,
    groups: Vec<Folding<F>>,
    /// Series whose steps are not paid for yet.
    unpaid: u64,
    uneven: bool,
}

impl<F: Fold> Taker for Folder<'_, F> {
    fn take(&mut self, group: usize, times_ms: &[i64], values: &[f64]) -> Result<(), BudgetError> {
        if times_ms.len() != values.len() {
            self.uneven = true;
            return Ok(());
        }
        self.unpaid += 1;
        if self.unpaid == SERIES_A_PAYMENT {
            self.pay()?;
        }
        let len = self.eval.grid.len();
        while self.groups.len() <= group.min(MOST_CELLS) {
            self.groups.push(Folding::new(len));
        }
        if let Some(folding) = self.groups.get_mut(group) {
            let row = self.rows.row(times_ms, values);
            folding.add(self.plan.changed(row, &mut self.own));
        }
        Ok(())
    }
}

impl<'a, F: Fold> Folder<'a, F> {
    fn new(eval: &'a Eval<'a>, plan: &'a Plan<'a>, found: &'a Selection) -> Self {
        Self {
            eval,
            plan,
            rows: Rows::new(eval, plan, found),
            own: Row::default(),
            groups: Vec::new(),
            unpaid: 0,
            uneven: false,
        }
    }

    fn pay(&mut self) -> Result<(), BudgetError> {
        let series = std::mem::take(&mut self.unpaid);
        let steps = series.saturating_mul(self.eval.grid.len() as u64);
        self.eval.budget.take_samples(steps)
    }

    /// Takes in what another made of later series, if that can be done.
    fn joined(&mut self, later: &Self) -> Option<&Self> {
        let len = self.eval.grid.len();
        while self.groups.len() < later.groups.len() {
            self.groups.push(Folding::new(len));
        }
        let mut both = self.groups.iter_mut().zip(&later.groups);
        both.all(|(one, later)| one.join(later)).then_some(self)
    }

    fn series(&self, labels: Vec<GroupLabels>) -> Option<Vec<Series>> {
        let groups = self.groups.iter().zip(&labels);
        let series = groups.filter_map(|(folding, labels)| {
            let pairs = labels.iter().map(|(name, value)| (&**name, &**value));
            folding.series(Labels::new(pairs), self.eval.grid)
        });
        Some(series.collect())
    }
}
