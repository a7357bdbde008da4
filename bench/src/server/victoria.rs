//! VictoriaMetrics: Graphite lines in, PromQL out. Its limits on queries are raised and fresh samples are not hidden.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Dialect, House, Packages, Running, Server};
use crate::fleet::Protocol;

pub(super) struct Victoria {
    program: PathBuf,
    version: String,
}

impl Victoria {
    pub(super) fn new(packages: &Packages) -> Result<Self> {
        Ok(Self {
            program: packages.file("usr/bin/victoria-metrics")?,
            version: packages.version("victoria-metrics"),
        })
    }
}

impl Server for Victoria {
    fn name(&self) -> &'static str {
        "VictoriaMetrics"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn dialect(&self) -> Dialect {
        Dialect::DottedPromQl
    }

    fn protocol(&self) -> Protocol {
        Protocol::Graphite
    }

    fn command(&self, house: &House) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.args([
            format!("-storageDataPath={}", house.data().display()),
            format!("-httpListenAddr={}", house.http),
            format!("-graphiteListenAddr={}", house.lines),
            "-search.latencyOffset=0s".to_owned(),
            "-search.maxUniqueTimeseries=20000000".to_owned(),
            "-search.maxSamplesPerQuery=2000000000".to_owned(),
            "-search.maxQueryDuration=300s".to_owned(),
        ]);
        Ok(command)
    }

    fn ready_path(&self) -> Option<&'static str> {
        Some("/health")
    }

    fn flush(&self, running: &Running) -> Result<Option<String>> {
        let answer = running.client()?.get("/internal/force_flush")?;
        ensure!(
            answer.is_success(),
            "force_flush answered {}",
            answer.status
        );
        Ok(None)
    }
}
