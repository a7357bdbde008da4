//! One process's line of `/proc/<pid>/stat`, taken apart. Columns: proc_pid_stat(5). It reads no file.

/// What is used of it. The command's name may hold anything, also ") R 1".
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) command: &'a str,
    pub(super) state: char,
    pub(super) threads: u64,
    /// `None` where the line is cut off behind the threads.
    pub(super) usage: Option<Usage>,
}

/// Times are ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
    pub(super) user_ticks: u64,
    pub(super) system_ticks: u64,
    /// Since the host's boot; with the number it is the process's identity.
    pub(super) start_ticks: u64,
    pub(super) virtual_bytes: u64,
    pub(super) resident_pages: u64,
}

impl<'a> Line<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (before, after) = text.rsplit_once(") ")?;
        let (_, command) = before.split_once('(')?;
        let mut fields = after.split_ascii_whitespace();
        let mut state = fields.next()?.chars();
        let letter = state.next().filter(char::is_ascii_alphabetic)?;
        if state.next().is_some() {
            return None;
        }
        let mut number = |skipped| fields.nth(skipped)?.parse::<u64>().ok();
        // Skipped: parents and terminal; the faults and times of children; priorities; the timer.
        let (minor, major) = (number(6), number(1));
        let (user, system) = (number(1), number(0));
        let threads = number(4)?;
        let mut usage = || {
            Some(Usage {
                minor_faults: minor?,
                major_faults: major?,
                user_ticks: user?,
                system_ticks: system?,
                start_ticks: number(1)?,
                virtual_bytes: number(0)?,
                resident_pages: number(0)?,
            })
        };
        Some(Self {
            command,
            state: letter,
            threads,
            usage: usage(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_behind_any_name() {
        let stat = "42 (a) R 1 (b) S 1 42 42 0 -1 4194560 101 2 103 4 500 600 7 8 -20 0 12 0 300 4096 9 18446744073709551615 0 0\n";
        let line = Line::parse(stat).unwrap();
        assert_eq!(
            (line.command, line.state, line.threads),
            ("a) R 1 (b", 'S', 12)
        );
        let usage = Usage {
            minor_faults: 101,
            major_faults: 103,
            user_ticks: 500,
            system_ticks: 600,
            start_ticks: 300,
            virtual_bytes: 4096,
            resident_pages: 9,
        };
        assert_eq!(line.usage, Some(usage));
    }

    #[test]
    fn cut_off_and_odd_lines() {
        let short = "1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 4 0 0";
        let line = Line::parse(short).unwrap();
        assert_eq!((line.threads, line.usage), (4, None));
        for odd in [
            "",
            "42 (a",
            "42 (a) ",
            "42 a) S 1",
            "42 (a) S 1 2",
            "42 (a) SS 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 12",
            "42 (a) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 -12",
        ] {
            assert_eq!(Line::parse(odd), None, "{odd}");
        }
    }
}
