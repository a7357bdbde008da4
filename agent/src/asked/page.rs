//! The page itself. Reads what is there and leaves out what is not, so that agents of other versions can be asked.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use super::counters::Counters;

/// What listens, by the counters it has.
const LISTENERS: [&str; 2] = ["statsd", "graphite"];

pub(super) fn page(
    said: &Value,
    before: &Counters,
    after: &Counters,
    over: Duration,
    now_ms: i64,
) -> String {
    let mut page = Page {
        text: String::new(),
        now_ms,
    };
    page.head(said);
    page.rates(before, after, over);
    page.collectors(said);
    page.problems(said);
    page.text
}

struct Page {
    text: String,
    now_ms: i64,
}

impl Page {
    fn line(&mut self, name: &str, text: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "{name:12}{text}");
    }

    fn head(&mut self, said: &Value) {
        let version = said["version"].as_str().unwrap_or("of no version");
        let up = said["started_ms"].as_i64().map(|at_ms| self.since(at_ms));
        let up = up.map_or(String::new(), |up| format!(", up for {up}"));
        self.line("weir-agent", &format!("{version}{up}"));
        let gateway = match said["gateway"].as_str() {
            Some(gateway) => gateway.to_owned(),
            None => "none: not connected".to_owned(),
        };
        let told = match said["acknowledged_ms"].as_i64() {
            Some(at_ms) => format!("last acknowledgement {} ago", self.since(at_ms)),
            None => "nothing acknowledged yet".to_owned(),
        };
        self.line("gateway", &format!("{gateway}; {told}"));
        if let (Some(batches), Some(held)) =
            (said["queue_batches"].as_u64(), said["queue_bytes"].as_u64())
        {
            self.line("queue", &format!("{batches} batches, {held} bytes"));
        }
        self.spool(&said["spool"]);
    }

    /// Nothing where it is off.
    fn spool(&mut self, spool: &Value) {
        let Some(dir) = spool["dir"].as_str() else {
            return;
        };
        let held = spool["held"].as_array().map_or(&[][..], Vec::as_slice);
        let sum = |key: &str| held.iter().filter_map(|one| one[key].as_u64()).sum::<u64>();
        let (batches, bytes) = (sum("batches"), sum("bytes"));
        let oldest = held
            .iter()
            .filter_map(|one| one["oldest_ms"].as_i64())
            .min();
        let oldest = oldest.map_or(String::new(), |at_ms| {
            format!(", the oldest of {} ago", self.since(at_ms))
        });
        self.line(
            "spool",
            &format!("{batches} batches, {bytes} bytes in {dir}{oldest}"),
        );
        if let Some(failure) = spool["failure"].as_str() {
            self.line("", &format!("takes nothing now: {failure}"));
        }
    }

    fn rates(&mut self, before: &Counters, after: &Counters, over: Duration) {
        let rate = |name: &str, protocol: &str| {
            let more = after.get(name, protocol) - before.get(name, protocol);
            more / over.as_secs_f64()
        };
        let _ = writeln!(self.text, "\nper second, over {over:?}");
        for listener in LISTENERS {
            let name = |what: &str| format!("weir_agent_{listener}_{what}_total");
            for protocol in after.protocols(&name("received")) {
                let (received, rejected, drops) = (
                    rate(&name("received"), protocol),
                    rate(&name("rejected"), protocol),
                    rate(&name("kernel_drops"), protocol),
                );
                let _ = writeln!(
                    self.text,
                    "  {protocol:20} {received:10.1} received {rejected:10.1} refused {drops:10.1} dropped by the kernel"
                );
            }
        }
        let (queued, told) = (
            rate("weir_agent_queued_samples_total", ""),
            rate("weir_agent_acknowledged_samples_total", ""),
        );
        let _ = writeln!(
            self.text,
            "  {:20} {queued:10.1} queued   {told:10.1} acknowledged",
            "samples"
        );
        let lost = after.get("weir_agent_dropped_samples_total", "");
        if lost > 0.0 {
            let _ = writeln!(self.text, "  {lost} samples were dropped since the start");
        }
    }

    fn collectors(&mut self, said: &Value) {
        let all = said["collectors"].as_array().map_or(&[][..], Vec::as_slice);
        let name = |one: &Value| one["name"].as_str().unwrap_or("?").to_owned();
        let (bad, good): (Vec<&Value>, Vec<&Value>) =
            all.iter().partition(|one| one["error"].is_string());
        let good: Vec<String> = good.into_iter().map(name).collect();
        let _ = writeln!(self.text, "\ncollectors");
        let _ = writeln!(self.text, "  good: {}", good.join(" "));
        for one in bad {
            let error = one["error"].as_str().unwrap_or_default();
            let _ = writeln!(self.text, "  {}: {error}", name(one));
        }
    }

    fn problems(&mut self, said: &Value) {
        let mut lines = Vec::new();
        for (source, problem) in said["problems"].as_object().into_iter().flatten() {
            lines.push(format!(
                "  {source}: {}",
                problem.as_str().unwrap_or_default()
            ));
        }
        let failure = &said["last_failure"];
        if let Some(at_ms) = failure["at_ms"].as_i64() {
            let text = |key: &str| failure[key].as_str().unwrap_or("?").to_owned();
            let ago = self.since(at_ms);
            lines.push(format!(
                "  gateway {}, {ago} ago: {}",
                text("gateway"),
                text("reason")
            ));
        }
        if !lines.is_empty() {
            let _ = writeln!(self.text, "\nwhat went wrong last\n{}", lines.join("\n"));
        }
    }

    /// In words, to the second.
    fn since(&self, at_ms: i64) -> String {
        let seconds = (self.now_ms - at_ms).max(0) / 1_000;
        match seconds {
            0..60 => format!("{seconds} s"),
            60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
            3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
            _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
        }
    }
}
