//! Networks that may come in, as in `10.0.0.0/8`. An IPv4 address that comes as IPv6 (`::ffff:10.1.2.3`) is the IPv4 one.

use std::net::IpAddr;

use ipnet::IpNet;

/// An allow-list; an empty one lets everybody in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Networks(Vec<IpNet>);

impl Networks {
    /// # Errors
    /// The text that is no network, and how one is written.
    pub(super) fn parse(texts: &[String]) -> Result<Self, String> {
        let network = |text: &String| {
            let one = text.parse::<IpAddr>().map(IpNet::from);
            let network = one.or_else(|_| text.parse::<IpNet>());
            network.map_err(|_| {
                format!(
                    "{text:?} is no network; write it as \"10.0.0.0/8\", \"fd00::/8\" or \"192.0.2.7\""
                )
            })
        };
        texts
            .iter()
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    #[inline]
    pub(super) fn allow(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.is_empty() || self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Result<Networks, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Networks::parse(&texts)
    }

    #[test]
    fn an_address_is_allowed_by_any_of_the_networks() {
        let allowed = networks(&["10.0.0.0/8", "fd00::/8", "192.0.2.7"]).unwrap();
        for (address, is_allowed) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("fd12::1", true),
            ("fe80::1", false),
            ("::ffff:10.1.2.3", true),
            ("::ffff:11.1.2.3", false),
        ] {
            assert_eq!(
                allowed.allow(address.parse().unwrap()),
                is_allowed,
                "{address}"
            );
        }
        assert!(Networks::default().allow("203.0.113.1".parse().unwrap()));
        assert!(
            networks(&["10.0.0.0/33"])
                .unwrap_err()
                .contains("10.0.0.0/8")
        );
        assert!(networks(&["localhost"]).is_err());
    }
}
