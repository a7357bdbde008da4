//! `hwmon`: what the sensors on the board measure, from `/sys/class/hwmon`: temperatures, voltages, fans, currents, power.
//! A sensor that cannot be read just now is left out. Units: <https://docs.kernel.org/hwmon/sysfs-interface.html>.

mod names;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{CollectError, Exclude, Figure, Root};
use names::{Attribute, chip_of, clean};

const PATH: &str = "sys/class/hwmon";
const MILLI: f64 = 0.001;
const MICRO: f64 = 1_000_000.0;

/// Of each sensor, as `temp1`: its kind, and what each of its files said.
type Sensors = BTreeMap<String, Sensor>;

struct Sensor {
    kind: &'static str,
    /// By the part of the file's name behind the sensor's; empty where there is none.
    properties: BTreeMap<String, String>,
}

pub(super) fn collect(
    root: &Root,
    exclude: &Exclude,
    figures: &mut Vec<Figure>,
) -> Result<(), CollectError> {
    let folders = root
        .names_in(PATH)
        .map_err(|error| error.absent("hardware monitors"))?;
    for folder in folders {
        let folder = format!("{PATH}/{folder}");
        let Some(chip) = chip_of(root, &folder) else {
            continue;
        };
        if exclude.excludes(&chip) {
            continue;
        }
        let mut sensors = Sensors::new();
        read_sensors(root, &folder, &mut sensors);
        // Where old drivers put them.
        read_sensors(root, &format!("{folder}/device"), &mut sensors);
        let name = root.read(&format!("{folder}/name"));
        let name = name.map(|name| clean(&name)).unwrap_or_default();
        if !name.is_empty() {
            let labels = [("chip", chip.as_str()), ("chip_name", name.as_str())];
            figures.push(Figure::labelled("node_hwmon_chip_names", &labels, 1.0));
        }
        for (sensor, read) in &sensors {
            push(&chip, sensor, read, figures);
        }
    }
    Ok(())
}

fn read_sensors(root: &Root, folder: &str, sensors: &mut Sensors) {
    for file in root.names_in(folder).unwrap_or_default() {
        let Some(attribute) = Attribute::parse(&file) else {
            continue;
        };
        // IMPORTANT: only what may be asked for is read; other files there may be slow, or act when they are read.
        let Ok(text) = root.read(&format!("{folder}/{file}")) else {
            continue;
        };
        let sensor = sensors
            .entry(format!("{}{}", attribute.kind, attribute.number))
            .or_insert_with(|| Sensor {
                kind: attribute.kind,
                properties: BTreeMap::new(),
            });
        let text = text.trim_matches('\n').to_owned();
        sensor
            .properties
            .insert(attribute.property.to_owned(), text);
    }
}

fn push(chip: &str, name: &str, sensor: &Sensor, figures: &mut Vec<Figure>) {
    let labels = [("chip", chip), ("sensor", name)];
    if let Some(label) = sensor.properties.get("label") {
        let with_label = [("chip", chip), ("sensor", name), ("label", label)];
        let figure = Figure::labelled("node_hwmon_sensor_label", &with_label, 1.0);
        figures.push(figure);
    }
    if let Some((name, value)) = whole_chip(sensor) {
        figures.push(Figure::labelled(name, &labels, value));
        return;
    }
    // A sensor with a file of its bare name has that as its value; its "_input" is then something beside.
    let has_bare = sensor.properties.contains_key("");
    for (property, text) in &sensor.properties {
        let Some(value) = number(text).filter(|_| property != "label") else {
            continue;
        };
        let base = match property.as_str() {
            "" => format!("node_hwmon_{}", sensor.kind),
            "input" if !has_bare => format!("node_hwmon_{}", sensor.kind),
            property => format!("node_hwmon_{}_{}", sensor.kind, clean(property)),
        };
        let (unit, value) = in_units(sensor.kind, property, value);
        figures.push(Figure::labelled(format!("{base}{unit}"), &labels, value));
    }
}

/// Files that are about the chip and not one of its sensors.
fn whole_chip(sensor: &Sensor) -> Option<(Cow<'static, str>, f64)> {
    let text = sensor.properties.get("").map_or("", String::as_str);
    let (name, value) = match sensor.kind {
        "beep_enable" => ("node_hwmon_beep_enabled", f64::from(u8::from(text == "1"))),
        "vrm" => ("node_hwmon_voltage_regulator_version", number(text)?),
        "update_interval" => ("node_hwmon_update_interval_seconds", number(text)? * MILLI),
        _ => return None,
    };
    Some((name.into(), value))
}

/// The end of the name and the value in what it says.
fn in_units(kind: &str, property: &str, value: f64) -> (&'static str, f64) {
    match (kind, property) {
        (_, "fault" | "alarm") => ("", value),
        (_, "beep") => ("_enabled", value),
        ("in" | "cpu", _) => ("_volts", value * MILLI),
        ("temp", property) if property != "type" => ("_celsius", value * MILLI),
        ("curr", _) => ("_amps", value * MILLI),
        ("energy", _) => ("_joule_total", value / MICRO),
        ("power", "accuracy") | ("humidity", _) => ("", value / MICRO),
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => {
            ("_seconds", value * MILLI)
        }
        ("power", _) => ("_watt", value / MICRO),
        ("fan", "input" | "min" | "max" | "target") => ("_rpm", value),
        _ => ("", value),
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::super::figure::lines;
    use super::*;

    fn told(kind: &'static str, files: &[(&str, &str)]) -> Vec<String> {
        let properties = files
            .iter()
            .map(|(property, text)| ((*property).to_owned(), (*text).to_owned()));
        let sensor = Sensor {
            kind,
            properties: properties.collect(),
        };
        let mut figures = Vec::new();
        push("c", "s", &sensor, &mut figures);
        lines(&figures)
            .into_iter()
            .map(|line| line.replace("chip=\"c\",", "").replace("sensor=\"s\"", ""))
            .collect()
    }

    #[test]
    fn each_kind_has_its_unit() {
        assert_eq!(
            told(
                "temp",
                &[
                    ("crit", "100000"),
                    ("crit_alarm", "0"),
                    ("input", "-45500"),
                    ("label", "Core 0"),
                    ("type", "4")
                ]
            ),
            [
                "node_hwmon_sensor_label{label=\"Core 0\",} 1",
                "node_hwmon_temp_crit_celsius{} 100",
                "node_hwmon_temp_crit_alarm_celsius{} 0",
                "node_hwmon_temp_celsius{} -45.5",
                "node_hwmon_temp_type{} 4"
            ]
        );
        assert_eq!(
            told("in", &[("input", "1500")]),
            ["node_hwmon_in_volts{} 1.5"]
        );
        assert_eq!(
            told("pwm", &[("", "128"), ("enable", "2"), ("input", "3")]),
            [
                "node_hwmon_pwm{} 128",
                "node_hwmon_pwm_enable{} 2",
                "node_hwmon_pwm_input{} 3"
            ]
        );
        assert_eq!(
            told(
                "power",
                &[
                    ("accuracy", "500000"),
                    ("average", "2500000"),
                    ("average_interval", "1000")
                ]
            ),
            [
                "node_hwmon_power_accuracy{} 0.5",
                "node_hwmon_power_average_watt{} 2.5",
                "node_hwmon_power_average_interval_seconds{} 1"
            ]
        );
        assert_eq!(
            told("beep_enable", &[("", "1")]),
            ["node_hwmon_beep_enabled{} 1"]
        );
        assert_eq!(
            told("update_interval", &[("", "2000")]),
            ["node_hwmon_update_interval_seconds{} 2"]
        );
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        for odd in ["", " ", "x", "NaN", "inf", "1e999", "12 34", "\u{fffd}"] {
            assert!(told("temp", &[("input", odd)]).is_empty(), "{odd}");
            assert!(told("vrm", &[("", odd)]).is_empty(), "{odd}");
        }
    }
}
