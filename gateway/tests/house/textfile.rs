//! Dropped files beside Debian's node_exporter, which reads the same folder: the same series with the same values, and the
//! same files refused.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use weir_wire::SeriesKey;
use weir_wire::exposition::{self, Format, Measured, series_key};

use crate::programs::{Gateway, eventually, start_agent_with};
use crate::tools::debian;
use crate::web;

/// Killed when dropped.
struct Exporter {
    child: Child,
    address: String,
}

impl Exporter {
    fn start(folder: &Path) -> Self {
        let root = debian("node-exporter", &["prometheus-node-exporter"]);
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let child = Command::new(root.join("usr/bin/prometheus-node-exporter"))
            .arg(format!("--web.listen-address={address}"))
            .args(["--collector.disable-defaults", "--collector.textfile"])
            .arg(format!(
                "--collector.textfile.directory={}",
                folder.display()
            ))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// What it shows of the folder.
    fn shown(&self) -> BTreeMap<String, String> {
        let (status, text) = eventually("the exporter", || web::get(&self.address, "/metrics"));
        assert_eq!(status, 200, "{text}");
        let families = exposition::parse(text.as_bytes(), Format::Text).unwrap();
        let samples = families.iter().flat_map(|family| &family.samples);
        let series = samples.map(|sample| (series_key(sample, &[]).unwrap(), &sample.value));
        series
            .filter_map(|(key, value)| told(&key, value))
            .collect()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn told(key: &SeriesKey, value: &Measured) -> Option<(String, String)> {
    let Measured::Float(value) = value else {
        return None;
    };
    let is_of_files = key.name().starts_with("drop_") || key.name().starts_with("node_textfile_");
    // The one difference: what an agent sends are numbers.
    (is_of_files && value.is_finite()).then(|| (key.to_string(), format!("{value}")))
}

/// The same by a query, without the labels of the agent.
fn stored(gateway: &Gateway) -> Result<BTreeMap<String, String>, String> {
    let query = web::escape("{__name__=~'drop_.+|node_textfile_.+'}");
    let answer = web::json(&gateway.http, &format!("/api/v1/query?query={query}"))?;
    let found = answer["data"]["result"]
        .as_array()
        .ok_or(answer.to_string())?;
    let one = |series: &serde_json::Value| {
        let labels = series["metric"].as_object().unwrap();
        let labels = labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
        let own = labels.filter(|(name, _)| !["__name__", "host"].contains(name));
        let key = SeriesKey::new(series["metric"]["__name__"].as_str().unwrap(), own).unwrap();
        let value: f64 = series["value"][1].as_str().unwrap().parse().unwrap();
        (key.to_string(), format!("{value}"))
    };
    Ok(found.iter().map(one).collect())
}

#[test]
fn dropped_files_are_what_debians_node_exporter_makes_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    put(
        "a.prom",
        "# HELP drop_a An a.\n# TYPE drop_a counter\ndrop_a{k=\"v\"} 3\ndrop_b 1e9\n",
    );
    put(
        "b.prom",
        "# TYPE drop_h histogram\ndrop_h_bucket{le=\"1\"} 2\ndrop_h_bucket{le=\"+Inf\"} 3\ndrop_h_sum 4.5\ndrop_h_count 3\n\
         # TYPE drop_s summary\ndrop_s{quantile=\"0.5\"} 7\ndrop_s_sum 9\ndrop_s_count 2\n",
    );
    put(
        "odd.prom",
        "drop_odd{k=\"inf\"} +Inf\ndrop_odd{k=\"esc\\\"\\\\\\n\"} -0.5\n",
    );
    put("other.txt", "drop_other 1\n");
    let exporter = Exporter::start(dir.path());
    let gateway = Gateway::start(&[]);
    let folder = format!("textfile.directory={}", dir.path().display());
    let _agent = start_agent_with(&gateway, "web01", &[&folder]);
    let same = |what: &str| {
        eventually(what, || {
            let (theirs, ours) = (exporter.shown(), stored(&gateway)?);
            match theirs == ours {
                true => Ok(theirs),
                false => Err(format!("node_exporter {theirs:#?}, the agent {ours:#?}")),
            }
        })
    };
    let good = same("good files");
    assert!(
        good.len() >= 13 && good["node_textfile_scrape_error"] == "0",
        "{good:#?}"
    );
    // Refused by both, for reasons of their own each.
    put("cut.prom", "drop_cut 1\ndrop_cut{k=\"v\"} 2");
    put("stamped.prom", "drop_stamped 1 1613707265000\n");
    put("wrong.prom", "drop_fine 1\ndrop_wrong{ 2\n");
    let bad = same("bad files");
    assert!(
        !bad.contains_key("drop_cut") && !bad.contains_key("drop_fine"),
        "{bad:#?}"
    );
    assert_eq!(bad["node_textfile_scrape_error"], "1");
}
