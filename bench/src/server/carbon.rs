//! carbon-cache: dotted Graphite lines into whisper files, six hours at 10 s, without its limits on creates and updates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Dialect, House, Packages, Server};
use crate::fleet::Protocol;

const RETENTION: &str = "10s:6h";

pub(super) struct Carbon {
    program: PathBuf,
    modules: PathBuf,
    python: PathBuf,
    version: String,
}

impl Carbon {
    pub(super) fn new(packages: &Packages) -> Result<Self> {
        let system = Path::new("/usr/bin/python3");
        Ok(Self {
            program: packages.file("usr/bin/carbon-cache")?,
            modules: packages.file("usr/lib/python3/dist-packages")?,
            python: match system.exists() {
                true => system.to_owned(),
                false => packages.file("usr/bin/python3.11")?,
            },
            version: packages.version("graphite-carbon"),
        })
    }
}

impl Server for Carbon {
    fn name(&self) -> &'static str {
        "carbon"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn dialect(&self) -> Dialect {
        Dialect::Whisper
    }

    fn protocol(&self) -> Protocol {
        Protocol::Dotted
    }

    fn command(&self, house: &House) -> Result<Command> {
        let folder = house.folder.display();
        for name in ["data", "log.d", "pid"] {
            fs::create_dir_all(house.folder.join(name))?;
        }
        let settings = [
            format!("STORAGE_DIR = {folder}\nLOCAL_DATA_DIR = {folder}/data\nCONF_DIR = {folder}"),
            format!("LOG_DIR = {folder}/log.d\nPID_DIR = {folder}/pid\nUSER ="),
            listen("LINE_RECEIVER", house.lines),
            listen("PICKLE_RECEIVER", house.frames),
            listen("CACHE_QUERY", house.other),
            "MAX_CACHE_SIZE = inf\nMAX_UPDATES_PER_SECOND = inf\nMAX_CREATES_PER_MINUTE = inf"
                .to_owned(),
            "ENABLE_TAGS = False\nLOG_UPDATES = False\nLOG_CREATES = False".to_owned(),
            // Its own figures would be samples too.
            "CARBON_METRIC_INTERVAL = 0".to_owned(),
        ];
        let config = house.folder.join("carbon.conf");
        fs::write(&config, format!("[cache]\n{}\n", settings.join("\n")))?;
        fs::write(
            house.folder.join("storage-schemas.conf"),
            format!("[all]\npattern = .*\nretentions = {RETENTION}\n"),
        )?;
        let mut command = Command::new(&self.python);
        command.arg(&self.program).arg("--nodaemon");
        command
            .arg(format!("--config={}", config.display()))
            .arg("start");
        command
            .env("PYTHONPATH", &self.modules)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }

    fn ready_path(&self) -> Option<&'static str> {
        None
    }
}

fn listen(what: &str, address: std::net::SocketAddr) -> String {
    format!(
        "{what}_INTERFACE = {}\n{what}_PORT = {}",
        address.ip(),
        address.port()
    )
}
