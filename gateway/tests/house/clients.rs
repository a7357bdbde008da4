//! Real clients as packaged, each against a started gateway: what it sends is what a query returns.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use weir_wire::protobuf::{put_bytes, put_double, put_number};

use crate::programs::{Gateway, eventually};
use crate::sending::{sums_close, within};
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
pub(crate) struct Running(pub(crate) Child);

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

/// A target with one native histogram of schema 0, which has ten more observations in `(1, 2]` at each scrape.
fn native_target() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for (scrape, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while head.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
                line.clear();
            }
            let family = native_family(10 * (scrape as u64 + 1));
            let kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
            let length = family.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(&[head.as_bytes(), &family].concat());
        }
    });
    address
}

/// `io.prometheus.client.MetricFamily`, behind its length.
fn native_family(count: u64) -> Vec<u8> {
    let (mut span, mut histogram, mut family) = (Vec::new(), Vec::new(), Vec::new());
    // Signed numbers are in zigzag: bucket 1, one bucket, its count.
    put_number(&mut span, 1, 2);
    put_number(&mut span, 2, 1);
    put_number(&mut histogram, 1, count);
    put_double(&mut histogram, 2, count as f64 * 1.5);
    put_number(&mut histogram, 5, 0);
    put_double(&mut histogram, 6, 1e-128);
    put_bytes(&mut histogram, 12, &span);
    put_number(&mut histogram, 13, count * 2);
    put_bytes(&mut family, 1, b"native_seconds");
    put_number(&mut family, 3, 4);
    put_bytes(&mut family, 4, &within(7, &histogram));
    let mut out = Vec::new();
    weir_wire::varint::put_bytes(&mut out, &family);
    out
}

#[test]
fn debians_prometheus_writes_native_histograms() {
    let gateway = Gateway::start(&[]);
    let root = debian("prometheus", &["prometheus"]);
    let files = tempfile::tempdir().unwrap();
    let text = format!(
        "global: {{scrape_interval: 1s}}\n\
         scrape_configs: [{{job_name: native, static_configs: [{{targets: ['{}']}}]}}]\n\
         remote_write: [{{url: 'http://{}/api/v1/write', send_native_histograms: true}}]\n",
        native_target(),
        gateway.http
    );
    let config = files.path().join("prometheus.yml");
    std::fs::write(&config, text).unwrap();
    let args = [
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", files.path().display()),
        "--web.listen-address=127.0.0.1:0".to_owned(),
        "--log.level=error".to_owned(),
        "--enable-feature=native-histograms".to_owned(),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let _prometheus = start(&root.join("usr/bin/prometheus"), &args, None);
    let all = |function: &str| {
        let expr = format!("{function}sum_over_time(native_seconds[5m]))");
        single(&gateway.http, &expr)
    };
    // The first begins the count; each interval after it has ten.
    let count = eventually("three intervals", || match all("histogram_count(")? {
        count if count >= 30.0 => Ok(count),
        other => Err(other.to_string()),
    });
    assert_eq!(count % 10.0, 0.0);
    let median = all("histogram_quantile(0.5, ").unwrap();
    assert!((1.0..=2.0).contains(&median), "{median}");
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
