//! collectd's values as its plugin write_http posts them with `Format "JSON"` (collectd.org, "Plugin:Write HTTP"; collectd
//! 5): an array of value lists, each of one or more data sources. Owns no HTTP and keeps no names.
//!
//! Names are those that collectd_exporter has made known (github.com/prometheus/collectd_exporter): `collectd_cpu_total`,
//! `collectd_interface_if_octets_rx_total`, the host as `instance`. A bad list costs no other.
//!
//! | value | outcome |
//! |---|---|
//! | a number | the nearest float |
//! | `null`, which stands for NaN | passed over: there is no measurement |
//! | a notification | [`Unsupported`](crate::Reject::Unsupported) |

mod name;
mod parse;
#[cfg(test)]
mod tests;

pub use name::series_key;
pub use parse::{MAX_LISTS, ValueList, parse};
