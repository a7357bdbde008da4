//! Parameters of a request: the query string and a form body, in order, repeats kept. Decides nothing.

use axum::body::Bytes;
use axum::http::Uri;

const MAX_PARAMETERS: usize = 10_000;

/// Every `key=value` of a request.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// The body's parameters stand before those of the address, as in Go's `ParseForm`.
    pub(super) fn read(uri: &Uri, body: &Bytes) -> Self {
        let query = uri.query().unwrap_or_default().as_bytes();
        let pairs = form_urlencoded::parse(body).chain(form_urlencoded::parse(query));
        Self(
            pairs
                .take(MAX_PARAMETERS)
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The first value that is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let mut filled = self.0.iter().filter(|(_, value)| !value.is_empty());
        filled
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}
