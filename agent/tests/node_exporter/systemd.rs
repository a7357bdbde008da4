//! A systemd that is made up, on a real bus (Debian's dbus-daemon), asked by both. Not the real systemd: wherever one is started
//! it takes the control group that it finds itself in for its own, and with it the processes of the test's host.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use weir_agent::collect::{CollectConfig, Collectors, NAMES};

use crate::compare::compare;
use crate::exporter::{Exporter, arguments, defaults, path};
use crate::tools;

/// Everybody may do everything: it is in a folder of its own.
const BUS: &str =
    "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN' \
    'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>
<busconfig>
  <type>custom</type>
  <listen>ADDRESS</listen>
  <auth>EXTERNAL</auth>
  <policy context='default'>
    <allow user='*'/><allow own='*'/><allow send_destination='*'/><allow receive_sender='*'/>
  </policy>
</busconfig>
";

/// Killed when dropped.
struct Program(Child);

impl Program {
    /// Returns once it printed a line.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let program = Self(child);
        assert!(!line.is_empty(), "{command:?} ended");
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The bus where the agent looks for it, and the made-up systemd.
fn start(root: &Path, address: &str) -> [Program; 2] {
    // What says that systemd runs here.
    fs::create_dir_all(root.join("run/systemd/system")).unwrap();
    fs::create_dir(root.join("run/dbus")).unwrap();
    let config = root.join("bus.conf");
    fs::write(&config, BUS.replace("ADDRESS", address)).unwrap();
    let unpacked = tools::debian("dbus-daemon", &["dbus-daemon"]);
    let libraries = ["usr/lib", "lib"].map(|folder| {
        let folder = unpacked.join(folder);
        let machine = format!("{}-linux-gnu", std::env::consts::ARCH);
        folder.join(machine).display().to_string()
    });
    let bus = Program::start(
        Command::new(unpacked.join("usr/bin/dbus-daemon"))
            .args(["--nofork", "--nopidfile", "--print-address"])
            .arg(format!("--config-file={}", config.display()))
            .env("LD_LIBRARY_PATH", libraries.join(":")),
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_exporter/systemd.py");
    let python = tools::python_with(&["dbus-next"]);
    let systemd = Program::start(Command::new(python).arg(script).arg(address));
    [bus, systemd]
}

#[test]
fn units_of_systemd_are_told_alike() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run/dbus/system_bus_socket");
    let address = format!("unix:path={}", socket.display());
    let _programs = start(dir.path(), &address);
    let others = NAMES.into_iter().filter(|name| *name != "systemd");
    let config = CollectConfig {
        root: dir.path().to_owned(),
        disabled: others.map(str::to_owned).collect(),
        ..defaults()
    };
    let mut command = Command::new(path());
    command
        .args(arguments(&config))
        .args(["--collector.disable-defaults", "--collector.systemd"])
        .env("DBUS_SYSTEM_BUS_ADDRESS", &address);
    let mut exporter = Exporter::start(&mut command);
    let mut collectors = Collectors::new(config).unwrap();
    // Five states of 110 units, six sums, five counts, the version and the whole.
    assert_eq!(compare(&mut collectors, &mut exporter), 5 * 110 + 6 + 5 + 2);
}
