//! Named groups of processes, beside Debian's process-exporter. The members are started when both have looked around, since both
//! count from their own start on.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use weir_agent::collect::{CollectConfig, Collectors, NAMES};

use crate::compare::compare;
use crate::exporter::{Exporter, defaults};
use crate::tools;

const CONFIG: &str = "process_names:
- name: sleepers
  cmdline: ['^weir-test-sleeper ']
- name: workers
  cmdline: ['^weir-test-worker ']
";

/// Killed when dropped.
struct Member(Child);

impl Member {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(arguments[0]);
        Self(
            command
                .arg0(name)
                .args(&arguments[1..])
                // Never written to: what reads it waits for as long as this is not dropped.
                .stdin(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn groups_of_processes_are_told_alike() {
    let root = tools::debian("process-exporter", &["prometheus-process-exporter"]);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("groups.yml");
    std::fs::write(&config, CONFIG).unwrap();
    let mut command = Command::new(root.join("usr/bin/prometheus-process-exporter"));
    command
        .arg("-config.path")
        .arg(&config)
        .args(["-web.listen-address", "127.0.0.1:0"])
        .args(["-children=false", "-threads=false", "-gather-smaps=false"]);
    let mut exporter = Exporter::start(&mut command);
    let groups = ["sleeper", "worker"].map(|name| {
        let pattern = format!("^weir-test-{name} ");
        (format!("{name}s"), pattern)
    });
    let others = NAMES.into_iter().filter(|name| *name != "processes");
    let mut collectors = Collectors::new(CollectConfig {
        disabled: others.map(str::to_owned).collect(),
        process_groups: BTreeMap::from(groups),
        ..defaults()
    })
    .unwrap();
    let family = "namedprocess_namegroup_";
    exporter.scrape(family);
    collectors.collect();
    // The exporter knows of the boot's time in whole seconds: who starts sooner may be older than itself to it.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let forks = "i=0; while [ $i -lt 2000 ]; do (:); i=$((i+1)); done; read -r held";
    let _members = [
        Member::start("weir-test-sleeper", &["sleep", "600"]),
        Member::start("weir-test-sleeper", &["sleep", "601"]),
        Member::start("weir-test-worker", &["sh", "-c", forks]),
    ];
    // Of two groups: five states, two modes, two kinds of memory, two of faults, and four more.
    assert_eq!(
        compare(&mut collectors, &mut exporter, family),
        2 * (5 + 2 + 2 + 2 + 4)
    );
}
