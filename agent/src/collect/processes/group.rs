//! One named group of processes: who belongs to it, and what its members amount to, under process-exporter's names.
//! Totals only grow: what a member used stays when it ends. It reads no file.

use std::time::Duration;

use regex::Regex;

use super::super::Figure;
use super::line::Usage;

pub(super) struct Group {
    pub(super) name: String,
    pub(super) pattern: Regex,
    pub(super) total: Total,
    pub(super) now: Now,
}

/// Since this agent started, beginning with what the members of then had used.
#[derive(Debug, Default)]
pub(super) struct Total {
    user_ticks: u64,
    system_ticks: u64,
    minor_faults: u64,
    major_faults: u64,
}

/// What this round saw.
#[derive(Debug, Default)]
pub(super) struct Now {
    pub(super) processes: u64,
    pub(super) threads: u64,
    pub(super) virtual_bytes: u64,
    pub(super) resident_pages: u64,
    /// `None` once a member could not be asked: half a number would be a wrong one.
    pub(super) open_files: Option<u64>,
    pub(super) oldest_ticks: Option<u64>,
}

/// What turns the kernel's units into the world's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Units {
    pub(super) ticks_per_second: f64,
    pub(super) page_bytes: f64,
    /// Since 1970; `None` where the kernel does not say it.
    pub(super) boot: Option<Duration>,
}

impl Total {
    /// Adds what was used between two looks at one process.
    pub(super) fn add(&mut self, before: &Usage, now: &Usage) {
        for (total, before, now) in [
            (&mut self.user_ticks, before.user_ticks, now.user_ticks),
            (
                &mut self.system_ticks,
                before.system_ticks,
                now.system_ticks,
            ),
            (
                &mut self.minor_faults,
                before.minor_faults,
                now.minor_faults,
            ),
            (
                &mut self.major_faults,
                before.major_faults,
                now.major_faults,
            ),
        ] {
            *total = total.saturating_add(now.saturating_sub(before));
        }
    }
}

impl Now {
    pub(super) fn new() -> Self {
        Self {
            open_files: Some(0),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, threads: u64, usage: &Usage) {
        self.processes += 1;
        self.threads = self.threads.saturating_add(threads);
        self.virtual_bytes = self.virtual_bytes.saturating_add(usage.virtual_bytes);
        self.resident_pages = self.resident_pages.saturating_add(usage.resident_pages);
        let oldest = self.oldest_ticks.unwrap_or(u64::MAX);
        self.oldest_ticks = Some(oldest.min(usage.start_ticks));
    }
}

impl Group {
    /// Also of a group that nobody is in: that is when somebody asks.
    pub(super) fn push(&self, units: Units, figures: &mut Vec<Figure>) {
        let mut push = |name, more: &[(&'static str, &str)], value| {
            let own = [("groupname", self.name.as_str())];
            let labels: Vec<_> = own.iter().chain(more).copied().collect();
            figures.push(Figure::labelled(name, &labels, value));
        };
        let (total, now) = (&self.total, &self.now);
        push(
            "namedprocess_namegroup_num_procs",
            &[],
            now.processes as f64,
        );
        push(
            "namedprocess_namegroup_num_threads",
            &[],
            now.threads as f64,
        );
        for (mode, ticks) in [("user", total.user_ticks), ("system", total.system_ticks)] {
            let seconds = ticks as f64 / units.ticks_per_second;
            let name = "namedprocess_namegroup_cpu_seconds_total";
            push(name, &[("mode", mode)], seconds);
        }
        for (name, faults) in [
            (
                "namedprocess_namegroup_minor_page_faults_total",
                total.minor_faults,
            ),
            (
                "namedprocess_namegroup_major_page_faults_total",
                total.major_faults,
            ),
        ] {
            push(name, &[], faults as f64);
        }
        let resident_bytes = now.resident_pages as f64 * units.page_bytes;
        for (kind, bytes) in [
            ("resident", resident_bytes),
            ("virtual", now.virtual_bytes as f64),
        ] {
            let name = "namedprocess_namegroup_memory_bytes";
            push(name, &[("memtype", kind)], bytes);
        }
        if let Some(files) = now.open_files {
            push("namedprocess_namegroup_open_filedesc", &[], files as f64);
        }
        if let (Some(ticks), Some(boot)) = (now.oldest_ticks, units.boot) {
            let seconds = boot.as_secs_f64() + ticks as f64 / units.ticks_per_second;
            let name = "namedprocess_namegroup_oldest_start_time_seconds";
            push(name, &[], seconds);
        }
    }
}
