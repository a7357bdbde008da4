//! A bad network: a TCP proxy that hands bytes on one a second, or in pieces that come late and of which every fifth cuts
//! the connection. What is lost on a real line TCP sends again by itself; what an agent sees of it are delays and cuts.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Mode {
    Through,
    OneByteASecond,
    Lossy,
}

pub(super) struct Proxy {
    pub(super) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    to: String,
    mode: AtomicU8,
    pieces: AtomicU64,
}

impl Proxy {
    /// Its threads end with the process.
    pub(super) fn start(to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            to: to.to_owned(),
            mode: AtomicU8::new(Mode::Through as u8),
            pieces: AtomicU64::new(0),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(&serving.to) else {
                    continue;
                };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let shared = Arc::clone(&serving);
                    std::thread::spawn(move || shared.pump(from, to));
                }
            }
        });
        Self { address, shared }
    }

    pub(super) fn set(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::Relaxed);
    }
}

impl Shared {
    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::Relaxed) == mode as u8
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let most = if self.is(Mode::OneByteASecond) {
                1
            } else {
                bytes.len()
            };
            let read = from.read(&mut bytes[..most]).unwrap_or(0);
            if read == 0 || self.is_lost() || to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// Waits as the mode says, and says whether this piece is the one that cuts the connection.
    fn is_lost(&self) -> bool {
        if self.is(Mode::OneByteASecond) {
            std::thread::sleep(Duration::from_secs(1));
        } else if self.is(Mode::Lossy) {
            std::thread::sleep(Duration::from_millis(200));
            return self.pieces.fetch_add(1, Ordering::Relaxed) % 5 == 4;
        }
        false
    }
}
