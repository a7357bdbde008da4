//! The gateway's own check of a stopped data directory: checksums, invariants, rollups against raw samples.

use anyhow::Result;

use crate::gateway::Launch;

/// What the check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Checked {
    Clean,
    /// With its text.
    Faulty(String),
    /// This gateway has no such command.
    Impossible,
}

/// Runs `store check` on the data directory of a gateway that does not run.
pub(crate) fn check(launch: &Launch) -> Result<Checked> {
    let data = launch.data.display().to_string();
    let (code, text) = launch.command(&["store", "check", &data])?;
    Ok(judge(code, text))
}

fn judge(code: Option<i32>, text: String) -> Checked {
    let lower = text.to_lowercase();
    if code != Some(0) && lower.contains("unrecognized subcommand") {
        return Checked::Impossible;
    }
    let words: Vec<&str> = lower.split_whitespace().collect();
    let told = words.iter().enumerate().any(|(at, word)| {
        let bad = ["damaged", "differs"].iter().any(|bad| word.contains(bad));
        // "0 damaged" is a good word.
        bad && at.checked_sub(1).and_then(|before| words.get(before)) != Some(&"0")
    });
    if code == Some(0) && !told {
        return Checked::Clean;
    }
    Checked::Faulty(format!("exit {code:?}\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_check_is_told_from_a_faulty_and_from_none() {
        let judged = |code, text: &str| judge(Some(code), text.to_owned());
        assert_eq!(judged(0, "12 tables, 0 damaged\nok"), Checked::Clean);
        assert_eq!(
            judged(2, "error: unrecognized subcommand 'store'"),
            Checked::Impossible
        );
        for (code, text) in [
            (1, "ok"),
            (0, "chunk 7 damaged"),
            (0, "10 damaged"),
            (0, "rollup of a differs"),
        ] {
            assert!(matches!(judged(code, text), Checked::Faulty(_)), "{text}");
        }
    }
}
