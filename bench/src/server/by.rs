//! A server that is sent another protocol than its first: the same program and data, other bytes, and the names that come
//! of them.

use std::process::Command;

use anyhow::Result;

use super::{Dialect, House, Running, Server};
use crate::fleet::Protocol;
use crate::http::Client;

pub(super) struct By {
    server: Box<dyn Server>,
    protocol: Protocol,
}

impl By {
    pub(super) fn new(server: Box<dyn Server>, protocol: Protocol) -> Self {
        Self { server, protocol }
    }
}

impl Server for By {
    fn name(&self) -> &'static str {
        self.server.name()
    }

    fn version(&self) -> String {
        self.server.version()
    }

    fn dialect(&self) -> Dialect {
        match (self.server.dialect(), self.protocol) {
            (Dialect::DottedPromQl, Protocol::RemoteWrite) => Dialect::PromQl,
            (Dialect::DottedPromQl, Protocol::Influx) => Dialect::FieldPromQl,
            (own, _) => own,
        }
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn command(&self, house: &House) -> Result<Command> {
        self.server.command(house)
    }

    fn ready_path(&self) -> Option<&'static str> {
        self.server.ready_path()
    }

    fn write_path(&self) -> &'static str {
        match self.protocol {
            Protocol::RemoteWrite => super::prometheus::WRITE,
            Protocol::Influx => super::influx::WRITE,
            _ => self.server.write_path(),
        }
    }

    fn prepare(&self, client: &mut Client) -> Result<()> {
        self.server.prepare(client)
    }

    fn flush(&self, running: &Running) -> Result<Option<String>> {
        self.server.flush(running)
    }
}
