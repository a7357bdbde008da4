//! `systemd`: the state of each unit, and what its sockets and timers count, asked of systemd itself over D-Bus. A host that
//! runs without systemd has none of it, which is no failure. It starts no program and changes no unit.

mod bus;
mod message;
mod read;
#[cfg(test)]
mod tests;
mod unit;

use std::collections::{BTreeMap, HashMap};

use super::{CollectError, Exclude, Figure, Root};
use bus::Bus;
pub(super) use bus::BusError;
use message::{Call, Reply};
use unit::Unit;

/// There while systemd is the host's first process.
const BOOTED: &str = "run/systemd/system";
const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const MICROSECONDS: f64 = 1e6;
const STATES: [&str; 5] = ["active", "activating", "deactivating", "inactive", "failed"];
/// Properties of sockets and timers: the unit's end, interface, property, figure, and what it is divided by.
const COUNTS: [(&str, &str, &str, &str, f64); 4] = [
    (
        ".socket",
        "org.freedesktop.systemd1.Socket",
        "NAccepted",
        "node_systemd_socket_accepted_connections_total",
        1.0,
    ),
    (
        ".socket",
        "org.freedesktop.systemd1.Socket",
        "NConnections",
        "node_systemd_socket_current_connections",
        1.0,
    ),
    (
        ".socket",
        "org.freedesktop.systemd1.Socket",
        "NRefused",
        "node_systemd_socket_refused_connections_total",
        1.0,
    ),
    (
        ".timer",
        "org.freedesktop.systemd1.Timer",
        "LastTriggerUSec",
        "node_systemd_timer_last_trigger_seconds",
        MICROSECONDS,
    ),
];
const SERVICE: &str = "org.freedesktop.systemd1.Service";

pub(super) struct Systemd {
    exclude: Exclude,
    /// `Type=` of each service, asked for once: it changes with the unit's file only.
    types: HashMap<String, String>,
}

impl Systemd {
    pub(super) fn new(exclude: Exclude) -> Self {
        Self {
            exclude,
            types: HashMap::new(),
        }
    }

    pub(super) fn collect(
        &mut self,
        root: &Root,
        figures: &mut Vec<Figure>,
    ) -> Result<(), CollectError> {
        if !root.join(BOOTED).is_dir() {
            return Err(CollectError::Absent { what: "systemd" });
        }
        let mut bus = Bus::connect(root)?;
        push_manager(&mut bus, figures)?;
        let mut units = list(&mut bus)?;
        push_sums(&units, figures);
        units.retain(|unit| unit.load == "loaded" && !self.exclude.excludes(&unit.name));
        self.learn_types(&mut bus, &units)?;
        for unit in &units {
            self.push_states(unit, figures);
        }
        push_counts(&mut bus, &units, figures)?;
        Ok(())
    }

    fn learn_types(&mut self, bus: &mut Bus, units: &[Unit]) -> Result<(), BusError> {
        let is_known = |name: &String| units.iter().any(|unit| unit.name == *name);
        if self.types.len() > units.len() {
            self.types.retain(|name, _| is_known(name));
        }
        let services = units.iter().filter(|unit| unit.name.ends_with(".service"));
        let new: Vec<&Unit> = services
            .filter(|unit| !self.types.contains_key(&unit.name))
            .collect();
        let asked: Vec<_> = new
            .iter()
            .map(|unit| (unit.path.as_str(), [SERVICE, "Type"]))
            .collect();
        let calls: Vec<_> = asked.iter().map(|(path, of)| property(path, of)).collect();
        bus.call(&calls, |place, reply| {
            let unit = new.get(place)?;
            if reply.error.is_none() {
                let kind = text(reply)?.to_owned();
                self.types.insert(unit.name.clone(), kind);
            }
            Some(())
        })
    }

    fn push_states(&self, unit: &Unit, figures: &mut Vec<Figure>) {
        let kind = self.types.get(&unit.name).map_or("", String::as_str);
        for state in STATES {
            let labels = [
                ("name", unit.name.as_str()),
                ("state", state),
                ("type", kind),
            ];
            // What is no service has no type, and an empty label is none.
            let labels = labels.get(..if kind.is_empty() { 2 } else { 3 });
            let is_so = f64::from(u8::from(unit.active == state));
            figures.push(Figure::labelled(
                "node_systemd_unit_state",
                labels.unwrap_or_default(),
                is_so,
            ));
        }
    }
}

/// The five states always, and others, as "reloading", while a unit is in them.
fn push_sums(units: &[Unit], figures: &mut Vec<Figure>) {
    let mut sums = BTreeMap::from(STATES.map(|state| (state, 0_u64)));
    for unit in units {
        *sums.entry(&unit.active).or_default() += 1;
    }
    for (state, count) in sums {
        let labels = [("state", state)];
        figures.push(Figure::labelled(
            "node_systemd_units",
            &labels,
            count as f64,
        ));
    }
}

fn push_manager(bus: &mut Bus, figures: &mut Vec<Figure>) -> Result<(), BusError> {
    let asked = [[MANAGER, "Version"], [MANAGER, "SystemState"]];
    let calls = asked.each_ref().map(|of| property(MANAGER_PATH, of));
    bus.call(&calls, |place, reply| {
        if reply.error.is_some() {
            return Some(());
        }
        let text = text(reply)?;
        figures.push(match place {
            0 => Figure::labelled(
                "node_systemd_version",
                &[("version", text)],
                unit::version(text),
            ),
            _ => Figure::new(
                "node_systemd_system_running",
                f64::from(u8::from(text == "running")),
            ),
        });
        Some(())
    })
}

fn list(bus: &mut Bus) -> Result<Vec<Unit>, BusError> {
    let list = Call {
        destination: SYSTEMD,
        path: MANAGER_PATH,
        interface: MANAGER,
        member: "ListUnits",
        arguments: &[],
    };
    let mut listed = Err(BusError::Odd);
    bus.call(&[list], |_, reply| {
        listed = match reply.error {
            Some(error) => Err(BusError::Error(error.to_owned())),
            None => Ok(Unit::parse_list(reply)?),
        };
        Some(())
    })?;
    listed
}

/// An old systemd lacks some of the properties; those are left out.
fn push_counts(bus: &mut Bus, units: &[Unit], figures: &mut Vec<Figure>) -> Result<(), BusError> {
    let mut asked = Vec::new();
    for unit in units {
        let counts = COUNTS.iter().filter(|count| unit.name.ends_with(count.0));
        asked.extend(counts.map(|count| (unit, count, [count.1, count.2])));
    }
    let calls: Vec<_> = asked
        .iter()
        .map(|(unit, _, of)| property(&unit.path, of))
        .collect();
    bus.call(&calls, |place, reply| {
        let (unit, (_, _, _, name, divisor), _) = asked.get(place)?;
        if reply.error.is_none() {
            let labels = [("name", unit.name.as_str())];
            let value = unit::number(reply)? / divisor;
            figures.push(Figure::labelled(*name, &labels, value));
        }
        Some(())
    })
}

fn property<'a>(path: &'a str, interface_and_name: &'a [&'a str; 2]) -> Call<'a> {
    Call {
        destination: SYSTEMD,
        path,
        interface: PROPERTIES,
        member: "Get",
        arguments: interface_and_name,
    }
}

/// A property that is text.
fn text<'a>(reply: &Reply<'a>) -> Option<&'a str> {
    let mut body = reply.body;
    (body.signature()? == "s").then_some(())?;
    body.string()
}
