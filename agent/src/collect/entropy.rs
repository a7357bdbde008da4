//! `entropy`: what the kernel's random numbers have to draw from, in bits, from `/proc/sys/kernel/random`.

use super::{CollectError, Figure, Root};

const FILES: [(&str, &str); 2] = [
    (
        "proc/sys/kernel/random/entropy_avail",
        "node_entropy_available_bits",
    ),
    (
        "proc/sys/kernel/random/poolsize",
        "node_entropy_pool_size_bits",
    ),
];

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    for (path, name) in FILES {
        let bits = root.read_number(path)?;
        figures.push(Figure::new(name, bits as f64));
    }
    Ok(())
}
