//! etsy's statsd, as npm packages it, without a backend: its flush goes nowhere, so that only taking is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Dialect, House, Server};
use crate::fleet::Protocol;

const VERSION: &str = "0.9.0";

pub(super) struct Etsy {
    folder: PathBuf,
}

impl Etsy {
    /// Fetches the package once, below a folder; nothing is installed on the machine.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let package = folder.join("node_modules/statsd");
        if !package.exists() {
            std::fs::create_dir_all(folder)?;
            let mut npm = Command::new("npm");
            npm.args([
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--omit=optional",
            ]);
            npm.arg("--prefix")
                .arg(folder)
                .arg(format!("statsd@{VERSION}"));
            let done = npm.status().context("run npm")?;
            ensure!(done.success(), "npm install statsd failed");
        }
        Ok(Self { folder: package })
    }
}

impl Server for Etsy {
    fn name(&self) -> &'static str {
        "statsd (node)"
    }

    fn version(&self) -> String {
        VERSION.to_owned()
    }

    fn dialect(&self) -> Dialect {
        Dialect::DottedPromQl
    }

    fn protocol(&self) -> Protocol {
        Protocol::Dotted
    }

    fn command(&self, house: &House) -> Result<Command> {
        let config = house.folder.join("config.js");
        let text = format!(
            "{{ address: '127.0.0.1', port: {}, mgmt_address: '127.0.0.1', mgmt_port: {}, backends: [] }}",
            house.other.port(),
            house.lines.port()
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new("node");
        command.arg(self.folder.join("stats.js")).arg(config);
        Ok(command)
    }

    fn ready_path(&self) -> Option<&'static str> {
        None
    }
}
