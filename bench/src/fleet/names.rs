//! What the fleet's hosts and metrics are called: ten families of ten metrics, five regions, three environments.
//! Owns no values.

use std::sync::LazyLock;

/// Metrics of a host.
pub(crate) const METRICS: usize = 100;

const FAMILIES: [&str; 10] = [
    "cpu", "mem", "disk.sda", "disk.sdb", "net.eth0", "net.lo", "tcp", "vm", "http", "jvm",
];
const KINDS: [&str; 10] = [
    "load",
    "user",
    "system",
    "idle",
    "wait",
    "bytes_in",
    "bytes_out",
    "ops",
    "errors",
    "limit",
];
const REGIONS: [&str; 5] = ["us-west", "us-east", "eu-west", "eu-central", "ap-south"];
const ENVIRONMENTS: [&str; 3] = ["prod", "staging", "dev"];

static DOTTED: LazyLock<Vec<String>> = LazyLock::new(|| {
    (0..METRICS)
        .map(|metric| format!("{}.{}", FAMILIES[metric / 10], KINDS[metric % 10]))
        .collect()
});
static UNDERSCORED: LazyLock<Vec<String>> =
    LazyLock::new(|| DOTTED.iter().map(|name| name.replace('.', "_")).collect());

/// `cpu.load`, as Graphite writes it.
pub(crate) fn dotted(metric: usize) -> &'static str {
    &DOTTED[metric]
}

/// `cpu_load`, as Prometheus demands it.
pub(crate) fn underscored(metric: usize) -> &'static str {
    &UNDERSCORED[metric]
}

/// A host and the labels of everything it sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) region: &'static str,
    pub(crate) env: &'static str,
}

impl Host {
    pub(crate) fn new(number: u64) -> Self {
        Self {
            number,
            name: format!("h{number:06}"),
            region: REGIONS[(number % 5) as usize],
            env: ENVIRONMENTS[(number / 5 % 3) as usize],
        }
    }
}
