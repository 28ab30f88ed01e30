//! Who acts: a person, or a token that acts as one.

use serde::{Deserialize, Serialize};

use super::{PersonId, RawId, Scopes};

/// The name of a role: one of the pack's, or the engine's own `admin`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Role(String);

impl Role {
    /// The engine's own role: people, tokens and packs, but no documents.
    pub const ADMIN: &str = "admin";

    /// A role of this name; whether it exists is the pack's to say.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The archive itself, as the actor of what it does without being told.
pub fn archive_itself() -> PersonId {
    PersonId::from(RawId::from_bytes([0; 16]))
}

/// Whoever acts, with the roles held at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The person.
    pub id: PersonId,
    /// The sign-in name, unique in the archive.
    pub name: String,
    /// The roles held.
    pub roles: Vec<Role>,
    /// How far the token reaches by which the actor is known; it is no part of what is written down.
    #[serde(skip)]
    pub scopes: Scopes,
}

impl Actor {
    /// Somebody with these roles, who is known by nothing that limits them.
    pub fn new(id: PersonId, name: impl Into<String>, roles: Vec<Role>) -> Self {
        Self { id, name: name.into(), roles, scopes: Scopes::all() }
    }

    /// Whether the actor holds the role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r.as_str() == role)
    }
}
