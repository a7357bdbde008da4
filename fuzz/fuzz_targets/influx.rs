//! A body in InfluxDB's line protocol. The first byte picks the unit of time and the rule of names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::influx::{self, FieldNaming, FieldPlace, FieldValue};

const PRECISIONS: [&str; 6] = ["n", "u", "ms", "s", "m", "h"];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else {
        return;
    };
    let precision = PRECISIONS[usize::from(choice % 6)].parse().unwrap();
    let naming = if choice & 0x80 == 0 {
        FieldNaming::default()
    } else {
        FieldNaming {
            place: FieldPlace::Label {
                label: "field".to_owned(),
            },
            bare: Some("value".to_owned()),
        }
    };
    let mut lines = influx::parse(body, precision);
    let mut last = 0;
    while let Some(line) = lines.next_line() {
        let number = match line {
            Ok(line) => {
                for field in line.fields {
                    if let FieldValue::Number(value) = field.value {
                        assert!(value.is_finite());
                    }
                    let _ = influx::series_key(line.series, field.key, &naming);
                }
                line.number
            }
            Err(error) => {
                let _ = (error.to_string(), error.fault.reject());
                error.number
            }
        };
        assert!(number > last);
        last = number;
    }
});
