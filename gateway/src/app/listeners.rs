//! Starts whatever takes samples in, each behind its door.

use std::sync::Arc;

use tokio::net::{TcpListener, UdpSocket};
use weir_store::{Clock, Store};

use super::sockets::Sockets;
use super::stage::Stage;
use crate::access::{Access, Door, DoorConfig};
use crate::admission::Admission;
use crate::config::Config;
use crate::http::{self, Entrance, HttpAuth, Taking};
use crate::listen::{
    FrameListener, GraphiteTcp, GraphiteUdp, InfluxUdp, OpenTsdbTcp, PickleTcp, Statsd,
    StatsdSockets,
};
use crate::presence::Presence;

/// What every listener is given.
pub(super) struct Listeners<'a> {
    pub(super) config: &'a Config,
    pub(super) stage: &'a Stage,
    pub(super) access: &'a Arc<Access>,
    pub(super) store: &'a Arc<Store>,
    pub(super) admission: &'a Admission,
    pub(super) presence: &'a Arc<Presence>,
    pub(super) taking: &'a Arc<Taking>,
    pub(super) clock: &'a Clock,
}

impl Listeners<'_> {
    /// Starts all; what is left is the socket of the page.
    pub(super) fn start(&self, sockets: Sockets) -> TcpListener {
        self.frames(sockets.frames);
        if let Some((tcp, udp)) = sockets.graphite {
            self.graphite(tcp, udp);
        }
        if let Some(listener) = sockets.pickle {
            self.pickle(listener);
        }
        if let Some(listener) = sockets.opentsdb {
            self.opentsdb(listener);
        }
        if let Some(socket) = sockets.influx_udp {
            self.influx_udp(socket);
        }
        if sockets.statsd.any() {
            self.statsd(sockets.statsd);
        }
        sockets.page
    }

    /// The door of a listener, which the ledger and the metrics call so.
    pub(super) fn door(&self, listener: &'static str, config: &DoorConfig) -> Door {
        Door::new(listener, config.clone(), Arc::clone(self.access))
    }

    fn frames(&self, listener: TcpListener) {
        let taken = FrameListener {
            listener,
            door: self.door("frames", &self.config.frames_door),
            store: Arc::clone(self.store),
            admission: self.admission.clone(),
            presence: Arc::clone(self.presence),
            token: self.config.frames_token.clone(),
        };
        self.stage.spawn(|stop| taken.run(stop));
    }

    fn graphite(&self, listener: TcpListener, socket: UdpSocket) {
        let taken = GraphiteTcp {
            listener,
            admission: self.admission.clone(),
            clock: Arc::clone(self.clock),
            max_connections: self.config.graphite_max_connections,
            door: self.door("graphite", &self.config.graphite_door),
        };
        self.stage.spawn(|stop| taken.run(stop));
        let taken = GraphiteUdp {
            socket,
            admission: self.admission.clone(),
            clock: Arc::clone(self.clock),
            door: self.door("graphite_udp", &self.config.graphite_udp_door),
        };
        self.stage.spawn(|stop| taken.run(stop));
    }

    fn pickle(&self, listener: TcpListener) {
        let taken = PickleTcp {
            listener,
            admission: self.admission.clone(),
            clock: Arc::clone(self.clock),
            max_connections: self.config.graphite_max_connections,
            door: self.door("pickle", &self.config.graphite_door),
        };
        self.stage.spawn(|stop| taken.run(stop));
    }

    fn opentsdb(&self, listener: TcpListener) {
        let door = &self.config.opentsdb_door;
        let entrance = Entrance {
            door: self.door("opentsdb", door),
            auth: match door.auth {
                true => HttpAuth::Write,
                false => HttpAuth::Off,
            },
            admission: self.admission.clone(),
            now: Arc::clone(self.clock),
        };
        let taken = OpenTsdbTcp {
            listener,
            admission: self.admission.clone(),
            clock: Arc::clone(self.clock),
            max_connections: self.config.opentsdb_max_connections,
            door: self.door("opentsdb", door),
            rules: self.config.taking.opentsdb_rules,
            http: http::opentsdb_router(entrance, Arc::clone(self.taking)),
        };
        self.stage.spawn(|stop| taken.run(stop));
    }

    fn influx_udp(&self, socket: UdpSocket) {
        let taken = InfluxUdp {
            socket,
            admission: self.admission.clone(),
            clock: Arc::clone(self.clock),
            precision: self.config.influx_udp_precision,
            naming: self.config.taking.influx_naming.clone(),
            door: self.door("influx", &self.config.influx_udp_door),
        };
        self.stage.spawn(|stop| taken.run(stop));
    }

    fn statsd(&self, sockets: StatsdSockets) {
        let config = self.config.statsd.clone();
        let doors = (
            self.door("statsd", &config.door),
            self.door("statsd_udp", &config.udp_door),
        );
        let (admission, clock) = (self.admission.clone(), Arc::clone(self.clock));
        let taken = Statsd::new(sockets, doors, config, admission, clock);
        self.stage.spawn(|stop| taken.run(stop));
    }
}
