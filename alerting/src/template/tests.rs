use super::*;

fn render(source: &str, value: f64) -> String {
    let labels = Labels::from([("host".to_owned(), "web01".to_owned())]);
    let subject = Subject {
        labels: &labels,
        value,
        external_url: "http://weir",
    };
    Template::parse(source).unwrap().render(subject, 4_096)
}

fn refused(source: &str) -> TemplateError {
    Template::parse(source).unwrap_err()
}

#[test]
fn labels_and_values_take_their_place() {
    assert_eq!(
        render("{{ $labels.host }} is at {{$value}}!", 0.5),
        "web01 is at 0.5!"
    );
    assert_eq!(render("{{ .Labels.host }}/{{ .Value }}", 3.0), "web01/3");
    assert_eq!(render("[{{ $labels.nothing }}]", 3.0), "[]");
    assert_eq!(render("{{ $externalURL }}/x", 3.0), "http://weir/x");
    assert_eq!(render("a {{- \" b\" -}} \n c", 0.0), "a bc");
}

#[test]
fn values_look_as_in_go() {
    for (value, text) in [
        (0.0, "0"),
        (100_000.0, "100000"),
        (1_000_000.0, "1e+06"),
        (1_234_567.0, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "+Inf"),
    ] {
        assert_eq!(render("{{ $value }}", value), text);
    }
    assert_eq!(scientific(1.0), "1e+00");
    assert_eq!(scientific(-1.5e-7), "-1.5e-07");
    assert_eq!(scientific(1e100), "1e+100");
}

#[test]
fn humanize_follows_prometheus() {
    for (value, text) in [
        (0.0, "0"),
        (1.0, "1"),
        (1_234_567.0, "1.235M"),
        (0.12, "120m"),
        (-1_000.0, "-1k"),
    ] {
        assert_eq!(render("{{ $value | humanize }}", value), text);
    }
    assert_eq!(render("{{ humanize1024 $value }}", 1_048_576.0), "1Mi");
    assert_eq!(
        render("{{ $value | humanizePercentage }}", 0.1234567),
        "12.35%"
    );
    assert_eq!(render("{{ $value | humanizePercentage }}", 100.0), "1e+04%");
}

#[test]
fn durations_follow_prometheus() {
    for (value, text) in [
        (0.0, "0s"),
        (0.0123, "12.3ms"),
        (59.5, "59.5s"),
        (61.0, "1m 1s"),
        (-3_661.0, "-1h 1m 1s"),
        (90_061.0, "1d 1h 1m 1s"),
    ] {
        assert_eq!(render("{{ $value | humanizeDuration }}", value), text);
    }
}

#[test]
fn printf_takes_its_values_before_or_after_the_bar() {
    assert_eq!(render(r#"{{ printf "%.2f" $value }}%"#, 99.987), "99.99%");
    assert_eq!(render(r#"{{ $value | printf "%.0f%%" }}"#, 42.4), "42%");
    assert_eq!(
        render(r#"{{ printf "%s=%v" $labels.host $value | toUpper }}"#, 2.0),
        "WEB01=2"
    );
    assert_eq!(
        render(r#"{{ printf `%e` $value }}"#, 1500.0),
        "1.500000e+03"
    );
}

#[test]
fn what_is_not_known_is_refused_with_its_place() {
    assert_eq!(refused("ab {{ $labels.host").at, 3);
    assert_eq!(refused("ab {{ query \"up\" }}").at, 6);
    assert_eq!(refused("{{ if $value }}x{{ end }}").at, 3);
    assert_eq!(refused("{{ $value | nosuch }}").at, 12);
    assert_eq!(refused("{{ $value $value }}").at, 10);
    assert_eq!(
        refused("{{ }}").reason,
        "nothing stands here; a value is wanted"
    );
    assert!(
        refused(r#"{{ printf "%d" $value }}"#)
            .reason
            .contains("no known format")
    );
    assert!(
        refused(r#"{{ printf "%.2f" $labels.host }}"#)
            .reason
            .contains("does not fit")
    );
    assert!(
        refused(r#"{{ printf "%f %f" $value }}"#)
            .reason
            .contains("2 verbs and 1 values")
    );
    assert!(refused(r#"{{ "open }}"#).reason.contains("not closed"));
    assert!(
        refused("{{ $value | printf }}")
            .reason
            .contains("format first")
    );
    assert!(
        refused(r#"{{ printf "%.9999f" $value }}"#)
            .reason
            .contains("no known format")
    );
}

#[test]
fn output_is_bounded_and_cut_between_characters() {
    let labels = Labels::from([("x".to_owned(), "ä".repeat(1_000))]);
    let subject = Subject {
        labels: &labels,
        value: 0.0,
        external_url: "",
    };
    let template = Template::parse(&"{{ $labels.x }}".repeat(50)).unwrap();
    let text = template.render(subject, 99);
    assert!(text.len() <= 99 && text.ends_with("ä…"));
}

#[test]
fn arbitrary_text_never_panics() {
    let pieces = [
        "{{", "}}", "$labels.", "ä", "|", "\"", "`", "\\", "-", " ", "printf", "%", ".2f",
    ];
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let index = usize::try_from(seed >> 33).unwrap() % pieces.len();
            text.push_str(pieces[index]);
        }
        if let Err(error) = Template::parse(&text) {
            assert!(error.at <= text.len(), "{text:?}");
        }
    }
}
