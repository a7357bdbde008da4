//! The counters and gauges that alerting gives of itself, all in one place, with their meaning.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Rule evaluations, failed ones included.
pub(crate) const EVALUATIONS: &str = "weir_alerting_evaluations_total";
/// Rule evaluations without a result: the question failed or took too long, or the result broke a limit.
pub(crate) const EVALUATION_FAILURES: &str = "weir_alerting_evaluation_failures_total";
/// Evaluations of a group that did not take place at their time.
pub(crate) const EVALUATIONS_MISSED: &str = "weir_alerting_evaluations_missed_total";
/// Times that the clock was found far from where it was a second before.
pub(crate) const CLOCK_JUMPS: &str = "weir_alerting_clock_jumps_total";
/// Seconds that one rule's evaluation took.
pub(crate) const EVALUATION_SECONDS: &str = "weir_alerting_evaluation_duration_seconds";
/// Alerts now, by state: pending, firing.
pub(crate) const ALERTS: &str = "weir_alerting_alerts";
/// Notifications that came to an end, by receiver and result: taken, refused.
pub(crate) const NOTIFICATIONS: &str = "weir_alerting_notifications_total";
/// Tries to deliver, by receiver and result: taken, retry, refused.
pub(crate) const ATTEMPTS: &str = "weir_alerting_notification_attempts_total";
/// Notifications written down and not yet taken, by receiver.
pub(crate) const OUTBOX: &str = "weir_alerting_outbox";
/// Writes of the state file that failed.
pub(crate) const SAVE_FAILURES: &str = "weir_alerting_state_save_failures_total";
/// State files found damaged and put aside.
pub(crate) const STATE_DAMAGED: &str = "weir_alerting_state_damaged_total";
/// Lines that could not be written to the ledger.
pub(crate) const LEDGER_FAILURES: &str = "weir_alerting_ledger_failures_total";
/// Reloads of rules, by result: taken, refused.
pub(crate) const RELOADS: &str = "weir_alerting_reloads_total";

/// Tells the recorder what each name means; called once, after the recorder is installed.
pub fn describe() {
    describe_counter!(EVALUATIONS, "rule evaluations, failed ones included");
    describe_counter!(
        EVALUATION_FAILURES,
        "rule evaluations without a usable result"
    );
    describe_counter!(
        EVALUATIONS_MISSED,
        "group evaluations that did not take place at their time"
    );
    describe_counter!(
        CLOCK_JUMPS,
        "times that the clock was found far from where it was a second before"
    );
    describe_histogram!(
        EVALUATION_SECONDS,
        Unit::Seconds,
        "time one rule's evaluation took"
    );
    describe_gauge!(ALERTS, "alerts now, by state");
    describe_counter!(
        NOTIFICATIONS,
        "notifications that came to an end, by receiver and result"
    );
    describe_counter!(ATTEMPTS, "tries to deliver, by receiver and result");
    describe_gauge!(
        OUTBOX,
        "notifications written down and not yet taken, by receiver"
    );
    describe_counter!(SAVE_FAILURES, "writes of the state file that failed");
    describe_counter!(STATE_DAMAGED, "state files found damaged and put aside");
    describe_counter!(
        LEDGER_FAILURES,
        "lines that could not be written to the ledger"
    );
    describe_counter!(RELOADS, "reloads of rules, by result");
}

/// One rule was evaluated.
pub(crate) fn evaluated(seconds: f64, ok: bool) {
    counter!(EVALUATIONS).increment(1);
    histogram!(EVALUATION_SECONDS).record(seconds);
    if !ok {
        counter!(EVALUATION_FAILURES).increment(1);
    }
}

/// A try to deliver ended with this result.
pub(crate) fn attempted(receiver: &str, result: &'static str) {
    counter!(ATTEMPTS, "receiver" => receiver.to_owned(), "result" => result).increment(1);
}

/// A notification left the outbox with this result.
pub(crate) fn notified(receiver: &str, result: &'static str) {
    counter!(NOTIFICATIONS, "receiver" => receiver.to_owned(), "result" => result).increment(1);
}

/// Sets a gauge from a count of things in memory.
pub(crate) fn set_alerts(pending: usize, firing: usize) {
    gauge!(ALERTS, "state" => "pending").set(pending as f64);
    gauge!(ALERTS, "state" => "firing").set(firing as f64);
}

/// Notifications of a receiver that wait to be taken.
pub(crate) fn set_outbox(receiver: &str, waiting: usize) {
    gauge!(OUTBOX, "receiver" => receiver.to_owned()).set(waiting as f64);
}
