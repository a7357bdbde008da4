//! `label_replace` and `label_join`: labels made from labels. Values stay as they are.

use super::arg;
use crate::promql::assembly::joined;
use crate::promql::eval::{Eval, Evaluated};
use crate::promql::{Expr, Labels, QueryError, Series, anchored};

pub(super) fn replace(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let target = target(eval, args, "label_replace")?;
    let replacement = eval.text(arg(args, 2)?)?;
    let source = eval.text(arg(args, 3)?)?;
    let pattern = eval.text(arg(args, 4)?)?;
    let regex = anchored(&pattern).map_err(|_| {
        QueryError::Execution(format!(
            "invalid regular expression in label_replace(): {pattern}"
        ))
    })?;
    relabeled(eval, arg(args, 0)?, |labels| {
        let text = labels.get(&source).unwrap_or_default();
        let Some(captures) = regex.captures(text) else {
            return labels.clone();
        };
        let mut value = String::new();
        captures.expand(&replacement, &mut value);
        with(labels, &target, &value)
    })
}

pub(super) fn join(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let target = target(eval, args, "label_join")?;
    let separator = eval.text(arg(args, 2)?)?;
    let sources = args.iter().skip(3).map(|expr| eval.text(expr));
    let sources: Vec<String> = sources.collect::<Result<_, _>>()?;
    relabeled(eval, arg(args, 0)?, |labels| {
        let values: Vec<&str> = sources
            .iter()
            .map(|s| labels.get(s).unwrap_or_default())
            .collect();
        with(labels, &target, &values.join(&separator))
    })
}

fn target(eval: &Eval<'_>, args: &[Expr], function: &str) -> Result<String, QueryError> {
    let name = eval.text(arg(args, 1)?)?;
    if name.is_empty() {
        let message = format!("invalid destination label name in {function}(): {name}");
        return Err(QueryError::Execution(message));
    }
    Ok(name)
}

fn with(labels: &Labels, name: &str, value: &str) -> Labels {
    let mut edit = labels.edit();
    edit.set(name, value);
    edit.done()
}

fn relabeled(
    eval: &Eval<'_>,
    expr: &Expr,
    relabel: impl Fn(&Labels) -> Labels,
) -> Result<Evaluated, QueryError> {
    let series = eval.vector(expr)?.into_iter().map(|one| Series {
        labels: relabel(&one.labels),
        points: one.points,
    });
    joined(series.collect()).map(Evaluated::Vector)
}
