//! `uname`: the kernel's names as labels of a figure that is always 1.

use rustix::system::uname;

use super::Figure;

pub(super) fn figure() -> Figure {
    let uname = uname();
    let labels = [
        ("domainname", uname.domainname()),
        ("machine", uname.machine()),
        ("nodename", uname.nodename()),
        ("release", uname.release()),
        ("sysname", uname.sysname()),
        ("version", uname.version()),
    ];
    Figure {
        labels: labels
            .into_iter()
            .map(|(name, text)| (name, text.to_string_lossy().into_owned()))
            .collect(),
        ..Figure::new("node_uname_info", 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_linux() {
        let figure = figure();
        assert_eq!((figure.labels.len(), figure.value), (6, 1.0));
        assert!(figure.labels.contains(&("sysname", "Linux".to_owned())));
    }
}
