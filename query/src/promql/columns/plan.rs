//! Which expressions go by columns: a plain selector, or a function with a kernel over the windows of one, and around
//! it any number of operators with a scalar on the other side.

use super::kernel::Kernel;
use super::row::{Row, RowRef};
use crate::promql::ast::{Binary, ExprType};
use crate::promql::binary::{OfFloats, of_floats};
use crate::promql::eval::Eval;
use crate::promql::functions::{Windows, windows_of};
use crate::promql::{Expr, QueryError, Selector};

pub(super) enum Leaf<'e> {
    Instant(&'e Selector),
    Windows {
        selector: &'e Selector,
        range_ms: i64,
        function: Windows,
        kernel: Kernel,
    },
}

pub(super) struct Plan<'e> {
    pub(super) leaf: Leaf<'e>,
    /// From the innermost outwards.
    pub(super) layers: Vec<Layer<'e>>,
}

/// An operator with a scalar.
pub(super) struct Layer<'e> {
    pub(super) node: &'e Binary,
    scalar: &'e Expr,
    pub(super) scalar_is_left: bool,
    /// The scalar at each step, once it is known.
    pub(super) values: Vec<f64>,
}

impl<'e> Plan<'e> {
    pub(super) fn of(expr: &'e Expr) -> Option<Self> {
        match expr.bare() {
            Expr::Selector(selector) => Some(Self {
                leaf: Leaf::Instant(selector),
                layers: Vec::new(),
            }),
            Expr::Call(call) => {
                let function = windows_of(call)?;
                let [range] = call.args.as_slice() else {
                    return None;
                };
                let Expr::Range { selector, range_ms } = range.bare() else {
                    return None;
                };
                let leaf = Leaf::Windows {
                    selector,
                    range_ms: *range_ms,
                    kernel: function.kernel?,
                    function,
                };
                Some(Self {
                    leaf,
                    layers: Vec::new(),
                })
            }
            Expr::Binary(node) if !node.op.is_set() => {
                let kinds = (node.left.kind(), node.right.kind());
                let (vector, scalar, scalar_is_left) = match kinds {
                    (ExprType::Vector, ExprType::Scalar) => (&node.left, &node.right, false),
                    (ExprType::Scalar, ExprType::Vector) => (&node.right, &node.left, true),
                    _ => return None,
                };
                let mut plan = Self::of(vector)?;
                plan.layers.push(Layer {
                    node,
                    scalar,
                    scalar_is_left,
                    values: Vec::new(),
                });
                Some(plan)
            }
            _ => None,
        }
    }

    /// Whether what comes of it has kept the metric's name.
    pub(super) fn is_named(&self) -> bool {
        let leaf = match &self.leaf {
            Leaf::Instant(_) => true,
            Leaf::Windows { function, .. } => function.keeps_name,
        };
        leaf && self.layers.iter().all(|layer| !layer.node.drops_name())
    }

    /// Evaluates the scalars.
    pub(super) fn settle(&mut self, eval: &Eval<'_>) -> Result<(), QueryError> {
        for layer in &mut self.layers {
            layer.values = eval.scalar(layer.scalar)?;
        }
        Ok(())
    }

    /// The row as the layers change it, in a row of their own.
    pub(super) fn changed<'r>(&self, row: RowRef<'r>, own: &'r mut Row) -> RowRef<'r> {
        if self.layers.is_empty() {
            return row;
        }
        own.clone_from(row);
        self.layers.iter().for_each(|layer| layer.change(own));
        own.as_ref()
    }
}

impl Layer<'_> {
    fn change(&self, row: &mut Row) {
        let Some(operator) = of_floats(self.node.op) else {
            return;
        };
        let left = self.scalar_is_left;
        let pairs = row.values.iter_mut().zip(&self.values);
        match operator {
            OfFloats::Number(run) => pairs.for_each(|(value, scalar)| {
                *value = match left {
                    true => run(*scalar, *value),
                    false => run(*value, *scalar),
                };
            }),
            OfFloats::Holds(run) => {
                for ((value, scalar), there) in pairs.zip(&mut row.there) {
                    let holds = match left {
                        true => run(*scalar, *value),
                        false => run(*value, *scalar),
                    };
                    if self.node.yields_bool {
                        *value = f64::from(u8::from(holds));
                    } else {
                        *there &= holds;
                    }
                }
            }
        }
    }
}
