//! The agent's own counters, read from its `/metrics` page.

use std::collections::BTreeMap;

use weir_wire::exposition::{self, Format, Measured};

/// By name and the label `protocol`, which is empty where there is none; other labels are summed over.
#[derive(Debug, Default)]
pub(super) struct Counters(BTreeMap<(String, String), f64>);

impl Counters {
    /// # Errors
    /// Not Prometheus' text format.
    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        // The answer's last newline may be gone.
        let text = format!("{text}\n");
        let mut counters = BTreeMap::new();
        for family in exposition::parse(text.as_bytes(), Format::Text)? {
            for sample in family.samples {
                let Measured::Float(value) = sample.value else {
                    continue;
                };
                let protocol = sample.labels.iter().find(|(name, _)| name == "protocol");
                let protocol = protocol.map(|(_, value)| value.to_string());
                let key = (sample.name.to_string(), protocol.unwrap_or_default());
                *counters.entry(key).or_insert(0.0) += value;
            }
        }
        Ok(Self(counters))
    }

    pub(super) fn get(&self, name: &str, protocol: &str) -> f64 {
        let found = self.0.get(&(name.to_owned(), protocol.to_owned()));
        found.copied().unwrap_or(0.0)
    }

    /// Those that a counter of this name has.
    pub(super) fn protocols(&self, name: &str) -> Vec<&str> {
        let keys = self.0.keys().filter(|(own, _)| own == name);
        keys.map(|(_, protocol)| protocol.as_str()).collect()
    }
}
