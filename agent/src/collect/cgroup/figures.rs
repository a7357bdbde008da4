//! The files of one control group as figures, under the names and labels of cAdvisor. It reads no file.
//! Form: <https://docs.kernel.org/admin-guide/cgroup-v2.html>.

use std::collections::HashMap;

use super::super::Figure;
use super::container::Container;

const MICROSECONDS: f64 = 1e6;

/// The labels that all figures of a group have.
pub(super) struct Labels<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Labels<'a> {
    pub(super) fn new(id: &'a str, container: Option<&'a Container>) -> Self {
        let mut labels = vec![("id", id)];
        if let Some(container) = container {
            labels.push(("name", &container.name));
            if let Some((namespace, pod)) = &container.pod {
                labels.extend([("namespace", namespace.as_str()), ("pod", pod.as_str())]);
            }
        }
        Self(labels)
    }

    pub(super) fn push(
        &self,
        name: &'static str,
        more: &[(&'static str, &str)],
        value: f64,
        figures: &mut Vec<Figure>,
    ) {
        let labels: Vec<_> = self.0.iter().chain(more).copied().collect();
        figures.push(Figure::labelled(name, &labels, value));
    }
}

pub(super) fn push_cpu(text: &str, labels: &Labels<'_>, figures: &mut Vec<Figure>) {
    for (key, name) in [
        ("user_usec", "container_cpu_user_seconds_total"),
        ("system_usec", "container_cpu_system_seconds_total"),
    ] {
        if let Some(microseconds) = value_of(text, key) {
            labels.push(name, &[], microseconds / MICROSECONDS, figures);
        }
    }
    if let Some(microseconds) = value_of(text, "usage_usec") {
        let name = "container_cpu_usage_seconds_total";
        labels.push(
            name,
            &[("cpu", "total")],
            microseconds / MICROSECONDS,
            figures,
        );
    }
    // A group without a limit has no periods.
    let periods = value_of(text, "nr_periods").filter(|periods| *periods > 0.0);
    let Some(periods) = periods else {
        return;
    };
    labels.push("container_cpu_cfs_periods_total", &[], periods, figures);
    if let Some(throttled) = value_of(text, "nr_throttled") {
        let name = "container_cpu_cfs_throttled_periods_total";
        labels.push(name, &[], throttled, figures);
    }
    if let Some(microseconds) = value_of(text, "throttled_usec") {
        let name = "container_cpu_cfs_throttled_seconds_total";
        labels.push(name, &[], microseconds / MICROSECONDS, figures);
    }
}

/// A limit of 0 is none.
pub(super) fn push_memory(
    current: u64,
    maximum: Option<u64>,
    labels: &Labels<'_>,
    figures: &mut Vec<Figure>,
) {
    let name = "container_memory_usage_bytes";
    labels.push(name, &[], current as f64, figures);
    if let Some(maximum) = maximum {
        let name = "container_spec_memory_limit_bytes";
        labels.push(name, &[], maximum as f64, figures);
    }
}

pub(super) fn push_memory_stat(
    current: u64,
    text: &str,
    labels: &Labels<'_>,
    figures: &mut Vec<Figure>,
) {
    for (key, name) in [
        ("anon", "container_memory_rss"),
        ("file", "container_memory_cache"),
    ] {
        if let Some(bytes) = value_of(text, key) {
            labels.push(name, &[], bytes, figures);
        }
    }
    if let Some(inactive) = value_of(text, "inactive_file") {
        // What the kernel could not take back at once; both move between the two reads.
        let bytes = (current as f64 - inactive).max(0.0);
        labels.push("container_memory_working_set_bytes", &[], bytes, figures);
    }
    for kind in ["pgfault", "pgmajfault"] {
        if let Some(faults) = value_of(text, kind) {
            let more = [("failure_type", kind), ("scope", "container")];
            let name = "container_memory_failures_total";
            labels.push(name, &more, faults, figures);
        }
    }
}

pub(super) fn push_memory_events(text: &str, labels: &Labels<'_>, figures: &mut Vec<Figure>) {
    if let Some(kills) = value_of(text, "oom_kill") {
        labels.push("container_oom_events_total", &[], kills, figures);
    }
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`, a line a device.
pub(super) fn push_disk(
    text: &str,
    disks: &HashMap<String, String>,
    labels: &Labels<'_>,
    figures: &mut Vec<Figure>,
) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(number) = words.next() else {
            continue;
        };
        let device = disks.get(number).map_or(number, String::as_str);
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                continue;
            };
            let name = match key {
                "rbytes" => "container_fs_reads_bytes_total",
                "wbytes" => "container_fs_writes_bytes_total",
                "rios" => "container_fs_reads_total",
                "wios" => "container_fs_writes_total",
                _ => continue,
            };
            if let Ok(value) = value.parse::<u64>() {
                labels.push(name, &[("device", device)], value as f64, figures);
            }
        }
    }
}

/// The number behind a key, one pair a line.
fn value_of(text: &str, key: &str) -> Option<f64> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = pairs.find(|(found, _)| *found == key)?;
    value.trim().parse::<u64>().ok().map(|value| value as f64)
}

#[cfg(test)]
mod tests {
    use super::super::super::figure::lines;
    use super::*;

    #[test]
    fn a_group_without_limits_and_one_with() {
        let labels = Labels::new("/a", None);
        let mut figures = Vec::new();
        push_cpu(
            "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 0\nnr_throttled 0\n",
            &labels,
            &mut figures,
        );
        push_memory(10, Some(0), &labels, &mut figures);
        assert_eq!(
            lines(&figures),
            [
                "container_cpu_user_seconds_total{id=\"/a\"} 2",
                "container_cpu_system_seconds_total{id=\"/a\"} 0.5",
                "container_cpu_usage_seconds_total{cpu=\"total\",id=\"/a\"} 2.5",
                "container_memory_usage_bytes{id=\"/a\"} 10",
                "container_spec_memory_limit_bytes{id=\"/a\"} 0",
            ]
        );
        figures.clear();
        push_cpu(
            "nr_periods 8\nnr_throttled 3\nthrottled_usec 1500000\n",
            &labels,
            &mut figures,
        );
        assert_eq!(figures.len(), 3);
        assert_eq!(figures[2].value, 1.5);
    }

    #[test]
    fn odd_text_is_left_out() {
        let (labels, disks) = (Labels::new("/a", None), HashMap::new());
        for odd in [
            "",
            "\n",
            "usage_usec",
            "usage_usec x",
            "usage_usec -1",
            "8:0",
            "8:0 rbytes",
            "8:0 rbytes=x",
            "oom_kill 99999999999999999999",
        ] {
            let mut figures = Vec::new();
            push_cpu(odd, &labels, &mut figures);
            push_memory_stat(0, odd, &labels, &mut figures);
            push_memory_events(odd, &labels, &mut figures);
            push_disk(odd, &disks, &labels, &mut figures);
            assert!(figures.is_empty(), "{odd}: {figures:?}");
        }
        let mut figures = Vec::new();
        push_memory_stat(5, "inactive_file 9\n", &labels, &mut figures);
        assert_eq!(figures[0].value, 0.0, "never below nothing");
    }
}
