//! The section `[push]`: what was read, and what is meant by it. Owns how a gateway's HTTP port is written.

use serde::Deserialize;
use weir_config::ConfigError;

use super::invalid;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadPush {
    gateways: Vec<String>,
}

/// Where a Pushgateway's API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPlace {
    pub is_tls: bool,
    /// `host:port`
    pub address: String,
    /// What stands before `/metrics/job/...`; without a slash at its end, mostly empty.
    pub prefix: String,
}

impl HttpPlace {
    /// Reads `http://host[:port][/prefix]` or the same with `https`.
    ///
    /// # Errors
    /// With what would be right.
    pub fn read(url: &str) -> Result<Self, String> {
        let wrong = || format!("{url:?} is no gateway; write it as \"http://gw1.example:9347\"");
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let (is_tls, port) = match scheme {
            "http" => (false, 80),
            "https" => (true, 443),
            _ => return Err(wrong()),
        };
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains('@') || !is_plain(rest) {
            return Err(wrong());
        }
        let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
        let address = match behind.rsplit_once(':') {
            Some((_, port)) => {
                port.parse::<u16>().map_err(|_| wrong())?;
                host.to_owned()
            }
            None => format!("{host}:{port}"),
        };
        let prefix = prefix.trim_end_matches('/');
        Ok(Self {
            is_tls,
            address,
            prefix: match prefix {
                "" => String::new(),
                prefix => format!("/{prefix}"),
            },
        })
    }
}

impl ReadPush {
    pub(super) fn meant(self) -> Result<Vec<HttpPlace>, ConfigError> {
        let places = self.gateways.iter().map(|url| HttpPlace::read(url));
        places
            .collect::<Result<_, _>>()
            .map_err(|reason| invalid("push.gateways", &reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let read = |url| {
            HttpPlace::read(url)
                .map(|place| (place.is_tls, place.address, place.prefix))
                .ok()
        };
        let place = |is_tls, address: &str, prefix: &str| {
            Some((is_tls, address.to_owned(), prefix.to_owned()))
        };
        assert_eq!(read("http://gw:9347"), place(false, "gw:9347", ""));
        assert_eq!(read("https://gw/weir/"), place(true, "gw:443", "/weir"));
        assert_eq!(read("http://[::1]/"), place(false, "[::1]:80", ""));
        assert_eq!(read("http://[::1]:9347"), place(false, "[::1]:9347", ""));
        for wrong in [
            "gw:9347",
            "ftp://gw",
            "http://",
            "http://gw:x",
            "http://a b",
            "http://u@gw",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
