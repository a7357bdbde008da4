//! Owns the building of the page, `gateway/ui`, where Node is present. Without Node everything else works, so nothing here fails:
//! what could not be done is said.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result};

use crate::{build, prerequisites};

/// Deeper than any source tree; a link that points upwards ends here.
const MAX_DEPTH: usize = 12;

/// Builds the page when it is missing or older than its sources.
pub(crate) fn build_if_stale(workspace: &Path) {
    let folder = folder(workspace);
    if !folder.join("package.json").is_file() || !is_stale(&folder) {
        return;
    }
    if !prerequisites::answers("npm", "--version") {
        eprintln!(
            "the page is not built, because npm is missing (install Node.js 20.19 or newer); everything else works"
        );
        return;
    }
    if let Err(error) = install(&folder).and_then(|()| npm(&folder, &["run", "build"])) {
        eprintln!("the page is not built ({error:#}); everything else works");
    }
}

/// The tests of the page, if it has any and they can run here.
pub(crate) fn test_command(workspace: &Path) -> Option<Command> {
    let folder = folder(workspace);
    let manifest = fs::read(folder.join("package.json")).ok()?;
    if !has_test(&manifest) {
        return None;
    }
    if !prerequisites::answers("npm", "--version") {
        eprintln!(
            "the page's own tests are left out, because npm is missing (install Node.js 20.19 or newer)"
        );
        return None;
    }
    let mut command = Command::new("npm");
    command.current_dir(folder).args(["test"]);
    Some(command)
}

fn folder(workspace: &Path) -> PathBuf {
    workspace.join("gateway/ui")
}

/// `npm ci` writes its own lock file last, so an older one means that the folder is not what package-lock.json asks for.
fn install(folder: &Path) -> Result<()> {
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    let asked = modified(&folder.join("package-lock.json"));
    if installed.is_some() && installed >= asked {
        return Ok(());
    }
    npm(folder, &["ci", "--no-audit", "--no-fund"])
}

fn npm(folder: &Path, args: &[&str]) -> Result<()> {
    let mut command = Command::new("npm");
    command
        .current_dir(folder)
        .args(args)
        .stdout(std::io::stderr());
    build::run(&mut command, &format!("npm {}", args.join(" "))).context("build the page")
}

fn is_stale(folder: &Path) -> bool {
    let built = modified(&folder.join("dist/index.html"));
    built.is_none() || newest_source(folder, 0) > built
}

fn newest_source(folder: &Path, depth: usize) -> Option<SystemTime> {
    if depth > MAX_DEPTH {
        return None;
    }
    let entries = fs::read_dir(folder).ok()?.flatten();
    let sources = entries.filter(|entry| {
        let name = entry.file_name();
        name != "node_modules" && name != "dist"
    });
    sources
        .filter_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => newest_source(&entry.path(), depth + 1),
            _ => modified(&entry.path()),
        })
        .max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn has_test(manifest: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(manifest)
        .is_ok_and(|manifest| manifest["scripts"]["test"].is_string())
}

#[cfg(test)]
mod tests {
    use std::{fs::File, time::Duration};

    use super::*;

    #[test]
    fn a_page_is_stale_when_a_source_is_newer() {
        let folder = std::env::temp_dir().join(format!("weir-xtask-ui-{}", std::process::id()));
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let touch = |name: &str, after_s: u64| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            let file = File::create(path).expect("a file");
            file.set_modified(then + Duration::from_secs(after_s))
                .expect("a time");
        };
        touch("src/deep/page.ts", 10);
        let missing = is_stale(&folder);
        touch("dist/index.html", 20);
        touch("node_modules/other/index.js", 30);
        let fresh = is_stale(&folder);
        touch("src/deep/page.ts", 40);
        let old = is_stale(&folder);
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!((missing, fresh, old), (true, false, true));
    }

    #[test]
    fn tests_run_only_where_there_are_any() {
        assert!(has_test(br#"{"scripts": {"test": "node --test"}}"#));
        assert!(!has_test(br#"{"scripts": {"build": "vite build"}}"#));
        assert!(!has_test(b"not json"));
    }
}
