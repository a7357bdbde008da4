use proptest::prelude::*;

use super::*;

fn told(path: &str) -> String {
    match parse(path) {
        Ok(group) => group.labels().map(|(k, v)| format!("{k}={v};")).collect(),
        Err(invalid) => invalid.text,
    }
}

#[test]
fn groups() {
    for (path, labels) in [
        ("/metrics/job/backup", "job=backup;"),
        ("/metrics/job/backup/", "job=backup;"),
        (
            "/metrics/job/backup/instance/db%201/az/b",
            "az=b;instance=db 1;job=backup;",
        ),
        ("/metrics/job@base64/YS9i", "job=a/b;"),
        (
            "/metrics/job@base64/YS9i==/path@base64/L3Zhci90bXA",
            "job=a/b;path=/var/tmp;",
        ),
        ("/metrics/job%40base64/YS9i", "job=a/b;"),
        (
            "/metrics/job/x/first_label/foo/second_label@base64/=",
            "first_label=foo;job=x;second_label=;",
        ),
        ("/metrics/job/x/instance/", "instance=;job=x;"),
        ("/metrics/job/x/a/1/a/2/job/other", "a=2;job=x;"),
        ("/metrics/job/x/U__my_2e_label/v", "job=x;my.label=v;"),
        ("/metrics/job/a+b%2Bc/l/%C3%A4", "job=a+b+c;l=\u{e4};"),
    ] {
        assert_eq!(told(path), labels, "{path}");
    }
}

#[test]
fn what_is_no_group_is_told_in_the_pushgateways_words() {
    for (path, text) in [
        ("/metrics/job/", "job name is required"),
        ("/metrics/job@base64/=", "job name is required"),
        ("/metrics/instance/x", "job name is required"),
        ("/metrics", "job name is required"),
        (
            "/metrics/job/x/l",
            "odd number of components in label string \"l\"",
        ),
        ("/metrics/job/x/__l/v", "improper label name \"__l\""),
        ("/metrics/job/x/1l/v", "improper label name \"1l\""),
        ("/metrics/job/x/a-b/v", "improper label name \"a-b\""),
        (
            "/metrics/job/x/U___5f__5f_a/v",
            "improper label name \"U___5f__5f_a\"",
        ),
        (
            "/metrics/job@base64/@@",
            "invalid base64 encoding for label job=\"@@\"",
        ),
        ("/metrics/job/%zz", "invalid URL escape in \"%zz\""),
        ("/metrics/job/%ff", "the path is not UTF-8"),
    ] {
        assert_eq!(told(path), text, "{path}");
    }
    let long = format!("/metrics/job/{}", "x".repeat(20_000));
    assert!(told(&long).starts_with("the path is longer"));
}

#[test]
fn one_group_has_one_key() {
    let one = parse("/metrics/job/a/x/1/y/2").unwrap();
    let two = parse("/metrics/job@base64/YQ/y/2/x@base64/MQ").unwrap();
    assert_eq!(one.key(), two.key());
    assert_eq!(one.job(), "a");
    assert_ne!(one.key(), parse("/metrics/job/a/x/1/y/3").unwrap().key());
}

#[test]
fn escaped_names() {
    assert_eq!(unescape_name("plain").unwrap(), "plain");
    assert_eq!(
        unescape_name("U__my__http_2e_name").unwrap(),
        "my_http.name"
    );
    assert_eq!(unescape_name("U__a_zz_"), None);
    assert_eq!(unescape_name("U__a_d800_"), None);
    assert_eq!(unescape_name("U__a_2e"), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(job in "\\PC{1,20}", value in "\\PC{0,20}") {
        let labels = [("host".to_owned(), value.clone())];
        let group = parse(&path(&job, &labels)).unwrap();
        prop_assert_eq!(group.job(), job);
        prop_assert_eq!(group.get("host"), Some(value.as_str()));
    }

    #[test]
    fn hostile_paths_never_panic(path in "(/metrics/job(@base64)?)?[ -~\u{e4}]{0,60}") {
        if let Ok(group) = parse(&path) {
            prop_assert!(!group.job().is_empty());
        }
    }
}
