//! weir-gateway, on its defaults but for where things are and how much a query may read.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Dialect, House, Running, Server};
use crate::fleet::Protocol;
use crate::machine;

const FLUSH: &str = "/api/v1/admin/store/flush";

pub(super) struct Weir {
    program: PathBuf,
    sets: Vec<String>,
}

const GUARD: [&str; 5] = [
    "new_series_per_source",
    "new_series_per_metric",
    "new_values_per_label",
    "max_series_per_metric",
    "max_values_per_label",
];

impl Weir {
    pub(super) fn new(program: &Path, more: &[&str]) -> Result<Self> {
        let known = Command::new(program).arg("config").output();
        let known = known.with_context(|| format!("run {}", program.display()))?;
        ensure!(
            known.status.success(),
            "{} config failed",
            program.display()
        );
        let mut sets = vec![
            "query.max_series=20000000".to_owned(),
            "query.max_samples=2000000000".to_owned(),
        ];
        // An unknown key is an error there.
        let text = String::from_utf8_lossy(&known.stdout).into_owned();
        if text
            .lines()
            .any(|line| line.trim_start().starts_with("admin"))
        {
            sets.push("http.admin=true".to_owned());
        }
        // One source that makes every series is what the guard is for; it looks, and lets them pass.
        if text.lines().any(|line| line.trim() == "[guard]") {
            sets.extend(GUARD.map(|limit| format!("guard.{limit}=100000000")));
        }
        sets.extend(more.iter().map(|&set| set.to_owned()));
        Ok(Self {
            program: program.to_owned(),
            sets,
        })
    }
}

impl Server for Weir {
    fn name(&self) -> &'static str {
        "Weir"
    }

    fn version(&self) -> String {
        let said = machine::said(&self.program.to_string_lossy(), &["--version"]);
        let text = said.unwrap_or_default();
        text.rsplit(' ').next().unwrap_or_default().to_owned()
    }

    fn dialect(&self) -> Dialect {
        Dialect::DottedPromQl
    }

    fn protocol(&self) -> Protocol {
        Protocol::Graphite
    }

    fn command(&self, house: &House) -> Result<Command> {
        let mut command = Command::new(&self.program);
        let places = [
            format!("data_dir={:?}", house.data().display().to_string()),
            format!("http.listen=\"{}\"", house.http),
            format!("frames.listen=\"{}\"", house.frames),
            format!("graphite.listen=\"{}\"", house.lines),
            "graphite.pickle_listen=\"\"".to_owned(),
            "opentsdb.listen=\"\"".to_owned(),
        ];
        for set in places.iter().chain(&self.sets) {
            command.args(["--set", set]);
        }
        Ok(command)
    }

    fn ready_path(&self) -> Option<&'static str> {
        Some("/-/ready")
    }

    fn flush(&self, running: &Running) -> Result<Option<String>> {
        let answer = running.client()?.post(FLUSH, "", b"")?;
        Ok((!answer.is_success()).then(|| format!("flush answered {}", answer.status)))
    }
}
