//! `netstat`: the kernel's counters of IP, ICMP, TCP and UDP, from `/proc/net/netstat`, `/proc/net/snmp` and, where there is
//! IPv6, `/proc/net/snmp6`. Of some 400 only those that the filter names are told.

use super::{CollectError, Figure, Include, Root};

/// Two lines a protocol: names, then values in the same order.
const TABLES: [&str; 2] = ["proc/net/netstat", "proc/net/snmp"];
/// One counter a line, the protocol's name ending with its "6".
const LIST: &str = "proc/net/snmp6";

pub(super) struct Netstat {
    include: Include,
    /// `Tcp_InSegs`, made anew for each counter.
    key: String,
    text: String,
}

impl Netstat {
    pub(super) fn new(include: Include) -> Self {
        Self {
            include,
            key: String::new(),
            text: String::new(),
        }
    }

    pub(super) fn collect(
        &mut self,
        root: &Root,
        figures: &mut Vec<Figure>,
    ) -> Result<(), CollectError> {
        let mut text = std::mem::take(&mut self.text);
        for path in TABLES {
            root.read_into(path, &mut text)?;
            if !self.push_table(&text, figures) {
                return Err(CollectError::Odd { path });
            }
        }
        // A kernel without IPv6 has no such file.
        if root.read_into(LIST, &mut text).is_ok() {
            self.push_list(&text, figures);
        }
        self.text = text;
        Ok(())
    }

    /// Whether there was a protocol at all.
    fn push_table(&mut self, text: &str, figures: &mut Vec<Figure>) -> bool {
        let mut seen = false;
        let mut lines = text.lines();
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            let (Some((protocol, names)), Some((same, values))) =
                (names.split_once(':'), values.split_once(':'))
            else {
                continue;
            };
            let (names, values) = (
                names.split_ascii_whitespace(),
                values.split_ascii_whitespace(),
            );
            // A name without its value would give every later one a neighbour's.
            if protocol != same || names.clone().count() != values.clone().count() {
                continue;
            }
            seen = true;
            for (name, value) in names.zip(values) {
                self.push(protocol, name, value, figures);
            }
        }
        seen
    }

    fn push_list(&mut self, text: &str, figures: &mut Vec<Figure>) {
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(name), Some(value)) = (words.next(), words.next()) else {
                continue;
            };
            if let Some((protocol, counter)) = split_after_six(name) {
                self.push(protocol, counter, value, figures);
            }
        }
    }

    fn push(&mut self, protocol: &str, name: &str, value: &str, figures: &mut Vec<Figure>) {
        self.key.clear();
        self.key.extend([protocol, "_", name]);
        if !self.include.includes(&self.key) || !is_part_of_a_name(&self.key) {
            return;
        }
        // Not only counters: TCP's greatest number of connections may be -1.
        if let Ok(value) = value.parse::<i128>() {
            figures.push(Figure::new(
                format!("node_netstat_{}", self.key),
                value as f64,
            ));
        }
    }
}

/// `Udp6InErrors` is `InErrors` of `Udp6`.
fn split_after_six(name: &str) -> Option<(&str, &str)> {
    let end = name.find('6')? + 1;
    Some((name.get(..end)?, name.get(end..)?))
}

fn is_part_of_a_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::figure::lines;
    use super::*;

    fn netstat(include: &str) -> Netstat {
        Netstat::new(Include::new(include).unwrap())
    }

    #[test]
    fn values_stand_below_their_names() {
        let snmp = "Ip: Forwarding DefaultTTL\nIp: 2 64\n\
                    Tcp: MaxConn CurrEstab InSegs\nTcp: -1 2 18446744073709551615\n";
        let mut figures = Vec::new();
        assert!(netstat("^(Ip_Forwarding|Tcp_.*)$").push_table(snmp, &mut figures));
        assert_eq!(
            lines(&figures),
            [
                "node_netstat_Ip_Forwarding 2",
                "node_netstat_Tcp_MaxConn -1",
                "node_netstat_Tcp_CurrEstab 2",
                "node_netstat_Tcp_InSegs 18446744073709552000"
            ]
        );
    }

    #[test]
    fn the_new_protocol_says_its_name_in_front_of_each() {
        let snmp6 = "Ip6InOctets                     \t328439\nUdpLite6InErrors \t0\nodd\nnone 4\nUdp6InErrors x\n";
        let mut figures = Vec::new();
        netstat(".").push_list(snmp6, &mut figures);
        assert_eq!(
            lines(&figures),
            [
                "node_netstat_Ip6_InOctets 328439",
                "node_netstat_UdpLite6_InErrors 0"
            ]
        );
    }

    #[test]
    fn what_does_not_match_up_is_left_out() {
        for odd in [
            "",
            "Tcp: A B",
            "Tcp: A B\nTcp: 1\n",
            "Tcp: A\nUdp: 1\n",
            "no colon\nat all\n",
        ] {
            let mut figures = Vec::new();
            assert!(!netstat(".").push_table(odd, &mut figures), "{odd}");
            assert!(figures.is_empty(), "{odd}");
        }
        let mut figures = Vec::new();
        netstat(".").push_table("Tcp: A{} B ä\nTcp: 1 x 3\n", &mut figures);
        assert!(figures.is_empty(), "no name, no number: {figures:?}");
    }
}
