//! Owns the search for libclang where RocksDB's bindings generator will look for it, with the headers that it needs to be of use.
//! Only looks at files; never loads the library.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Trusts `LIBCLANG_PATH` and `BINDGEN_EXTRA_CLANG_ARGS`, which are how a person says where they are.
pub(super) fn is_there() -> bool {
    let roots = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let library =
        env::var_os("LIBCLANG_PATH").is_some() || roots.iter().any(|root| has_library(root));
    let headers = env::var_os("BINDGEN_EXTRA_CLANG_ARGS").is_some()
        || roots.iter().any(|root| has_headers(root));
    library && headers
}

/// In the folder itself, in the architecture's folder of Debian, or in `llvm-14/lib`.
fn has_library(root: &Path) -> bool {
    let llvm = versions(root).flat_map(|folder| [folder.join("lib"), folder.join("lib64")]);
    let multiarch = root.join(format!("{}-linux-gnu", env::consts::ARCH));
    [root.to_owned(), multiarch]
        .into_iter()
        .chain(llvm)
        .any(|folder| names(&folder).any(|name| is_library(&name)))
}

fn is_library(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libclang") else {
        return false;
    };
    // libclang-cpp is another library.
    (rest.starts_with(".so") || rest.starts_with('-'))
        && !rest.starts_with("-cpp")
        && rest.contains(".so")
}

/// The compiler's own headers, without which the library cannot read any C: `clang/14/include/stddef.h`.
fn has_headers(root: &Path) -> bool {
    let llvm = versions(root).map(|folder| folder.join("lib"));
    [root.to_owned()].into_iter().chain(llvm).any(|folder| {
        let clang = folder.join("clang");
        names(&clang).any(|version| clang.join(version).join("include/stddef.h").exists())
    })
}

fn versions(root: &Path) -> impl Iterator<Item = PathBuf> {
    names(root)
        .filter(|name| name.starts_with("llvm"))
        .map(|name| root.join(name))
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_known_by_its_name() {
        for name in [
            "libclang.so",
            "libclang.so.1",
            "libclang-14.so.1",
            "libclang-14.so",
        ] {
            assert!(is_library(name), "{name}");
        }
        for name in [
            "libclang-cpp.so.14",
            "libclangAST.a",
            "libclang.a",
            "libclang_rt.so",
            "clang",
        ] {
            assert!(!is_library(name), "{name}");
        }
    }

    #[test]
    fn debian_s_layout_is_found_and_the_bare_library_is_not_enough() {
        let root = env::temp_dir().join(format!("weir-xtask-clang-{}", std::process::id()));
        let lib = root.join("llvm-14/lib");
        fs::create_dir_all(lib.join("clang/14.0.6/include")).expect("a folder");
        fs::write(lib.join("libclang.so.1"), "").expect("a file");
        let bare = (has_library(&root), has_headers(&root));
        fs::write(lib.join("clang/14.0.6/include/stddef.h"), "").expect("a file");
        let whole = (has_library(&root), has_headers(&root));
        fs::remove_dir_all(&root).expect("removed");
        assert_eq!((bare, whole), ((true, false), (true, true)));
    }
}
