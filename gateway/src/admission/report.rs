//! The ledger as others read it: JSON for `/api/v1/status/ingest` and text for `/metrics`, each of one look at every
//! account. Owns the names; counts nothing.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};
use weir_wire::Reject;

use super::ledger::{Counts, Dropped, Line};

/// `data` of `/api/v1/status/ingest`: `{"protocols": [{"protocol": .., counts.., "sources": [{"source": .., counts..}]}]}`.
#[must_use]
pub fn to_json(lines: &[Line]) -> Value {
    let protocols = by_protocol(lines).into_iter().map(|(protocol, sum)| {
        let own = lines.iter().filter(|line| line.protocol == protocol);
        let sources: Vec<Value> = own
            .map(|line| counts_json(("source", &line.source), &line.counts))
            .collect();
        let mut whole = counts_json(("protocol", protocol), &sum);
        whole["sources"] = sources.into();
        whole
    });
    json!({"protocols": protocols.collect::<Vec<_>>()})
}

/// Lines for `/metrics`, after those of the recorder.
#[must_use]
pub fn to_text(lines: &[Line]) -> String {
    let mut text = String::new();
    let protocols: Vec<(String, Counts)> = by_protocol(lines)
        .into_iter()
        .map(|(protocol, sum)| (label("protocol", protocol), sum))
        .collect();
    let sources: Vec<(String, Counts)> = lines
        .iter()
        .map(|line| {
            let labels = [
                label("protocol", line.protocol),
                label("source", &line.source),
            ];
            (labels.join(","), line.counts.clone())
        })
        .collect();
    write_sums(
        &mut text,
        &protocols,
        &Names {
            received: "weir_ingest_received_total",
            stored: "weir_ingest_stored_total",
            duplicates: "weir_ingest_duplicates_total",
            replaced: "weir_ingest_replaced_total",
            aggregated: "weir_ingest_aggregated_total",
            rejected: "weir_ingest_rejected_total",
            dropped: "weir_ingest_dropped_total",
        },
    );
    write_sums(
        &mut text,
        &sources,
        &Names {
            received: "weir_ingest_source_received_total",
            stored: "weir_ingest_source_stored_total",
            duplicates: "weir_ingest_source_duplicates_total",
            replaced: "weir_ingest_source_replaced_total",
            aggregated: "weir_ingest_source_aggregated_total",
            rejected: "weir_ingest_source_rejected_total",
            dropped: "weir_ingest_source_dropped_total",
        },
    );
    family(
        &mut text,
        "weir_ingest_client_sent_total",
        said(&protocols, |counts| counts.client_sent),
    );
    family(
        &mut text,
        "weir_ingest_client_dropped_total",
        said(&protocols, |counts| counts.client_dropped),
    );
    text
}

struct Names {
    received: &'static str,
    stored: &'static str,
    duplicates: &'static str,
    replaced: &'static str,
    aggregated: &'static str,
    rejected: &'static str,
    dropped: &'static str,
}

fn write_sums(text: &mut String, sums: &[(String, Counts)], names: &Names) {
    let plain = |of: fn(&Counts) -> u64| {
        sums.iter()
            .map(move |(labels, counts)| (labels.clone(), of(counts)))
    };
    family(text, names.received, plain(|counts| counts.received));
    family(text, names.stored, plain(|counts| counts.stored));
    family(text, names.duplicates, plain(|counts| counts.duplicates));
    family(text, names.replaced, plain(|counts| counts.replaced));
    family(text, names.aggregated, plain(|counts| counts.aggregated));
    let rejected = sums.iter().flat_map(|(labels, counts)| {
        with_reasons(labels, &Reject::ALL.map(Reject::as_str), &counts.rejected)
    });
    family(text, names.rejected, rejected);
    let dropped = sums.iter().flat_map(|(labels, counts)| {
        with_reasons(labels, &Dropped::ALL.map(Dropped::as_str), &counts.dropped)
    });
    family(text, names.dropped, dropped);
}

fn with_reasons(labels: &str, reasons: &[&str], counts: &[u64]) -> Vec<(String, u64)> {
    let counted = reasons.iter().zip(counts).filter(|(_, count)| **count > 0);
    counted
        .map(|(reason, count)| (format!("{labels},{}", label("reason", reason)), *count))
        .collect()
}

/// Only where somebody said something.
fn said(
    sums: &[(String, Counts)],
    of: fn(&Counts) -> u64,
) -> impl Iterator<Item = (String, u64)> + '_ {
    let all = sums
        .iter()
        .map(move |(labels, counts)| (labels.clone(), of(counts)));
    all.filter(|(_, count)| *count > 0)
}

fn family(text: &mut String, name: &str, samples: impl Iterator<Item = (String, u64)>) {
    for (at, (labels, count)) in samples.enumerate() {
        if at == 0 {
            let _ = writeln!(text, "# TYPE {name} counter");
        }
        let _ = writeln!(text, "{name}{{{labels}}} {count}");
    }
}

fn label(name: &str, value: &str) -> String {
    let escaped = value.replace('\\', r"\\").replace('"', "\\\"");
    format!("{name}=\"{}\"", escaped.replace('\n', r"\n"))
}

fn by_protocol(lines: &[Line]) -> BTreeMap<&'static str, Counts> {
    let mut sums: BTreeMap<&'static str, Counts> = BTreeMap::new();
    for line in lines {
        sums.entry(line.protocol).or_default().add(&line.counts);
    }
    sums
}

fn counts_json((key, name): (&str, &str), counts: &Counts) -> Value {
    let named = |names: &[&str], counts: &[u64]| -> Map<String, Value> {
        let some = names.iter().zip(counts).filter(|(_, count)| **count > 0);
        some.map(|(name, count)| ((*name).to_owned(), (*count).into()))
            .collect()
    };
    json!({
        key: name,
        "received": counts.received,
        "waiting": counts.waiting,
        "stored": counts.stored,
        "duplicates": counts.duplicates,
        "replaced": counts.replaced,
        "aggregated": counts.aggregated,
        "rejected": named(&Reject::ALL.map(Reject::as_str), &counts.rejected),
        "dropped": named(&Dropped::ALL.map(Dropped::as_str), &counts.dropped),
        "kernel_drops": counts.kernel_drops,
        "client": {"sent": counts.client_sent, "dropped": counts.client_dropped},
    })
}
