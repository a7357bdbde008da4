//! What is to be pushed, as Prometheus' text format: words of the command line, or standard input. Bounded.

use std::io::Read;

use weir_wire::exposition::{self, Format};

/// Longer input is refused; the agent's port takes no more either.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// Words as `name=value` or `name{label="value"}=value` to lines.
///
/// # Errors
/// The word that is none, and what would be right.
pub(super) fn of_words(words: &[String]) -> Result<String, String> {
    let mut text = String::new();
    for word in words {
        text.push_str(&line(word)?);
    }
    Ok(text)
}

fn line(word: &str) -> Result<String, String> {
    let wrong = |reason: &str| format!("{word:?} is no metric: {reason}; write it as name=value");
    let (name, value) = word.rsplit_once('=').ok_or_else(|| wrong("it has no ="))?;
    let line = format!("{name} {value}\n");
    let families = exposition::parse(line.as_bytes(), Format::Text);
    let families = families.map_err(|error| wrong(&error.text))?;
    let samples: Vec<_> = families.iter().flat_map(|family| &family.samples).collect();
    match samples[..] {
        [sample] if sample.timestamp_ms.is_none() => Ok(line),
        _ => Err(wrong("it is not one number")),
    }
}

/// Reads it to its end.
///
/// # Errors
/// Nothing in it, too much, or no text.
pub(super) async fn of_stdin() -> Result<String, String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut text = Vec::new();
        let mut stdin = std::io::stdin().lock().take(MAX_BYTES as u64 + 1);
        stdin.read_to_end(&mut text).map(|_| text)
    });
    let read = read.await.map_err(|error| error.to_string())?;
    let text = read.map_err(|error| format!("standard input: {error}"))?;
    if text.len() > MAX_BYTES {
        return Err(format!("standard input is longer than {MAX_BYTES} bytes"));
    }
    if text.is_empty() {
        return Err(
            "nothing to push: no NAME=VALUE was given, and standard input is empty".to_owned(),
        );
    }
    String::from_utf8(text).map_err(|_| "standard input is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        of_words(&words)
    }

    #[test]
    fn words_are_lines() {
        let text = words(&["duration_seconds=42", "bytes{disk=\"a=b\"}=1e9", "x=NaN"]);
        assert_eq!(
            text.unwrap(),
            "duration_seconds 42\nbytes{disk=\"a=b\"} 1e9\nx NaN\n"
        );
    }

    #[test]
    fn what_is_no_metric_is_named() {
        for word in [
            "x", "x=", "=1", "x=1 2", "x=y", "0x=1", "x=1\ny=2", "x{=1", "# x=1", "x =1 1",
        ] {
            let said = words(&["fine=1", word]).unwrap_err();
            assert!(said.contains(&format!("{word:?}")), "{said}");
        }
    }
}
