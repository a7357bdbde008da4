//! From lines to families: which family a sample belongs to, and what may be said of one only once.

use std::borrow::Cow;
use std::collections::HashMap;

use super::families::{Family, Sample};
use crate::{Kind, Reject};

/// An exposition with more samples is refused.
pub const MAX_SAMPLES: usize = 200_000;
/// The same for families that only have a type or a help.
const MAX_FAMILIES: usize = MAX_SAMPLES;

pub(super) type Mistake = (Reject, String);

#[derive(Default)]
pub(super) struct Collector<'a> {
    families: Vec<Family<'a>>,
    by_name: HashMap<Cow<'a, str>, usize>,
    /// Whether HELP, TYPE and UNIT were there, a family.
    said: Vec<[bool; 3]>,
    samples: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn help(&mut self, name: Cow<'a, str>, help: Cow<'a, str>) -> Result<(), Mistake> {
        let at = self.named(name)?;
        if std::mem::replace(&mut self.said[at][0], true) {
            let name = &self.families[at].name;
            return Err(malformed(format!(
                "second HELP line for metric name {name:?}"
            )));
        }
        self.families[at].help = help;
        Ok(())
    }

    pub(super) fn kind(&mut self, name: Cow<'a, str>, kind: Kind) -> Result<(), Mistake> {
        let at = self.named(name)?;
        let again = std::mem::replace(&mut self.said[at][1], true);
        let family = &mut self.families[at];
        if again || !family.samples.is_empty() {
            let name = &family.name;
            let text = format!(
                "second TYPE line for metric name {name:?}, or TYPE reported after samples"
            );
            return Err(malformed(text));
        }
        family.kind = kind;
        Ok(())
    }

    pub(super) fn unit(&mut self, name: Cow<'a, str>, unit: &'a str) -> Result<(), Mistake> {
        let at = self.named(name)?;
        if std::mem::replace(&mut self.said[at][2], true) {
            let name = &self.families[at].name;
            return Err(malformed(format!(
                "second UNIT line for metric name {name:?}"
            )));
        }
        self.families[at].unit = unit.into();
        Ok(())
    }

    pub(super) fn sample(&mut self, sample: Sample<'a>) -> Result<(), Mistake> {
        self.samples += 1;
        if self.samples > MAX_SAMPLES {
            let text = format!("more than {MAX_SAMPLES} samples at once");
            return Err((Reject::OverLimit, text));
        }
        let at = match self.family_of(&sample.name) {
            Some(at) => at,
            None => self.named(sample.name.clone())?,
        };
        self.families[at].samples.push(sample);
        Ok(())
    }

    /// Families without samples are left out.
    pub(super) fn finish(self) -> Vec<Family<'a>> {
        let mut families = self.families;
        families.retain(|family| !family.samples.is_empty());
        families
    }

    fn family_of(&self, name: &str) -> Option<usize> {
        if let Some(&at) = self.by_name.get(name) {
            return Some(at);
        }
        // The suffixes of all types: the family that is found decides whether one is its own.
        let all = Kind::ALL.iter().flat_map(|kind| kind.suffixes());
        all.filter_map(|suffix| {
            let &at = self.by_name.get(name.strip_suffix(suffix)?)?;
            self.families[at]
                .kind
                .suffixes()
                .contains(suffix)
                .then_some(at)
        })
        .next()
    }

    fn named(&mut self, name: Cow<'a, str>) -> Result<usize, Mistake> {
        if let Some(&at) = self.by_name.get(&name) {
            return Ok(at);
        }
        if self.families.len() == MAX_FAMILIES {
            let text = format!("more than {MAX_FAMILIES} metric families at once");
            return Err((Reject::OverLimit, text));
        }
        self.by_name.insert(name.clone(), self.families.len());
        self.said.push([false; 3]);
        self.families.push(Family {
            name,
            kind: Kind::Unknown,
            help: Cow::Borrowed(""),
            unit: Cow::Borrowed(""),
            samples: Vec::new(),
        });
        Ok(self.families.len() - 1)
    }
}

pub(super) fn malformed(text: String) -> Mistake {
    (Reject::Malformed, text)
}
