//! Prometheus, without anything to scrape, taking remote write.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Dialect, House, Packages, Server};
use crate::fleet::Protocol;

/// Where samples go.
pub(super) const WRITE: &str = "/api/v1/write";

pub(super) struct Prometheus {
    program: PathBuf,
    version: String,
}

impl Prometheus {
    pub(super) fn new(packages: &Packages) -> Result<Self> {
        Ok(Self {
            program: packages.file("usr/bin/prometheus")?,
            version: packages.version("prometheus"),
        })
    }
}

impl Server for Prometheus {
    fn name(&self) -> &'static str {
        "Prometheus"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn dialect(&self) -> Dialect {
        Dialect::PromQl
    }

    fn protocol(&self) -> Protocol {
        Protocol::RemoteWrite
    }

    fn command(&self, house: &House) -> Result<Command> {
        let config = house.folder.join("prometheus.yml");
        fs::write(&config, "global: {}\n")?;
        let mut command = Command::new(&self.program);
        command.args([
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", house.data().display()),
            format!("--web.listen-address={}", house.http),
            "--web.enable-remote-write-receiver".to_owned(),
            "--query.max-samples=2000000000".to_owned(),
            "--query.timeout=300s".to_owned(),
        ]);
        Ok(command)
    }

    fn ready_path(&self) -> Option<&'static str> {
        Some("/-/ready")
    }

    fn write_path(&self) -> &'static str {
        WRITE
    }
}
