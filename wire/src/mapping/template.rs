//! Text with captures: `$1`, `${1}` and, for regular expressions, `$word` and `${word}`; `$$` is a dollar. Owns how a
//! capture becomes part of a name.

/// A parsed template.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Capture(String),
}

impl Template {
    /// With `words` a capture may be a group's name, and goes on as far as a word does, as in Go's `regexp.Expand`:
    /// `$1x` is then the group `1x`. Without, it is as many digits as there are.
    pub(super) fn parse(text: &str, words: bool) -> Self {
        let mut template = Self(Vec::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            template.push_text(before);
            rest = match capture(after, words) {
                Some((name, rest)) => {
                    template.0.push(Part::Capture(name.to_owned()));
                    rest
                }
                None => {
                    template.push_text("$");
                    after.strip_prefix('$').unwrap_or(after)
                }
            };
        }
        template.push_text(rest);
        template
    }

    /// The first capture that is not known.
    pub(super) fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<&str> {
        self.captures().find(|name| !known(name))
    }

    /// Whether the text parts make a name.
    ///
    /// # Errors
    /// What would be right.
    pub(super) fn check_name(&self) -> Result<(), String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
        for (at, part) in self.0.iter().enumerate() {
            let Part::Text(text) = part else { continue };
            let bad_start = at == 0 && text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            if bad_start || !text.chars().all(fits) {
                let right =
                    "a name has letters, digits, _, : and dots, and begins with a letter or _";
                return Err(format!("{text:?}: {right}"));
            }
        }
        if self.0.is_empty() {
            return Err("say which name is made, or action: drop".to_owned());
        }
        Ok(())
    }

    /// The text with its captures.
    pub(super) fn text<'a>(&self, capture: &dyn Fn(&str) -> &'a str) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Capture(name) => capture(name),
        });
        parts.collect()
    }

    /// The text as a name: in what was captured every character that PromQL's names do not have becomes `_`, and a digit
    /// in front is preceded by one, as statsd_exporter does.
    pub(super) fn name<'a>(&self, capture: &dyn Fn(&str) -> &'a str) -> String {
        let mut name = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Capture(of) => name.extend(capture(of).chars().map(|c| match c {
                    c if c.is_ascii_alphanumeric() || matches!(c, '_' | ':') => c,
                    _ => '_',
                })),
            }
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        name
    }

    fn captures(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Capture(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    fn push_text(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.0.push(Part::Text(text.to_owned())),
        }
    }
}

/// What follows a dollar: a capture's name and the rest, or `None` where the dollar is one.
fn capture(after: &str, words: bool) -> Option<(&str, &str)> {
    let takes = |c: char| c.is_ascii_digit() || (words && (c.is_ascii_alphanumeric() || c == '_'));
    let (inner, braced) = match after.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (after, false),
    };
    let end = inner.find(|c| !takes(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let rest = if braced {
        rest.strip_prefix('}')?
    } else {
        rest
    };
    (!name.is_empty()).then_some((name, rest))
}
