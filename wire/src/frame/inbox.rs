//! The receiving end of a session: bytes as they come off a socket, frames as they are whole.

use super::{Frame, FrameError, decode};

const READ_BYTES: usize = 64 << 10;

/// What was read and not yet taken.
#[derive(Debug, Default)]
pub struct Inbox {
    buffer: Vec<u8>,
    taken: usize,
}

impl Inbox {
    /// The next whole frame; `None` while more bytes are needed.
    ///
    /// # Errors
    /// See [`FrameError`]: the session cannot go on.
    pub fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        match decode(&self.buffer[self.taken..])? {
            Some((frame, bytes)) => {
                self.taken += bytes;
                Ok(Some(frame))
            }
            None => Ok(None),
        }
    }

    /// Where bytes are to be appended, with room for some.
    pub fn room(&mut self) -> &mut Vec<u8> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.reserve(READ_BYTES);
        &mut self.buffer
    }
}
