//! The labels of a line, as they stood in it: Graphite's `;k=v` behind the name and Datadog's `|#k:v,bare`. Whether
//! they make a series is decided by [`crate::SeriesKey`].

/// The value of a tag that has only a name; Telegraf's choice too. A label of an empty value could not exist.
pub const BARE_TAG_VALUE: &str = "true";

const HOST: &str = "host";

/// Labels of a metric, not yet split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tags<'a> {
    in_name: &'a str,
    field: &'a str,
    host: &'a str,
}

impl<'a> Tags<'a> {
    pub(super) fn new(in_name: &'a str, field: &'a str) -> Self {
        Self {
            in_name,
            field,
            host: "",
        }
    }

    /// The same with the host that a service check is of, which is the label `host` unless a tag is.
    pub(super) fn of_host(self, host: &'a str) -> Self {
        Self { host, ..self }
    }

    /// The texts that the tags are read from: the same texts are the same labels.
    #[must_use]
    pub fn raw(&self) -> [&'a str; 3] {
        [self.in_name, self.field, self.host]
    }

    /// Key and value of each tag in the order of the line; nothing for an empty tag.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let in_name = self.in_name.split(';').map(|tag| pair(tag, '='));
        let field = self.field.split(',').map(|tag| pair(tag, ':'));
        let all = in_name.chain(field).flatten();
        let host = Some((HOST, self.host)).filter(|(_, host)| !host.is_empty());
        let host = host.filter(|_| !all.clone().any(|(key, _)| key == HOST));
        all.chain(host)
    }
}

fn pair(tag: &str, separator: char) -> Option<(&str, &str)> {
    let tag = tag.trim();
    if tag.is_empty() {
        return None;
    }
    Some(tag.split_once(separator).unwrap_or((tag, BARE_TAG_VALUE)))
}
