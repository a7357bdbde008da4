//! What this is measured on: processor, memory, kernel, system, date. Read, never guessed.

use std::fs;
use std::process::Command;

/// One line for the head of the results.
pub(crate) fn description() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get());
    let model = field(&cpus, "model name").unwrap_or("unknown processor");
    let kilobytes = field(&memory, "MemTotal").and_then(|text| text.strip_suffix(" kB"));
    let gibibytes = kilobytes
        .and_then(|text| text.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1_048_576.0;
    let system = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let system = system.unwrap_or("unknown system").trim_matches('"');
    let kernel = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let frequency = field(&cpus, "cpu MHz").unwrap_or("?");
    format!(
        "{cores} cores of {model} ({frequency} MHz), {gibibytes:.1} GiB, Linux {kernel}, {system}"
    )
}

/// `2026-11-23 22:10 UTC`.
pub(crate) fn date() -> String {
    said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_else(|| "unknown date".to_owned())
}

/// The first line that a program prints.
pub(crate) fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()?
        .trim()
        .to_owned();
    output.status.success().then_some(text)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .map(|(key, value)| (key.trim(), value.trim()))
        .find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_described() {
        let text = description();
        assert!(
            text.contains("cores of") && text.contains("Linux"),
            "{text}"
        );
        assert_eq!(
            field("a\t: 1\nmodel name\t: X  Y\n", "model name"),
            Some("X  Y")
        );
    }
}
