//! How far a token reaches: which kinds of actions it may be used for, whatever its person may do besides.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To look at dossiers, documents, cases, queues, penalties and the log.
    Read,
    /// To search, and to take out what was found; with it goes [`Read`](Self::Read), because a search shows what it finds.
    Search,
    /// To hand documents in.
    Upload,
    /// To open dossiers, to start cases and to act on them, to seal and to destroy.
    Act,
    /// To manage people, tokens, keys and packs.
    Administer,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Search, Self::Upload, Self::Act, Self::Administer];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Upload => "upload",
            Self::Act => "act",
            Self::Administer => "administer",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is none of the scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is one of read, search, upload, act, administer")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(ScopeError)
    }
}

/// What somebody is known by reaches so far: everything, or some scopes only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Option<BTreeSet<Scope>>);

impl Scopes {
    /// Everything that the person may do.
    pub fn all() -> Self {
        Self(None)
    }

    /// These only; none of them named is everything.
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        let scopes: BTreeSet<Scope> = scopes.into_iter().collect();
        Self(Some(scopes).filter(|scopes| !scopes.is_empty()))
    }

    /// Whether it reaches everything.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this scope is among them.
    pub fn covers(&self, scope: Scope) -> bool {
        let Some(scopes) = &self.0 else { return true };
        // A search shows what it finds.
        scopes.contains(&scope) || (scope == Scope::Read && scopes.contains(&Scope::Search))
    }

    /// Whether anything can be changed with it.
    pub fn can_change(&self) -> bool {
        [Scope::Upload, Scope::Act, Scope::Administer].into_iter().any(|scope| self.covers(scope))
    }

    /// The scopes by name; all of them, if it reaches everything.
    pub fn names(&self) -> Vec<&'static str> {
        Scope::ALL.into_iter().filter(|scope| self.covers(*scope)).map(Scope::name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, Scopes};

    #[test]
    fn none_named_is_everything_and_some_are_only_those() {
        assert!(Scopes::of([]).is_all() && Scopes::all().covers(Scope::Administer));
        let two = Scopes::of([Scope::Read, Scope::Upload]);
        assert!(two.covers(Scope::Read) && two.covers(Scope::Upload) && two.can_change());
        assert!(!two.covers(Scope::Act) && !two.covers(Scope::Search) && !two.is_all());
        assert!(!Scopes::of([Scope::Read, Scope::Search]).can_change());
        assert_eq!(two.names(), ["read", "upload"]);
        assert_eq!(Scopes::of([Scope::Search]).names(), ["read", "search"]);
    }

    #[test]
    fn names_are_read_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
        }
        assert!("Read".parse::<Scope>().is_err() && "".parse::<Scope>().is_err());
    }
}
