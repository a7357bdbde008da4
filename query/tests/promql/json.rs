//! Prometheus' JSON, byte for byte.

use weir_query::json::to_string;
use weir_query::promql::{
    Bucket, Distribution, Element, Labels, Point, QueryValue, Scalar, Series, Text, Value,
};

fn at(time_ms: i64, value: f64) -> Point {
    Point {
        time_ms,
        value: Value::Float(value),
    }
}

fn number(value: f64) -> String {
    let point = at(0, value);
    let labels = Labels::default();
    let text = to_string(&QueryValue::Vector(vec![Element { labels, point }]));
    let (_, rest) = text.split_once("[0,\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn the_four_types() {
    let labels = Labels::new([("job", "a\"\\\n"), ("__name__", "up"), ("Zone", "é")]);
    let vector = vec![Element {
        labels: labels.clone(),
        point: at(1_435_781_430_781, 1.0),
    }];
    assert_eq!(
        to_string(&QueryValue::Vector(vector)),
        r#"{"resultType":"vector","result":[{"metric":{"Zone":"é","__name__":"up","job":"a\"\\\n"},"value":[1435781430.781,"1"]}]}"#
    );
    let points = vec![
        at(1_000, 0.5),
        at(1_070, f64::NAN),
        at(-1_500, f64::INFINITY),
    ];
    let matrix = vec![Series {
        labels: Labels::default(),
        points,
    }];
    assert_eq!(
        to_string(&QueryValue::Matrix(matrix)),
        r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"0.5"],[1.070,"NaN"],[-1.500,"+Inf"]]}]}"#
    );
    assert_eq!(
        to_string(&QueryValue::Scalar(Scalar {
            time_ms: 1_500,
            value: 1e300
        }))[..50],
        r#"{"resultType":"scalar","result":[1.5,"100000000000"#[..50]
    );
    assert_eq!(
        to_string(&QueryValue::Text(Text {
            time_ms: 10_000,
            value: "a\tb".to_owned()
        })),
        r#"{"resultType":"string","result":[10,"a\tb"]}"#
    );
}

#[test]
fn numbers_are_gos() {
    let cases = [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e300, "1e+300"),
        (1.5e-7, "1.5e-07"),
        (1e-6, "0.000001"),
        (-2.5e100, "-2.5e+100"),
        (f64::NEG_INFINITY, "-Inf"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
    ];
    for (value, text) in cases {
        assert_eq!(number(value), text);
    }
}

#[test]
fn histograms_are_native_ones() {
    let bucket = |lower, upper, count| Bucket {
        lower,
        upper,
        count,
    };
    let value = Value::Histogram(std::sync::Arc::new(Distribution {
        count: 3.0,
        sum: 4.5,
        min: 1.0,
        max: 2.0,
        buckets: vec![
            bucket(1.0, 1.5, 2.0),
            bucket(1.5, 1.75, 0.0),
            bucket(1.75, 2.0, 1.0),
        ],
    }));
    let point = Point {
        time_ms: 2_000,
        value,
    };
    let shape = r#"[2,{"count":"3","sum":"4.5","buckets":[[1,"1","1.5","2"],[1,"1.75","2","1"]]}]"#;
    let labels = Labels::default();
    let vector = QueryValue::Vector(vec![Element {
        labels: labels.clone(),
        point: point.clone(),
    }]);
    assert_eq!(
        to_string(&vector),
        format!(r#"{{"resultType":"vector","result":[{{"metric":{{}},"histogram":{shape}}}]}}"#)
    );
    let matrix = QueryValue::Matrix(vec![Series {
        labels,
        points: vec![at(1_000, 7.0), point],
    }]);
    assert_eq!(
        to_string(&matrix),
        format!(
            r#"{{"resultType":"matrix","result":[{{"metric":{{}},"values":[[1,"7"]],"histograms":[{shape}]}}]}}"#
        )
    );
}
