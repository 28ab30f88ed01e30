//! People, their roles, and the tokens by which the doors know them.
//!
//! Layer 4. Passwords are kept as argon2id hashes (RFC 9106), tokens and sessions by the SHA-256 of 32 random bytes.
//! Changing somebody's roles or password, or disabling them, ends all that they are known by. Nothing here decides what a person may do: that is [`crate::access`].

mod bearers;
mod factors;
mod passkeys;
mod password;

use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Actor, PersonId, Role, archive_itself};
use crate::journal::{self, Draft, Facts, Journal, Projection};
use crate::records::{self, Batch, Records, Table};
use crate::vault::Lookup;

use bearers::Seen;
pub use bearers::{Bearer, Kind, Known, NewToken, Wanted};
pub use factors::{Factors, NewApp, Used};
pub use passkeys::{ALGORITHMS, Created, Party, Passkey, Shown};
pub use password::{PasswordHash, hash_password, verify_password};

/// People by id.
const PEOPLE: Table<Person> = Table::new("people");
/// Ids by name, under the lookup key of the name.
const NAMES: Table<PersonId> = Table::new("people.names");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[
    ("person.added", project_added),
    ("person.disabled", project_disabled),
    ("person.roles_set", project_roles),
    ("password.set", project_password),
    ("attempts.paused", project_nothing),
    ("factors.set", factors::project_set),
    ("token.made", bearers::project_token),
    ("token.ended", bearers::project_ended),
    ("session.started", bearers::project_session),
    ("session.ended", bearers::project_session_ended),
    ("sessions.ended", bearers::project_others_ended),
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
    /// Until when the password can be used, if it is a one-time one: whoever signs in with it has to choose another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once_until: Option<Timestamp>,
    /// Whether the person may no longer do anything.
    pub disabled: bool,
}

impl Person {
    /// The person as an actor.
    pub fn actor(&self) -> Actor {
        Actor::new(self.id, self.name.clone(), self.roles.clone())
    }
}

/// The fact of a password that was changed by its owner or reset by an administrator.
#[derive(Serialize, Deserialize)]
struct PasswordSet {
    person: PersonId,
    password: PasswordHash,
    once_until: Option<Timestamp>,
}

/// The fact of what somebody's roles are from now on.
#[derive(Serialize, Deserialize)]
struct RolesSet {
    person: PersonId,
    roles: Vec<Role>,
}

/// The fact that a name pauses, because too many wrong passwords were tried for it.
#[derive(Serialize, Deserialize)]
struct Paused {
    person: PersonId,
    failures: u32,
    address: String,
}

/// What holds for passwords and sessions.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The fewest characters of a password.
    pub password_chars: usize,
    /// A session that was not used for so long is over.
    pub idle: SignedDuration,
    /// How long a one-time password can be used.
    pub one_time: SignedDuration,
}

impl Terms {
    /// Those of the settings.
    pub fn of(config: &Config) -> Self {
        let minutes = |minutes: u64| {
            SignedDuration::from_secs(i64::try_from(minutes.saturating_mul(60)).unwrap_or(i64::MAX))
        };
        Self {
            password_chars: config.sign_in.password_chars,
            idle: minutes(config.session.idle_minutes),
            one_time: minutes(config.sign_in.one_time_hours.saturating_mul(60)),
        }
    }
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
    /// The password is too short, or far too long.
    #[error("a password has at least {shortest_chars} characters")]
    WeakPassword {
        /// The fewest characters.
        shortest_chars: usize,
    },
    /// The password is one of those that are tried first.
    #[error("the password is too easy to guess")]
    CommonPassword,
    /// The code of the second factor is wrong, or was used before.
    #[error("the code is wrong")]
    WrongCode,
    /// What a browser says of a passkey is not what it must be.
    #[error("the passkey is not good here")]
    BadPasskey,
    /// Somebody has as many passkeys as one may have.
    #[error("there are too many passkeys already")]
    TooManyPasskeys,
    /// There is no such session or token.
    #[error("there is no such session or token")]
    UnknownToken,
    /// The end of a token is over already.
    #[error("the end of the token is in the past")]
    BadEnd,
    /// There is nobody of this name.
    #[error("there is nobody of this name")]
    Unknown,
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
    terms: Terms,
    seen: Arc<Seen>,
}

impl People {
    /// The people in these records.
    pub fn new(records: Records, journal: Journal, lookup: Lookup, clock: Clock, terms: Terms) -> Self {
        let seen = Seen::new(clock.now());
        Self { records, journal, lookup, clock, terms, seen }
    }

    /// Adds a person; with no password it can only act through tokens. `by` is who adds it; `None`: themselves.
    pub async fn add(
        &self,
        by: Option<PersonId>,
        name: &str,
        roles: Vec<Role>,
        password: Option<&str>,
    ) -> Result<Person, Error> {
        let name = checked_name(name)?;
        let password = password.map(|password| self.hashed(&name, password)).transpose()?;
        let person =
            Person { id: self.clock.new_id(), name, roles, password, once_until: None, disabled: false };
        let mut expected = Batch::new();
        expected.expect_absent(&NAMES, &name_key(&self.lookup, &person.name));
        let draft = Draft::new("person.added", by.unwrap_or(person.id), &person)?.expecting(expected);
        match self.journal.commit_durably(draft).await {
            Ok(_) => Ok(person),
            Err(journal::Error::Conflict) => Err(Error::NameTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Disables a person: from the moment this returns no sign-in, no session and no token of theirs works.
    pub async fn disable(&self, by: PersonId, name: &str) -> Result<(), Error> {
        let person = self.by_name(name)?.ok_or(Error::Unknown)?;
        self.ended(Draft::new("person.disabled", by, &person.id)?).await
    }

    /// Gives a person other roles. All their sessions and tokens end: what they were made for may be no more.
    pub async fn set_roles(&self, by: PersonId, name: &str, roles: Vec<Role>) -> Result<(), Error> {
        let person = self.by_name(name)?.ok_or(Error::Unknown)?.id;
        self.ended(Draft::new("person.roles_set", by, &RolesSet { person, roles })?).await
    }

    /// Whether this is the person's password. Takes tens of milliseconds; as long for nobody.
    pub async fn is_password(&self, person: Option<&Person>, password: &str) -> bool {
        let now = self.clock.now();
        let usable =
            person.filter(|person| !person.disabled && person.once_until.is_none_or(|end| now < end));
        let hash = usable.and_then(|person| person.password.clone());
        let (password, clock) = (Zeroizing::new(password.to_owned()), self.clock.clone());
        let checking = tokio::task::spawn_blocking(move || verify_password(&password, hash.as_ref(), &clock));
        checking.await.unwrap_or(false)
    }

    /// Gives somebody the password that they have chosen. All their sessions and tokens end.
    pub async fn change_password(&self, person: &Person, new: &str) -> Result<(), Error> {
        let password = self.hashed(&person.name, new)?;
        let set = PasswordSet { person: person.id, password, once_until: None };
        self.ended(Draft::new("password.set", person.id, &set)?).await
    }

    /// Gives somebody a one-time password, which is known only now and until when it can be used. All their sessions and
    /// tokens end.
    pub async fn reset_password(
        &self,
        by: PersonId,
        name: &str,
    ) -> Result<(Zeroizing<String>, Timestamp), Error> {
        let person = self.by_name(name)?.filter(|person| !person.disabled).ok_or(Error::Unknown)?.id;
        let once = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.clock.random_bytes::<12>()));
        let until = self.clock.now().checked_add(self.terms.one_time).unwrap_or(Timestamp::MAX);
        let password = hash_password(&once, &self.clock)?;
        let set = PasswordSet { person, password, once_until: Some(until) };
        self.ended(Draft::new("password.set", by, &set)?).await?;
        Ok((once, until))
    }

    /// Notes in the log that a name pauses after so many wrong passwords from there.
    pub async fn note_paused(&self, person: PersonId, failures: u32, address: String) -> Result<(), Error> {
        let paused = Paused { person, failures, address };
        self.journal.commit(Draft::new("attempts.paused", archive_itself(), &paused)?).await?;
        Ok(())
    }

    /// What a browser is known by from which this person has signed in; nobody else can make it.
    pub fn device_mark(&self, person: PersonId, nonce: &str) -> String {
        let mark = self.lookup.of("device", &[person.as_bytes(), nonce.as_bytes()]);
        BASE64_URL_SAFE_NO_PAD.encode(mark)
    }

    fn hashed(&self, name: &str, password: &str) -> Result<PasswordHash, Error> {
        password::check_password(name, password, self.terms.password_chars)?;
        hash_password(password, &self.clock)
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
}

/// Everybody in these records.
pub fn everybody(records: &Records) -> impl Iterator<Item = Result<Person, records::Error>> + '_ {
    records.scan(&PEOPLE, b"").map(|row| row.map(|(_, person)| person))
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
    bearers::end_where(projection, id, |_| true)
}

fn project_roles(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let set: RolesSet = projection.fact()?;
    if let Some(mut person) = projection.get(&PEOPLE, set.person.as_bytes())? {
        person.roles = set.roles;
        projection.put(&PEOPLE, set.person.as_bytes(), &person)?;
    }
    bearers::end_where(projection, set.person, |_| true)
}

fn project_password(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let set: PasswordSet = projection.fact()?;
    if let Some(mut person) = projection.get(&PEOPLE, set.person.as_bytes())? {
        person.password = Some(set.password);
        person.once_until = set.once_until;
        projection.put(&PEOPLE, set.person.as_bytes(), &person)?;
    }
    bearers::end_where(projection, set.person, |_| true)
}

/// It is in the log, and that is all.
fn project_nothing(_: &mut Projection<'_>) -> Result<(), journal::Error> {
    Ok(())
}
