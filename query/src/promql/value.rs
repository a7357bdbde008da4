//! What a query yields: numbers and histograms at times, under labels.

use std::sync::Arc;

use super::{Distribution, Labels};

/// A number or a distribution.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Float(f64),
    Histogram(Arc<Distribution>),
}

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self {
            Value::Float(value) => Some(*value),
            Value::Histogram(_) => None,
        }
    }

    /// The distribution, if it is one.
    #[must_use]
    pub fn histogram(&self) -> Option<&Arc<Distribution>> {
        match self {
            Value::Float(_) => None,
            Value::Histogram(value) => Some(value),
        }
    }
}

impl From<Distribution> for Value {
    fn from(value: Distribution) -> Self {
        Value::Histogram(Arc::new(value))
    }
}

/// A value at a time, milliseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub time_ms: i64,
    pub value: Value,
}

/// Points ascending by time under one set of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub points: Vec<Point>,
}

/// One series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    pub labels: Labels,
    pub point: Point,
}

/// A number at a time, without labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scalar {
    pub time_ms: i64,
    pub value: f64,
}

/// A text at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub time_ms: i64,
    pub value: String,
}

/// A whole result, in Prometheus' four types.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    Scalar(Scalar),
    Vector(Vec<Element>),
    Matrix(Vec<Series>),
    Text(Text),
}

/// A result with what its reader should know besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub value: QueryValue,
    /// The result may be wrong: values were left out that should not have been there.
    pub warnings: Vec<String>,
    /// The result is as asked, which may not be what was meant.
    pub infos: Vec<String>,
}
