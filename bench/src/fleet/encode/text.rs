//! Line protocols: three spellings of a series, then the value and the time in seconds.

use crate::fleet::names::{Host, dotted as name};
use crate::fleet::walk::{Reading, put_decimal};

/// Writes the series, up to where the value begins.
pub(super) type Spelling = fn(&mut Vec<u8>, &Host, usize);

/// `cpu.load;host=h000000;region=us-west;env=prod `
pub(super) fn tagged(out: &mut Vec<u8>, host: &Host, metric: usize) {
    put(
        out,
        &[
            name(metric),
            ";host=",
            &host.name,
            ";region=",
            host.region,
            ";env=",
            host.env,
            " ",
        ],
    );
}

/// `prod.us-west.h000000.cpu.load `
pub(super) fn dotted(out: &mut Vec<u8>, host: &Host, metric: usize) {
    put(
        out,
        &[
            host.env,
            ".",
            host.region,
            ".",
            &host.name,
            ".",
            name(metric),
            " ",
        ],
    );
}

/// `cpu.load,env=prod,host=h000000,region=us-west value=`, tags in the order the server would sort them.
pub(super) fn influx(out: &mut Vec<u8>, host: &Host, metric: usize) {
    put(
        out,
        &[
            name(metric),
            ",env=",
            host.env,
            ",host=",
            &host.name,
            ",region=",
            host.region,
            " value=",
        ],
    );
}

pub(super) fn put_rest(out: &mut Vec<u8>, reading: Reading, time_s: u64) {
    reading.put(out);
    out.push(b' ');
    put_decimal(out, time_s);
    out.push(b'\n');
}

fn put(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}
