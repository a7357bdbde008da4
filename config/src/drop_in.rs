//! The folder of drop-ins beside a configuration file, whose files are laid over it in the order of their names: for
//! `agent.toml` it is `agent.conf.d`. Finds them; reads none.

use std::path::{Path, PathBuf};

use crate::ConfigError;

const FOLDER_ENDING: &str = "conf.d";
const ENDING: &str = "toml";

/// Its `*.toml` files, ascending by name; none where there is no folder.
///
/// # Errors
/// A folder that cannot be read.
pub fn drop_ins(file: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let folder = file.with_extension(FOLDER_ENDING);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries,
    };
    let listed = entries.and_then(|entries| {
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect::<Result<Vec<_>, _>>()
    });
    let mut files = listed.map_err(|source| ConfigError::Read {
        file: folder,
        source,
    })?;
    let is_hidden = |file: &Path| {
        let name = file.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with('.')
    };
    files.retain(|file| file.extension().is_some_and(|end| end == ENDING) && !is_hidden(file));
    files.sort();
    Ok(files)
}
