//! How the collectors fare on this host, for the eyes of whoever sets an agent up: a line each.

use std::fmt::Write;

use super::Collectors;

impl Collectors {
    /// Reads everything once and says how many figures each gives, or why none.
    #[must_use]
    pub fn report(&mut self) -> String {
        self.collect();
        let mut text = String::new();
        for enabled in &self.enabled {
            let name = enabled.name;
            // Writing to a string does not fail.
            let _ = match &enabled.outcome {
                Ok(()) if enabled.figures == 1 => writeln!(text, "{name:12} 1 figure"),
                Ok(()) => writeln!(text, "{name:12} {} figures", enabled.figures),
                Err(reason) => writeln!(text, "{name:12} none: {reason}"),
            };
        }
        text
    }
}
