//! Everything that accepts samples from sockets. A listener is bound before it is run, so that a port in use is told
//! at start, with the key that names it.

mod accept;
mod bind;
mod complaints;
mod crowd;
mod datagrams;
mod frames;
mod graphite;
mod http;
mod influx;
pub(crate) mod intake;
mod last_reads;
pub(crate) mod names;
pub(crate) mod not_taken;
mod opentsdb;
mod pickle;
mod statsd;
mod stranger;

pub use bind::{BindError, Bound, bind_tcp, bind_udp};
pub use frames::FrameListener;
pub use graphite::{GraphiteTcp, GraphiteUdp};
pub use http::HttpPort;
pub use influx::InfluxUdp;
pub use opentsdb::OpenTsdbTcp;
pub use pickle::PickleTcp;
pub use statsd::{Statsd, StatsdSockets, bind_statsd};
