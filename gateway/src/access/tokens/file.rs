//! The file of tokens: TOML, readable by its owner only, replaced whole so that a reader never sees half of it. Holds
//! hashes, and signing keys of tokens that were made to sign; never a token.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::hex;
use super::super::scope::{Scope, Scopes};
use super::{Hash, SigningKey, Token};

const VERSION: u32 = 1;
const MAX_FILE_BYTES: u64 = 16 << 20;
const MAX_NAME_BYTES: usize = weir_wire::signed::MAX_KEY_NAME_BYTES;
/// Names that the ledger has for others.
const TAKEN_NAMES: [&str; 2] = ["gateway", "other"];
const HEADING: &str =
    "# Tokens of weir-gateway, by their hashes. Change it with `weir-gateway token`.\n\n";

/// The file's shape.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenFile {
    version: u32,
    #[serde(default)]
    pub(super) tokens: Vec<Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) scopes: Vec<String>,
    pub(super) created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signing_key: Option<String>,
}

impl TokenFile {
    /// A file that is not there holds no tokens.
    ///
    /// # Errors
    /// One that cannot be read, or is of a version that is not known.
    pub(super) fn load(file: &Path) -> anyhow::Result<Self> {
        match std::fs::metadata(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::empty()),
            Ok(facts) if facts.len() > MAX_FILE_BYTES => {
                bail!("{} bytes are too many for tokens", facts.len())
            }
            _ => {}
        }
        // A fault is told by its place: the text may hold a signing key.
        let read: Self = toml::from_str(&std::fs::read_to_string(file)?)
            .map_err(|error| anyhow::anyhow!("{}", error.message().to_owned()))?;
        if read.version != VERSION {
            bail!(
                "version {} of the file of tokens is not known here, {VERSION} is; use a newer weir-gateway",
                read.version
            );
        }
        Ok(read)
    }

    fn empty() -> Self {
        Self {
            version: VERSION,
            tokens: Vec::new(),
        }
    }

    /// What the entries mean.
    ///
    /// # Errors
    /// The entry that cannot be meant, by its name.
    pub(super) fn tokens(&self) -> anyhow::Result<Vec<(Hash, Token)>> {
        let each = self.tokens.iter();
        each.map(|entry| {
            entry
                .meant()
                .with_context(|| format!("token {:?}", entry.name))
        })
        .collect()
    }

    /// Puts it in the file's place, on disk before this returns.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn save(&self, file: &Path) -> anyhow::Result<()> {
        let mut new = file.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        let text = format!("{HEADING}{}", toml::to_string(self)?);
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        give_away(&out, file);
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&new, file)?;
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }
}

/// Who makes tokens may not be whom the gateway runs as: the file belongs to the owner of the one before, or else of its
/// folder. Who may not give it away keeps it.
fn give_away(new: &std::fs::File, file: &Path) {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let model =
        std::fs::metadata(file).or_else(|_| std::fs::metadata(folder.unwrap_or(Path::new("."))));
    if let Ok(model) = model {
        let _ = std::os::unix::fs::fchown(new, Some(model.uid()), Some(model.gid()));
    }
}

impl Entry {
    fn meant(&self) -> anyhow::Result<(Hash, Token)> {
        check_name(&self.name)?;
        let hash = hex::decode(&self.sha256).context("sha256 must be 64 hexadecimal digits")?;
        let mut scopes = Scopes::default();
        for name in &self.scopes {
            let scope = Scope::named(name).with_context(|| format!("{name:?} is no scope"))?;
            scopes = scopes.with(scope);
        }
        let expires = self.expires.as_deref().map(str::parse::<Timestamp>);
        let signing_key = self.signing_key.as_deref().map(|key| {
            let key = hex::decode(key).context("signing_key must be 64 hexadecimal digits")?;
            anyhow::Ok(SigningKey::new(&key))
        });
        let token = Token {
            name: Arc::from(self.name.as_str()),
            scopes,
            expires_ms: expires.transpose()?.map(Timestamp::as_millisecond),
            signing_key: signing_key.transpose()?,
        };
        Ok((hash, token))
    }
}

/// Names stand in the ledger and in labels, beside addresses and the gateway's own.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_name(name: &str) -> anyhow::Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_right = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(fits);
    if !is_right {
        bail!(
            "a name begins with a letter and has at most {MAX_NAME_BYTES} letters, digits, '-', '_' and '.'"
        );
    }
    if TAKEN_NAMES.contains(&name) {
        bail!("{name:?} stands for something else in the ledger; choose another name");
    }
    Ok(())
}
