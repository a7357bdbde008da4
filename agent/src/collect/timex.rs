//! `timex`: how far the kernel believes its clock to be off, and whether something keeps it right, as adjtimex(2) says.
//! It asks only and sets nothing. The house's one `unsafe` that reads a clock: the call has no safe wrapper.

use std::io;

use super::{CollectError, Figure};

/// What adjtimex(2) returns while nothing keeps the clock right.
const TIME_ERROR: libc::c_int = 5;
/// Set in the status while `offset` and `jitter` are nanoseconds.
const STA_NANO: libc::c_int = 0x2000;
const MICROSECONDS: f64 = 1e6;
const NANOSECONDS: f64 = 1e9;
/// Frequencies are parts in a million with 16 bits of fraction.
const PPM_16: f64 = 1e6 * 65536.0;

pub(super) fn collect(figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let (state, timex) = ask().map_err(|source| match source.raw_os_error() {
        // A container without the right to ask.
        Some(libc::EPERM) => CollectError::Absent {
            what: "clock that this process may ask about",
        },
        _ => CollectError::Call {
            what: "the state of the clock",
            source,
        },
    })?;
    let figure = |(name, value): (&'static str, f64)| Figure::new(name, value);
    figures.extend(told(state, &timex).map(figure));
    Ok(())
}

#[expect(unsafe_code, reason = "adjtimex(2) has no safe wrapper")]
fn ask() -> io::Result<(libc::c_int, libc::timex)> {
    // SAFETY: a `timex` is numbers only, for which all zeroes are a value. With `modes` 0 the kernel changes nothing but the
    // structure, which lives until the call returns.
    let (state, timex) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex)
    };
    match state {
        -1 => Err(io::Error::last_os_error()),
        state => Ok((state, timex)),
    }
}

fn told(state: libc::c_int, timex: &libc::timex) -> [(&'static str, f64); 17] {
    let second = match timex.status & STA_NANO {
        0 => MICROSECONDS,
        _ => NANOSECONDS,
    };
    let is_kept = f64::from(u8::from(state != TIME_ERROR));
    [
        ("node_timex_sync_status", is_kept),
        ("node_timex_offset_seconds", timex.offset as f64 / second),
        (
            "node_timex_frequency_adjustment_ratio",
            1.0 + timex.freq as f64 / PPM_16,
        ),
        (
            "node_timex_maxerror_seconds",
            timex.maxerror as f64 / MICROSECONDS,
        ),
        (
            "node_timex_estimated_error_seconds",
            timex.esterror as f64 / MICROSECONDS,
        ),
        ("node_timex_status", f64::from(timex.status)),
        ("node_timex_loop_time_constant", timex.constant as f64),
        ("node_timex_tick_seconds", timex.tick as f64 / MICROSECONDS),
        (
            "node_timex_pps_frequency_hertz",
            timex.ppsfreq as f64 / PPM_16,
        ),
        (
            "node_timex_pps_jitter_seconds",
            timex.jitter as f64 / second,
        ),
        ("node_timex_pps_shift_seconds", f64::from(timex.shift)),
        (
            "node_timex_pps_stability_hertz",
            timex.stabil as f64 / PPM_16,
        ),
        ("node_timex_pps_jitter_total", timex.jitcnt as f64),
        ("node_timex_pps_calibration_total", timex.calcnt as f64),
        ("node_timex_pps_error_total", timex.errcnt as f64),
        (
            "node_timex_pps_stability_exceeded_total",
            timex.stbcnt as f64,
        ),
        ("node_timex_tai_offset_seconds", f64::from(timex.tai)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(state: libc::c_int, timex: &libc::timex, name: &str) -> f64 {
        let told = told(state, timex);
        told.iter().find(|(told, _)| *told == name).unwrap().1
    }

    #[test]
    fn units_follow_the_status() {
        let (_, mut timex) = ask().unwrap();
        (timex.offset, timex.status, timex.freq) = (-2500, 0, 65536 * 50);
        assert_eq!(value(0, &timex, "node_timex_offset_seconds"), -0.0025);
        assert_eq!(
            value(0, &timex, "node_timex_frequency_adjustment_ratio"),
            1.00005
        );
        timex.status = STA_NANO;
        assert_eq!(value(0, &timex, "node_timex_offset_seconds"), -0.0000025);
        assert_eq!(value(0, &timex, "node_timex_sync_status"), 1.0);
        assert_eq!(value(TIME_ERROR, &timex, "node_timex_sync_status"), 0.0);
    }
}
