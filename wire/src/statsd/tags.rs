//! The labels of a line, as they stood in it: Graphite's `;k=v` behind the name and Datadog's `|#k:v,bare`. Whether
//! they make a series is decided by [`crate::SeriesKey`].

/// The value of a tag that has only a name; Telegraf's choice too. A label of an empty value could not exist.
pub const BARE_TAG_VALUE: &str = "true";

/// Labels of a metric, not yet split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tags<'a> {
    in_name: &'a str,
    field: &'a str,
}

impl<'a> Tags<'a> {
    pub(super) fn new(in_name: &'a str, field: &'a str) -> Self {
        Self { in_name, field }
    }

    /// The texts that the tags are read from: the same texts are the same labels.
    #[must_use]
    pub fn raw(&self) -> (&'a str, &'a str) {
        (self.in_name, self.field)
    }

    /// Key and value of each tag in the order of the line; nothing for an empty tag.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let in_name = self.in_name.split(';').map(|tag| pair(tag, '='));
        let field = self.field.split(',').map(|tag| pair(tag, ':'));
        in_name.chain(field).flatten()
    }
}

fn pair(tag: &str, separator: char) -> Option<(&str, &str)> {
    let tag = tag.trim();
    if tag.is_empty() {
        return None;
    }
    Some(tag.split_once(separator).unwrap_or((tag, BARE_TAG_VALUE)))
}
