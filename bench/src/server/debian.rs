//! The peers' packages: downloaded with what they depend on and unpacked below the work folder, never installed. So no
//! service is started or enabled, and nothing of the system changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

const NAMES: [&str; 4] = [
    "victoria-metrics",
    "prometheus",
    "influxdb",
    "graphite-carbon",
];

/// Packages on disk.
pub(crate) struct Packages {
    root: PathBuf,
    versions: Vec<(String, String)>,
}

impl Packages {
    /// Downloads what is not there yet.
    ///
    /// # Errors
    /// When this is no Debian, or its archive cannot be reached.
    pub(crate) fn prepare(folder: &Path) -> Result<Self> {
        let (archives, root) = (folder.join("archives"), folder.join("root"));
        let done = folder.join("complete");
        if !done.exists() {
            fs::create_dir_all(archives.join("partial"))?;
            fs::create_dir_all(&root)?;
            download(&archives)?;
            for archive in debs(&archives)? {
                run(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&root))?;
            }
            fs::write(&done, "")?;
        }
        let mut versions = Vec::new();
        for archive in debs(&archives)? {
            versions.push(described(&archive)?);
        }
        Ok(Self { root, versions })
    }

    /// # Errors
    /// When no package brought it.
    pub(crate) fn file(&self, path: &str) -> Result<PathBuf> {
        let file = self.root.join(path);
        ensure!(file.exists(), "{} is in no package", file.display());
        Ok(file)
    }

    pub(crate) fn version(&self, package: &str) -> String {
        let found = self.versions.iter().find(|(name, _)| name == package);
        found.map_or_else(String::new, |(_, version)| version.clone())
    }
}

fn download(archives: &Path) -> Result<()> {
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
        apt.args(["-o", "Debug::NoLocking=true"]).args(NAMES);
        run(&mut apt)
    };
    // The lists of a fresh system are empty or old, so the first refusal is answered by refreshing them.
    if fetch().is_err() {
        run(Command::new("apt-get").arg("update"))?;
        fetch().context("download the peers' packages")?;
    }
    Ok(())
}

fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let files = files.flatten().map(|entry| entry.path());
    Ok(files
        .filter(|file| file.extension().is_some_and(|end| end == "deb"))
        .collect())
}

/// A package file's name and version.
fn described(archive: &Path) -> Result<(String, String)> {
    let format = "--showformat=${Package} ${Version}";
    let output = Command::new("dpkg-deb")
        .args(["-W", format])
        .arg(archive)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (name, version) = text.split_once(' ').context("a package without a name")?;
    Ok((name.to_owned(), version.trim().to_owned()))
}

fn run(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command
        .status()
        .with_context(|| format!("run {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{:?} failed ({status})", command.get_program());
    }
    Ok(())
}
