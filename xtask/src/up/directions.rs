//! Owns what is shown once both programs are up: where the page is, how to send something, how to ask for it.

use std::{net::SocketAddr, path::Path};

/// Lines that work as they stand when pasted into bash.
pub(super) fn text(gateway: SocketAddr, data: &Path) -> String {
    format!(
        r#"
Weir is up.
  page               http://{gateway}/
  send by StatsD     echo -n 'hello.weir:1|c' > /dev/udp/127.0.0.1/8125
  send by Graphite   echo "hello.graphite 42 $(date +%s)" > /dev/tcp/127.0.0.1/2003
  query              curl -sG http://{gateway}/api/v1/query --data-urlencode 'query=hello.weir or hello.graphite'
                     (Graphite's answers at once, StatsD's with the next interval: after 10 s at most)
  data and logs      {data}
Ctrl-C stops both; started again, the data are still there.

"#,
        data = data.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_address() {
        let text = text(
            SocketAddr::from(([127, 0, 0, 1], 9347)),
            Path::new("/w/data"),
        );
        for part in [
            "http://127.0.0.1:9347/\n",
            "> /dev/udp/127.0.0.1/8125\n",
            "> /dev/tcp/127.0.0.1/2003\n",
            "http://127.0.0.1:9347/api/v1/query",
            "'query=hello.weir or hello.graphite'",
            "/w/data\n",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }
}
