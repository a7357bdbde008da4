//! Where one part takes place: a data directory, a gateway's program, the agents, and the counts. What all parts do
//! alike is here: starting, watching that the store is at work, comparing.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::check::{Checked, check};
use crate::compare::{compare, strangers};
use crate::control::read;
use crate::fleet::Fleet;
use crate::gateway::{Gateway, Launch, Started, Tail};
use crate::http;
use crate::plan::{LATE_MS, Plan};
use crate::random::Random;
use crate::tally::Tally;

/// Mean time between batches of an agent.
const PACE_MS: u64 = 40;
/// Everything that is sent ended so long ago that its window may be sealed.
const BEHIND_MS: i64 = 26 * 3_600_000;
/// Bursts make the load faster than its mean pace, by less than this.
const BURSTS: i64 = 3;
/// The longest span of samples, well within the default retention.
const MOST_MS: i64 = 5 * 86_400_000;
/// The gateway stores `up` of whom it knows as it starts. An agent that came before that would have a sample of now in
/// the journal, whose window is sealed minutes later, and all segments would wait for it.
const FIRST_BEAT: Duration = Duration::from_millis(60);
/// Corrections and late samples reach back this far at most.
const REACH_MS: i64 = LATE_MS as i64 + 60_000;
const COMPLAINTS: [&str; 3] = ["damaged", "are lost", "panicked"];
const MOST_COMPLAINTS: usize = 10;

/// What every part is given.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) program: PathBuf,
    /// Logs and, but for power loss, data.
    pub(crate) dir: PathBuf,
    pub(crate) seed: u64,
}

pub(crate) struct Arena {
    pub(crate) launch: Launch,
    pub(crate) fleet: Fleet,
    pub(crate) tally: Tally,
    pub(crate) random: Random,
    tail: Tail,
    journal: HashSet<std::ffi::OsString>,
    compared_to_ms: i64,
    /// Samples before this may be gone.
    pub(crate) kept_from_ms: i64,
}

impl Arena {
    /// `speed`: how much faster than the clock samples' times pass. `most`: how long the part may last.
    pub(crate) fn new(
        ground: &Ground,
        part: &str,
        data: &Path,
        speed: u64,
        most: Duration,
    ) -> Result<Self> {
        let name: String = part
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        let log = ground.dir.join(format!("{name}.log"));
        let span_ms = most.as_millis() as i64 * speed as i64 * BURSTS;
        if span_ms > MOST_MS {
            bail!("so many cycles would send samples older than what is kept; ask for fewer");
        }
        let start_ms = (now_ms()? - BEHIND_MS - span_ms) / 60_000 * 60_000;
        let plan = Plan {
            seed: ground.seed,
            start_ms,
            step_ms: PACE_MS * speed,
        };
        Ok(Self {
            launch: Launch {
                program: ground.program.clone(),
                data: data.to_owned(),
                log: log.clone(),
                sets: Vec::new(),
                failpoints: None,
            },
            fleet: Fleet::start(plan, PACE_MS),
            tally: Tally::new(part),
            random: Random::new(ground.seed, &[4, part.len() as u64]),
            tail: Tail::new(&log),
            journal: HashSet::new(),
            compared_to_ms: start_ms,
            kept_from_ms: i64::MIN,
        })
    }

    /// Starts the gateway, which must come up; nothing is sent to it yet.
    pub(crate) fn start(&mut self) -> Result<Gateway> {
        let started = self.launch.start()?;
        self.must_be_up(started)
    }

    /// The same, but it is far from ready: it only takes what is sent.
    pub(crate) fn start_slowly(&mut self) -> Result<Gateway> {
        let started = self.launch.start_slowly()?;
        self.must_be_up(started)
    }

    fn must_be_up(&mut self, started: Started) -> Result<Gateway> {
        match started {
            Started::Ready(gateway) => Ok(gateway),
            Started::Ended(status) => {
                let said = self.tail.read();
                let last: Vec<&str> = said.lines().rev().take(3).collect();
                bail!(
                    "the gateway would not start ({status}): {}",
                    last.join(" | ")
                )
            }
        }
    }

    /// Lets the agents at it, and waits until one is acknowledged.
    pub(crate) fn serve(&mut self, gateway: &mut Gateway, ended: Option<Instant>) -> Result<()> {
        sleep(FIRST_BEAT);
        let began = Instant::now();
        self.fleet.aim(gateway);
        self.fleet.wait_for_acknowledgement(gateway)?;
        if ended.is_some() {
            let ready = self.tally.ready.last().copied().unwrap_or_default();
            self.tally.serving.push(ready + began.elapsed());
        }
        Ok(())
    }

    /// Looks at the log and at the journal's folder; to be called now and then.
    pub(crate) fn watch(&mut self) {
        for line in self.tail.read().lines() {
            self.heed(line);
        }
        let Ok(entries) = std::fs::read_dir(self.launch.data.join("journal")) else {
            return;
        };
        let now: HashSet<_> = entries
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .filter(|name| name.as_encoded_bytes().ends_with(b".journal"))
            .collect();
        self.tally.trimmed += self.journal.difference(&now).count() as u64;
        self.journal = now;
    }

    fn heed(&mut self, line: &str) {
        if let Some((before, _)) = line.split_once(" windows sealed") {
            self.tally.seals += 1;
            let windows = before
                .rsplit(' ')
                .next()
                .and_then(|word| word.parse::<u64>().ok());
            self.tally.sealed_windows += windows.unwrap_or(0);
        }
        let bad = COMPLAINTS.iter().any(|word| line.contains(word));
        if bad && self.tally.complaints.len() < MOST_COMPLAINTS {
            self.tally.complaints.push(line.to_owned());
        }
    }

    /// Compares what may have changed since the last time.
    pub(crate) fn compare_recent(&mut self, gateway: &Gateway) -> Result<()> {
        let to_ms = self.fleet.newest_ms();
        let from_ms = (self.compared_to_ms - REACH_MS).max(self.fleet.control.plan.start_ms);
        self.compare(gateway, from_ms, to_ms)?;
        self.compared_to_ms = to_ms;
        Ok(())
    }

    /// Compares everything, and looks for what nobody sent.
    pub(crate) fn compare_all(&mut self, gateway: &Gateway) -> Result<()> {
        let plan = &self.fleet.control.plan;
        self.compare(gateway, plan.start_ms - BEHIND_MS, self.fleet.newest_ms())?;
        for name in strangers(&gateway.http)? {
            self.tally
                .failures
                .push(format!("the metric {name} was never sent"));
        }
        Ok(())
    }

    fn compare(&mut self, gateway: &Gateway, from_ms: i64, to_ms: i64) -> Result<()> {
        let verdict = compare(
            &self.fleet,
            &gateway.http,
            from_ms..=to_ms,
            self.kept_from_ms,
        )?;
        self.tally.comparisons += 1;
        self.tally.verdict.merge(verdict);
        let (_, text) = http::get(&gateway.http, "/metrics")?;
        let sealed = metric(&text, "weir_store_sealed_windows_total");
        self.tally.sealed_metric = self.tally.sealed_metric.max(sealed);
        Ok(())
    }

    /// The end of a part: everything acknowledged, compared, stopped, checked.
    pub(crate) fn finish(&mut self, mut gateway: Gateway) -> Result<()> {
        self.fleet.resume();
        self.fleet.aim(&gateway);
        self.fleet.quiesce(&mut gateway)?;
        self.compare_all(&gateway)?;
        self.watch();
        self.fleet.rest();
        gateway.stop()?;
        self.check_stopped()?;
        let forgotten = read(&self.fleet.control.counts.forgotten);
        if forgotten > 0 {
            let what = format!("{forgotten} welcomes named less than had been acknowledged");
            self.tally.failures.push(what);
        }
        Ok(())
    }

    /// The gateway's own check of the data directory.
    pub(crate) fn check_stopped(&mut self) -> Result<()> {
        match check(&self.launch)? {
            Checked::Clean => self.tally.checks += 1,
            Checked::Faulty(text) => self.tally.failures.push(format!("store check: {text}")),
            Checked::Impossible => {
                let what = "NOT CHECKED: this gateway has no `store check`, so rollups were not recomputed".to_owned();
                if !self.tally.notes.contains(&what) {
                    self.tally.notes.push(what);
                }
            }
        }
        Ok(())
    }

    /// A part that saw no window sealed or no segment deleted has shown nothing.
    pub(crate) fn must_have_sealed(&mut self) {
        for (seen, what) in [
            (
                self.tally.seals,
                "no line of the log said that windows were sealed",
            ),
            (
                self.tally.sealed_metric,
                "/metrics counted no sealed window",
            ),
            (self.tally.trimmed, "no segment of the journal was deleted"),
        ] {
            if seen == 0 {
                self.tally.failures.push(what.to_owned());
            }
        }
    }

    /// Prints the counts; whether they are good.
    pub(crate) fn close(&mut self, outcome: Result<()>) -> bool {
        self.watch();
        if let Err(error) = outcome {
            self.tally.failures.push(format!("{error:#}"));
        }
        let samples = self.fleet.control.oracle.lock().samples();
        self.tally.print(&self.fleet.control.counts, samples);
        self.tally.green()
    }
}

fn now_ms() -> Result<i64> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    Ok(since.as_millis() as i64)
}

fn metric(text: &str, name: &str) -> u64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}
