//! Real clients for tests: Python's in an environment of their own, Debian's packages unpacked and not installed. Made once
//! below the target directory, whichever test process comes first; nothing of the system changes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `tests/clients/*.py` import.
const PYTHON: [&str; 6] = [
    "graphyte",
    "influxdb",
    "influxdb-client",
    "prometheus_client",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
];

/// A Python that has them.
pub(crate) fn interpreter() -> PathBuf {
    let folder = made("python", |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        let pip = folder.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet"]).args(PYTHON));
    });
    folder.join("bin/python")
}

/// Runs a script of `tests/clients` to its end; it fails with what it said.
pub(crate) fn python(script: &str, args: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    let output = Command::new(interpreter()).arg(&script).args(args).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", script.display());
}

/// A Python with these packages.
pub(crate) fn python_with(packages: &[&str]) -> PathBuf {
    let folder = made(&format!("python-{}", packages.join("-")), |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        let pip = folder.join("bin/pip");
        run(Command::new(pip)
            .args(["install", "--quiet"])
            .args(packages));
    });
    folder.join("bin/python")
}

/// A folder with this package of npm's.
pub(crate) fn node(package: &str) -> PathBuf {
    made(&format!("node-{package}"), |folder| {
        let mut npm = Command::new("npm");
        let quiet = ["--silent", "--no-audit", "--no-fund", "--omit=optional"];
        npm.arg("install").args(quiet).arg("--prefix").arg(folder);
        run(npm.arg(package));
    })
}

/// The root of an unpacked package of Debian's and of what it depends on.
pub(crate) fn debian(name: &str, packages: &[&str]) -> PathBuf {
    made(name, |folder| {
        let archives = folder.join("archives");
        fs::create_dir_all(archives.join("partial")).unwrap();
        let fetch = || {
            let mut apt = Command::new("apt-get");
            apt.args([
                "install",
                "-y",
                "--no-install-recommends",
                "--download-only",
                "--reinstall",
            ]);
            // With a folder and a lock of its own no right of root is needed.
            apt.arg("-o")
                .arg(format!("Dir::Cache::archives={}", archives.display()));
            apt.args(["-o", "Debug::NoLocking=true"]).args(packages);
            succeeds(&mut apt)
        };
        // The lists of a fresh system are empty or old.
        if !fetch() {
            run(Command::new("apt-get").arg("update"));
            assert!(fetch(), "the packages {packages:?} cannot be downloaded");
        }
        for archive in fs::read_dir(&archives).unwrap() {
            let archive = archive.unwrap().path();
            if archive.extension().is_some_and(|end| end == "deb") {
                run(Command::new("dpkg-deb").arg("-x").arg(archive).arg(folder));
            }
        }
        fs::remove_dir_all(&archives).unwrap();
    })
}

/// A folder that is made once; test processes wait for the one that makes it.
fn made(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    fs::create_dir_all(&clients).unwrap();
    let (folder, done) = (clients.join(name), clients.join(format!("{name}.done")));
    let lock = File::create(clients.join(format!("{name}.lock"))).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    if !done.exists() {
        // Of an attempt that was cut short.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        make(&folder);
        fs::write(&done, "").unwrap();
    }
    folder
}

pub(crate) fn run(command: &mut Command) {
    assert!(succeeds(command), "{command:?} failed");
}

fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}
