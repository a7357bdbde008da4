//! What files and chips of `/sys/class/hwmon` are called: `temp1_input` taken apart, and a chip named by the device it sits
//! on, since numbers change with the order of drivers. It reads no sensor.

use super::Root;

/// The kinds of sensors that are told.
const KINDS: [&str; 13] = [
    "vrm",
    "beep_enable",
    "update_interval",
    "in",
    "cpu",
    "fan",
    "pwm",
    "temp",
    "curr",
    "power",
    "energy",
    "humidity",
    "intrusion",
];

/// `temp1_crit_alarm`: kind, number, and the rest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    pub(super) kind: &'static str,
    pub(super) number: u32,
    /// Empty where the sensor's file has its bare name.
    pub(super) property: &'a str,
}

impl<'a> Attribute<'a> {
    pub(super) fn parse(file: &'a str) -> Option<Self> {
        let kind_end = file
            .find(|next: char| next.is_ascii_digit())
            .unwrap_or(file.len());
        let (kind, rest) = file.split_at(kind_end);
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        let number_end = rest
            .find(|next: char| !next.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, rest) = rest.split_at(number_end);
        let property = match rest {
            "" => "",
            rest => rest
                .strip_prefix('_')
                .filter(|property| !property.is_empty())?,
        };
        let number = match number {
            "" => 0,
            number => number.parse().ok()?,
        };
        Some(Self {
            kind,
            number,
            property,
        })
    }
}

/// Bus and device, as `platform_coretemp_0`; where there is no device the chip's own name, and then its folder's.
pub(super) fn chip_of(root: &Root, folder: &str) -> Option<String> {
    let real = |path: &str| std::fs::canonicalize(root.join(path)).ok();
    let part = |path: Option<&std::path::Path>| {
        let name = path.and_then(|path| path.file_name()?.to_str());
        name.map(clean).unwrap_or_default()
    };
    if let Some(device) = real(&format!("{folder}/device")) {
        let (name, bus) = (part(Some(&device)), part(device.parent()));
        match (bus.is_empty(), name.is_empty()) {
            (false, false) => return Some(format!("{bus}_{name}")),
            (true, false) => return Some(name),
            _ => {}
        }
    }
    let name = root.read(&format!("{folder}/name"));
    let name = name.map(|name| clean(&name)).unwrap_or_default();
    if !name.is_empty() {
        return Some(name);
    }
    let own = part(real(folder).as_deref());
    (!own.is_empty()).then_some(own)
}

/// Small letters, digits and underscores, the last not at the ends.
pub(super) fn clean(text: &str) -> String {
    let lower = text.to_lowercase();
    let cleaned: String = lower
        .chars()
        .map(|next| match next {
            'a'..='z' | '0'..='9' | ':' | '_' => next,
            _ => '_',
        })
        .collect();
    cleaned.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_taken_apart() {
        let of =
            |file| Attribute::parse(file).map(|found| (found.kind, found.number, found.property));
        assert_eq!(of("temp1_input"), Some(("temp", 1, "input")));
        assert_eq!(of("temp12_crit_alarm"), Some(("temp", 12, "crit_alarm")));
        assert_eq!(of("pwm2"), Some(("pwm", 2, "")));
        assert_eq!(of("in0_min"), Some(("in", 0, "min")));
        assert_eq!(of("update_interval"), Some(("update_interval", 0, "")));
        for other in [
            "",
            "name",
            "uevent",
            "power",
            "temp_",
            "temp1_",
            "temp1x",
            "temp99999999999_input",
            "1",
            "tempä",
        ] {
            // "power" is the folder of power management, but also the bare name of a kind: it cannot be read as a file.
            assert!(
                of(other).is_none_or(|found| found == ("power", 0, "")),
                "{other}"
            );
        }
    }

    #[test]
    fn names_are_cleaned() {
        assert_eq!(clean("coretemp\n"), "coretemp");
        assert_eq!(clean("0000:00:18.3"), "0000:00:18_3");
        assert_eq!(clean("--Ä B--"), "b");
        assert_eq!(clean(""), "");
    }
}
