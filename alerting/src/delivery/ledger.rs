//! The ledger: one JSON line for each try of each notification and how it ended. Two files of bounded size;
//! read by people after the fact, never by the program.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use super::Outcome;
use crate::routing::Notification;
use crate::text::{bounded, rfc3339};
use crate::{AlertingError, instruments};

/// Bytes after which a new file is begun; one old one is kept.
const FILE_BYTES: u64 = 8 * 1_024 * 1_024;
const FILE: &str = "ledger.jsonl";
const OLD_FILE: &str = "ledger.1.jsonl";

/// Where the lines go.
pub(crate) struct Ledger {
    folder: PathBuf,
    max_bytes: u64,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    bytes: u64,
}

/// What is known of one try.
pub(super) struct Line<'a> {
    pub(super) time_ms: i64,
    pub(super) receiver: &'a str,
    pub(super) notification: &'a Notification,
    pub(super) attempt: u32,
    pub(super) outcome: &'a Outcome,
    pub(super) took: Duration,
}

impl Ledger {
    /// Goes on where the last process stopped.
    pub(crate) fn open(folder: &Path) -> Result<Self, AlertingError> {
        Self::with_bytes(folder, FILE_BYTES).map_err(AlertingError::io(folder.join(FILE)))
    }

    fn with_bytes(folder: &Path, max_bytes: u64) -> std::io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            max_bytes,
            open: Mutex::new(Open::at(folder)?),
        })
    }

    /// Adds a line. A ledger that cannot be written holds up no notification: it is logged and counted.
    pub(super) fn record(&self, line: &Line<'_>) {
        let mut text = line.to_json().to_string();
        text.push('\n');
        let mut open = self.open.lock();
        let written = self.rotate(&mut open, text.len() as u64).and_then(|()| {
            open.bytes += text.len() as u64;
            open.file.write_all(text.as_bytes())
        });
        if let Err(error) = written {
            metrics::counter!(instruments::LEDGER_FAILURES).increment(1);
            tracing::error!(%error, line = text.trim_end(), "a line cannot be written to the ledger");
        }
    }

    fn rotate(&self, open: &mut Open, more: u64) -> std::io::Result<()> {
        if open.bytes == 0 || open.bytes + more <= self.max_bytes {
            return Ok(());
        }
        std::fs::rename(self.folder.join(FILE), self.folder.join(OLD_FILE))?;
        *open = Open::at(&self.folder)?;
        Ok(())
    }
}

impl Open {
    fn at(folder: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(FILE))?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

impl Line<'_> {
    fn to_json(&self) -> serde_json::Value {
        let (code, reason) = match self.outcome {
            Outcome::Taken { code } => (Some(*code), None),
            Outcome::Retry { code, reason, .. } => (*code, Some(reason)),
            Outcome::Refused { code, reason } => (Some(*code), Some(reason)),
        };
        json!({
            "time": rfc3339(self.time_ms),
            "receiver": self.receiver,
            "group": bounded(self.notification.group_key.clone(), 1_024),
            "key": self.notification.key,
            "status": self.notification.status.as_str(),
            "alerts": self.notification.alerts,
            "attempt": self.attempt,
            "result": self.outcome.as_str(),
            "code": code,
            "reason": reason,
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Status;

    #[test]
    fn lines_are_json_and_one_old_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let notification = Notification {
            key: "k".repeat(32),
            group_key: "{}:{alertname=\"x\ny\"}".to_owned(),
            status: Status::Firing,
            alerts: 3,
            body: String::new(),
            firing: Vec::new(),
        };
        let refused = Outcome::Refused {
            code: 404,
            reason: "gone\nfor good".to_owned(),
        };
        for life in 0..3 {
            let ledger = Ledger::with_bytes(folder.path(), 1_000).unwrap();
            for attempt in 1..=4 {
                ledger.record(&Line {
                    time_ms: life * 1_000,
                    receiver: "ops",
                    notification: &notification,
                    attempt,
                    outcome: &refused,
                    took: Duration::from_millis(7),
                });
            }
        }
        for file in [FILE, OLD_FILE] {
            let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
            assert!(text.len() <= 1_000 && !text.is_empty());
            for line in text.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(
                    (&line["code"], &line["result"]),
                    (&404.into(), &"refused".into())
                );
            }
        }
        let last = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(last.contains("\"time\":\"1970-01-01T00:00:02Z\""));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
