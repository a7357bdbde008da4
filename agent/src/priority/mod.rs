//! What matters more: when there is no room for everything, the lowest class goes first. The same classes and rules as
//! the gateway's, for this host's own series; what no rule names is normal. Decides nothing by itself.

mod rule;
mod selector;

pub use rule::Rule;

pub use weir_wire::Class;
use weir_wire::KeyRef;

/// The rules in their order: the first that fits holds.
#[derive(Debug, Clone, Default)]
pub struct Priorities(pub Vec<Rule>);

impl Priorities {
    #[must_use]
    pub fn of(&self, key: KeyRef<'_>) -> Class {
        let mut fitting = self.0.iter().filter(|rule| rule.fits(key));
        fitting.next().map_or(Class::Normal, |rule| rule.class)
    }

    /// Everything is normal.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use weir_wire::SeriesKey;

    use super::*;

    #[test]
    fn the_first_rule_that_fits_holds() {
        let rules = [
            (Class::Critical, r#"debug_of_payments"#),
            (Class::Low, r#"{__name__=~"debug_.*"}"#),
            (Class::Low, r#"{room="cellar", floor!="0"}"#),
        ];
        let rules = rules.map(|(class, text)| Rule::new(class, text).unwrap());
        let priorities = Priorities(rules.into());
        let class = |name: &str, labels: &[(&str, &str)]| {
            let key = SeriesKey::new(name, labels.iter().copied()).unwrap();
            priorities.of(key.borrowed())
        };
        assert_eq!(class("debug_of_payments", &[]), Class::Critical);
        assert_eq!(class("debug_x", &[]), Class::Low);
        assert_eq!(class("a_debug_x", &[]), Class::Normal, "whole names");
        assert_eq!(class("a", &[("room", "cellar")]), Class::Low);
        assert_eq!(
            class("a", &[("room", "cellar"), ("floor", "0")]),
            Class::Normal
        );
        assert_eq!(
            Priorities::default().of(SeriesKey::bare("a").unwrap().borrowed()),
            Class::Normal
        );
    }
}
