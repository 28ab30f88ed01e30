//! Sessions and tokens: what somebody is known by at the doors.
//!
//! Both are 256 random bits, of which the records and the log have the SHA-256 only. A session is a person's who signed
//! in: it is over after a time, and earlier if it is not used. A token is a program's: it may last, reach less far than
//! its person, and be revoked by its id. Whatever ends one deletes its row; a row that is there is valid until it expires.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::factors::{self, Used};
use super::{Error, People, Person};
use crate::domain::{PersonId, Scopes, Sha256Digest, TokenId};
use crate::journal::{self, Draft, Projection};
use crate::records::{Batch, Table};

/// Sessions and tokens, by the SHA-256 of the bearer's secret.
const TOKENS: Table<Bearer> = Table::new("people.tokens");
/// The same digests, by person and id.
const OF_PERSON: Table<Sha256Digest> = Table::new("people.tokens.of");

/// The longest name of a token, and the most that is kept of what a browser says of itself, in characters.
const LABEL_CHARS: usize = 120;
/// From so many sessions on those that are not used are forgotten; they are over all the same.
const SEEN_SESSIONS: usize = 10_000;

/// What a secret is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody signed in.
    Session,
    /// A station or a script.
    #[default]
    Token,
}

/// A session or a token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bearer {
    /// Its id.
    pub id: TokenId,
    /// As whom it acts.
    pub person: PersonId,
    /// What it is for.
    #[serde(default)]
    pub kind: Kind,
    /// When it was made.
    #[serde(default)]
    pub made_at: Timestamp,
    /// When it ends at the latest; `None` for a token that lasts.
    pub expires_at: Option<Timestamp>,
    /// How far it reaches.
    #[serde(default)]
    pub scopes: Scopes,
    /// What somebody calls the token, or what the browser says it is.
    #[serde(default)]
    pub label: String,
    /// Whether a second factor was shown.
    #[serde(default)]
    pub second: bool,
    /// A row from before ended ones were deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ended: bool,
}

/// The fact of a new one. Those of before have only the first five members.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    id: TokenId,
    person: PersonId,
    secret: Sha256Digest,
    expires_at: Option<Timestamp>,
    ended: bool,
    #[serde(default)]
    scopes: Scopes,
    #[serde(default)]
    label: String,
    #[serde(default)]
    second: bool,
    /// The code that was used up by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<Used>,
}

/// The fact of one that was ended by its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ended {
    person: PersonId,
    id: TokenId,
}

/// The fact of sessions that were ended together.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OthersEnded {
    person: PersonId,
    keep: Option<TokenId>,
}

/// A new session or token: the only moment at which its secret is known.
pub struct NewToken {
    /// Its id.
    pub id: TokenId,
    /// The bearer's secret.
    pub secret: Zeroizing<String>,
    /// When it ends; `None` for a token that lasts.
    pub expires_at: Option<Timestamp>,
}

/// What a new token is to be.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// How far it reaches.
    pub scopes: Scopes,
    /// When it ends; `None`: it lasts.
    pub expires_at: Option<Timestamp>,
    /// What it is called.
    pub label: String,
}

/// Somebody who is known by a secret.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who.
    pub person: Person,
    /// By what.
    pub bearer: Bearer,
}

/// When sessions were last used. Kept in memory only: to write it down at each request would be an entry of the log
/// each. After a start of the server every session counts as used at that moment.
pub(super) struct Seen {
    since: Timestamp,
    last: Mutex<HashMap<TokenId, Timestamp>>,
    /// Told whenever something ended.
    ends: watch::Sender<u64>,
}

impl Seen {
    pub(super) fn new(since: Timestamp) -> Arc<Self> {
        Arc::new(Self { since, last: Mutex::default(), ends: watch::Sender::new(0) })
    }

    fn last_used(&self, bearer: &Bearer) -> Timestamp {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&bearer.id).copied().unwrap_or_else(|| self.since.max(bearer.made_at))
    }

    fn touch(&self, id: TokenId, now: Timestamp, idle: SignedDuration) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= SEEN_SESSIONS {
            last.retain(|_, used| now.duration_since(*used) <= idle);
        }
        last.insert(id, now);
    }
}

impl People {
    /// Makes a token that acts as `person`.
    pub async fn make_token(&self, by: PersonId, person: PersonId) -> Result<NewToken, Error> {
        self.make_token_for(by, person, Wanted::default()).await
    }

    /// Makes a token that acts as `person` as far as is wanted.
    pub async fn make_token_for(
        &self,
        by: PersonId,
        person: PersonId,
        wanted: Wanted,
    ) -> Result<NewToken, Error> {
        if wanted.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(Error::BadEnd);
        }
        self.make("token.made", by, person, wanted, None).await
    }

    /// Starts a session of somebody who has shown who they are. `used` is the second factor that they showed, if they
    /// did: the same code starts no second session.
    pub async fn start_session(
        &self,
        person: PersonId,
        lasts: Duration,
        agent: &str,
        used: Option<Used>,
    ) -> Result<NewToken, Error> {
        let lasts = SignedDuration::try_from(lasts).unwrap_or(SignedDuration::from_hours(1));
        let expires_at = self.clock.now().checked_add(lasts).unwrap_or(Timestamp::MAX);
        let wanted = Wanted { expires_at: Some(expires_at), label: agent.to_owned(), ..Wanted::default() };
        self.make("session.started", person, person, wanted, used).await
    }

    /// Ends the session or token of this secret.
    pub async fn end_session(&self, by: PersonId, secret: &str) -> Result<(), Error> {
        let digest = Sha256Digest::of(secret.as_bytes());
        self.ended(Draft::new("session.ended", by, &digest)?).await
    }

    /// Ends a session or token of `person` by its id.
    pub async fn end(&self, by: PersonId, person: PersonId, id: TokenId) -> Result<(), Error> {
        if !self.records.contains(&OF_PERSON, &place(person, id))? {
            return Err(Error::UnknownToken);
        }
        self.ended(Draft::new("token.ended", by, &Ended { person, id })?).await
    }

    /// Ends all sessions of somebody but one; their tokens stay.
    pub async fn end_others(&self, person: PersonId, keep: TokenId) -> Result<(), Error> {
        self.ended(Draft::new("sessions.ended", person, &OthersEnded { person, keep: Some(keep) })?).await
    }

    /// Commits something that ends sessions or tokens, and tells those who serve them.
    pub(super) async fn ended(&self, draft: Draft) -> Result<(), Error> {
        let index = self.journal.commit(draft).await?;
        // From here on they are over, whether or not the store answers.
        self.seen.ends.send_modify(|ends| *ends += 1);
        Ok(self.journal.published(index).await?)
    }

    /// Told whenever a session or token ended: whoever serves one for long asks then whether it still [stands](Self::stands).
    pub fn ends(&self) -> watch::Receiver<u64> {
        self.seen.ends.subscribe()
    }

    /// Who bears this secret, if it is valid now and its person is not disabled. A session counts as used by it.
    pub fn authenticate(&self, secret: &str) -> Result<Option<Known>, Error> {
        let known = self.known(&Sha256Digest::of(secret.as_bytes()))?;
        if let Some(known) = &known
            && known.bearer.kind == Kind::Session
        {
            self.seen.touch(known.bearer.id, self.clock.now(), self.terms.idle);
        }
        Ok(known)
    }

    /// Whether this secret is still valid. It does not count as a use.
    pub fn stands(&self, secret: &str) -> Result<bool, Error> {
        Ok(self.known(&Sha256Digest::of(secret.as_bytes()))?.is_some())
    }

    fn known(&self, digest: &Sha256Digest) -> Result<Option<Known>, Error> {
        let Some(bearer) = self.records.get(&TOKENS, digest.as_bytes())? else { return Ok(None) };
        if !self.is_valid(&bearer) {
            return Ok(None);
        }
        let person = self.get(bearer.person)?.filter(|person| !person.disabled);
        Ok(person.map(|person| Known { person, bearer }))
    }

    fn is_valid(&self, bearer: &Bearer) -> bool {
        let now = self.clock.now();
        let used_lately = || now.duration_since(self.seen.last_used(bearer)) <= self.terms.idle;
        !bearer.ended
            && bearer.expires_at.is_none_or(|end| now < end)
            && (bearer.kind == Kind::Token || used_lately())
    }

    /// The sessions or tokens of somebody that are valid now, the latest first, each with when it was last used, as far
    /// as is known.
    pub fn bearers_of(
        &self,
        person: PersonId,
        kind: Kind,
    ) -> Result<Vec<(Bearer, Option<Timestamp>)>, Error> {
        let mut found = Vec::new();
        for row in self.records.scan(&OF_PERSON, person.as_bytes()) {
            let (_, digest) = row?;
            let bearer = self.records.get(&TOKENS, digest.as_bytes())?;
            if let Some(bearer) = bearer.filter(|bearer| bearer.kind == kind && self.is_valid(bearer)) {
                let used = (kind == Kind::Session).then(|| self.seen.last_used(&bearer));
                found.push((bearer, used));
            }
        }
        found.sort_by_key(|(bearer, _)| std::cmp::Reverse(bearer.made_at));
        Ok(found)
    }

    async fn make(
        &self,
        kind: &'static str,
        by: PersonId,
        person: PersonId,
        wanted: Wanted,
        used: Option<Used>,
    ) -> Result<NewToken, Error> {
        let secret = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.clock.random_bytes::<32>()));
        let made = Made {
            id: self.clock.new_id(),
            person,
            secret: Sha256Digest::of(secret.as_bytes()),
            expires_at: wanted.expires_at,
            ended: false,
            scopes: wanted.scopes,
            label: shortened(&wanted.label),
            second: used.is_some(),
            used,
        };
        let mut expected = Batch::new();
        if let Some(used) = &made.used {
            self.expect_unused(&mut expected, person, used)?;
        }
        let draft = Draft::new(kind, by, &made)?.expecting(expected);
        match self.journal.commit_durably(draft).await {
            Ok(_) => Ok(NewToken { id: made.id, secret, expires_at: made.expires_at }),
            Err(journal::Error::Conflict) => Err(Error::WrongCode),
            Err(error) => Err(error.into()),
        }
    }
}

/// One line without control characters, not too long.
fn shortened(label: &str) -> String {
    label.trim().chars().filter(|c| !c.is_control()).take(LABEL_CHARS).collect()
}

fn place(person: PersonId, id: TokenId) -> Vec<u8> {
    [person.as_bytes().as_slice(), id.as_bytes()].concat()
}

pub(super) fn project_session(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    project_made(projection, Kind::Session)
}

pub(super) fn project_token(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    project_made(projection, Kind::Token)
}

fn project_made(projection: &mut Projection<'_>, kind: Kind) -> Result<(), journal::Error> {
    let made: Made = projection.fact()?;
    let now = projection.entry.at;
    // What is over by now goes, so that there are no more rows than there are of use.
    end_where(projection, made.person, |bearer| bearer.expires_at.is_some_and(|end| end <= now))?;
    if let Some(used) = &made.used {
        factors::use_up(projection, made.person, used)?;
    }
    let bearer = Bearer {
        id: made.id,
        person: made.person,
        kind,
        made_at: now,
        expires_at: made.expires_at,
        scopes: made.scopes,
        label: made.label,
        second: made.second,
        ended: false,
    };
    projection.put(&OF_PERSON, &place(made.person, made.id), &made.secret)?;
    projection.put(&TOKENS, made.secret.as_bytes(), &bearer)
}

pub(super) fn project_session_ended(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let secret: Sha256Digest = projection.fact()?;
    if let Some(bearer) = projection.get(&TOKENS, secret.as_bytes())? {
        projection.delete(&OF_PERSON, &place(bearer.person, bearer.id));
        projection.delete(&TOKENS, secret.as_bytes());
    }
    Ok(())
}

pub(super) fn project_ended(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let ended: Ended = projection.fact()?;
    end_where(projection, ended.person, |bearer| bearer.id == ended.id)
}

pub(super) fn project_others_ended(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let ended: OthersEnded = projection.fact()?;
    end_where(projection, ended.person, |bearer| {
        bearer.kind == Kind::Session && Some(bearer.id) != ended.keep
    })
}

/// Ends those sessions and tokens of somebody.
pub(super) fn end_where(
    projection: &mut Projection<'_>,
    person: PersonId,
    ends: impl Fn(&Bearer) -> bool,
) -> Result<(), journal::Error> {
    for (key, digest) in projection.scan(&OF_PERSON, person.as_bytes())? {
        let bearer = projection.get(&TOKENS, digest.as_bytes())?;
        if bearer.is_none_or(|bearer| ends(&bearer)) {
            projection.delete(&OF_PERSON, &key);
            projection.delete(&TOKENS, digest.as_bytes());
        }
    }
    Ok(())
}
