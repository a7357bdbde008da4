//! Which control group is a container, told from its path alone: engines name the last folder by the container's number, and
//! machines by their name. It reads no file.

const ID_DIGITS: usize = 64;
/// Of a container whose name is not to be had, as engines show it.
const SHORT_DIGITS: usize = 12;
/// What systemd puts before the name of a machine's scope, and LXC before that of a container.
const NAMED: [&str; 2] = ["machine-", "lxc.payload."];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// The engine's number; empty for those that have a name only.
    pub(super) id: String,
    pub(super) name: String,
    /// Of a container of Kubernetes: namespace and pod.
    pub(super) pod: Option<(String, String)>,
}

impl Container {
    /// With a name made of the number, where there is no other yet.
    pub(super) fn of(path: &str) -> Option<Self> {
        let folder = path.rsplit('/').next()?;
        let folder = folder.strip_suffix(".scope").unwrap_or(folder);
        if let Some(name) = NAMED.iter().find_map(|start| folder.strip_prefix(start)) {
            return (!name.is_empty()).then(|| Self::new("", &unescape(name)));
        }
        let split = folder.len().checked_sub(ID_DIGITS)?;
        let (before, id) = (folder.get(..split)?, folder.get(split..)?);
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if !id.bytes().all(is_hex) || !(before.is_empty() || before.ends_with('-')) {
            return None;
        }
        // The helper that watches over a container of podman's is none itself.
        if before.contains("conmon") {
            return None;
        }
        Some(Self::new(id, id.get(..SHORT_DIGITS)?))
    }

    fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            pod: None,
        }
    }
}

/// `\x2d` is "-": systemd's way to have any character in a unit's name.
fn unescape(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(part.bytes().skip(2));
            }
            None => bytes.extend(b"\\x".iter().copied().chain(part.bytes())),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5f1e3c4d2b6a798081929394a5b6c7d8e9f00112233445566778899aabbccdde";

    #[test]
    fn engines_and_machines() {
        let of = |path: &str| Container::of(path).map(|found| (found.id, found.name));
        let numbered = || Some((ID.to_owned(), ID[..12].to_owned()));
        for path in [
            format!("/system.slice/docker-{ID}.scope"),
            format!("/docker/{ID}"),
            format!("/machine.slice/libpod-{ID}.scope"),
            format!("/kubepods.slice/a/cri-containerd-{ID}.scope"),
            format!("/kubepods/burstable/pod1/{ID}"),
        ] {
            assert_eq!(of(&path), numbered(), "{path}");
        }
        let named = |name: &str| Some((String::new(), name.to_owned()));
        assert_eq!(of("/lxc.payload.web"), named("web"));
        assert_eq!(
            of("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope"),
            named("qemu-1-vm")
        );
    }

    #[test]
    fn others_are_none() {
        for path in [
            "",
            "/",
            "/system.slice/nginx.service",
            "/init.scope",
            "/machine.slice/machine-.scope",
            &format!("/machine.slice/libpod-conmon-{ID}.scope"),
            &format!("/x{ID}"),
            &format!("/docker-{}.scope", ID.to_uppercase()),
            &"ä".repeat(40),
        ] {
            assert_eq!(Container::of(path), None, "{path}");
        }
        assert_eq!(unescape("a\\x"), "a\\x");
        assert_eq!(unescape("a\\xzz-\\x2"), "a\\xzz-\\x2");
    }
}
