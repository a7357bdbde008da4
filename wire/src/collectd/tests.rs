use proptest::prelude::*;

use super::*;
use crate::Reject;

const BODY: &str = r#"[
{"values":[1901474177],"dstypes":["counter"],"dsnames":["value"],"time":1280959128.951,"interval":10.000,
 "host":"leeloo","plugin":"cpu","plugin_instance":"0","type":"cpu","type_instance":"idle"},
{"values":[1.5,null],"dstypes":["derive","derive"],"dsnames":["rx","tx"],"time":1280959128,"interval":10,
 "host":"leeloo","plugin":"interface","plugin_instance":"eth0","type":"if_octets","type_instance":"","meta":{"a":[true]}},
{"values":[0.5],"dstypes":["gauge"],"dsnames":["value"],"time":1280959128,"host":"h","plugin":"memory",
 "type":"memory","type_instance":"free"},
{"severity":"OKAY","message":"x"},
{"values":[1],"dstypes":[],"dsnames":[]},
{"values":[1],"dstypes":["gauge"],"dsnames":["value"],"time":1280959128000,"host":"h","plugin":"p","type":"t"}
]"#;

fn told(body: &str) -> Vec<String> {
    let lists = parse(body.as_bytes()).unwrap();
    let mut told = Vec::new();
    for list in lists {
        match list {
            Err(invalid) => told.push(invalid.reject.to_string()),
            Ok(list) => told.extend(list.values.iter().enumerate().map(|(at, value)| {
                let key = series_key(&list, at).unwrap();
                format!("{key} {value:?} {}", list.timestamp_ms())
            })),
        }
    }
    told
}

#[test]
fn lists_become_the_exporters_series() {
    let wanted = [
        "collectd_cpu_total{cpu=\"0\",instance=\"leeloo\",type=\"idle\"} Some(1901474177.0) 1280959128951",
        "collectd_interface_if_octets_rx_total{instance=\"leeloo\",interface=\"eth0\"} Some(1.5) 1280959128000",
        "collectd_interface_if_octets_tx_total{instance=\"leeloo\",interface=\"eth0\"} None 1280959128000",
        "collectd_memory{instance=\"h\",memory=\"free\"} Some(0.5) 1280959128000",
        "unsupported",
        "malformed",
        "bad_timestamp",
    ];
    assert_eq!(told(BODY), wanted);
}

#[test]
fn what_is_no_array_is_refused_whole() {
    for body in ["", "{}", "[", "1", &"[".repeat(100_000)] {
        assert_eq!(
            parse(body.as_bytes()).unwrap_err().reject,
            Reject::Malformed
        );
    }
    let many = format!("[{}1]", "1,".repeat(MAX_LISTS));
    assert_eq!(
        parse(many.as_bytes()).unwrap_err().reject,
        Reject::OverLimit
    );
    let deep = format!("[{{\"meta\":{}}}]", "[".repeat(200) + &"]".repeat(200));
    assert_eq!(told(&deep), ["malformed"]);
}

proptest! {
    #[test]
    fn hostile_bodies_never_panic(at in 0..BODY.len(), with in any::<u8>()) {
        let mut body = BODY.as_bytes().to_vec();
        body[at] = with;
        if let Ok(lists) = parse(&body) {
            for list in lists.into_iter().flatten() {
                for source in 0..list.values.len() {
                    let _ = series_key(&list, source);
                }
            }
        }
    }
}
