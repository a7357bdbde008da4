//! The messages of a metrics request as tables: what a JSON key's number and type are in protobuf. Fields that nobody
//! reads (exemplars, trace ids, schema URLs) are absent, and passed over like unknown ones.

/// A message: its fields.
pub(super) struct Message(pub(super) &'static [FieldOf]);

/// Name in JSON (lower camel case), number, type.
pub(super) struct FieldOf(pub(super) &'static str, pub(super) u32, pub(super) Type);

#[derive(Clone, Copy)]
pub(super) enum Type {
    Text,
    Bytes,
    Bool,
    Int64,
    Fixed64,
    SFixed64,
    Uint32,
    Sint32,
    Double,
    /// Aggregation temporality, the one enum.
    Temporality,
    One(&'static Message),
    Many(&'static Message),
    /// Packed.
    ManyFixed64,
    ManyUint64,
    ManyDouble,
}

use Type::{
    Bool, Bytes, Double, Fixed64, Int64, Many, ManyDouble, ManyFixed64, ManyUint64, One, SFixed64,
    Sint32, Temporality, Text, Uint32,
};

pub(super) static REQUEST: Message =
    Message(&[FieldOf("resourceMetrics", 1, Many(&RESOURCE_METRICS))]);

static RESOURCE_METRICS: Message = Message(&[
    FieldOf("resource", 1, One(&RESOURCE)),
    FieldOf("scopeMetrics", 2, Many(&SCOPE_METRICS)),
]);

static RESOURCE: Message = Message(&[FieldOf("attributes", 1, Many(&KEY_VALUE))]);

static SCOPE_METRICS: Message = Message(&[
    FieldOf("scope", 1, One(&SCOPE)),
    FieldOf("metrics", 2, Many(&METRIC)),
]);

static SCOPE: Message = Message(&[
    FieldOf("name", 1, Text),
    FieldOf("version", 2, Text),
    FieldOf("attributes", 3, Many(&KEY_VALUE)),
]);

static KEY_VALUE: Message = Message(&[
    FieldOf("key", 1, Text),
    FieldOf("value", 2, One(&ANY_VALUE)),
]);

static ANY_VALUE: Message = Message(&[
    FieldOf("stringValue", 1, Text),
    FieldOf("boolValue", 2, Bool),
    FieldOf("intValue", 3, Int64),
    FieldOf("doubleValue", 4, Double),
    FieldOf("arrayValue", 5, One(&ARRAY)),
    FieldOf("kvlistValue", 6, One(&KEY_VALUES)),
    FieldOf("bytesValue", 7, Bytes),
]);

static ARRAY: Message = Message(&[FieldOf("values", 1, Many(&ANY_VALUE))]);
static KEY_VALUES: Message = Message(&[FieldOf("values", 1, Many(&KEY_VALUE))]);

static METRIC: Message = Message(&[
    FieldOf("name", 1, Text),
    FieldOf("description", 2, Text),
    FieldOf("unit", 3, Text),
    FieldOf("gauge", 5, One(&GAUGE)),
    FieldOf("sum", 7, One(&SUM)),
    FieldOf("histogram", 9, One(&HISTOGRAM)),
    FieldOf("exponentialHistogram", 10, One(&EXPONENTIAL)),
    FieldOf("summary", 11, One(&SUMMARY)),
]);

static GAUGE: Message = Message(&[FieldOf("dataPoints", 1, Many(&NUMBER_POINT))]);

static SUM: Message = Message(&[
    FieldOf("dataPoints", 1, Many(&NUMBER_POINT)),
    FieldOf("aggregationTemporality", 2, Temporality),
    FieldOf("isMonotonic", 3, Bool),
]);

static HISTOGRAM: Message = Message(&[
    FieldOf("dataPoints", 1, Many(&HISTOGRAM_POINT)),
    FieldOf("aggregationTemporality", 2, Temporality),
]);

static EXPONENTIAL: Message = Message(&[
    FieldOf("dataPoints", 1, Many(&EXPONENTIAL_POINT)),
    FieldOf("aggregationTemporality", 2, Temporality),
]);

static SUMMARY: Message = Message(&[FieldOf("dataPoints", 1, Many(&SUMMARY_POINT))]);

static NUMBER_POINT: Message = Message(&[
    FieldOf("attributes", 7, Many(&KEY_VALUE)),
    FieldOf("startTimeUnixNano", 2, Fixed64),
    FieldOf("timeUnixNano", 3, Fixed64),
    FieldOf("asDouble", 4, Double),
    FieldOf("asInt", 6, SFixed64),
    FieldOf("flags", 8, Uint32),
]);

static HISTOGRAM_POINT: Message = Message(&[
    FieldOf("attributes", 9, Many(&KEY_VALUE)),
    FieldOf("startTimeUnixNano", 2, Fixed64),
    FieldOf("timeUnixNano", 3, Fixed64),
    FieldOf("count", 4, Fixed64),
    FieldOf("sum", 5, Double),
    FieldOf("bucketCounts", 6, ManyFixed64),
    FieldOf("explicitBounds", 7, ManyDouble),
    FieldOf("flags", 10, Uint32),
    FieldOf("min", 11, Double),
    FieldOf("max", 12, Double),
]);

static EXPONENTIAL_POINT: Message = Message(&[
    FieldOf("attributes", 1, Many(&KEY_VALUE)),
    FieldOf("startTimeUnixNano", 2, Fixed64),
    FieldOf("timeUnixNano", 3, Fixed64),
    FieldOf("count", 4, Fixed64),
    FieldOf("sum", 5, Double),
    FieldOf("scale", 6, Sint32),
    FieldOf("zeroCount", 7, Fixed64),
    FieldOf("positive", 8, One(&SIDE)),
    FieldOf("negative", 9, One(&SIDE)),
    FieldOf("flags", 10, Uint32),
    FieldOf("min", 12, Double),
    FieldOf("max", 13, Double),
    FieldOf("zeroThreshold", 14, Double),
]);

static SIDE: Message = Message(&[
    FieldOf("offset", 1, Sint32),
    FieldOf("bucketCounts", 2, ManyUint64),
]);

static SUMMARY_POINT: Message = Message(&[
    FieldOf("attributes", 7, Many(&KEY_VALUE)),
    FieldOf("startTimeUnixNano", 2, Fixed64),
    FieldOf("timeUnixNano", 3, Fixed64),
    FieldOf("count", 4, Fixed64),
    FieldOf("sum", 5, Double),
    FieldOf("quantileValues", 6, Many(&QUANTILE)),
    FieldOf("flags", 8, Uint32),
]);

static QUANTILE: Message = Message(&[FieldOf("quantile", 1, Double), FieldOf("value", 2, Double)]);
