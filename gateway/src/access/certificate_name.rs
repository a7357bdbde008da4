//! A client certificate's name: its first DNS name, or else the common name of its subject. The chain was verified before;
//! what cannot be read has no name.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The object identifier 2.5.4.3, as it lies in a certificate.
const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
/// A name in the ledger is no longer.
const MAX_NAME_BYTES: usize = 128;

pub(super) fn certificate_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let dns = certificate.valid_dns_names().next().map(str::to_owned);
    let name = dns.or_else(|| common_name(certificate.subject()))?;
    let fits = name.len() <= MAX_NAME_BYTES && !name.contains(char::is_control);
    (fits && !name.is_empty()).then_some(name)
}

/// The subject is a sequence of sets of pairs of an identifier and a text; the last common name is the most specific.
fn common_name(mut subject: &[u8]) -> Option<String> {
    let mut found = None;
    while let Some((set, rest)) = element(subject) {
        subject = rest;
        let mut pairs = set;
        while let Some((pair, rest)) = element(pairs) {
            pairs = rest;
            if let Some(value) = pair.strip_prefix(&COMMON_NAME) {
                let (text, _) = element(value)?;
                found = Some(std::str::from_utf8(text).ok()?.to_owned());
            }
        }
    }
    found
}

/// What is in the first element, and what is behind it; lengths of up to 65,535.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[_tag, length], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        0..=0x7F => (usize::from(length), rest),
        0x81 => rest
            .split_first()
            .map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => rest
            .split_first_chunk::<2>()
            .map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?,
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn name(dns: &[&str], common: Option<&str>) -> Option<String> {
        let dns: Vec<String> = dns.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(dns).unwrap();
        params.distinguished_name.remove(DnType::CommonName);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "An organisation");
        if let Some(common) = common {
            params.distinguished_name.push(DnType::CommonName, common);
        }
        let key = KeyPair::generate().unwrap();
        certificate_name(params.self_signed(&key).unwrap().der())
    }

    #[test]
    fn a_dns_name_goes_before_the_common_name() {
        assert_eq!(name(&["web1.example"], Some("x")).unwrap(), "web1.example");
        assert_eq!(name(&[], Some("web 2")).unwrap(), "web 2");
        let long = "n".repeat(MAX_NAME_BYTES);
        assert_eq!(name(&[], Some(&long)).unwrap(), long);
        assert_eq!(name(&[], Some(&"n".repeat(300))), None);
        assert_eq!(name(&[], None), None);
    }

    #[test]
    fn what_is_cut_has_no_name() {
        for subject in [&[0x31][..], &[0x31, 5], &[0x31, 0x82, 1], &[0x31, 0x85]] {
            assert_eq!(common_name(subject), None);
        }
    }
}
