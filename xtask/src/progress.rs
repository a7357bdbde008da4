//! Owns the one line that says how far a long step has come: rewritten in place on a terminal, plain lines elsewhere.
//! Never decides what a step is.

use std::{
    io::{IsTerminal, Write},
    sync::Mutex,
    time::Instant,
};

/// Counts steps from several threads.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: Mutex<usize>,
    started: Instant,
}

impl Progress {
    /// Shows `0/total` at once.
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        let progress = Self {
            what,
            total,
            done: Mutex::new(0),
            started: Instant::now(),
        };
        progress.show(0);
        progress
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        // The line is written under the lock, so that the numbers only grow.
        if let Ok(mut done) = self.done.lock() {
            *done += 1;
            self.show(*done);
        }
    }

    /// Leaves the line as it is and starts a new one.
    pub(crate) fn finish(&self) {
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
    }

    fn show(&self, done: usize) {
        let line = line(
            self.what,
            done,
            self.total,
            self.started.elapsed().as_secs(),
        );
        let mut stderr = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to stop.
        let _ = if stderr.is_terminal() {
            write!(stderr, "\r{line} ")
        } else {
            writeln!(stderr, "{line}")
        };
        let _ = stderr.flush();
    }
}

fn line(what: &str, done: usize, total: usize, elapsed_s: u64) -> String {
    format!(
        "{what} {done}/{total} ({}:{:02})",
        elapsed_s / 60,
        elapsed_s % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_count_and_time() {
        assert_eq!(line("RocksDB", 5, 16, 75), "RocksDB 5/16 (1:15)");
    }
}
