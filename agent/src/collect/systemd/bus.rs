//! One conversation with systemd over a unix socket: its own where that may be opened, which costs least, else the system
//! bus. Everything together ends by a deadline. It knows no units.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;

use super::super::Root;
use super::message::{Call, FIXED_BYTES, Reply, length, parse};

const PRIVATE: &str = "run/systemd/private";
const SYSTEM_BUS: &str = "run/dbus/system_bus_socket";
/// Of one round.
const PATIENCE: Duration = Duration::from_secs(2);
/// A list of some 30,000 units.
const MAX_MESSAGE_BYTES: usize = 8 << 20;
const MAX_GREETING_BYTES: usize = 512;
/// Calls that are under way at once: few enough that neither side's buffer is full before the other reads.
const CALLS_AT_ONCE: usize = 32;

/// Why systemd could not be asked.
#[derive(Debug, Error)]
pub(in super::super) enum BusError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(
        "it does not let this user in; run the agent as root or allow it to use the system bus"
    )]
    Refused,
    #[error("a message is larger than {MAX_MESSAGE_BYTES} bytes")]
    TooLarge,
    #[error("a message is not of the expected form")]
    Odd,
    #[error("{0}")]
    Error(String),
}

pub(super) struct Bus {
    stream: UnixStream,
    deadline: Instant,
    serial: u32,
    message: Vec<u8>,
}

impl Bus {
    pub(super) fn connect(root: &Root) -> Result<Self, BusError> {
        let deadline = Instant::now() + PATIENCE;
        if let Ok(bus) = Self::greet(&root.join(PRIVATE), deadline) {
            return Ok(bus);
        }
        let mut bus = Self::greet(&root.join(SYSTEM_BUS), deadline)?;
        // Only a bus wants to know who is there.
        let hello = Call {
            destination: "org.freedesktop.DBus",
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            member: "Hello",
            arguments: &[],
        };
        bus.call(&[hello], |_, _| Some(()))?;
        Ok(bus)
    }

    fn greet(path: &Path, deadline: Instant) -> Result<Self, BusError> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Also the connecting waits no longer, where the other end accepts nobody.
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.connect(&SockAddr::unix(path)?)?;
        let mut bus = Self {
            stream: UnixStream::from(std::os::fd::OwnedFd::from(socket)),
            deadline,
            serial: 0,
            message: Vec::new(),
        };
        let user = rustix::process::geteuid().as_raw().to_string();
        let hex: String = user.bytes().map(|digit| format!("{digit:02x}")).collect();
        bus.stream
            .write_all(format!("\0AUTH EXTERNAL {hex}\r\n").as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n") {
            if answer.len() >= MAX_GREETING_BYTES {
                return Err(BusError::Odd);
            }
            let mut byte = [0];
            bus.read(&mut byte)?;
            answer.extend(byte);
        }
        if !answer.starts_with(b"OK ") {
            return Err(BusError::Refused);
        }
        bus.stream.write_all(b"BEGIN\r\n")?;
        Ok(bus)
    }

    /// Calls all and hands on what each came back with, in any order and by its place; an error of one is handed on as
    /// well, and one that `take` cannot read ends everything.
    pub(super) fn call(
        &mut self,
        calls: &[Call<'_>],
        mut take: impl FnMut(usize, &Reply<'_>) -> Option<()>,
    ) -> Result<(), BusError> {
        for (round, calls) in calls.chunks(CALLS_AT_ONCE).enumerate() {
            let first = self.serial.wrapping_add(1);
            let mut bytes = Vec::new();
            for call in calls {
                self.serial = self.serial.wrapping_add(1);
                call.write(self.serial, &mut bytes);
            }
            self.stream.write_all(&bytes)?;
            let mut open = calls.len();
            while open > 0 {
                self.receive()?;
                let Some(reply) = parse(&self.message).ok_or(BusError::Odd)? else {
                    continue;
                };
                let place = reply.to.wrapping_sub(first) as usize;
                if place < calls.len() {
                    open -= 1;
                    take(round * CALLS_AT_ONCE + place, &reply).ok_or(BusError::Odd)?;
                }
            }
        }
        Ok(())
    }

    /// Lets the time be over almost at once.
    #[cfg(test)]
    pub(super) fn hurry(&mut self) {
        self.deadline = Instant::now() + Duration::from_millis(20);
    }

    fn receive(&mut self) -> Result<(), BusError> {
        let mut fixed = [0; FIXED_BYTES];
        self.read(&mut fixed)?;
        let length = length(&fixed).ok_or(BusError::Odd)?;
        if length > MAX_MESSAGE_BYTES {
            return Err(BusError::TooLarge);
        }
        let mut message = std::mem::take(&mut self.message);
        message.clear();
        message.extend(fixed);
        message.resize(length, 0);
        self.read(message.get_mut(FIXED_BYTES..).ok_or(BusError::Odd)?)?;
        self.message = message;
        Ok(())
    }

    fn read(&mut self, mut place: &mut [u8]) -> Result<(), BusError> {
        while !place.is_empty() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(place) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(count) => place = place.get_mut(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::Error::from(io::ErrorKind::TimedOut).into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
