//! Certificates are read again when they change, and a broken one leaves what was.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};

use super::{Tls, TlsConfig, TlsMode};

fn write(config: &TlsConfig) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    std::fs::write(&config.certificate, certificate.pem()).unwrap();
    std::fs::write(&config.key, key.serialize_pem()).unwrap();
}

#[test]
fn a_broken_or_half_replaced_certificate_leaves_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let config = TlsConfig {
        certificate: dir.path().join("certificate.pem"),
        key: dir.path().join("key.pem"),
        client_ca: None,
    };
    assert!(Tls::open(config.clone()).is_err(), "nothing is there");
    write(&config);
    let tls = Tls::open(config.clone()).unwrap();
    assert!(tls.acceptor(TlsMode::Off).is_none());
    assert!(tls.acceptor(TlsMode::Mutual).is_none());
    let in_force = |tls: &Tls| Arc::clone(tls.acceptor(TlsMode::On).unwrap().config());
    let first = in_force(&tls);
    let old_key = std::fs::read(&config.key).unwrap();
    write(&config);
    let new_key = std::fs::read(&config.key).unwrap();
    std::fs::write(&config.key, old_key).unwrap();
    let said = format!("{:#}", tls.reload().unwrap_err());
    assert!(said.contains("certificate.pem"), "{said}");
    assert!(Arc::ptr_eq(&first, &in_force(&tls)));
    std::fs::write(&config.key, new_key).unwrap();
    tls.reload().unwrap();
    let second = in_force(&tls);
    assert!(!Arc::ptr_eq(&first, &second));
    std::fs::write(&config.certificate, "no certificate").unwrap();
    let said = format!("{:#}", tls.reload().unwrap_err());
    assert!(said.contains("holds no certificate"), "{said}");
    assert!(Arc::ptr_eq(&second, &in_force(&tls)));
}
