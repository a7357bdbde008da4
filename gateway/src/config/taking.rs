//! The sections of what is taken in beside frames and Graphite's lines: `[influx]`, `[opentsdb]`, `[otlp]`,
//! `[pushgateway]`: what was read, and what is meant by it.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use weir_config::{ConfigError, DurationText, SizeText};
use weir_wire::influx::{FieldNaming, FieldPlace, Precision, UnknownPrecision};
use weir_wire::opentsdb::Rules;
use weir_wire::otlp;

use super::store::StoreConfig;
use super::values::{at_least, at_least_bytes, invalid};
use crate::http::{Histograms, OtlpConfig, PushgatewayConfig, TakingConfig, Times};

/// Less would refuse what clients send by default.
const LEAST_WRITE_BYTES: u64 = 64 << 10;
/// What all bodies may hold together.
const MOST_WRITE_BYTES: u64 = 256 << 20;
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadInflux {
    pub(super) udp_listen: String,
    udp_precision: String,
    field: String,
    separator: String,
    field_label: String,
    bare_field: String,
    pub(super) udp: String,
    pub(super) allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadOpenTsdb {
    pub(super) listen: String,
    pub(super) max_connections: usize,
    require_tags: bool,
    pub(super) auth: String,
    pub(super) tls: String,
    pub(super) allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadPushgateway {
    interval: DurationText,
    ttl: DurationText,
    mode: String,
    timestamps: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadOtlp {
    names: String,
    resource_labels: Vec<String>,
    scope_labels: bool,
    histograms: String,
}

/// All of them.
pub(super) struct Sections<'a> {
    pub(super) influx: &'a ReadInflux,
    pub(super) opentsdb: &'a ReadOpenTsdb,
    pub(super) otlp: &'a ReadOtlp,
    pub(super) pushgateway: &'a ReadPushgateway,
    pub(super) data_dir: &'a Path,
    pub(super) admin: bool,
    pub(super) max_write: SizeText,
    pub(super) store: &'a StoreConfig,
}

impl Sections<'_> {
    pub(super) fn meant(&self) -> Result<TakingConfig, ConfigError> {
        let least = LEAST_WRITE_BYTES;
        let max_body_bytes = at_least_bytes("http.max_write", self.max_write, least)?;
        if max_body_bytes > MOST_WRITE_BYTES {
            let right = format!("the most is {MOST_WRITE_BYTES} bytes");
            return Err(invalid("http.max_write", right));
        }
        Ok(TakingConfig {
            max_body_bytes: usize::try_from(max_body_bytes).unwrap_or(usize::MAX),
            influx_naming: self.influx.naming()?,
            opentsdb_rules: Rules {
                require_tags: self.opentsdb.require_tags,
            },
            otlp: self.otlp.meant()?,
            pushgateway: self.pushgateway()?,
            times: self.times(),
        })
    }

    fn times(&self) -> Times {
        let kept_ms = self.store.raw.as_millis() as i64;
        let policies = self.store.policies.iter().map(|policy| policy.raw_ms);
        Times {
            future_ms: self.store.future.as_millis() as i64,
            kept_ms,
            longest_kept_ms: policies.fold(kept_ms, i64::max),
        }
    }

    fn pushgateway(&self) -> Result<PushgatewayConfig, ConfigError> {
        let read = self.pushgateway;
        Ok(PushgatewayConfig {
            interval: at_least("pushgateway.interval", read.interval, LEAST_INTERVAL)?,
            ttl: read.ttl.0,
            timestamps: read.timestamps,
            aggregate: match read.mode.as_str() {
                "replace" => false,
                "aggregate" => true,
                other => {
                    let right = format!("{other:?} is no mode: \"replace\" or \"aggregate\"");
                    return Err(invalid("pushgateway.mode", right));
                }
            },
            dir: self.data_dir.join("pushgateway"),
            admin: self.admin,
        })
    }
}

impl ReadInflux {
    pub(super) fn precision(&self) -> Result<Precision, ConfigError> {
        let precision = self.udp_precision.parse();
        precision.map_err(|why: UnknownPrecision| invalid("influx.udp_precision", why.to_string()))
    }

    fn naming(&self) -> Result<FieldNaming, ConfigError> {
        let place = match self.field.as_str() {
            "name" => FieldPlace::Name {
                separator: self.separator.clone(),
            },
            "label" if !self.field_label.is_empty() => FieldPlace::Label {
                label: self.field_label.clone(),
            },
            "label" => {
                let right = "give the label a name, as in \"field\"".to_owned();
                return Err(invalid("influx.field_label", right));
            }
            other => {
                let right = format!("{other:?} is no place for a field: \"name\" or \"label\"");
                return Err(invalid("influx.field", right));
            }
        };
        Ok(FieldNaming {
            place,
            bare: Some(self.bare_field.clone()).filter(|bare| !bare.is_empty()),
        })
    }
}

impl ReadOtlp {
    fn meant(&self) -> Result<OtlpConfig, ConfigError> {
        let names = match self.names.as_str() {
            "prometheus" => otlp::Names::Prometheus,
            "otel" => otlp::Names::Otel,
            other => {
                let right = format!("{other:?} is no way to name: \"prometheus\" or \"otel\"");
                return Err(invalid("otlp.names", right));
            }
        };
        let histograms = match self.histograms.as_str() {
            "histogram" => Histograms::Histogram,
            "classic" => Histograms::Classic,
            "both" => Histograms::Both,
            other => {
                let right = format!("{other:?} is no form: \"histogram\", \"classic\" or \"both\"");
                return Err(invalid("otlp.histograms", right));
            }
        };
        let promote = match self.resource_labels.as_slice() {
            [all] if all == "*" => otlp::Promote::All,
            some => otlp::Promote::Only(some.to_vec()),
        };
        Ok(OtlpConfig {
            rules: otlp::Rules {
                names,
                promote,
                scope_labels: self.scope_labels,
            },
            histograms,
        })
    }
}
