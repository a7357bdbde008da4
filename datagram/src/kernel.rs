//! The two system calls that have no safe wrapper. Everything that must hold for them is checked in this file, which is
//! all of the house's `unsafe` that meets bytes from the network.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Room for an IPv6 address, the longest that is looked at.
pub(crate) const NAME_BYTES: usize = size_of::<libc::sockaddr_in6>();

/// A sender's address as the kernel writes it; it is read byte by byte, so its alignment does not matter.
pub(crate) type Name = [u8; NAME_BYTES];

/// What a call found out of one datagram.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Received {
    pub(crate) bytes: usize,
    /// There was more of it than there was room.
    pub(crate) is_cut: bool,
    /// Of its name; 0 where it has none.
    pub(crate) name_bytes: usize,
}

/// Fills as many of the buffers as there are datagrams, at most one a name and a place in `received`; how many. With
/// `wait` it waits for the first, as long as the socket's receive timeout says.
///
/// # Errors
/// The kernel's: `WouldBlock` when there was none in time.
#[expect(unsafe_code, reason = "recvmmsg(2) has no safe wrapper")]
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buffers: &mut [&mut [u8]],
    names: &mut [Name],
    received: &mut [Received],
    wait: bool,
) -> io::Result<usize> {
    let room = buffers.len().min(names.len()).min(received.len());
    let mut parts: Vec<libc::iovec> = buffers[..room]
        .iter_mut()
        .map(|buffer| libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        })
        .collect();
    let mut messages: Vec<libc::mmsghdr> = Vec::with_capacity(room);
    for (part, name) in parts.iter_mut().zip(names.iter_mut()) {
        // SAFETY: msghdr is a C struct of integers and pointers: all zeroes is a value of it, with nothing to be written to.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = name.as_mut_ptr().cast();
        header.msg_namelen = NAME_BYTES as libc::socklen_t;
        header.msg_iov = part;
        header.msg_iovlen = 1;
        messages.push(libc::mmsghdr {
            msg_hdr: header,
            msg_len: 0,
        });
    }
    let flags = match wait {
        true => libc::MSG_WAITFORONE,
        false => libc::MSG_DONTWAIT,
    };
    // SAFETY: `messages` holds `room` headers. Each points to one element of `parts` and one of `names`, and each part to a
    // buffer that is borrowed mutably by this call, with its own length: all of them distinct, none moved or read until the
    // call returns, after which nothing keeps the pointers. A null timeout is allowed.
    let count = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            messages.len() as libc::c_uint,
            flags as _,
            std::ptr::null_mut(),
        )
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    for (found, message) in received.iter_mut().zip(&messages[..count.min(room)]) {
        *found = Received {
            bytes: message.msg_len as usize,
            is_cut: message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            name_bytes: (message.msg_hdr.msg_namelen as usize).min(NAME_BYTES),
        };
    }
    Ok(count.min(room))
}

/// How many of the figures of SO_MEMINFO there are (`SK_MEMINFO_VARS` of linux/sock_diag.h).
const MEMINFO_FIGURES: usize = 9;
/// Which of them is the number of datagrams dropped (`SK_MEMINFO_DROPS`).
const MEMINFO_DROPS: usize = 8;

/// How many datagrams this socket lost since it was made; goes round at 2^32.
///
/// # Errors
/// Not a socket, or a kernel before 4.12.
#[expect(
    unsafe_code,
    reason = "getsockopt(2) of SO_MEMINFO has no safe wrapper"
)]
pub(crate) fn dropped(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut figures = [0_u32; MEMINFO_FIGURES];
    let mut bytes = size_of_val(&figures) as libc::socklen_t;
    // SAFETY: the pointer is to `figures`, of which `bytes` is the size, and the kernel writes no more than that; both live
    // until the call returns.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    match bytes as usize > MEMINFO_DROPS * size_of::<u32>() {
        true => Ok(figures[MEMINFO_DROPS]),
        false => Err(io::ErrorKind::Unsupported.into()),
    }
}
