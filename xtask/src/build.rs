//! Owns the surroundings of every cargo that is run from here: workspace, target folder, where RocksDB lies.
//! The same values, printed, make plain cargo behave alike.

use std::{
    env,
    ffi::OsString,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::rocksdb::{self, RocksDb};

/// Everything cargo needs to build the workspace.
pub(crate) struct Build {
    /// The folder of the workspace's Cargo.toml.
    pub(crate) workspace: PathBuf,
    /// Outside the clone, so that all clones and profiles share it.
    pub(crate) target_dir: PathBuf,
    rocksdb: RocksDb,
}

impl Build {
    /// Has RocksDB ready on return, which takes minutes the first time.
    ///
    /// # Errors
    /// When there is no home folder to default to, or cargo cannot resolve the workspace.
    pub(crate) fn prepare() -> Result<Self> {
        let workspace = workspace()?;
        let target_dir = target_dir(&workspace)?;
        let rocksdb = rocksdb::prepare(&workspace, &target_dir)?;
        Ok(Self {
            workspace,
            target_dir,
            rocksdb,
        })
    }

    /// A cargo in the workspace with everything it needs in its environment.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = Command::new(cargo());
        cargo.current_dir(&self.workspace).args(args);
        cargo.env("CARGO_TARGET_DIR", &self.target_dir);
        // Left over from an older archive, they would link what is not wanted.
        cargo
            .env_remove("ROCKSDB_LIB_DIR")
            .env_remove("ROCKSDB_STATIC")
            .env_remove("ROCKSDB_COMPILE");
        cargo.envs(self.rocksdb.variables());
        cargo
    }

    /// Lines for a shell to evaluate.
    pub(crate) fn exports(&self) -> String {
        let target_dir = ("CARGO_TARGET_DIR", self.target_dir.display().to_string());
        let mut text = String::new();
        for (name, value) in [target_dir].into_iter().chain(self.rocksdb.variables()) {
            // A write into a String does not fail.
            let _ = writeln!(text, "export {name}={}", shell_quoted(&value));
        }
        text
    }
}

/// The folder of the workspace's Cargo.toml.
///
/// # Errors
/// When this program is not run by cargo and its sources have moved.
pub(crate) fn workspace() -> Result<PathBuf> {
    // The value at run time first: a shared target folder may hold a program that was compiled in another clone.
    let here =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let workspace = Path::new(&here)
        .parent()
        .context("the xtask folder has no parent")?;
    if !workspace.join("Cargo.toml").is_file() {
        bail!(
            "{} is not the workspace: run this as cargo xtask",
            workspace.display()
        );
    }
    Ok(workspace.to_owned())
}

/// The cargo that runs this program, else the one on the path.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs to the end with its output on the terminal.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("start {what}"))?;
    if !status.success() {
        bail!("{what} failed ({status})");
    }
    Ok(())
}

/// Where every build goes.
///
/// # Errors
/// When there is no home folder to default to.
pub(crate) fn target_dir(workspace: &Path) -> Result<PathBuf> {
    let chosen = env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
    let home = env::var_os("HOME").filter(|dir| !dir.is_empty());
    match (chosen, home) {
        // Cargo reads a relative one from where it is run, which is the workspace for everything that is run from here.
        (Some(dir), _) => Ok(workspace.join(dir)),
        (None, Some(home)) => Ok(Path::new(&home).join(".cache/weir-target")),
        (None, None) => bail!("neither CARGO_TARGET_DIR nor HOME is set: set one"),
    }
}

fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_any_path() {
        assert_eq!(shell_quoted("/a b"), "'/a b'");
        assert_eq!(shell_quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn exports_name_the_target_folder_and_the_archive() {
        let build = Build {
            workspace: "/w".into(),
            target_dir: "/t".into(),
            rocksdb: RocksDb::Ready("/t/rocksdb/r".into()),
        };
        assert_eq!(
            build.exports(),
            "export CARGO_TARGET_DIR='/t'\nexport ROCKSDB_LIB_DIR='/t/rocksdb/r'\nexport ROCKSDB_STATIC='1'\n"
        );
    }

    #[test]
    fn the_workspace_is_where_its_manifest_is() {
        let found = workspace().expect("is found");
        assert!(found.join("xtask/Cargo.toml").is_file());
    }
}
