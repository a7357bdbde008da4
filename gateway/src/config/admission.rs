//! The sections `[admission]` and `[guard]`: what was read, and what is meant by it.

use serde::Deserialize;
use weir_config::ConfigError;
use weir_wire::limits;

use super::values::{invalid, some};
use crate::admission::guard::GuardConfig;
use crate::admission::relabel::{RuleText, Rules};
use crate::admission::{AdmissionConfig, Sizes};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadAdmission {
    max_labels: usize,
    max_name_bytes: usize,
    max_label_name_bytes: usize,
    max_label_value_bytes: usize,
    #[serde(default)]
    relabel: Vec<RuleText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadGuard {
    new_series_per_source: u64,
    new_series_per_metric: u64,
    new_values_per_label: u64,
    max_series_per_metric: u64,
    max_values_per_label: u64,
    on_explosion: String,
    #[serde(default)]
    collapse: Vec<ReadCollapse>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadCollapse {
    #[serde(default)]
    metric: String,
    label: String,
}

impl ReadAdmission {
    pub(super) fn meant(self, guard: ReadGuard) -> Result<AdmissionConfig, ConfigError> {
        let rules = Rules::new(self.relabel)
            .map_err(|error| invalid(&format!("admission.relabel[{}]", error.at), error.reason))?;
        let within = |key: &str, number: usize, most: usize| match some(key, number)? {
            number if number <= most => Ok(number),
            _ => Err(invalid(key, format!("the most is {most}"))),
        };
        Ok(AdmissionConfig {
            rules,
            sizes: Sizes {
                labels: within("admission.max_labels", self.max_labels, limits::LABELS)?,
                name_bytes: within(
                    "admission.max_name_bytes",
                    self.max_name_bytes,
                    limits::NAME_BYTES,
                )?,
                label_name_bytes: within(
                    "admission.max_label_name_bytes",
                    self.max_label_name_bytes,
                    limits::LABEL_NAME_BYTES,
                )?,
                label_value_bytes: within(
                    "admission.max_label_value_bytes",
                    self.max_label_value_bytes,
                    limits::LABEL_VALUE_BYTES,
                )?,
            },
            guard: guard.meant()?,
            ..AdmissionConfig::default()
        })
    }
}

impl ReadGuard {
    fn meant(self) -> Result<GuardConfig, ConfigError> {
        let collapses = match self.on_explosion.as_str() {
            "refuse" => false,
            "collapse" => true,
            other => {
                let right = format!("{other:?} is none of \"refuse\" and \"collapse\"");
                return Err(invalid("guard.on_explosion", right));
            }
        };
        if let Some(at) = self.collapse.iter().position(|one| one.label.is_empty()) {
            let key = format!("guard.collapse[{at}].label");
            return Err(invalid(&key, "name the label to collapse".to_owned()));
        }
        let collapsed = self.collapse.into_iter();
        Ok(GuardConfig {
            source_per_minute: self.new_series_per_source,
            metric_per_minute: self.new_series_per_metric,
            label_values_per_minute: self.new_values_per_label,
            metric_total: self.max_series_per_metric,
            label_values_total: self.max_values_per_label,
            collapses,
            collapsed: collapsed.map(|one| (one.metric, one.label)).collect(),
        })
    }
}
