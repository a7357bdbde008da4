//! `os`: which distribution runs here, from `/etc/os-release`, as labels of a figure that is always 1, and its version as a
//! number. Form: <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>. It runs no shell.

use super::{CollectError, Figure, Root};

/// The second is where distributions put it; the first may be the host's own.
const PATHS: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];
/// Key in the file, label. What is missing or empty is no label.
const KEYS: [(&str, &str); 12] = [
    ("BUILD_ID", "build_id"),
    ("ID", "id"),
    ("ID_LIKE", "id_like"),
    ("IMAGE_ID", "image_id"),
    ("IMAGE_VERSION", "image_version"),
    ("NAME", "name"),
    ("PRETTY_NAME", "pretty_name"),
    ("VARIANT", "variant"),
    ("VARIANT_ID", "variant_id"),
    ("VERSION", "version"),
    ("VERSION_CODENAME", "version_codename"),
    ("VERSION_ID", "version_id"),
];
const VERSION_LABELS: [&str; 3] = ["id", "id_like", "name"];

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let [first, second] = PATHS;
    let text = root.read(first).or_else(|_| root.read(second))?;
    let labels = parse(&text);
    if labels.is_empty() {
        return Err(CollectError::Odd { path: first });
    }
    let version = labels.iter().find(|(name, _)| *name == "version_id");
    if let Some(version) = version.and_then(|(_, version)| leading_number(version)) {
        let mut figure = Figure::new("node_os_version", version);
        let kept = labels
            .iter()
            .filter(|(name, _)| VERSION_LABELS.contains(name));
        figure.labels = kept.cloned().collect();
        figures.push(figure);
    }
    let mut figure = Figure::new("node_os_info", 1.0);
    figure.labels = labels;
    figures.push(figure);
    Ok(())
}

/// The known keys in the order of `KEYS`; of one that is there twice the last.
fn parse(text: &str) -> Vec<(&'static str, String)> {
    let value_of = |key: &str| {
        let lines = text.lines().rev().map(str::trim);
        let mut values =
            lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(unquote));
        values.next().filter(|value| !value.is_empty())
    };
    let labels = KEYS.into_iter();
    labels
        .filter_map(|(key, label)| Some((label, value_of(key)?)))
        .collect()
}

/// Takes the shell's quotes off; inside double ones a backslash takes the meaning of the next.
fn unquote(text: &str) -> String {
    let between = |quote| -> Option<&str> { text.strip_prefix(quote)?.strip_suffix::<char>(quote) };
    if let Some(plain) = between('\'') {
        return plain.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = between('"').unwrap_or(text).chars();
    while let Some(next) = rest.next() {
        plain.extend(match next {
            '\\' => rest.next(),
            other => Some(other),
        });
    }
    plain
}

/// "22.04" of "22.04.3": what is a number of its beginning.
fn leading_number(version: &str) -> Option<f64> {
    let mut dots = 0;
    let end = version.find(|next: char| {
        dots += usize::from(next == '.');
        !(next.is_ascii_digit() || next == '.' && dots == 1)
    });
    version.get(..end.unwrap_or(version.len()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_missing_keys() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID='12'\n# ID=none\nID=debian\nID=devuan\n\
                    NAME=\"a \\\"b\\\" \\$c\"\nVARIANT=\nBUG_REPORT_URL=\"https://x\"\nno line\n";
        assert_eq!(
            parse(text),
            [
                ("id", "devuan".to_owned()),
                ("name", "a \"b\" $c".to_owned()),
                ("pretty_name", "Debian GNU/Linux 12 (bookworm)".to_owned()),
                ("version_id", "12".to_owned())
            ]
        );
        for odd in ["", "=", "ID", "ID=", "ID=\"\"", "\u{0}", "id=debian"] {
            assert!(parse(odd).is_empty(), "{odd}");
        }
        assert_eq!(unquote("\""), "\"");
        assert_eq!(unquote("a\\"), "a");
    }

    #[test]
    fn a_version_is_a_number_as_far_as_it_goes() {
        for (version, number) in [
            ("12", Some(12.0)),
            ("22.04", Some(22.04)),
            ("22.04.3", Some(22.04)),
            ("3.18_alpha", Some(3.18)),
            ("rolling", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(leading_number(version), number, "{version}");
        }
    }
}
