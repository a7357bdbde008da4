//! Real clients as packaged, each against a started gateway: what it sends is what a query returns.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::programs::{Gateway, eventually};
use crate::sending::sums_close;
use crate::tools::{debian, python};
use crate::web::{query, single};

fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap()
}

#[test]
fn python_graphyte_and_pickle() {
    let gateway = Gateway::start(&[]);
    let pickles = gateway.pickle.clone();
    let ports = [port(&gateway.graphite_tcp), port(&pickles)];
    python("graphite.py", &["127.0.0.1", ports[0], ports[1]]);
    eventually("graphyte's", || {
        match single(&gateway.http, r#"py.graphyte{k="v"}"#)? {
            42.5 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    eventually("every protocol of pickle", || {
        match single(&gateway.http, "sum({\"py.pickle\"})")? {
            12.5 => Ok(()),
            other => Err(other.to_string()),
        }
    });
}

#[test]
fn python_influxdb_client() {
    let gateway = Gateway::start(&[]);
    python("influx.py", &[&format!("http://{}", gateway.http)]);
    assert_eq!(single(&gateway.http, r#"py_influx_f{k="v"}"#), Ok(1.5));
    assert_eq!(single(&gateway.http, r#"py_influx_i{k="v"}"#), Ok(7.0));
    assert_eq!(single(&gateway.http, "py_good_f"), Ok(1.0));
    sums_close(&gateway.http, "influx_http");
}

#[test]
fn python_influxdb_of_1() {
    let gateway = Gateway::start(&[]);
    python("influx_1.py", &[&gateway.http]);
    assert_eq!(
        single(&gateway.http, r#"py_old_value{at="attic"}"#),
        Ok(7.25)
    );
}

#[test]
fn python_prometheus_client() {
    let gateway = Gateway::start(&[]);
    python("pushgateway.py", &[&gateway.http]);
    let from = r#"job="py/job", instance="one""#;
    for (expr, value) in [
        (format!("py_pushed{{{from}, k=\"v\"}}"), 3.5),
        (format!("py_took_seconds_count{{{from}}}"), 1.0),
        (format!("py_took_seconds_bucket{{{from}, le=\"1.0\"}}"), 1.0),
        (format!("py_added_total{{{from}}}"), 2.0),
    ] {
        assert_eq!(single(&gateway.http, &expr), Ok(value), "{expr}");
    }
    assert!(
        query(&gateway.http, r#"{job="py_gone"}"#)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn python_opentelemetry() {
    let gateway = Gateway::start(&[]);
    python("otlp.py", &[&format!("http://{}", gateway.http)]);
    for instance in ["cumulative", "delta"] {
        let from = format!("job=\"py\", instance=\"{instance}\"");
        for (expr, value) in [
            (format!("py_hits_total{{{from}, k=\"v\"}}"), 6.0),
            (format!("py_took_milliseconds_count{{{from}}}"), 2.0),
            (format!("py_took_milliseconds_sum{{{from}}}"), 60.0),
            (
                format!("histogram_count(sum_over_time(py_took_milliseconds{{{from}}}[5m]))"),
                2.0,
            ),
        ] {
            assert_eq!(single(&gateway.http, &expr), Ok(value), "{expr}");
        }
    }
}

/// A client that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &Path, args: &[&str], library: Option<&Path>) -> Running {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if let Some(library) = library {
        command.env("LD_LIBRARY_PATH", library);
    }
    Running(command.spawn().unwrap())
}

/// It scrapes the gateway's own figures each second and writes them back to it.
#[test]
fn debians_prometheus_writes() {
    let gateway = Gateway::start(&[]);
    let root = debian("prometheus", &["prometheus"]);
    let files = tempfile::tempdir().unwrap();
    let config = files.path().join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, external_labels: {{from: prometheus}}}}\n\
         scrape_configs: [{{job_name: weir, static_configs: [{{targets: ['{0}']}}]}}]\n\
         remote_write: [{{url: 'http://{0}/api/v1/write', metadata_config: {{send_interval: 1s}}}}]\n",
        gateway.http
    );
    std::fs::write(&config, text).unwrap();
    let args = [
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", files.path().display()),
        "--web.listen-address=127.0.0.1:0".to_owned(),
        "--log.level=error".to_owned(),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let _prometheus = start(&root.join("usr/bin/prometheus"), &args, None);
    eventually("up", || {
        match single(&gateway.http, r#"up{job="weir", from="prometheus"}"#)? {
            1.0 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    eventually("the scraped counter of what it wrote", || {
        let expr = r#"weir_ingest_stored_total{protocol="remote_write", from="prometheus"}"#;
        match single(&gateway.http, expr)? {
            some if some > 0.0 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    eventually("metadata", || {
        let known = crate::web::json(&gateway.http, "/api/v1/metadata")?;
        match known["data"]["weir_ingest_stored_total"][0]["type"].as_str() {
            Some("counter") => Ok(()),
            _ => Err(known.to_string()),
        }
    });
    drop(_prometheus);
    sums_close(&gateway.http, "remote_write");
}

/// A load that collectd makes itself, by its two plugins that speak to us.
#[test]
fn debians_collectd_writes_graphite_and_http() {
    let gateway = Gateway::start(&[]);
    let root = debian(
        "collectd",
        &["collectd-core", "libcurl3-gnutls", "libyajl2"],
    );
    let files = tempfile::tempdir().unwrap();
    let config = files.path().join("collectd.conf");
    let text = format!(
        r#"Hostname "house"
FQDNLookup false
Interval 1
BaseDir "{files}"
PIDFile "{files}/pid"
PluginDir "{root}/usr/lib/collectd"
TypesDB "{root}/usr/share/collectd/types.db"
LoadPlugin load
LoadPlugin uptime
LoadPlugin write_graphite
LoadPlugin write_http
<Plugin write_graphite>
  <Node "weir">
    Host "127.0.0.1"
    Port "{lines}"
    Protocol "tcp"
    Prefix "collectd."
  </Node>
</Plugin>
<Plugin write_http>
  <Node "weir">
    URL "http://{http}/collectd"
    Format "JSON"
    BufferSize 512
  </Node>
</Plugin>
"#,
        files = files.path().display(),
        root = root.display(),
        lines = port(&gateway.graphite_tcp),
        http = gateway.http,
    );
    std::fs::write(&config, text).unwrap();
    let library = root.join("usr/lib/x86_64-linux-gnu");
    let args = ["-f", "-C", config.to_str().unwrap()];
    let collectd = start(&root.join("usr/sbin/collectd"), &args, Some(&library));
    let uptime = eventually("by HTTP", || {
        single(&gateway.http, r#"collectd_uptime{instance="house"}"#)
    });
    assert!(uptime > 0.0, "{uptime}");
    eventually("by lines", || {
        single(&gateway.http, r#"{"collectd.house.load.load.shortterm"}"#)
    });
    drop(collectd);
    sums_close(&gateway.http, "collectd");
}
