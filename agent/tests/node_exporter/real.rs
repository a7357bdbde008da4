//! This host, as it is.

use std::process::Command;

use weir_agent::collect::Collectors;

use crate::compare::compare;
use crate::exporter::{Exporter, arguments, defaults, path};

#[test]
fn this_host_is_told_alike() {
    let mut config = defaults();
    // The real one has its own test, as few hosts of tests have it.
    config.disabled.push("systemd".to_owned());
    let mut command = Command::new(path());
    command
        .args(arguments(&config))
        // Of these one is on and one is off without a word.
        .args(["--no-collector.systemd", "--collector.processes"]);
    let mut exporter = Exporter::start(&mut command);
    let mut collectors = Collectors::new(config).unwrap();
    // Two processors, a disk and an interface alone give more.
    assert!(compare(&mut collectors, &mut exporter) > 150);
}
