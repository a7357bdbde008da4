//! `filesystem`: size, free space and inodes of each mounted file system, from the table of mounts and the kernel.
//! A file system that refuses or hangs is told as `node_filesystem_device_error` 1 and nothing else of it.
//! Table: <https://docs.kernel.org/filesystems/proc.html#proc-pid-mountinfo-information-about-mounts>.

use std::collections::HashSet;

use super::statfs::{Answer, Asker};
use super::{CollectError, Exclude, Figure, Root};

const PATH: &str = "proc/1/mountinfo";
/// Where the first process is hidden from this one.
const OWN_PATH: &str = "proc/self/mountinfo";

pub(super) struct Filesystem {
    mount_exclude: Exclude,
    type_exclude: Exclude,
    asker: Asker,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    device: String,
    mount_point: String,
    fs_type: String,
    read_only: bool,
}

impl Filesystem {
    pub(super) fn new(mount_exclude: Exclude, type_exclude: Exclude) -> Self {
        Self {
            mount_exclude,
            type_exclude,
            asker: Asker::new(),
        }
    }

    pub(super) fn collect(
        &mut self,
        root: &Root,
        figures: &mut Vec<Figure>,
    ) -> Result<(), CollectError> {
        let text = root.read(PATH).or_else(|_| root.read(OWN_PATH))?;
        let mut mounts = parse(&text);
        if mounts.is_empty() {
            return Err(CollectError::Odd { path: PATH });
        }
        mounts.retain(|mount| {
            !self.mount_exclude.excludes(&mount.mount_point)
                && !self.type_exclude.excludes(&mount.fs_type)
        });
        let paths = mounts
            .iter()
            .map(|mount| root.join(&mount.mount_point))
            .collect();
        let answers = self.asker.ask_all(paths)?;
        for (mount, answer) in mounts.iter().zip(&answers) {
            push(mount, answer, figures);
        }
        Ok(())
    }
}

fn push(mount: &Mount, answer: &Answer, figures: &mut Vec<Figure>) {
    let labels = [
        ("device", mount.device.as_str()),
        ("fstype", mount.fs_type.as_str()),
        ("mountpoint", mount.mount_point.as_str()),
    ];
    let mut push = |name, value| figures.push(Figure::labelled(name, &labels, value));
    let space = match answer {
        Ok(space) => space,
        Err(reason) => {
            // As node_exporter 1.8: the reason is a label, which is empty, that is absent, while all is well.
            let mut figure = Figure::labelled("node_filesystem_device_error", &labels, 1.0);
            figure.labels.push(("device_error", reason.clone()));
            figures.push(figure);
            return;
        }
    };
    push("node_filesystem_device_error", 0.0);
    push("node_filesystem_size_bytes", space.size_bytes);
    push("node_filesystem_free_bytes", space.free_bytes);
    push("node_filesystem_avail_bytes", space.avail_bytes);
    push("node_filesystem_files", space.files);
    push("node_filesystem_files_free", space.files_free);
    push(
        "node_filesystem_readonly",
        f64::from(u8::from(mount.read_only)),
    );
}

/// Where the first file system of this type is mounted.
pub(super) fn mount_point_of(fs_type: &str, mounts: &str) -> Option<String> {
    let mut mounts = mounts.lines().filter_map(parse_line);
    let mount = mounts.find(|mount| mount.fs_type == fs_type)?;
    Some(mount.mount_point)
}

/// The mounts in the table's order; of those alike in device, mount point and type the first.
fn parse(text: &str) -> Vec<Mount> {
    let mut seen = HashSet::new();
    let mut mounts: Vec<Mount> = text.lines().filter_map(parse_line).collect();
    mounts.retain(|mount| {
        seen.insert((
            mount.device.clone(),
            mount.mount_point.clone(),
            mount.fs_type.clone(),
        ))
    });
    mounts
}

fn parse_line(line: &str) -> Option<Mount> {
    // Fields are parted by one space each, so that an empty one stays in its place; spaces inside are escaped.
    let mut words = line.split(' ').skip(4);
    let (mount_point, options) = (words.next()?, words.next()?);
    words.find(|word| *word == "-")?;
    let (fs_type, device, super_options) = (
        words.next()?,
        words.next()?,
        words.next().unwrap_or_default(),
    );
    if mount_point.is_empty() || fs_type.is_empty() {
        return None;
    }
    let says_read_only = |options: &str| options.split(',').any(|option| option == "ro");
    Some(Mount {
        device: unescape(device),
        mount_point: unescape(mount_point),
        fs_type: unescape(fs_type),
        read_only: says_read_only(options) || says_read_only(super_options),
    })
}

/// Decodes `\040` and its like, three octal digits to a byte; any other backslash is left as it is.
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match after {
            [
                high @ b'0'..=b'3',
                middle @ b'0'..=b'7',
                low @ b'0'..=b'7',
                left @ ..,
            ] if first == b'\\' => {
                bytes.push(((high - b'0') << 6) | ((middle - b'0') << 3) | (low - b'0'));
                rest = left;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::statfs::Space;
    use super::*;

    const TEXT: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda1 rw,discard
28 27 254:1 /a /mnt/with\\040space\\134 ro,nosuid - xfs /dev/v\\011b rw
29 27 254:0 / / rw,noatime - ext4 /dev/vda1 rw
30 27 0:9 / /srv rw - tmpfs  ro,size=4k
short line
31 27 0:9 / /no rw tmpfs none rw
";

    #[test]
    fn escapes_empty_fields_duplicates_and_odd_lines() {
        let mounts = parse(TEXT);
        let points: Vec<_> = mounts
            .iter()
            .map(|mount| (mount.mount_point.as_str(), mount.read_only))
            .collect();
        assert_eq!(
            points,
            [
                ("/proc", false),
                ("/", false),
                ("/mnt/with space\\", true),
                ("/srv", true)
            ]
        );
        assert_eq!(mounts[2].device, "/dev/v\tb");
        assert_eq!(
            (mounts[3].device.as_str(), mounts[3].fs_type.as_str()),
            ("", "tmpfs")
        );
    }

    #[test]
    fn only_whole_escapes_are_decoded() {
        for (escaped, plain) in [
            ("\\", "\\"),
            ("\\04", "\\04"),
            ("\\777", "\\777"),
            ("a\\040", "a "),
            ("\\303\\244", "ä"),
            ("\\377", "\u{fffd}"),
        ] {
            assert_eq!(unescape(escaped), plain, "{escaped}");
        }
    }

    #[test]
    fn an_error_is_told_with_its_reason_and_alone() {
        let mount = &parse(TEXT)[1];
        let space = Space {
            size_bytes: 4096.0,
            free_bytes: 2.0,
            avail_bytes: 1.0,
            files: 9.0,
            files_free: 8.0,
        };
        let mut figures = Vec::new();
        push(mount, &Ok(space), &mut figures);
        assert_eq!(figures.len(), 7);
        let line = "node_filesystem_size_bytes{device=\"/dev/vda1\",fstype=\"ext4\",mountpoint=\"/\"} 4096";
        assert_eq!(figures[1].to_string(), line);
        figures.clear();
        push(mount, &Err("permission denied".to_owned()), &mut figures);
        let labels = "{device=\"/dev/vda1\",device_error=\"permission denied\",fstype=\"ext4\",mountpoint=\"/\"}";
        assert_eq!(
            super::super::figure::lines(&figures),
            [format!("node_filesystem_device_error{labels} 1")]
        );
    }
}
