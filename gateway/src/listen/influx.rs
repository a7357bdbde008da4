//! InfluxDB's lines over UDP. Nobody is answered; what is wrong is counted.

use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use weir_store::Clock;
use weir_wire::influx::{FieldNaming, Precision};

use super::crowd::Crowd;
use super::datagrams;
use crate::access::Door;
use crate::admission::Admission;
use crate::http::take_influx;

const PROTOCOL: &str = "influx_udp";

/// The UDP listener.
pub struct InfluxUdp {
    pub socket: UdpSocket,
    pub admission: Admission,
    pub clock: Clock,
    pub precision: Precision,
    pub naming: FieldNaming,
    pub(crate) door: Door,
}

impl InfluxUdp {
    /// Serves until told to stop, then stores what it has read.
    pub async fn run(self, shutdown: CancellationToken) {
        let clock = Arc::clone(&self.clock);
        let crowd = Crowd::new(PROTOCOL, self.door, self.admission, self.clock);
        let (precision, naming) = (self.precision, self.naming);
        datagrams::serve(self.socket, crowd, clock, shutdown, |intake, datagram| {
            take_influx(datagram, precision, &naming, intake);
        })
        .await;
    }
}
