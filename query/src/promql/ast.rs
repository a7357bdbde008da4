//! What an expression is once it is read: checked for types and shapes, ready to evaluate. `Display` writes it in
//! a form that reads back as the same tree.

use weir_wire::Matcher;

use super::functions::Function;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Number(f64),
    Text(String),
    Selector(Selector),
    Range {
        selector: Selector,
        range_ms: i64,
    },
    Subquery(Subquery),
    Negate(Box<Expr>),
    Binary(Binary),
    Aggregate(Aggregate),
    Call(Call),
    /// Kept so that the text written back is the one that was read.
    Paren(Box<Expr>),
}

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExprType {
    Scalar,
    Vector,
    Matrix,
    Text,
}

impl ExprType {
    /// As Prometheus' messages call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            ExprType::Scalar => "scalar",
            ExprType::Vector => "instant vector",
            ExprType::Matrix => "range vector",
            ExprType::Text => "string",
        }
    }
}

impl Expr {
    /// The type of the value.
    #[must_use]
    pub fn kind(&self) -> ExprType {
        match self {
            Expr::Number(_) => ExprType::Scalar,
            Expr::Text(_) => ExprType::Text,
            Expr::Selector(_) | Expr::Aggregate(_) => ExprType::Vector,
            Expr::Range { .. } | Expr::Subquery(_) => ExprType::Matrix,
            Expr::Negate(inner) | Expr::Paren(inner) => inner.kind(),
            Expr::Call(call) => call.function.returns,
            Expr::Binary(binary) => {
                let scalars = binary.left.kind() == ExprType::Scalar
                    && binary.right.kind() == ExprType::Scalar;
                [ExprType::Vector, ExprType::Scalar][usize::from(scalars)]
            }
        }
    }

    /// The expression within any parentheses.
    #[must_use]
    pub fn bare(&self) -> &Expr {
        let mut expr = self;
        while let Expr::Paren(inner) = expr {
            expr = inner;
        }
        expr
    }
}

/// When a selector or subquery is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shift {
    /// How far back; negative is forward.
    pub offset_ms: i64,
    pub at: Option<At>,
}

/// A fixed time for a selector, whatever the time of evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    Time {
        time_ms: i64,
    },
    /// The start of the whole query.
    Start,
    /// The end of the whole query.
    End,
}

/// Series by matchers; the name is the matcher on `__name__`, first if it is the only one.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    pub matchers: Vec<Matcher>,
    pub shift: Shift,
}

/// An expression evaluated over a range: `expr[range:step]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub expr: Box<Expr>,
    pub range_ms: i64,
    /// `None` takes the engine's default.
    pub step_ms: Option<i64>,
    pub shift: Shift,
}

/// Two operands.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    pub op: BinaryOp,
    pub left: Box<Expr>,
    pub right: Box<Expr>,
    /// The modifier `bool`: comparisons yield 0 and 1 instead of filtering.
    pub yields_bool: bool,
    pub matching: Matching,
}

impl Binary {
    /// Whether what it yields is no longer the metric itself.
    pub(super) fn drops_name(&self) -> bool {
        !self.op.compares() || self.yields_bool
    }
}

/// Which elements of two vectors belong together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matching {
    /// `on` these labels; else `ignoring` them.
    pub on: bool,
    pub labels: Vec<String>,
    pub grouping: Sides,
    /// Labels that `group_left` or `group_right` take over from the one side.
    pub include: Vec<String>,
}

/// How many elements of either side may belong to one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sides {
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

/// An aggregation over labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    pub op: AggregateOp,
    /// The labels are those left out, not those kept.
    pub without: bool,
    pub labels: Vec<String>,
    pub param: Option<Box<Expr>>,
    pub expr: Box<Expr>,
}

/// A function with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub function: &'static Function,
    pub args: Vec<Expr>,
}

/// A closed set of words: its variants, each with its text, found by text.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($variant),* }

        impl $name {
            const ALL: &[$name] = &[$($name::$variant),*];

            /// As written in PromQL.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            /// By its text, in any case.
            pub(super) fn find(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.text().eq_ignore_ascii_case(text))
            }
        }
    };
}

words! {
    /// The operators between two operands.
    BinaryOp {
        Add = "+", Sub = "-", Mul = "*", Div = "/", Mod = "%", Pow = "^", Atan2 = "atan2",
        Equal = "==", NotEqual = "!=", Less = "<", LessEqual = "<=", Greater = ">", GreaterEqual = ">=",
        And = "and", Or = "or", Unless = "unless",
    }
}

words! {
    /// The aggregators.
    AggregateOp {
        Sum = "sum", Avg = "avg", Count = "count", Min = "min", Max = "max", Group = "group",
        Stddev = "stddev", Stdvar = "stdvar", Topk = "topk", Bottomk = "bottomk",
        CountValues = "count_values", Quantile = "quantile",
    }
}

impl BinaryOp {
    /// Higher binds tighter.
    pub(super) fn precedence(self) -> u8 {
        match self {
            BinaryOp::Or => 1,
            BinaryOp::And | BinaryOp::Unless => 2,
            _ if self.compares() => 3,
            BinaryOp::Add | BinaryOp::Sub => 4,
            BinaryOp::Pow => 6,
            _ => 5,
        }
    }

    /// Whether it compares.
    #[must_use]
    pub fn compares(self) -> bool {
        use BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(
            self,
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual
        )
    }

    /// Whether it is about which elements exist, not about values.
    #[must_use]
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
    }
}

impl AggregateOp {
    /// The type of the argument before the vector, where it takes one.
    #[must_use]
    pub fn param(self) -> Option<ExprType> {
        match self {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Quantile => {
                Some(ExprType::Scalar)
            }
            AggregateOp::CountValues => Some(ExprType::Text),
            _ => None,
        }
    }
}
