//! The one ioctl: tells ext4 that its disk is gone, now. What was not synced stays unwritten, its own journal included.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::ioctl::{Setter, ioctl, opcode};

/// `_IOR('X', 125, __u32)` of the kernel's fs/ext4/ext4.h.
const EXT4_IOC_SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
/// Do not even flush the log.
const NOLOGFLUSH: u32 = 2;

/// Shuts the file system down that is mounted here: every write after this fails.
///
/// # Errors
/// Not root, or not ext4.
#[expect(
    unsafe_code,
    reason = "the ioctl has no safe wrapper; its argument is checked below"
)]
pub(super) fn shut_down(mount_point: &Path) -> Result<()> {
    let root = File::open(mount_point)?;
    // SAFETY: the opcode is the kernel's for this call, which reads one u32 through the pointer it is given and keeps
    // nothing of it; `Setter` passes a pointer to a u32 of its own that lives until the call returns.
    unsafe {
        let request = Setter::<EXT4_IOC_SHUTDOWN, u32>::new(NOLOGFLUSH);
        ioctl(&root, request)
    }
    .with_context(|| format!("EXT4_IOC_SHUTDOWN on {}", mount_point.display()))
}
