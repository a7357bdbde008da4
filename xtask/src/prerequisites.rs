//! Owns what the system must bring along: a C++ compiler, libclang for RocksDB's bindings, a browser for the page's test.
//! Installs what is missing through the system's package manager; never touches what is already there.

mod libclang;
mod packages;

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use packages::{MANAGERS, Manager};

/// One thing that the system must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Compiler,
    Libclang,
    Browser,
}

/// For building.
///
/// # Errors
/// Names what is missing and the command that would install it.
pub(crate) fn for_build() -> Result<()> {
    let missing = missing(&[Need::Compiler, Need::Libclang]);
    if missing.is_empty() {
        return Ok(());
    }
    let Some(manager) = MANAGERS
        .iter()
        .find(|manager| answers(manager.program, "--version"))
    else {
        bail!(
            "{} missing, and no known package manager is here: install a C++ compiler (g++), libclang with its headers \
             (Debian's libclang-dev), then run this again",
            list(&missing)
        );
    };
    install(manager, &missing)?;
    let still = self::missing(&missing);
    if !still.is_empty() {
        bail!(
            "{} still missing after the installation: set CXX or LIBCLANG_PATH if they lie elsewhere",
            list(&still)
        );
    }
    Ok(())
}

/// For the tests: as for building, and a browser. Without a browser the rest is still worth running, so that is only said.
///
/// # Errors
/// As [`for_build`].
pub(crate) fn for_tests() -> Result<()> {
    for_build()?;
    let missing = missing(&[Need::Browser]);
    let manager = MANAGERS
        .iter()
        .find(|manager| answers(manager.program, "--version"));
    let installed = match (missing.is_empty(), manager) {
        (true, _) => Ok(()),
        (false, Some(manager)) => install(manager, &missing),
        (false, None) => Err(anyhow::anyhow!("no known package manager is here")),
    };
    if let Err(error) = installed {
        eprintln!("chromium is missing, so the page cannot be looked at: {error:#}");
    }
    Ok(())
}

/// True when `program argument` runs and succeeds.
pub(crate) fn answers(program: &str, argument: &str) -> bool {
    let status = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn missing(needs: &[Need]) -> Vec<Need> {
    needs
        .iter()
        .copied()
        .filter(|need| !is_there(*need))
        .collect()
}

fn is_there(need: Need) -> bool {
    match need {
        Need::Compiler => {
            let compiler = std::env::var("CXX").unwrap_or_else(|_| "g++".to_owned());
            answers(&compiler, "--version")
                && answers("cc", "--version")
                && answers("ar", "--version")
        }
        Need::Libclang => libclang::is_there(),
        Need::Browser => ["chromium", "chromium-browser", "google-chrome"]
            .iter()
            .any(|program| answers(program, "--version")),
    }
}

fn install(manager: &Manager, missing: &[Need]) -> Result<()> {
    let packages: Vec<&str> = missing.iter().map(|need| manager.package(*need)).collect();
    let as_root = packages::as_root(rustix::process::geteuid().is_root(), answers("sudo", "-V"));
    let command = manager.install_line(&packages);
    let Some(as_root) = as_root else {
        bail!(
            "{} missing and neither root nor sudo is here; as root run: {command}",
            list(missing)
        );
    };
    eprintln!("{} missing; installing: {command}", list(missing));
    // The lists of a fresh system are empty or old, so the first refusal is answered by refreshing them.
    let done = packages::succeeds(&as_root, &manager.install_words(&packages))
        || (packages::succeeds(&as_root, manager.refresh)
            && packages::succeeds(&as_root, &manager.install_words(&packages)));
    if !done {
        bail!("the installation failed; as root run: {command}");
    }
    Ok(())
}

fn list(needs: &[Need]) -> String {
    let names: Vec<&str> = needs.iter().map(|need| need.name()).collect();
    format!(
        "{} {}",
        names.join(" and "),
        if names.len() == 1 { "is" } else { "are" }
    )
}

impl Need {
    const fn name(self) -> &'static str {
        match self {
            Self::Compiler => "the C++ compiler",
            Self::Libclang => "libclang",
            Self::Browser => "chromium",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_words() {
        assert_eq!(list(&[Need::Compiler]), "the C++ compiler is");
        assert_eq!(
            list(&[Need::Compiler, Need::Libclang]),
            "the C++ compiler and libclang are"
        );
    }

    #[test]
    fn a_program_answers_or_not() {
        assert!(answers("true", ""));
        assert!(!answers("false", ""));
        assert!(!answers("/nowhere/to/be/found", ""));
    }
}
