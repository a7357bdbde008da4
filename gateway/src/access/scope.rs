//! What a token is good for.

use std::fmt;

/// One thing that may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Send samples.
    Write,
    /// Query, and see the page.
    Read,
    /// Silence alerts.
    Silence,
    /// Delete, back up, reload; and everything else.
    Admin,
}

impl Scope {
    const ALL: [Self; 4] = [Self::Write, Self::Read, Self::Silence, Self::Admin];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Silence => "silence",
            Self::Admin => "admin",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A set of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    #[must_use]
    pub(crate) fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    /// Admin is good for everything.
    #[must_use]
    pub(crate) fn allow(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8 | 1 << Scope::Admin as u8) != 0
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        let each = Scope::ALL.into_iter();
        each.filter(|scope| self.0 & 1 << *scope as u8 != 0)
            .map(Scope::as_str)
            .collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.names().join(","))
    }
}
