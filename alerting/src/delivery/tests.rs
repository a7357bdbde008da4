//! The webhook against a receiver that speaks TLS, and one that never answers.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Outcome, Webhook};
use crate::config::WebhookConfig;

/// The roots that know the server, and the server's side.
fn tls() -> (RootCertStore, TlsAcceptor) {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    (roots, TlsAcceptor::from(Arc::new(config)))
}

fn webhook(config: &WebhookConfig, roots: RootCertStore) -> Webhook {
    Webhook::with_roots(config, Arc::new(|| 0), roots).unwrap()
}

#[tokio::test]
async fn https_is_spoken_with_whom_the_roots_know_and_nobody_else() {
    let (roots, acceptor) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = WebhookConfig::new(
        "ops",
        format!("https://{}/", listener.local_addr().unwrap()),
    );
    let server = tokio::spawn(async move {
        let mut heard = Vec::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut socket) = acceptor.accept(socket).await else {
                continue;
            };
            while !heard.ends_with(b"{\"a\":1}") {
                assert_ne!(socket.read_buf(&mut heard).await.unwrap(), 0);
            }
            socket
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
            return String::from_utf8(heard).unwrap();
        }
    });
    let stranger = webhook(&config, RootCertStore::empty())
        .send("k1", "{\"a\":1}")
        .await;
    let Outcome::Retry {
        code: None, reason, ..
    } = stranger
    else {
        panic!("an unknown certificate is accepted: {stranger:?}");
    };
    assert!(reason.contains("certificate"), "{reason}");
    let known = webhook(&config, roots).send("k2", "{\"a\":1}").await;
    assert_eq!(known, Outcome::Taken { code: 204 });
    let heard = server.await.unwrap().to_lowercase();
    assert!(heard.contains("idempotency-key: k2\r\n") && !heard.contains("k1"));
    assert!(heard.contains("content-type: application/json\r\n"));
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_left_after_its_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config =
        WebhookConfig::new("ops", format!("http://{}/", listener.local_addr().unwrap()));
    config.timeout = Duration::from_millis(20);
    let outcome = webhook(&config, RootCertStore::empty())
        .send("k", "{}")
        .await;
    let Outcome::Retry {
        code: None, reason, ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains("no answer within 20ms"), "{reason}");
}

#[tokio::test]
async fn endless_and_malformed_answers_end_within_bounds() {
    for (answer, code) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Some(400)),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), None),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config =
            WebhookConfig::new("ops", format!("http://{}/", listener.local_addr().unwrap()));
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut sink = [0; 1_024];
            assert_ne!(socket.read(&mut sink).await.unwrap(), 0);
            socket.write_all(&answer).await.unwrap();
            // Until the other side has enough.
            while socket.write_all(&[b'x'; 4_096]).await.is_ok() {}
        });
        match (
            webhook(&config, RootCertStore::empty())
                .send("k", "{}")
                .await,
            code,
        ) {
            (
                Outcome::Refused {
                    code: found,
                    reason,
                },
                Some(wanted),
            ) => {
                assert_eq!(found, wanted);
                assert!(reason.len() <= 300);
            }
            (Outcome::Retry { code: None, .. }, None) => {}
            (other, _) => panic!("{other:?}"),
        }
        server.await.unwrap();
    }
}
