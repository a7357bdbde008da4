//! What SIGHUP and `POST /-/reload` read again: every rule file, all or none of them, and before
//! them tokens and certificates, which hold even when a rule is refused.

use std::sync::Arc;

use anyhow::Context;
use weir_alerting::Alerting;

use crate::access::Access;
use crate::aggregation::Aggregation;
use crate::mapping::Mapper;

/// Everything that has rules in files.
#[derive(Clone)]
pub(crate) struct Reloading {
    pub(crate) alerting: Arc<Alerting>,
    pub(crate) mapper: Mapper,
    pub(crate) aggregation: Aggregation,
    pub(crate) access: Arc<Access>,
}

impl Reloading {
    /// Reads all, then puts all into force; when any is refused everything stays as it was.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        self.access.reload()?;
        let mappings = self.mapper.read().context("graphite.mappings")?;
        let aggregation = self.aggregation.read().context("aggregation.rules")?;
        self.alerting.reload()?;
        self.aggregation.take(aggregation);
        self.mapper.take(mappings);
        Ok(())
    }
}
