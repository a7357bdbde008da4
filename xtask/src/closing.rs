//! Owns a test runner's closing lines: passes its output on as it comes and remembers what it says in the end.
//! Never judges them; the exit status does.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result};

/// Bounds what is remembered of a run with many failures.
const MAX_LINES: usize = 60;

/// How one runner ended.
pub(crate) struct Closing {
    /// What ran.
    pub(crate) what: &'static str,
    /// The runner's own last words, uncoloured.
    pub(crate) lines: Vec<String>,
    /// Its exit status was zero.
    pub(crate) passed: bool,
}

/// Which lines of a runner are the closing ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// From `Summary [` on.
    Nextest,
    /// One `test result:` for each binary.
    Cargo,
    /// Just the last dozen.
    Npm,
}

/// Runs it to its end.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(what: &'static str, runner: Runner, command: &mut Command) -> Result<Closing> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {what}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (out, err) = thread::scope(|scope| {
        let out = scope.spawn(|| stdout.map(|pipe| pass_on(pipe, std::io::stdout(), runner)));
        let err = scope.spawn(|| stderr.map(|pipe| pass_on(pipe, std::io::stderr(), runner)));
        (out.join().ok().flatten(), err.join().ok().flatten())
    });
    let status = child.wait().with_context(|| format!("wait for {what}"))?;
    let lines = out.into_iter().chain(err).flatten().collect();
    Ok(Closing {
        what,
        lines,
        passed: status.success(),
    })
}

fn pass_on(pipe: impl Read, mut to: impl Write, runner: Runner) -> VecDeque<String> {
    let mut reader = BufReader::new(pipe);
    let mut kept = VecDeque::new();
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
        // A closed terminal is no reason to stop the tests.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        keep(runner, &mut kept, plain(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    kept
}

fn keep(runner: Runner, kept: &mut VecDeque<String>, line: String) {
    let (wanted, most) = match runner {
        Runner::Nextest => {
            let summary = line.contains("Summary [");
            if summary {
                kept.clear();
            }
            (summary || !kept.is_empty(), MAX_LINES)
        }
        Runner::Cargo => (line.starts_with("test result:"), MAX_LINES),
        Runner::Npm => (!line.trim().is_empty(), 12),
    };
    if wanted {
        kept.push_back(line);
    }
    if kept.len() > most {
        kept.pop_front();
    }
}

/// Without colours and the line's end.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.trim_end().chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A colour ends with its letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(runner: Runner, output: &str) -> Vec<String> {
        let mut passed_on = Vec::new();
        let kept = pass_on(output.as_bytes(), &mut passed_on, runner);
        assert_eq!(passed_on, output.as_bytes());
        kept.into()
    }

    #[test]
    fn nextest_closes_with_its_last_summary_and_what_follows() {
        let output = "PASS a\n Summary [ 1s] old\nx\n\u{1b}[32m Summary\u{1b}[0m [ 2s] 3 tests run\n FAIL b\n";
        assert_eq!(
            closing(Runner::Nextest, output),
            [" Summary [ 2s] 3 tests run", " FAIL b"]
        );
    }

    #[test]
    fn cargo_closes_with_one_line_a_binary() {
        let output =
            "running 1 test\ntest result: ok. 1 passed\nrunning 0\ntest result: ok. 0 passed";
        assert_eq!(
            closing(Runner::Cargo, output),
            ["test result: ok. 1 passed", "test result: ok. 0 passed"]
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let output: String = (0..1000)
            .map(|number| format!("line {number}\n\n"))
            .collect();
        let lines = closing(Runner::Npm, &output);
        assert_eq!(
            (lines.len(), lines.last().map(String::as_str)),
            (12, Some("line 999"))
        );
    }

    #[test]
    fn both_outputs_and_the_status_are_seen() {
        let script = "echo 'test result: out'; echo 'test result: err' >&2; exit 1";
        let closing =
            run("sh", Runner::Cargo, Command::new("sh").args(["-c", script])).expect("runs");
        assert_eq!(closing.lines, ["test result: out", "test result: err"]);
        assert!(!closing.passed);
    }
}
