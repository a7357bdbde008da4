//! `weir-gateway token`: makes, lists and revokes tokens in the file that a running gateway looks at. The token itself is
//! shown once, on standard output, and kept nowhere.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{FlockOperation, flock};

use super::super::hex;
use super::super::scope::Scope;
use super::file::{Entry, TokenFile, check_name};
use super::{hash, signing_key};

const TOKEN_BYTES: usize = 32;
/// So that people and scanners of secrets see what it is.
const PREFIX: &str = "weir";

/// `weir-gateway token`.
#[derive(Debug, Args)]
pub(crate) struct TokenCommand {
    /// The file; without this that of access.tokens.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) file: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it: it is shown this once.
    Create {
        /// Who is to have it; the source in the ledger and for limits.
        name: String,
        /// What it is good for.
        #[arg(
            long = "scope",
            value_name = "SCOPE",
            required = true,
            value_delimiter = ','
        )]
        scopes: Vec<ScopeName>,
        /// For how long: 90d, 1y; without this for ever.
        #[arg(long, value_name = "DURATION")]
        expires: Option<String>,
        /// It may sign datagrams too: the file then holds the key for that.
        #[arg(long)]
        signing: bool,
    },
    /// Print every token's name, scopes and times.
    List,
    /// Make a token good for nothing, within seconds.
    Revoke { name: String },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeName {
    Write,
    Read,
    Silence,
    Admin,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Write => Self::Write,
            ScopeName::Read => Self::Read,
            ScopeName::Silence => Self::Silence,
            ScopeName::Admin => Self::Admin,
        }
    }
}

/// Does it, and gives what is to be printed.
///
/// # Errors
/// A name that is there or is not, and the file system's.
pub(crate) fn run(command: &TokenCommand, file: &Path, now_ms: i64) -> anyhow::Result<String> {
    let named = || file.display().to_string();
    if let Action::List = command.action {
        return Ok(listed(&TokenFile::load(file).with_context(named)?));
    }
    let _lock = lock(file).with_context(named)?;
    let mut tokens = TokenFile::load(file).with_context(named)?;
    let said = match &command.action {
        Action::Create {
            name,
            scopes,
            expires,
            signing,
        } => {
            let token = make()?;
            let entry = entry(name, &token, scopes, expires.as_deref(), *signing, now_ms)?;
            if tokens.tokens.iter().any(|one| one.name == *name) {
                bail!("there is a token {name:?}; revoke it first, or choose another name");
            }
            tokens.tokens.push(entry);
            format!("{token}\n")
        }
        Action::Revoke { name } => {
            let before = tokens.tokens.len();
            tokens.tokens.retain(|one| one.name != *name);
            if tokens.tokens.len() == before {
                bail!("there is no token {name:?}; `weir-gateway token list` names them");
            }
            format!("revoked: {name}\n")
        }
        Action::List => String::new(),
    };
    tokens.save(file).with_context(named)?;
    Ok(said)
}

fn entry(
    name: &str,
    token: &str,
    scopes: &[ScopeName],
    expires: Option<&str>,
    signing: bool,
    now_ms: i64,
) -> anyhow::Result<Entry> {
    check_name(name)?;
    let expires = expires.map(|text| {
        let for_how_long = weir_config::parse_duration(text)
            .filter(|long| !long.is_zero())
            .with_context(|| format!("{text:?} is no duration; write it as 12h, 90d or 1y"))?;
        time(now_ms, for_how_long)
    });
    let mut scopes: Vec<String> = scopes
        .iter()
        .map(|scope| Scope::from(*scope).as_str().to_owned())
        .collect();
    scopes.dedup();
    Ok(Entry {
        name: name.to_owned(),
        sha256: hex::encode(&hash(token)),
        scopes,
        created: time(now_ms, Duration::ZERO)?,
        expires: expires.transpose()?,
        signing_key: signing.then(|| hex::encode(&signing_key(token))),
    })
}

/// To the second.
fn time(now_ms: i64, later: Duration) -> anyhow::Result<String> {
    let at_s = now_ms / 1_000 + later.as_secs() as i64;
    Ok(Timestamp::from_second(at_s)?.to_string())
}

fn make() -> anyhow::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(format!("{PREFIX}_{}", hex::encode(&bytes)))
}

fn listed(file: &TokenFile) -> String {
    let mut text = format!(
        "{:<24} {:<24} {:<8} {:<21} expires\n",
        "name", "scopes", "signing", "created"
    );
    for one in &file.tokens {
        let signing = if one.signing_key.is_some() {
            "yes"
        } else {
            "no"
        };
        let expires = one.expires.as_deref().unwrap_or("never");
        let scopes = one.scopes.join(",");
        text.push_str(&format!(
            "{:<24} {scopes:<24} {signing:<8} {:<21} {expires}\n",
            one.name, one.created
        ));
    }
    text
}

/// Two commands at once wait for each other. The lock is a file beside, since the file itself is replaced.
fn lock(file: &Path) -> anyhow::Result<std::fs::File> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".lock");
    let lock = std::fs::File::create(PathBuf::from(beside))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    Ok(lock)
}
