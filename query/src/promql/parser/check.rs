//! What the grammar lets through and the types do not.

use super::super::ast::Expr;
use super::super::ast::{Aggregate, AggregateOp, Binary, Call, ExprType, Matching};
use super::Parser;
use crate::promql::ParseError;

impl Parser<'_> {
    /// `starts`: of the left side, the operator, the right side.
    pub(super) fn check_binary(
        &self,
        starts: [usize; 3],
        binary: Binary,
    ) -> Result<Binary, ParseError> {
        let [left_start, op_start, right_start] = starts;
        let sides = [(&binary.left, left_start), (&binary.right, right_start)];
        for (side, start) in sides {
            if !matches!(side.kind(), ExprType::Scalar | ExprType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return Err(self.wrong_at(start, message));
            }
        }
        let scalar = |side: &Expr| side.kind() == ExprType::Scalar;
        let (any, all) = (
            scalar(&binary.left) || scalar(&binary.right),
            scalar(&binary.left) && scalar(&binary.right),
        );
        if any && binary.op.is_set() {
            let op = binary.op.text();
            let message = format!("set operator {op:?} not allowed in binary scalar expression");
            return Err(self.wrong_at(op_start, message));
        }
        if any && binary.matching != Matching::default() {
            let message = "vector matching only allowed between instant vectors";
            return Err(self.wrong_at(op_start, message));
        }
        if all && binary.op.compares() && !binary.yields_bool {
            let message = "comparisons between scalars must use BOOL modifier";
            return Err(self.wrong_at(op_start, message));
        }
        Ok(binary)
    }

    pub(super) fn check_aggregate(
        &self,
        start: usize,
        aggregate: Aggregate,
    ) -> Result<Aggregate, ParseError> {
        let context = "aggregation expression";
        self.expect_kind(start, &aggregate.expr, ExprType::Vector, context)?;
        if let (Some(param), Some(kind)) = (&aggregate.param, aggregate.op.param()) {
            self.expect_kind(start, param, kind, "aggregation parameter")?;
            if let (AggregateOp::CountValues, Expr::Text(label)) = (aggregate.op, param.bare())
                && label.is_empty()
            {
                return Err(self.wrong_at(start, "invalid label name \"\" in count_values"));
            }
        }
        Ok(aggregate)
    }

    pub(super) fn check_call(&self, start: usize, call: Call) -> Result<Call, ParseError> {
        let function = call.function;
        let (count, most) = (call.args.len(), function.args.len());
        let least = most - function.optional;
        let wrong = if count < least {
            Some(if function.optional > 0 || function.repeats {
                "at least "
            } else {
                ""
            })
        } else if count > most && !function.repeats {
            Some(if function.optional > 0 {
                "at most "
            } else {
                ""
            })
        } else {
            None
        };
        if let Some(bound) = wrong {
            let wanted = if count < least { least } else { most };
            let name = function.name;
            let message =
                format!("expected {bound}{wanted} argument(s) in call to {name:?}, got {count}");
            return Err(self.wrong_at(start, message));
        }
        let context = format!("call to function {:?}", function.name);
        let kinds = function
            .args
            .iter()
            .chain(function.args.last().into_iter().cycle());
        for (arg, kind) in call.args.iter().zip(kinds) {
            self.expect_kind(start, arg, *kind, &context)?;
        }
        Ok(call)
    }

    fn expect_kind(
        &self,
        start: usize,
        expr: &Expr,
        kind: ExprType,
        context: &str,
    ) -> Result<(), ParseError> {
        if expr.kind() == kind {
            return Ok(());
        }
        let (wanted, found) = (kind.label(), expr.kind().label());
        Err(self.wrong_at(
            start,
            format!("expected type {wanted} in {context}, got {found}"),
        ))
    }
}
