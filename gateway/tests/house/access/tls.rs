//! TLS and mTLS on every port, certificates that change while connections live, and who never finishes a handshake.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use weir_wire::frame::{self, Frame, Hello};

use super::{account, refused};
use crate::programs::{Gateway, eventually, gateway_path, run, start_agent_with};
use crate::web;

/// An authority with its folder of certificates; none is kept.
struct Authority {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    ca: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "tests' authority");
        let ca = params.self_signed(&key).unwrap().pem();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), &ca).unwrap();
        Self {
            dir,
            issuer: Issuer::new(params, key),
            ca,
        }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Writes NAME.pem and NAME.key, each put in its place whole.
    fn issue(&self, name: &str, dns: &[&str], common: &str) {
        let dns: Vec<String> = dns.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(dns).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        for (end, text) in [("pem", certificate.pem()), ("key", key.serialize_pem())] {
            let new = self.path("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(new, self.path(&format!("{name}.{end}"))).unwrap();
        }
    }

    fn sets(&self, mode: &str) -> Vec<String> {
        let (certificate, key, ca) = (
            self.path("server.pem"),
            self.path("server.key"),
            self.path("ca.pem"),
        );
        let mut sets = vec![format!(
            "tls={{certificate=\"{certificate}\",key=\"{key}\",client_ca=\"{ca}\"}}"
        )];
        for section in ["frames", "graphite", "opentsdb"] {
            sets.push(format!("{section}.tls={mode}"));
        }
        sets.push("graphite.udp=signed".to_owned());
        sets
    }

    fn client(&self, certificate: Option<&str>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let Some(name) = certificate else {
            return Arc::new(config.with_no_client_auth());
        };
        let chain = CertificateDer::from_pem_file(self.path(&format!("{name}.pem"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).unwrap();
        Arc::new(config.with_client_auth_cert(vec![chain], key).unwrap())
    }
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn connect(address: &str, config: &Arc<ClientConfig>) -> Result<Stream, String> {
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut stream = StreamOwned::new(client, socket);
    while stream.conn.is_handshaking() {
        stream
            .conn
            .complete_io(&mut stream.sock)
            .map_err(|error| error.to_string())?;
    }
    Ok(stream)
}

/// Sends, says goodbye, and waits for the gateway's; what it answered.
fn converse(mut stream: Stream, bytes: &[u8]) -> Result<Vec<u8>, String> {
    stream.write_all(bytes).map_err(|error| error.to_string())?;
    stream.conn.send_close_notify();
    stream.flush().map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .map_err(|error| error.to_string())?;
    Ok(answer)
}

fn hello() -> Vec<u8> {
    let hello = Hello {
        version: frame::VERSION,
        token: String::new(),
        agent: "h1".into(),
        boot: 1,
        interval_ms: 1_000,
        labels: Vec::new(),
    };
    let mut bytes = Vec::new();
    frame::encode(&Frame::Hello(hello), &mut bytes);
    bytes
}

fn start(authority: &Authority, mode: &str) -> Gateway {
    let sets = authority.sets(mode);
    Gateway::start(&sets.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_tcp_port_speaks_tls_and_nothing_else_then() {
    let authority = Authority::new();
    authority.issue("server", &["localhost"], "the gateway");
    let gateway = start(&authority, "on");
    let client = authority.client(None);
    let at = super::now_ms() / 1_000;
    for (address, text) in [
        (&gateway.graphite_tcp, format!("tls.graphite 1 {at}\n")),
        (&gateway.opentsdb, format!("put tls.put {at} 1 a=b\n")),
    ] {
        let stream = connect(address, &client).unwrap();
        assert_eq!(converse(stream, text.as_bytes()).unwrap(), b"");
    }
    assert_eq!(
        web::single(&gateway.http, r#"{__name__="tls.graphite"}"#),
        Ok(1.0)
    );
    assert_eq!(
        web::single(&gateway.http, r#"{__name__="tls.put"}"#),
        Ok(1.0)
    );
    let answer = converse(connect(&gateway.frames, &client).unwrap(), &hello()).unwrap();
    let answer = frame::decode(&answer).unwrap().unwrap().0;
    assert!(matches!(answer, Frame::Welcome(_)), "{answer:?}");
    // FAULTS 14: who speaks the bare protocol is refused, and nothing of it is read.
    for (address, listener) in [
        (&gateway.graphite_tcp, "graphite"),
        (&gateway.pickle, "pickle"),
        (&gateway.opentsdb, "opentsdb"),
        (&gateway.frames, "frames"),
    ] {
        super::lines(address, "bare 1 -1\n");
        eventually("it is counted", || {
            let count = refused(&gateway, "", listener, "handshake");
            (count == 1)
                .then_some(())
                .ok_or(format!("{listener}: {count}"))
        });
    }
    assert_eq!(web::query(&gateway.http, "bare").unwrap(), []);
}

#[test]
fn https_is_spoken_with_curl_and_python() {
    let authority = Authority::new();
    authority.issue("server", &["localhost"], "the gateway");
    authority.issue("web1", &["web1.example"], "web1");
    let sets = authority.sets("off");
    let mut sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    sets.push("http.tls=mutual");
    let gateway = Gateway::start(&sets);
    let port = gateway.http.rsplit(':').next().unwrap();
    let curl = |more: &[String]| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "20", "--cacert"])
            .arg(authority.path("ca.pem"));
        curl.args([
            "--connect-to",
            &format!("localhost:{port}:127.0.0.1:{port}"),
        ])
        .args(more);
        let said = curl.output().unwrap();
        (
            said.status.success(),
            String::from_utf8_lossy(&said.stdout).into_owned(),
        )
    };
    let own = [
        "--cert".to_owned(),
        authority.path("web1.pem"),
        "--key".to_owned(),
        authority.path("web1.key"),
    ];
    let url = |path: &str| format!("https://localhost:{port}{path}");
    let (done, said) = curl(
        &[
            &own[..],
            &[
                "--data-binary".to_owned(),
                "m value=7".to_owned(),
                url("/write"),
            ],
        ]
        .concat(),
    );
    assert!(done && said.is_empty(), "{said}");
    let (_, said) = curl(&[&own[..], &[url("/api/v1/status/ingest")]].concat());
    assert!(said.contains("cert:web1.example"), "{said}");
    let (done, said) = curl(&[url("/metrics")]);
    assert!(!done && said.is_empty(), "without a certificate: {said}");
    let python = format!(
        "import ssl, urllib.request\n\
         c = ssl.create_default_context(cafile='{}')\n\
         c.load_cert_chain('{}', '{}')\n\
         c.check_hostname = False\n\
         print(urllib.request.urlopen('https://127.0.0.1:{port}/api/v1/query?query=m_value', context=c).read().decode())",
        authority.path("ca.pem"),
        authority.path("web1.pem"),
        authority.path("web1.key"),
    );
    let said = Command::new("python3")
        .args(["-c", &python])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains(r#""7""#), "{said}");
}

#[test]
fn a_clients_certificate_is_needed_and_names_the_source() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    authority.issue("server", &["localhost"], "the gateway");
    authority.issue("web1", &[], "web 1");
    stranger.issue("web1", &[], "web 1");
    let gateway = start(&authority, "mutual");
    let good = connect(&gateway.graphite_tcp, &authority.client(Some("web1"))).unwrap();
    assert_eq!(converse(good, b"mutual.one 1 -1\n").unwrap(), b"");
    let of_cert = account(&gateway, "", "graphite_tcp", "cert:web 1").unwrap();
    assert_eq!(of_cert["stored"], 1, "{of_cert}");
    // By TLS 1.3 a client learns only after its handshake that it is not let in.
    let bare = authority.client(None);
    let sent =
        connect(&gateway.graphite_tcp, &bare).and_then(|stream| converse(stream, b"bare 1 -1\n"));
    assert!(sent.is_err(), "{sent:?}");
    let mut forged = stranger.client(Some("web1"));
    // It trusts the right gateway, and shows a certificate of another authority.
    let chain = CertificateDer::from_pem_file(stranger.path("web1.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(Path::new(&stranger.path("web1.key"))).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    if let Some(config) = Arc::get_mut(&mut forged) {
        *config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![chain], key)
            .unwrap();
    }
    let sent = connect(&gateway.graphite_tcp, &forged)
        .and_then(|stream| converse(stream, b"forged 1 -1\n"));
    assert!(sent.is_err(), "{sent:?}");
    eventually("both are counted", || {
        let count = refused(&gateway, "", "graphite", "handshake");
        (count == 2).then_some(()).ok_or(count.to_string())
    });
    assert_eq!(web::query(&gateway.http, "bare or forged").unwrap(), []);
}

#[test]
fn certificates_change_while_connections_live_and_a_broken_one_changes_nothing() {
    let authority = Authority::new();
    authority.issue("server", &["localhost"], "the gateway");
    let gateway = start(&authority, "on");
    let client = authority.client(None);
    let shown = |stream: &Stream| stream.conn.peer_certificates().unwrap()[0].to_vec();
    let mut living = connect(&gateway.graphite_tcp, &client).unwrap();
    let first = shown(&living);
    living.write_all(b"living 1 -1\n").unwrap();
    authority.issue("server", &["localhost"], "the gateway, again");
    let second = eventually("the new certificate is shown", || {
        let now = shown(&connect(&gateway.graphite_tcp, &client)?);
        (now != first)
            .then_some(now)
            .ok_or("the old one".to_owned())
    });
    let failures = || {
        let (_, text) = web::get(&gateway.http, "/metrics").unwrap();
        let name = r#"weir_tls_reloads_total{result="failed"} "#;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name).map(str::to_owned));
        line.map_or(0, |number| number.parse::<u64>().unwrap())
    };
    // Between the two files of a pair there may have been a look.
    let before = failures();
    std::fs::write(authority.path("server.pem"), "no certificate\n").unwrap();
    eventually("the broken one is seen", || {
        (failures() == before + 1)
            .then_some(())
            .ok_or(failures().to_string())
    });
    let now = connect(&gateway.graphite_tcp, &client).unwrap();
    assert_eq!(shown(&now), second);
    assert_eq!(converse(living, b"living 2 -1\n").unwrap(), b"");
    assert_eq!(web::single(&gateway.http, "living"), Ok(2.0));
    // SIGHUP says what is wrong too, and changes nothing either.
    let pid = gateway.program.pid();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    eventually("it was tried again", || {
        (failures() == before + 2)
            .then_some(())
            .ok_or(failures().to_string())
    });
    assert_eq!(
        shown(&connect(&gateway.graphite_tcp, &client).unwrap()),
        second
    );
}

#[test]
fn what_cannot_be_meant_of_doors_is_told_by_check() {
    let authority = Authority::new();
    authority.issue("server", &["localhost"], "the gateway");
    authority.issue("other", &["localhost"], "another");
    let pair = |certificate: &str, key: &str| {
        let (certificate, key) = (authority.path(certificate), authority.path(key));
        format!("tls={{certificate=\"{certificate}\",key=\"{key}\"}}")
    };
    let good = pair("server.pem", "server.key");
    for (sets, code, word) in [
        (vec![good.as_str(), "http.tls=on"], 0, "ok"),
        (
            vec![&pair("server.pem", "other.key"), "http.tls=on"],
            64,
            "server.pem and its key",
        ),
        (vec![&pair("server.pem", "nowhere.key")], 64, "nowhere.key"),
        (vec![good.as_str(), "http.tls=mutual"], 64, "tls.client_ca"),
        (vec!["http.tls=on"], 64, "tls.certificate"),
        (vec!["http.auth=yes"], 64, "\"off\", \"write\" and \"all\""),
        (vec!["graphite.auth=token"], 64, "give \"signed\""),
        (vec!["graphite.allow=[\"10.0.0.0/40\"]"], 64, "10.0.0.0/8"),
        (
            vec!["priorities.rules=[{source=\"x\",priority=\"high\"}]"],
            64,
            "critical",
        ),
        (
            vec!["priorities.rules=[{priority=\"low\"}]"],
            64,
            "match or source",
        ),
        (vec!["rates.burst=1ms"], 64, "rates.burst"),
    ] {
        let pairs = sets.iter().flat_map(|set| ["--set", set]);
        let args: Vec<&str> = ["check"].into_iter().chain(pairs).collect();
        let (found, said) = run(&gateway_path(), &args);
        assert_eq!(found, code, "{sets:?}: {said}");
        assert!(said.contains(word), "{sets:?}: {said}");
    }
}

#[test]
fn an_agent_comes_by_mutual_tls_and_its_certificate_is_its_name() {
    let authority = Authority::new();
    authority.issue("server", &["localhost"], "the gateway");
    authority.issue("h1", &["h1.example"], "h1");
    let gateway = start(&authority, "mutual");
    let port = gateway.frames.rsplit(':').next().unwrap();
    let gateways = format!("gateways=[\"localhost:{port}\"]");
    let tls = |own: &str| {
        format!(
            "tls={{on=true,ca=\"{}\",certificate=\"{}\",key=\"{}\"}}",
            authority.path("ca.pem"),
            authority.path(&format!("{own}.pem")),
            authority.path(&format!("{own}.key")),
        )
    };
    // Before it has a certificate it keeps what it has; it reads the files at each connection.
    let _agent = start_agent_with(&gateway, "h2", &[&gateways, &tls("h2")]);
    let _other = start_agent_with(&gateway, "h1", &[&gateways, &tls("h1")]);
    eventually("the first is there", || {
        account(&gateway, "", "frames", "cert:h1.example")
    });
    assert!(account(&gateway, "", "frames", "cert:h2").is_err());
    authority.issue("h2", &[], "h2");
    eventually("the second is there", || {
        account(&gateway, "", "frames", "cert:h2")
    });
    let bare = converse(
        connect(&gateway.frames, &authority.client(None)).unwrap(),
        &hello(),
    );
    assert!(bare.is_err(), "without a certificate: {bare:?}");
}

/// FAULTS 13.
#[test]
fn who_never_finishes_a_handshake_is_cut_off_and_holds_up_nobody() {
    let authority = Authority::new();
    authority.issue("server", &["localhost"], "the gateway");
    let gateway = start(&authority, "on");
    let mut silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(&gateway.graphite_tcp).unwrap())
        .collect();
    let good = connect(&gateway.graphite_tcp, &authority.client(None)).unwrap();
    assert_eq!(converse(good, b"quick 1 -1\n").unwrap(), b"");
    // Of one address only so many may be unfinished; the listener has places left for others.
    let _more: Vec<TcpStream> = (0..300)
        .map(|_| TcpStream::connect(&gateway.opentsdb).unwrap())
        .collect();
    eventually("the rest is turned away at once", || {
        let count = refused(&gateway, "", "opentsdb", "greetings");
        (count == 300 - 256).then_some(()).ok_or(count.to_string())
    });
    for stream in &mut silent {
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    }
    eventually("each is counted", || {
        let count = refused(&gateway, "", "graphite", "handshake_timeout");
        (count == 20).then_some(()).ok_or(count.to_string())
    });
}
