//! Datagrams that the kernel dropped because a socket's buffer was full, from the socket itself. Says how many since the
//! last look; counts nothing.

use std::os::fd::AsFd;

use crate::kernel;

/// One socket's.
#[derive(Debug, Default)]
pub struct Drops {
    seen: u32,
}

impl Drops {
    /// How many were dropped since the last look; 0 where the kernel does not say.
    pub fn since_last_look(&mut self, socket: &impl AsFd) -> u64 {
        let Ok(dropped) = kernel::dropped(socket.as_fd()) else {
            return 0;
        };
        let seen = std::mem::replace(&mut self.seen, dropped);
        u64::from(dropped.wrapping_sub(seen))
    }
}
