//! The one place with `unsafe` in this crate: two hints to processor and kernel about memory that is already ours.
//! Neither changes what a program computes; both are worth several times the arithmetic at ten million series.
#![expect(
    unsafe_code,
    reason = "prefetch and madvise have no safe form; neither reads or writes through the pointer"
)]

/// Asks the processor to bring a value's cache line near; harmless for any reference.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults and has no effect but on caches; SSE is part of x86_64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Asks the kernel to back a vector's whole allocation with huge pages where it can; best effort.
pub(crate) fn advise_huge<T>(memory: &Vec<T>) {
    const PAGE_BYTES: usize = 4_096;
    let start = memory.as_ptr() as usize;
    let end = start + memory.capacity() * size_of::<T>();
    let (first, last) = (start.next_multiple_of(PAGE_BYTES), end - end % PAGE_BYTES);
    if first >= last {
        return;
    }
    // SAFETY: the pages lie wholly inside an allocation that is alive for the call, and the advice only chooses
    // their size: contents and validity stay.
    let _ = unsafe {
        rustix::mm::madvise(
            first as *mut std::ffi::c_void,
            last - first,
            rustix::mm::Advice::LinuxHugepage,
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_leave_memory_as_it_is() {
        let mut memory: Vec<u64> = Vec::with_capacity(1 << 19);
        advise_huge(&memory);
        memory.extend(0..1 << 19);
        memory.iter().for_each(prefetch);
        assert!(memory.iter().copied().eq(0..1 << 19));
        advise_huge(&Vec::<u8>::new());
    }
}
