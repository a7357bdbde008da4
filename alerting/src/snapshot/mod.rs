//! The state on disk: the alerts, what receivers were told, and the outbox of what they must still be told.
//! One file, replaced whole: written beside, synced, renamed, the folder synced. Format: docs/format/alert-state.md.

mod format;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use format::Damage;

use crate::AlertingError;
use crate::routing::Conversation;
use crate::state::Alert;
use crate::{Labels, instruments};

/// The name of the file.
const FILE: &str = "alert-state";

/// Everything that outlives the process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) saved_at_ms: i64,
    pub(crate) rules: Vec<RuleAlerts>,
    pub(crate) conversations: Vec<SavedConversation>,
}

/// The alerts of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RuleAlerts {
    pub(crate) id: String,
    pub(crate) alerts: Vec<Alert>,
}

/// A conversation with its party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedConversation {
    pub(crate) receiver: String,
    pub(crate) group: Labels,
    pub(crate) conversation: Conversation,
}

/// Reads the state. Without a file it is empty; so it is when the file is damaged, which is then renamed to
/// `.damaged`, logged and counted.
///
/// # Errors
/// A file of a future version, and files that cannot be read or renamed.
pub(crate) fn load(folder: &Path) -> Result<Snapshot, AlertingError> {
    let path = folder.join(FILE);
    let Some(bytes) = read(&path)? else {
        return Ok(Snapshot::default());
    };
    match format::decode(&bytes) {
        Ok(snapshot) => Ok(snapshot),
        Err(Damage::Future { found }) => Err(AlertingError::FutureVersion {
            path,
            found,
            known: format::VERSION,
        }),
        Err(damage) => {
            let aside = path.with_extension("damaged");
            std::fs::rename(&path, &aside).map_err(AlertingError::io(&path))?;
            metrics::counter!(instruments::STATE_DAMAGED).increment(1);
            tracing::error!(file = %path.display(), kept = %aside.display(), %damage,
                "the state of alerts is damaged; starting with none, `for` begins anew and alerts may be told again");
            Ok(Snapshot::default())
        }
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, AlertingError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(AlertingError::io(path)(source)),
    };
    let mut bytes = Vec::new();
    file.take(format::FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(AlertingError::io(path))?;
    Ok(Some(bytes))
}

/// Replaces the state on disk. When this returns `Ok`, the new state survives a power loss; when it fails, the
/// old one is still there.
pub(crate) fn save(folder: &Path, snapshot: &Snapshot) -> Result<(), AlertingError> {
    let path = folder.join(FILE);
    let beside: PathBuf = path.with_extension("new");
    let bytes = format::encode(snapshot);
    // IMPORTANT: content before name, name before the return; any other order can lose a page.
    replace(&path, &beside, &bytes)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(AlertingError::io(path))
}

fn replace(path: &Path, beside: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(beside, path)
}
