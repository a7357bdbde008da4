//! `thermal_zone`: what the firmware's thermal zones measure, and how far cooling is turned up, from `/sys/class/thermal`.
//! A zone that cannot be read just now is left out.

use super::{CollectError, Figure, Root};

const PATH: &str = "sys/class/thermal";
const MILLI: f64 = 1000.0;

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let names = root
        .names_in(PATH)
        .map_err(|error| error.absent("thermal zones"))?;
    for name in names {
        let read = |file: &str| {
            let text = root.read(&format!("{PATH}/{name}/{file}")).ok()?;
            Some(text.trim_end().to_owned())
        };
        let number = |file: &str| read(file)?.parse::<i64>().ok();
        if let Some(zone) = name.strip_prefix("thermal_zone") {
            let (Some(kind), Some(temperature)) = (read("type"), number("temp")) else {
                continue;
            };
            let labels = [("zone", zone), ("type", kind.as_str())];
            let celsius = temperature as f64 / MILLI;
            figures.push(Figure::labelled("node_thermal_zone_temp", &labels, celsius));
        } else if let Some(device) = name.strip_prefix("cooling_device") {
            let (Some(kind), Some(now), Some(most)) =
                (read("type"), number("cur_state"), number("max_state"))
            else {
                continue;
            };
            let labels = [("name", device), ("type", kind.as_str())];
            let mut push = |name, state: i64| {
                figures.push(Figure::labelled(name, &labels, state as f64));
            };
            push("node_cooling_device_cur_state", now);
            push("node_cooling_device_max_state", most);
        }
    }
    Ok(())
}
