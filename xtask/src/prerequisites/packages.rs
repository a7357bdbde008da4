//! Owns the package managers: what they call what we need, and how they are asked.
//! apt-get is the one that is tested; the others are best effort.

use std::process::{Command, Stdio};

use super::Need;

/// One package manager.
#[derive(Debug)]
pub(super) struct Manager {
    /// Its presence decides that it is used.
    pub(super) program: &'static str,
    /// The words that bring its lists up to date.
    pub(super) refresh: &'static [&'static str],
    install: &'static [&'static str],
    compiler: &'static str,
    libclang: &'static str,
    browser: &'static str,
}

/// In the order in which they are looked for.
pub(super) const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        refresh: &["apt-get", "update"],
        install: &["apt-get", "install", "-y", "--no-install-recommends"],
        compiler: "g++",
        libclang: "libclang-dev",
        browser: "chromium",
    },
    Manager {
        program: "dnf",
        refresh: &["dnf", "makecache"],
        install: &["dnf", "install", "-y"],
        compiler: "gcc-c++",
        libclang: "clang-devel",
        browser: "chromium",
    },
    Manager {
        program: "pacman",
        refresh: &["pacman", "-Sy"],
        install: &["pacman", "-S", "--needed", "--noconfirm"],
        compiler: "gcc",
        libclang: "clang",
        browser: "chromium",
    },
    Manager {
        program: "apk",
        refresh: &["apk", "update"],
        install: &["apk", "add"],
        compiler: "build-base",
        libclang: "clang-dev",
        browser: "chromium",
    },
];

impl Manager {
    /// What it calls a need.
    pub(super) const fn package(&self, need: Need) -> &'static str {
        match need {
            Need::Compiler => self.compiler,
            Need::Libclang => self.libclang,
            Need::Browser => self.browser,
        }
    }

    /// The words of an installation.
    pub(super) fn install_words<'a>(&self, packages: &[&'a str]) -> Vec<&'a str> {
        self.install.iter().chain(packages).copied().collect()
    }

    /// The same for a person to type.
    pub(super) fn install_line(&self, packages: &[&str]) -> String {
        self.install_words(packages).join(" ")
    }
}

/// The words before a command that make it run as root, or None when there is no way.
pub(super) fn as_root(is_root: bool, has_sudo: bool) -> Option<Vec<&'static str>> {
    // Under CI nobody can type a password.
    let unattended = std::env::var_os("CI").is_some();
    match (is_root, has_sudo, unattended) {
        (true, _, _) => Some(Vec::new()),
        (false, true, false) => Some(vec!["sudo"]),
        (false, true, true) => Some(vec!["sudo", "-n"]),
        (false, false, _) => None,
    }
}

/// Runs it with its output on standard error, since standard output may be read by a shell.
pub(super) fn succeeds(as_root: &[&str], words: &[&str]) -> bool {
    // Through env, because sudo drops variables.
    let quiet = ["env", "DEBIAN_FRONTEND=noninteractive"];
    let mut all = as_root.iter().chain(&quiet).chain(words);
    let Some(program) = all.next() else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(all).stdout(std::io::stderr());
    if as_root.first() != Some(&"sudo") {
        command.stdin(Stdio::null());
    }
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_is_asked_for_exactly_what_is_missing() {
        let apt = &MANAGERS[0];
        let packages = [Need::Compiler, Need::Libclang].map(|need| apt.package(need));
        assert_eq!(
            apt.install_line(&packages),
            "apt-get install -y --no-install-recommends g++ libclang-dev"
        );
    }

    #[test]
    fn root_needs_no_sudo_and_others_need_it() {
        assert_eq!(as_root(true, false), Some(Vec::new()));
        assert_eq!(as_root(false, false), None);
        assert_eq!(
            as_root(false, true).and_then(|words| words.first().copied()),
            Some("sudo")
        );
    }

    #[test]
    fn success_is_the_status_of_the_command() {
        assert!(succeeds(&[], &["true"]));
        assert!(!succeeds(&[], &["false"]));
        assert!(!succeeds(&[], &["/nowhere/to/be/found"]));
    }
}
