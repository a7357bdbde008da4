//! Asks the kernel for the space of file systems on a thread of its own, since a dead network file system answers
//! never. One that hangs is given up for the round, not asked again until it answers, and holds up no other.
//! It knows no mounts and no names of figures.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::CollectError;

/// What a whole round may wait for file systems that hang.
const PATIENCE: Duration = Duration::from_secs(5);
/// What each file system gets even when another used the patience up.
const LEAST_PATIENCE: Duration = Duration::from_millis(250);
const HANGS: &str = "mountpoint timeout";

/// The space of one file system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Space {
    pub(super) size_bytes: f64,
    pub(super) free_bytes: f64,
    /// What is free for others than root.
    pub(super) avail_bytes: f64,
    pub(super) files: f64,
    pub(super) files_free: f64,
}

/// The space, or in few words why not.
pub(super) type Answer = Result<Space, String>;

type Ask = fn(&Path) -> Answer;
type Stuck = Arc<Mutex<HashSet<PathBuf>>>;

pub(super) struct Asker {
    ask: Ask,
    patience: Duration,
    /// Paths whose thread is still waiting: as many threads as paths at most.
    stuck: Stuck,
}

impl Asker {
    pub(super) fn new() -> Self {
        Self {
            ask,
            patience: PATIENCE,
            stuck: Stuck::default(),
        }
    }

    /// The answer of each path, in order.
    pub(super) fn ask_all(&self, paths: Vec<PathBuf>) -> Result<Vec<Answer>, CollectError> {
        let deadline = Instant::now() + self.patience;
        let mut answers = Vec::with_capacity(paths.len());
        while let Some(left) = paths.get(answers.len()..).filter(|left| !left.is_empty()) {
            self.ask_until_stuck(left, deadline, &mut answers)?;
        }
        Ok(answers)
    }

    /// Adds at least one answer; ends after the first path that hangs.
    fn ask_until_stuck(
        &self,
        paths: &[PathBuf],
        deadline: Instant,
        answers: &mut Vec<Answer>,
    ) -> Result<(), CollectError> {
        // IMPORTANT: without a buffer. A sent answer is a received one, so whoever hung knows that nobody heard it and
        // takes its path out of the stuck ones, which was put in before the receiver was dropped.
        let (sender, receiver) = sync_channel(0);
        let (ask, stuck, asked) = (self.ask, Arc::clone(&self.stuck), paths.to_vec());
        let thread = std::thread::Builder::new().name("statfs".to_owned());
        thread
            .spawn(move || answer_all(ask, &asked, &stuck, &sender))
            .map_err(CollectError::Thread)?;
        for path in paths {
            let patience = deadline
                .saturating_duration_since(Instant::now())
                .max(LEAST_PATIENCE);
            match receiver.recv_timeout(patience) {
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    if error == RecvTimeoutError::Timeout {
                        self.stuck.lock().insert(path.clone());
                    }
                    answers.push(Err(HANGS.to_owned()));
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn answer_all(ask: Ask, paths: &[PathBuf], stuck: &Stuck, sender: &SyncSender<Answer>) {
    for path in paths {
        let is_stuck = stuck.lock().contains(path);
        let answer = if is_stuck {
            Err(HANGS.to_owned())
        } else {
            ask(path)
        };
        if sender.send(answer).is_err() {
            if !is_stuck {
                stuck.lock().remove(path);
            }
            return;
        }
    }
}

fn ask(path: &Path) -> Answer {
    let stat = rustix::fs::statvfs(path).map_err(|error| in_few_words(&error.into()))?;
    let bytes = |blocks: u64| blocks as f64 * stat.f_frsize as f64;
    Ok(Space {
        size_bytes: bytes(stat.f_blocks),
        free_bytes: bytes(stat.f_bfree),
        avail_bytes: bytes(stat.f_bavail),
        files: stat.f_files as f64,
        files_free: stat.f_ffree as f64,
    })
}

/// "permission denied": the kernel's words without the number, as a label should read.
fn in_few_words(error: &io::Error) -> String {
    let text = error.to_string().to_lowercase();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Space = Space {
        size_bytes: 1.0,
        free_bytes: 0.0,
        avail_bytes: 0.0,
        files: 0.0,
        files_free: 0.0,
    };

    /// A path that is a named pipe hangs until someone opens it for writing, as a dead file system would.
    fn open_then_full(path: &Path) -> Answer {
        std::fs::File::open(path)
            .map(|_| FULL)
            .map_err(|error| in_few_words(&error))
    }

    #[test]
    fn what_hangs_is_given_up_and_asked_again_when_it_answered() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, file) = (dir.path().join("pipe"), dir.path().join("file"));
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        std::fs::write(&file, "").unwrap();
        let asker = Asker {
            ask: open_then_full,
            patience: Duration::from_millis(1),
            stuck: Stuck::default(),
        };
        let paths = || {
            vec![
                file.clone(),
                pipe.clone(),
                pipe.clone(),
                file.clone(),
                dir.path().join("none"),
            ]
        };
        let hangs = || Err(HANGS.to_owned());
        let expected = [
            Ok(FULL),
            hangs(),
            hangs(),
            Ok(FULL),
            Err("no such file or directory".to_owned()),
        ];
        assert_eq!(asker.ask_all(paths()).unwrap(), expected);
        assert_eq!(asker.ask_all(paths()).unwrap(), expected);
        drop(std::fs::OpenOptions::new().write(true).open(&pipe).unwrap());
        while !asker.stuck.lock().is_empty() {
            std::thread::yield_now();
        }
        std::fs::remove_file(&pipe).unwrap();
        std::fs::write(&pipe, "").unwrap();
        assert_eq!(
            asker.ask_all(paths()).unwrap()[..4],
            [Ok(FULL), Ok(FULL), Ok(FULL), Ok(FULL)]
        );
    }

    #[test]
    fn a_real_file_system_has_a_size() {
        let answers = Asker::new()
            .ask_all(vec![PathBuf::from("/"), PathBuf::from("/no/such/place")])
            .unwrap();
        assert!(
            answers[0]
                .as_ref()
                .is_ok_and(|space| space.size_bytes >= space.free_bytes
                    && space.free_bytes >= space.avail_bytes)
        );
        assert_eq!(answers[1], Err("no such file or directory".to_owned()));
    }
}
