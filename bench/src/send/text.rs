//! Lines over TCP. There is no answer but the close: the peer closes once it has read everything.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::{Context, Result};

use super::{Channel, PATIENCE, Sent, Target};

pub(super) struct Text {
    stream: TcpStream,
    sent: Sent,
}

impl Text {
    pub(super) fn connect(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address)
            .with_context(|| format!("connect to {}", target.address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            sent: Sent::default(),
        })
    }
}

impl Channel for Text {
    fn send(&mut self, bytes: &[u8], samples: u64) -> Result<()> {
        self.stream.write_all(bytes)?;
        self.sent.samples += samples;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Sent> {
        self.stream.shutdown(Shutdown::Write)?;
        let mut ignored = [0; 256];
        while self
            .stream
            .read(&mut ignored)
            .context("wait for the peer to close")?
            > 0
        {}
        self.sent.accepted = self.sent.samples;
        Ok(self.sent)
    }
}
