//! Owns the started programs together: all healthy or an error with the log of the one to blame, and their end in reverse order.
//! Does not know which programs they are.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    health,
    program::{Program, Stopped},
    signals::StopFlag,
};

const HEALTH_PATH: &str = "/-/healthy";
const POLL: Duration = Duration::from_millis(100);
/// Long enough for a gateway that reads a big journal again.
const HEALTHY_WITHIN: Duration = Duration::from_secs(180);
const SAID_EVERY: Duration = Duration::from_secs(5);
const LOG_LINES: usize = 25;

/// A program that is to live in the house.
pub(super) struct Resident {
    /// As the user knows it; its log is `<name>.log`.
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
    /// Where it says whether it is healthy.
    pub(super) address: SocketAddr,
    /// After SIGTERM; then it is killed.
    pub(super) stops_within: Duration,
}

/// The programs in the order in which they were started.
pub(super) struct House(Vec<(Resident, Program)>);

impl House {
    /// # Errors
    /// When one cannot be started; those before it are killed.
    pub(super) fn start(
        residents: impl IntoIterator<Item = Resident>,
        logs: &Path,
    ) -> Result<Self> {
        let mut house = Self(Vec::new());
        for resident in residents {
            let mut command = Command::new(&resident.program);
            command.args(&resident.args);
            let log = logs.join(format!("{}.log", resident.name));
            let program = Program::start(resident.name, &mut command, &log)?;
            house.0.push((resident, program));
        }
        Ok(house)
    }

    /// False when asked to stop meanwhile.
    ///
    /// # Errors
    /// When one ends by itself or takes too long.
    pub(super) fn wait_until_healthy(&mut self, stop: &StopFlag) -> Result<bool> {
        for index in 0..self.0.len() {
            if !self.wait_for(index, stop)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Until asked to stop, or for this time; then all must still be healthy.
    ///
    /// # Errors
    /// When one ends by itself or is no longer healthy.
    pub(super) fn watch(&mut self, stop: &StopFlag, stop_after: Option<Duration>) -> Result<()> {
        let until = stop_after.map(|time| Instant::now() + time);
        while !stop.is_raised() {
            self.all_still_run()?;
            if until.is_some_and(|until| Instant::now() >= until) {
                return self.all_still_healthy();
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// The last one started is the first to stop: what the agent still holds goes to a gateway that is there.
    ///
    /// # Errors
    /// Names each that was killed or ended with a failure.
    pub(super) fn stop(self) -> Result<()> {
        let mut complaints = Vec::new();
        for (resident, program) in self.0.into_iter().rev() {
            eprintln!("stopping {}", resident.name);
            match program.stop(resident.stops_within)? {
                Stopped::ByItself(status) if status.success() => {}
                Stopped::ByItself(status) => {
                    complaints.push(format!("{} ended with {status}", resident.name))
                }
                Stopped::Killed => {
                    let late_s = resident.stops_within.as_secs_f32();
                    complaints.push(format!(
                        "{} was late and was killed after {late_s} s",
                        resident.name
                    ));
                }
            }
        }
        if !complaints.is_empty() {
            bail!("{}", complaints.join("; "));
        }
        Ok(())
    }

    fn wait_for(&mut self, index: usize, stop: &StopFlag) -> Result<bool> {
        let started = Instant::now();
        let mut say_at = Duration::ZERO;
        while !stop.is_raised() {
            self.all_still_run()?;
            let Some((resident, program)) = self.0.get(index) else {
                return Ok(true);
            };
            if health::is_healthy(resident.address, HEALTH_PATH) {
                return Ok(true);
            }
            let waited = started.elapsed();
            if waited > HEALTHY_WITHIN {
                bail!(
                    "{} is not healthy after {} s; {}",
                    resident.name,
                    waited.as_secs(),
                    last_words(program)
                );
            }
            if waited >= say_at {
                let (name, address) = (resident.name, resident.address);
                eprintln!(
                    "waiting for {name} at http://{address}{HEALTH_PATH} ({} s)",
                    waited.as_secs()
                );
                say_at = waited + SAID_EVERY;
            }
            thread::sleep(POLL);
        }
        Ok(false)
    }

    fn all_still_run(&mut self) -> Result<()> {
        for (resident, program) in &mut self.0 {
            if let Some(status) = program.exit_status()? {
                bail!(
                    "{} ended by itself ({status}); {}",
                    resident.name,
                    last_words(program)
                );
            }
        }
        Ok(())
    }

    fn all_still_healthy(&self) -> Result<()> {
        for (resident, program) in &self.0 {
            if !health::is_healthy(resident.address, HEALTH_PATH) {
                bail!(
                    "{} was healthy and is no longer; {}",
                    resident.name,
                    last_words(program)
                );
            }
        }
        Ok(())
    }
}

fn last_words(program: &Program) -> String {
    format!("its log ends with\n{}", program.log_tail(LOG_LINES))
}

#[cfg(test)]
mod tests;
