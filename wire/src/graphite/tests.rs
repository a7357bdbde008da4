use proptest::prelude::*;

use super::*;
use crate::{Reject, SeriesKey};

fn line(text: &str) -> Result<(String, Option<i64>, f64), Reject> {
    let line = parse(text.as_bytes())?.ok_or(Reject::Malformed)?;
    Ok((
        series_key(line.identity)?.to_string(),
        line.timestamp_ms,
        line.value,
    ))
}

#[test]
fn all_three_forms() {
    assert_eq!(
        line("a.b.c 1.5 1613707265\r"),
        Ok(("a.b.c".into(), Some(1_613_707_265_000), 1.5))
    );
    assert_eq!(
        line("a.b;z=1;k=v -2 1613707265.25"),
        Ok((r#"a.b{k="v",z="1"}"#.into(), Some(1_613_707_265_250), -2.0))
    );
    assert_eq!(
        line("CPU.load host=webserver01,region=us-west 1613707265 50"),
        Ok((
            r#"CPU.load{host="webserver01",region="us-west"}"#.into(),
            Some(1_613_707_265_000),
            50.0
        ))
    );
    assert_eq!(line("a  2\t-1"), Ok(("a".into(), None, 2.0)));
    assert_eq!(parse(b"\r"), Ok(None));
}

/// FAULTS 15.
#[test]
fn forms_name_one_series() {
    let tagged = series_key(b"a.b;k=v;j=w").unwrap();
    assert_eq!(tagged, series_key(b"a.b  j=w,k=v").unwrap());
    assert_eq!(
        tagged,
        SeriesKey::new("a.b", [("j", "w"), ("k", "v")]).unwrap()
    );
}

/// FAULTS 4, 5, 6, 20: with the cause that is counted.
#[test]
fn what_is_refused_and_why() {
    let long = format!("a{} 1 1613707265", "x".repeat(70_000));
    let cases = [
        ("a 1", Reject::Malformed),
        ("a b c d e", Reject::Malformed),
        ("a x 1613707265", Reject::BadValue),
        ("a NaN 1613707265", Reject::NotFinite),
        ("a -inf 1613707265", Reject::NotFinite),
        ("a 1e309 1613707265", Reject::NotFinite),
        ("a 1 0", Reject::BadTimestamp),
        ("a 1 -5", Reject::BadTimestamp),
        ("a 1 1613707265000", Reject::BadTimestamp),
        ("a 1 nan", Reject::BadTimestamp),
        (";k=v 1 1613707265", Reject::BadName),
        ("a;k 1 1613707265", Reject::BadLabels),
        ("a;k= 1 1613707265", Reject::BadLabels),
        ("a;=v 1 1613707265", Reject::BadLabels),
        ("a;k=1;k=2 1 1613707265", Reject::BadLabels),
        ("a\u{1}b 1 1613707265", Reject::BadText),
        (long.as_str(), Reject::TooLong),
    ];
    for (text, reason) in cases {
        assert_eq!(line(text), Err(reason), "{:?}", &text[..text.len().min(40)]);
    }
    assert_eq!(series_key(b"a\xff"), Err(Reject::BadText));
}

/// FAULTS 5, 20: the limit and the unit are named.
#[test]
fn what_is_refused_in_words() {
    let long = format!("a;k={} 1 1613707265", "v".repeat(5_000));
    let name = format!("a;{}=v 1 1613707265", "\u{7f}k".repeat(5_000));
    assert!(explain(name.as_bytes(), Reject::BadLabels).len() < 400);
    let many: String = (0..1_000).map(|n| format!(";k{n}=v")).collect();
    let many = format!("a{many} 1 1613707265");
    for (text, words) in [
        (
            "a 1 1613707265000",
            "1613707265000 is no time in seconds; it looks like milliseconds",
        ),
        ("a 1 -5", "-5 is no time in seconds"),
        ("CPU host=a 1613707265000 1", "it looks like milliseconds"),
        ("a;k=1;k=2 1 1613707265", "label \"k\" is given twice"),
        ("a;=1 1 1613707265", "a label's name is empty"),
        ("a;k 1 1613707265", "a label is not name=value"),
        (long.as_str(), "longer than 4096 bytes"),
        (many.as_str(), "more than 64 labels"),
        ("a x 1", "bad_value: a x 1"),
        ("a\u{1b}b", "malformed: a?b"),
    ] {
        let reason = line(text).unwrap_err();
        let said = explain(text.as_bytes(), reason);
        assert!(
            said.starts_with(reason.as_str()) && said.contains(words),
            "{said}"
        );
        assert!(said.len() < 400, "{said}");
    }
}

/// FAULTS 23: seconds past 32 bits are seconds.
#[test]
fn times_after_2038() {
    let at = |text: &str| parse(text.as_bytes()).map(|line| line.unwrap().timestamp_ms);
    assert_eq!(at("a 1 2147483648"), Ok(Some(2_147_483_648_000)));
    assert_eq!(at("a 1 4102444799"), Ok(Some(4_102_444_799_000)));
    assert_eq!(at("a 1 4102444800"), Err(Reject::BadTimestamp));
}

/// FAULTS 6.
#[test]
fn odd_numbers_that_are_kept() {
    assert_eq!(
        line("a -0 1613707265").unwrap().2.to_bits(),
        (-0.0_f64).to_bits()
    );
    assert_eq!(
        line("a 9223372036854775808 1613707265").unwrap().2,
        9_223_372_036_854_775_808.0
    );
    assert_eq!(
        line(&format!("a 0.{} 1613707265", "3".repeat(400)))
            .unwrap()
            .2,
        1.0 / 3.0
    );
}

proptest! {
    #[test]
    fn hostile_lines_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Some(line)) = parse(&bytes) {
            let _ = series_key(line.identity);
        }
    }
}

proptest! {
    #[test]
    fn many_keys_are_those_of_each(identities in prop::collection::vec("[a-c\u{85}]{0,2}([; ](k=v|k=w|b=1,k=v|=|k=))?", 0..20)) {
        let mut keys = Keys::default();
        let mut each = Vec::new();
        for identity in &identities {
            let one = series_key(identity.as_bytes());
            prop_assert_eq!(keys.push(identity.as_bytes()), one.clone().map(|_| ()));
            each.extend(one);
        }
        prop_assert_eq!(keys.run(), &each.iter().collect());
        keys.clear();
        prop_assert_eq!(keys.push(b"a"), Ok(()));
        prop_assert_eq!(keys.run(), &[crate::SeriesKey::bare("a").unwrap()].iter().collect());
    }
}
