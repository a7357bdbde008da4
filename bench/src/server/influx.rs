//! InfluxDB 1.x: its own line protocol, one database, no limit on series.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Dialect, House, Packages, Server};
use crate::fleet::Protocol;
use crate::http::{Client, escaped};

/// Where samples go.
pub(super) const WRITE: &str = "/write?db=bench&precision=s";

pub(super) struct Influx {
    program: PathBuf,
    version: String,
}

impl Influx {
    pub(super) fn new(packages: &Packages) -> Result<Self> {
        Ok(Self {
            program: packages.file("usr/bin/influxd")?,
            version: packages.version("influxdb"),
        })
    }
}

impl Server for Influx {
    fn name(&self) -> &'static str {
        "InfluxDB"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn dialect(&self) -> Dialect {
        Dialect::InfluxQl
    }

    fn protocol(&self) -> Protocol {
        Protocol::Influx
    }

    fn command(&self, house: &House) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.args(["run", "-config", ""]);
        let data = house.data();
        for (key, folder) in [
            ("META_DIR", "meta"),
            ("DATA_DIR", "data"),
            ("DATA_WAL_DIR", "wal"),
        ] {
            command.env(format!("INFLUXDB_{key}"), data.join(folder));
        }
        command
            .env("INFLUXDB_HTTP_BIND_ADDRESS", house.http.to_string())
            .env("INFLUXDB_BIND_ADDRESS", house.other.to_string())
            .env("INFLUXDB_REPORTING_DISABLED", "true")
            .env("INFLUXDB_MONITOR_STORE_ENABLED", "false")
            .env("INFLUXDB_HTTP_LOG_ENABLED", "false")
            .env("INFLUXDB_DATA_QUERY_LOG_ENABLED", "false")
            .env("INFLUXDB_DATA_MAX_SERIES_PER_DATABASE", "0")
            .env("INFLUXDB_DATA_MAX_VALUES_PER_TAG", "0");
        Ok(command)
    }

    fn ready_path(&self) -> Option<&'static str> {
        Some("/ping")
    }

    fn write_path(&self) -> &'static str {
        WRITE
    }

    fn prepare(&self, client: &mut Client) -> Result<()> {
        let answer = client.post(
            &format!("/query?q={}", escaped("CREATE DATABASE bench")),
            "",
            b"",
        )?;
        ensure!(answer.is_success(), "CREATE DATABASE: {}", answer.text());
        Ok(())
    }
}
