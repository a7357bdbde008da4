//! Tokens: what is on disk is kept in memory and read again when it changes, so that a revocation holds within seconds.
//! Only SHA-256 hashes are kept. That is enough here: a token is 256 random bits, so there is nothing to guess, and slow
//! password hashes would only make each request dear. A token is found by its hash, so no comparison tells by its time
//! how much was right.

mod command;
mod file;
#[cfg(test)]
mod tests;

pub(crate) use command::{TokenCommand, run as run_command};

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use anyhow::Context;
use metrics::gauge;
use parking_lot::{Mutex, RwLock};
use ring::{digest, hmac};

use super::scope::{Scope, Scopes};
use file::TokenFile;

pub(super) const HASH_BYTES: usize = 32;
/// What a shown token may be long; longer is none of ours.
const MAX_SHOWN_BYTES: usize = 256;
/// What a signing key is derived for; part of the format.
const SIGNING_PURPOSE: &[u8] = b"weir signed datagrams 1";

type Hash = [u8; HASH_BYTES];

/// One token, without itself.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) name: Arc<str>,
    pub(super) scopes: Scopes,
    pub(super) expires_ms: Option<i64>,
    /// For signed datagrams, when it was made for that.
    pub(super) signing_key: Option<SigningKey>,
}

/// Never shown in logs. Prepared once, since a datagram is not much longer than a block of the hash.
#[derive(Clone)]
pub(super) struct SigningKey(Arc<hmac::Key>);

impl SigningKey {
    fn new(bytes: &Hash) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// Compares in constant time.
    pub(super) fn has_signed(&self, bytes: &[u8], code: &[u8]) -> bool {
        hmac::verify(&self.0, bytes, code).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey(hidden)")
    }
}

/// A token that was shown and is good: for as long as [`super::Access::is_good`] says so.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    name: Arc<str>,
    hash: Hash,
    scope: Scope,
    generation: u64,
    expires_ms: Option<i64>,
}

impl Pass {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }
}

/// Why a token does not open a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// None was shown.
    #[error("a token is needed here and none was shown")]
    Missing,
    /// Not one of ours, or revoked.
    #[error("the token is not known here, or was revoked")]
    Unknown,
    #[error("the token has expired")]
    Expired,
    /// It is not good for this.
    #[error("the token is not good for {}", .0.as_str())]
    Scope(Scope),
}

impl Denied {
    /// The cause as a label value.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "no_token",
            Self::Unknown => "unknown_token",
            Self::Expired => "expired_token",
            Self::Scope(_) => "scope",
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    by_hash: HashMap<Hash, Token>,
    by_name: HashMap<Arc<str>, Hash>,
}

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64, u64)>;

/// Every token of a gateway.
pub(super) struct Tokens {
    file: PathBuf,
    known: RwLock<Arc<Known>>,
    /// Grows when tokens changed, so that passes are looked at again.
    generation: AtomicU64,
    read: Mutex<Stamp>,
}

impl Tokens {
    /// # Errors
    /// A file that is there and cannot be read.
    pub(super) fn open(file: PathBuf) -> anyhow::Result<Self> {
        let tokens = Self {
            file,
            known: RwLock::default(),
            generation: AtomicU64::new(0),
            read: Mutex::new(None),
        };
        tokens.reload()?;
        Ok(tokens)
    }

    pub(super) fn check(&self, shown: &str, scope: Scope, now_ms: i64) -> Result<Pass, Denied> {
        if shown.is_empty() {
            return Err(Denied::Missing);
        }
        if shown.len() > MAX_SHOWN_BYTES {
            return Err(Denied::Unknown);
        }
        // Before the look, so that a change meanwhile is noticed by the pass.
        let generation = self.generation.load(Ordering::Acquire);
        self.by_hash(hash(shown), scope, now_ms, generation)
    }

    fn by_hash(
        &self,
        hash: Hash,
        scope: Scope,
        now_ms: i64,
        generation: u64,
    ) -> Result<Pass, Denied> {
        let known = Arc::clone(&self.known.read());
        let token = known.by_hash.get(&hash).ok_or(Denied::Unknown)?;
        if token.expires_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            return Err(Denied::Expired);
        }
        if !token.scopes.allow(scope) {
            return Err(Denied::Scope(scope));
        }
        Ok(Pass {
            name: Arc::clone(&token.name),
            hash,
            scope,
            generation,
            expires_ms: token.expires_ms,
        })
    }

    /// Cheap while nothing changed.
    pub(super) fn is_good(&self, pass: &Pass, now_ms: i64) -> bool {
        if pass.expires_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            return false;
        }
        let generation = self.generation.load(Ordering::Acquire);
        generation == pass.generation
            || self
                .by_hash(pass.hash, pass.scope, now_ms, generation)
                .is_ok()
    }

    /// The key that datagrams under this name are signed with.
    ///
    /// # Errors
    /// There is none, or it is over.
    pub(super) fn signing_key(
        &self,
        name: &str,
        now_ms: i64,
    ) -> Result<(Arc<str>, SigningKey), Denied> {
        let known = Arc::clone(&self.known.read());
        let hash = known.by_name.get(name).ok_or(Denied::Unknown)?;
        let token = known.by_hash.get(hash).ok_or(Denied::Unknown)?;
        let key = token.signing_key.clone().ok_or(Denied::Unknown)?;
        if token.expires_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            return Err(Denied::Expired);
        }
        match token.scopes.allow(Scope::Write) {
            true => Ok((Arc::clone(&token.name), key)),
            false => Err(Denied::Scope(Scope::Write)),
        }
    }

    /// Reads the file again if it changed; one that is broken leaves the tokens as they were, and is told once.
    pub(super) fn look(&self) {
        if *self.read.lock() == stamp(&self.file) {
            return;
        }
        match self.reload() {
            Ok(()) => tracing::info!("tokens were read again from {}", self.file.display()),
            Err(error) => tracing::error!("the tokens stay as they were: {error:#}"),
        }
    }

    /// # Errors
    /// What is wrong with the file.
    pub(super) fn reload(&self) -> anyhow::Result<()> {
        // Before it is read: what changes meanwhile is read again.
        *self.read.lock() = stamp(&self.file);
        let read = TokenFile::load(&self.file)
            .and_then(|file| known(&file))
            .with_context(|| self.file.display().to_string())?;
        gauge!("weir_access_tokens").set(read.by_hash.len() as f64);
        *self.known.write() = Arc::new(read);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

fn known(file: &TokenFile) -> anyhow::Result<Known> {
    let mut known = Known::default();
    for (hash, token) in file.tokens()? {
        known.by_name.insert(Arc::clone(&token.name), hash);
        known.by_hash.insert(hash, token);
    }
    Ok(known)
}

fn stamp(file: &std::path::Path) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let facts = std::fs::metadata(file).ok()?;
    Some((facts.modified().ok()?, facts.len(), facts.ino()))
}

fn hash(token: &str) -> Hash {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// The key that a token signs datagrams with. It does not lead back to the token.
pub(super) fn signing_key(token: &str) -> Hash {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    let mut derived = [0; HASH_BYTES];
    derived.copy_from_slice(hmac::sign(&key, SIGNING_PURPOSE).as_ref());
    derived
}
