//! `cpu`: the seconds each processor spent in each mode, from `/proc/stat`. It keeps what it said last, because the
//! kernel's idle and iowait may run backwards a little, which a rate would read as a restart.
//! Columns: <https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat>.

use std::collections::HashMap;

use super::root::STAT;
use super::{CollectError, Figure, Root};

const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];
const GUEST_MODES: [&str; 2] = ["user", "nice"];
const COLUMNS: usize = MODES.len() + GUEST_MODES.len();
const IDLE: usize = 3;
/// Idle time that falls by more than this means that the processor was taken out and put back: it starts anew.
const HOTPLUG_SECONDS: u64 = 3;

type Ticks = [u64; COLUMNS];

pub(super) struct Cpu {
    ticks_per_second: u64,
    last: HashMap<String, Ticks>,
}

impl Cpu {
    pub(super) fn new() -> Self {
        Self {
            // The kernel's USER_HZ; a 0 from a broken auxiliary vector must not become a division by it.
            ticks_per_second: rustix::param::clock_ticks_per_second().max(1),
            last: HashMap::new(),
        }
    }

    pub(super) fn collect(
        &mut self,
        root: &Root,
        figures: &mut Vec<Figure>,
    ) -> Result<(), CollectError> {
        let now = parse(&root.read_stat()?);
        if now.is_empty() {
            return Err(CollectError::Odd { path: STAT });
        }
        let mut kept = HashMap::with_capacity(now.len());
        for (cpu, ticks) in now {
            let ticks = match self.last.get(&cpu) {
                Some(last) => forward(
                    last,
                    ticks,
                    HOTPLUG_SECONDS.saturating_mul(self.ticks_per_second),
                ),
                None => ticks,
            };
            self.push(&cpu, &ticks, figures);
            kept.insert(cpu, ticks);
        }
        self.last = kept;
        Ok(())
    }

    fn push(&self, cpu: &str, ticks: &Ticks, figures: &mut Vec<Figure>) {
        let hz = self.ticks_per_second as f64;
        let (modes, guests) = ticks.split_at(MODES.len());
        for (mode, ticks) in MODES.iter().zip(modes) {
            let labels = [("cpu", cpu), ("mode", *mode)];
            figures.push(Figure::labelled(
                "node_cpu_seconds_total",
                &labels,
                *ticks as f64 / hz,
            ));
        }
        for (mode, ticks) in GUEST_MODES.iter().zip(guests) {
            let labels = [("cpu", cpu), ("mode", *mode)];
            figures.push(Figure::labelled(
                "node_cpu_guest_seconds_total",
                &labels,
                *ticks as f64 / hz,
            ));
        }
    }
}

/// Each processor's number and ticks; columns that an old kernel lacks are 0.
fn parse(text: &str) -> Vec<(String, Ticks)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("cpu"));
    lines.filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(String, Ticks)> {
    // The first line, "cpu " without a number, is the sum of all.
    let (cpu, rest) = line.split_once(' ')?;
    if cpu.is_empty() || !cpu.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut ticks = [0; COLUMNS];
    let mut seen = 0;
    for (column, word) in ticks.iter_mut().zip(rest.split_ascii_whitespace()) {
        *column = word.parse().ok()?;
        seen += 1;
    }
    (seen > IDLE).then(|| (cpu.to_owned(), ticks))
}

fn forward(last: &Ticks, mut now: Ticks, hotplug_ticks: u64) -> Ticks {
    if last[IDLE].saturating_sub(now[IDLE]) > hotplug_ticks {
        return now;
    }
    for (now, last) in now.iter_mut().zip(last) {
        *now = (*now).max(*last);
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cpu  30 0 0 0 0 0 0 0 0 0\ncpu0 10 2 3 1000 5 6 7 8 9 1\ncpu12 20 0 0 4\ncpu1 x 1 1 1\ncpuX 1 1 1 1\nintr 5\n";

    #[test]
    fn each_processor_and_missing_columns() {
        let parsed = parse(TEXT);
        assert_eq!(
            parsed[0],
            ("0".to_owned(), [10, 2, 3, 1000, 5, 6, 7, 8, 9, 1])
        );
        assert_eq!(
            parsed[1],
            ("12".to_owned(), [20, 0, 0, 4, 0, 0, 0, 0, 0, 0])
        );
        assert_eq!(parsed.len(), 2);
    }

    #[test]
    fn ticks_become_seconds() {
        let cpu = Cpu {
            ticks_per_second: 100,
            last: HashMap::new(),
        };
        let mut figures = Vec::new();
        cpu.push("0", &parse(TEXT)[0].1, &mut figures);
        let lines = super::super::figure::lines(&figures);
        assert_eq!(lines.len(), COLUMNS);
        assert_eq!(
            lines[3],
            "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 10"
        );
        assert_eq!(
            lines[8],
            "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"} 0.09"
        );
    }

    #[test]
    fn a_little_backwards_is_held_and_a_return_starts_anew() {
        let last = [10, 0, 0, 1000, 5, 0, 0, 0, 0, 0];
        assert_eq!(
            forward(&last, [11, 0, 0, 999, 4, 0, 0, 0, 0, 0], 300),
            [11, 0, 0, 1000, 5, 0, 0, 0, 0, 0]
        );
        let anew = [1, 0, 0, 2, 0, 0, 0, 0, 0, 0];
        assert_eq!(forward(&last, anew, 300), anew);
    }
}
