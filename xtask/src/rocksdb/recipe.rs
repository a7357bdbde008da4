//! Owns the compiler, the flags and the name of the result: everything that decides what comes out of the build.
//! Follows the build script of `librocksdb-sys` with the features lz4 and zstd on Linux; any other system is left to that script.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use super::sources::Sources;

/// 22 files a batch: fewer batches parse the headers less often, more batches keep more cores busy and need less memory each.
pub(super) const BATCHES: usize = 16;

const FLAGS: &[&str] = &[
    "-std=c++20",
    "-O3",
    "-fPIC",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-omit-frame-pointer",
    "-Wno-invalid-offsetof",
    "-w",
    "-include",
    "cstdint",
    "-DNDEBUG=1",
    "-DLZ4=1",
    "-DZSTD=1",
    "-DHAVE_ALIGNED_NEW",
    "-DHAVE_UINT128_EXTENSION",
    "-DOS_LINUX",
    "-DROCKSDB_PLATFORM_POSIX",
    "-DROCKSDB_LIB_IO_POSIX",
    "-DROCKSDB_SCHED_GETCPU_PRESENT",
    "-DROCKSDB_AUXV_GETAUXVAL_PRESENT",
    "-DROCKSDB_FALLOCATE_PRESENT",
    "-DROCKSDB_RANGESYNC_PRESENT",
];

/// How one archive is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    /// `CXX`, or g++.
    pub(super) compiler: String,
    /// Flags without the include paths.
    pub(super) flags: Vec<String>,
    /// Absolute folders with headers.
    pub(super) includes: Vec<PathBuf>,
    /// The folder's name in the cache: version and a fingerprint of everything that shapes the archive.
    pub(super) name: String,
}

impl Recipe {
    /// # Errors
    /// On a system whose flags differ from the ones here, and when the compiler does not answer.
    pub(super) fn new(sources: &Sources) -> Result<Self> {
        let known =
            cfg!(target_os = "linux") && cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
        if !known {
            bail!("its flags are only known for Linux on x86-64 and aarch64");
        }
        let compiler = std::env::var("CXX").unwrap_or_else(|_| "g++".to_owned());
        let identity = identify(&compiler)?;
        let flags = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        let name = name(sources, &identity);
        Ok(Self {
            compiler,
            flags,
            includes: sources.includes.clone(),
            name,
        })
    }
}

fn identify(compiler: &str) -> Result<String> {
    let output = Command::new(compiler)
        .args(["-dumpfullversion", "-dumpversion", "-dumpmachine"])
        .output()
        .with_context(|| format!("run the C++ compiler {compiler}"))?;
    if !output.status.success() {
        bail!("the C++ compiler {compiler} does not say its version");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Paths stay out of the fingerprint, so that moving the package cache does not cost a build.
fn name(sources: &Sources, compiler: &str) -> String {
    let mut fingerprint = Fnv::new();
    fingerprint.add(compiler);
    fingerprint.add(&BATCHES.to_string());
    FLAGS.iter().for_each(|flag| fingerprint.add(flag));
    for file in &sources.files {
        fingerprint.add(&file.file_name().unwrap_or_default().to_string_lossy());
    }
    format!("rocksdb-{}-{:016x}", sources.version, fingerprint.0)
}

/// FNV-1a, 64 bits: unlike the standard library's hasher its value is fixed for ever, and the name must outlive the toolchain.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add_byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn add(&mut self, text: &str) {
        // The zero keeps neighbouring texts apart.
        text.bytes().chain([0]).for_each(|byte| self.add_byte(byte));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(root: &str, files: &[&str]) -> Sources {
        Sources {
            version: "1.0+2.0".into(),
            files: files
                .iter()
                .map(|file| PathBuf::from(root).join(file))
                .collect(),
            includes: Vec::new(),
        }
    }

    #[test]
    fn fnv_matches_its_published_vector() {
        let mut hash = Fnv::new();
        b"foobar".iter().for_each(|byte| hash.add_byte(*byte));
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_name_follows_files_and_compiler_but_not_where_they_lie() {
        let here = name(&sources("/here", &["a.cc", "b.cc"]), "12.2");
        assert_eq!(here, name(&sources("/there", &["a.cc", "b.cc"]), "12.2"));
        assert_ne!(here, name(&sources("/here", &["a.cc"]), "12.2"));
        assert_ne!(here, name(&sources("/here", &["a.cc", "b.cc"]), "13.1"));
        assert!(here.starts_with("rocksdb-1.0+2.0-"));
    }
}
