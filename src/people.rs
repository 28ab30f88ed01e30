//! People, their roles, and the tokens by which the doors know them.
//!
//! Layer 4. Passwords are kept as argon2id hashes (RFC 9106), tokens and sessions by the SHA-256 of 32 random bytes;
//! all in one hashed table. Nothing here decides what a person may do: that is [`crate::access`].

mod password;

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::domain::{Actor, PersonId, Role, Sha256Digest, TokenId};
use crate::journal::{self, Draft, Facts, Journal, Projection};
use crate::records::{self, Batch, Records, Table};
use crate::vault::Lookup;

pub use password::{PasswordHash, hash_password, verify_password};

/// People by id.
const PEOPLE: Table<Person> = Table::new("people");
/// Ids by name, under the lookup key of the name.
const NAMES: Table<PersonId> = Table::new("people.names");
/// Tokens and sessions, by the SHA-256 of the bearer's secret.
const TOKENS: Table<Token> = Table::new("people.tokens");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[
    ("person.added", project_added),
    ("person.disabled", project_disabled),
    ("person.roles_set", project_roles),
    ("token.made", project_token),
    ("session.started", project_token),
    ("session.ended", project_session_ended),
];

/// A person, or a token's bearer that acts as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Its id.
    pub id: PersonId,
    /// The sign-in name, unique.
    pub name: String,
    /// The roles.
    pub roles: Vec<Role>,
    /// The password's hash; a bearer of tokens has none.
    pub password: Option<PasswordHash>,
    /// Whether the person may no longer do anything.
    pub disabled: bool,
}

impl Person {
    /// The person as an actor.
    pub fn actor(&self) -> Actor {
        Actor { id: self.id, name: self.name.clone(), roles: self.roles.clone() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    id: TokenId,
    person: PersonId,
    secret: Sha256Digest,
    expires_at: Option<Timestamp>,
    ended: bool,
}

/// A new token: the only moment at which its secret is known.
pub struct NewToken {
    /// The bearer's secret.
    pub secret: Zeroizing<String>,
    /// When it ends; `None` for a token that lasts.
    pub expires_at: Option<Timestamp>,
}

/// The payload of `person.roles_set`.
#[derive(Debug, Serialize, Deserialize)]
struct RolesSet {
    person: PersonId,
    roles: Vec<Role>,
}

/// What went wrong, by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is taken.
    #[error("there is already somebody of this name")]
    NameTaken,
    /// The name is empty, too long, or has characters that a name cannot have.
    #[error("a name has 1 to 64 characters, without spaces at its ends or control characters")]
    BadName,
    /// The password is too short.
    #[error("a password has at least 8 characters")]
    WeakPassword,
    /// There is nobody of this name.
    #[error("there is nobody of this name")]
    Unknown,
    /// Name or password is wrong, or the person is disabled.
    #[error("name or password is wrong")]
    WrongPassword,
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// The people of an archive.
#[derive(Clone)]
pub struct People {
    records: Records,
    journal: Journal,
    lookup: Lookup,
    clock: Clock,
}

impl People {
    /// The people in these records.
    pub fn new(records: Records, journal: Journal, lookup: Lookup, clock: Clock) -> Self {
        Self { records, journal, lookup, clock }
    }

    /// Adds a person; with no password it can only act through tokens. `by` is who adds it; `None`: themselves.
    pub async fn add(
        &self,
        by: Option<PersonId>,
        name: &str,
        roles: Vec<Role>,
        password: Option<&str>,
    ) -> Result<Person, Error> {
        let password = password.map(|password| hash_password(password, &self.clock)).transpose()?;
        let person =
            Person { id: self.clock.new_id(), name: checked_name(name)?, roles, password, disabled: false };
        let mut expected = Batch::new();
        expected.expect_absent(&NAMES, &name_key(&self.lookup, name));
        let draft = Draft::new("person.added", by.unwrap_or(person.id), &person)?.expecting(expected);
        match self.journal.commit_durably(draft).await {
            Ok(_) => Ok(person),
            Err(journal::Error::Conflict) => Err(Error::NameTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Disables a person: from the moment this returns no sign-in and no token of theirs works.
    pub async fn disable(&self, by: PersonId, name: &str) -> Result<(), Error> {
        let person = self.by_name(name)?.ok_or(Error::Unknown)?;
        self.journal.commit_durably(Draft::new("person.disabled", by, &person.id)?).await?;
        Ok(())
    }

    /// Gives a person other roles: from the moment this returns they count for all that the person is known by.
    pub async fn set_roles(&self, by: PersonId, name: &str, roles: Vec<Role>) -> Result<(), Error> {
        let person = self.by_name(name)?.ok_or(Error::Unknown)?.id;
        self.journal.commit_durably(Draft::new("person.roles_set", by, &RolesSet { person, roles })?).await?;
        Ok(())
    }

    /// Everybody, by name.
    pub fn list(&self) -> Result<Vec<Person>, Error> {
        let people = self.records.scan(&PEOPLE, b"").map(|row| row.map(|(_, person)| person));
        let mut people = people.collect::<Result<Vec<_>, _>>()?;
        people.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(people)
    }

    /// The person of this id.
    pub fn get(&self, id: PersonId) -> Result<Option<Person>, Error> {
        Ok(self.records.get(&PEOPLE, id.as_bytes())?)
    }

    /// The person of this name.
    pub fn by_name(&self, name: &str) -> Result<Option<Person>, Error> {
        let id = self.records.get(&NAMES, &name_key(&self.lookup, name))?;
        id.map_or(Ok(None), |id| self.get(id))
    }

    /// Makes a token that acts as `person`.
    pub async fn make_token(&self, by: PersonId, person: PersonId) -> Result<NewToken, Error> {
        self.make("token.made", by, person, None).await
    }

    /// Checks name and password and starts a session. Costs an argon2id hash whether the name exists or not.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        lasts: Duration,
    ) -> Result<(Person, NewToken), Error> {
        let person = self.by_name(name)?.filter(|person| !person.disabled);
        let hash = person.as_ref().and_then(|person| person.password.clone());
        let (password, clock) = (Zeroizing::new(password.to_owned()), self.clock.clone());
        let checking = tokio::task::spawn_blocking(move || verify_password(&password, hash.as_ref(), &clock));
        let right = checking.await.unwrap_or(false);
        let person = person.filter(|_| right).ok_or(Error::WrongPassword)?;
        let lasts = SignedDuration::try_from(lasts).unwrap_or(SignedDuration::from_hours(1));
        let expires_at = self.clock.now().checked_add(lasts).unwrap_or(Timestamp::MAX);
        let token = self.make("session.started", person.id, person.id, Some(expires_at)).await?;
        Ok((person, token))
    }

    /// Ends the session or token of this secret.
    pub async fn end_session(&self, by: PersonId, secret: &str) -> Result<(), Error> {
        let digest = Sha256Digest::of(secret.as_bytes());
        self.journal.commit_durably(Draft::new("session.ended", by, &digest)?).await?;
        Ok(())
    }

    /// Who bears this secret, if it is valid now and its person is not disabled.
    pub fn authenticate(&self, secret: &str) -> Result<Option<Actor>, Error> {
        let digest = Sha256Digest::of(secret.as_bytes());
        let token = self.records.get(&TOKENS, digest.as_bytes())?;
        let now = self.clock.now();
        let valid = token.filter(|token| !token.ended && token.expires_at.is_none_or(|end| now < end));
        let Some(token) = valid else { return Ok(None) };
        let person = self.get(token.person)?.filter(|person| !person.disabled);
        Ok(person.map(|person| person.actor()))
    }

    async fn make(
        &self,
        kind: &'static str,
        by: PersonId,
        person: PersonId,
        expires_at: Option<Timestamp>,
    ) -> Result<NewToken, Error> {
        let secret = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.clock.random_bytes::<32>()));
        let digest = Sha256Digest::of(secret.as_bytes());
        let token = Token { id: self.clock.new_id(), person, secret: digest, expires_at, ended: false };
        self.journal.commit_durably(Draft::new(kind, by, &token)?).await?;
        Ok(NewToken { secret, expires_at })
    }
}

/// The person of this id in these records.
pub fn person(records: &Records, id: PersonId) -> Result<Option<Person>, records::Error> {
    records.get(&PEOPLE, id.as_bytes())
}

/// The name of the person of this id, as it is now.
pub fn name_of(records: &Records, id: PersonId) -> Result<Option<String>, records::Error> {
    Ok(records.get(&PEOPLE, id.as_bytes())?.map(|person| person.name))
}

fn checked_name(name: &str) -> Result<String, Error> {
    let good = !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= 64
        && !name.chars().any(|c| c.is_control() || c == '/');
    if good { Ok(name.to_owned()) } else { Err(Error::BadName) }
}

fn name_key(lookup: &Lookup, name: &str) -> [u8; 32] {
    lookup.of("person", &[name.as_bytes()])
}

fn project_added(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let person: Person = projection.fact()?;
    let key = name_key(projection.lookup(), &person.name);
    projection.put(&NAMES, &key, &person.id)?;
    projection.put(&PEOPLE, person.id.as_bytes(), &person)
}

fn project_disabled(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let id: PersonId = projection.fact()?;
    if let Some(mut person) = projection.get(&PEOPLE, id.as_bytes())? {
        person.disabled = true;
        projection.put(&PEOPLE, id.as_bytes(), &person)?;
    }
    Ok(())
}

fn project_roles(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let RolesSet { person: id, roles } = projection.fact()?;
    if let Some(person) = projection.get(&PEOPLE, id.as_bytes())? {
        projection.put(&PEOPLE, id.as_bytes(), &Person { roles, ..person })?;
    }
    Ok(())
}

fn project_token(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let token: Token = projection.fact()?;
    projection.put(&TOKENS, token.secret.as_bytes(), &token)
}

fn project_session_ended(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let secret: Sha256Digest = projection.fact()?;
    if let Some(mut token) = projection.get(&TOKENS, secret.as_bytes())? {
        token.ended = true;
        projection.put(&TOKENS, secret.as_bytes(), &token)?;
    }
    Ok(())
}
