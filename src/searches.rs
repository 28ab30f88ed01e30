//! Saved searches: what somebody searches for again and again, under a name. Each person sees only their own.
//!
//! Layer 4. What a search finds is found anew each time, within what its owner may see then; nothing of it is kept
//! here. A search that is saved under a name that is there already takes its place.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::access::{Action, Permit};
use crate::clock::Clock;
use crate::domain::{DossierId, PersonId, SearchId};
use crate::journal::{self, Draft, Facts, Journal, Projection};
use crate::records::{self, Batch, Records, Table};
use crate::search::{Order, Query};
use crate::vault::Lookup;

/// Saved searches: person, then the lookup key of person and name, so that a name is there once.
const SAVED: Table<Saved> = Table::new("searches");
/// What was saved under a sender's idempotency key, under its lookup key.
const SENT: Table<Saved> = Table::new("searches.sent");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("search.saved", project_saved), ("search.forgotten", project_forgotten)];

/// How often it is tried again because the person has saved something else meanwhile.
const TRIES: usize = 5;

/// What somebody searches for: the words and what narrows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// The query as it was typed.
    pub q: String,
    /// Of this kind only.
    pub kind: Option<String>,
    /// Of this dossier only.
    pub dossier: Option<DossierId>,
    /// From this date on.
    pub from: Option<Date>,
    /// Until this date.
    pub to: Option<Date>,
    /// In which order.
    pub sort: Order,
}

impl Search {
    /// The query that it is.
    pub fn query(&self) -> Query {
        let mut query = Query::parse(&self.q).and_dates(self.from, self.to);
        if let Some(kind) = &self.kind {
            query = query.and_kind(kind);
        }
        if let Some(dossier) = self.dossier {
            query = query.and_dossier(dossier);
        }
        query
    }

    /// Whether nothing is searched for.
    pub fn is_empty(&self) -> bool {
        let narrowed = self.kind.is_some() || self.dossier.is_some() || self.from.is_some();
        self.q.trim().is_empty() && !narrowed && self.to.is_none()
    }

    fn chars(&self) -> usize {
        self.q.chars().count() + self.kind.as_ref().map_or(0, |kind| kind.chars().count())
    }
}

/// A saved search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Its id; it stays when another search takes its place under the same name.
    pub id: SearchId,
    /// Whose it is.
    pub person: PersonId,
    /// What its owner calls it.
    pub name: String,
    /// What is searched for.
    pub search: Search,
    /// When it was saved.
    pub saved_at: Timestamp,
}

/// How much may be saved.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Searches of one person.
    pub saved: usize,
    /// Characters of a name.
    pub name_chars: usize,
    /// Characters of what is searched for.
    pub query_chars: usize,
}

/// What went wrong, by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The permit is not one to search.
    #[error("the permit does not cover this")]
    NotPermitted,
    /// The name is empty or too long, or has control characters.
    #[error("the name of a saved search has 1 to {limit} characters, without control characters")]
    BadName {
        /// The most characters.
        limit: usize,
    },
    /// Nothing is searched for.
    #[error("nothing is searched for")]
    Empty,
    /// What is searched for is too long.
    #[error("a saved search has at most {limit} characters")]
    TooLong {
        /// The most characters.
        limit: usize,
    },
    /// The person has saved as many as one may.
    #[error("one person has at most {limit} saved searches")]
    TooMany {
        /// The most searches.
        limit: usize,
    },
    /// The idempotency key was used before to save something else.
    #[error("this idempotency key was used for another search")]
    KeyReused,
    /// The person has no such saved search.
    #[error("there is no such saved search")]
    Unknown,
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// The fact that a search was saved.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    saved: Saved,
    idempotency_key: Option<String>,
}

/// The fact that a search was removed.
#[derive(Debug, Serialize, Deserialize)]
struct Forgotten {
    id: SearchId,
    person: PersonId,
    name: String,
}

/// The saved searches of an archive.
#[derive(Clone)]
pub struct Searches {
    records: Records,
    journal: Journal,
    lookup: Lookup,
    clock: Clock,
    bounds: Bounds,
}

impl Searches {
    /// The saved searches in these records.
    pub fn new(records: Records, journal: Journal, lookup: Lookup, clock: Clock, bounds: Bounds) -> Self {
        Self { records, journal, lookup, clock, bounds }
    }

    /// Saves a search, in place of the one that had this name. When this returns, it is durable.
    ///
    /// With an idempotency key that was used before for the same, what was saved then; the second value says so.
    pub async fn save(
        &self,
        permit: &Permit,
        name: &str,
        search: Search,
        idempotency_key: Option<String>,
    ) -> Result<(Saved, bool), Error> {
        let person = checked(permit)?;
        let name = self.checked_name(name)?;
        self.check(&search)?;
        let sent = idempotency_key.as_deref().map(|key| sent_key(&self.lookup, person, key));
        let key = row_key(&self.lookup, person, &name);
        for _ in 0..TRIES {
            if let Some(sent) = &sent
                && let Some(saved) = self.records.get(&SENT, sent)?
            {
                let same = saved.name == name && saved.search == search;
                return if same { Ok((saved, true)) } else { Err(Error::KeyReused) };
            }
            let former: Option<Saved> = self.records.get(&SAVED, &key)?;
            if former.is_none() && !has_room(&self.records, person, self.bounds.saved)? {
                return Err(Error::TooMany { limit: self.bounds.saved });
            }
            let mut expected = Batch::new();
            match &former {
                Some(former) => expected.expect(&SAVED, &key, former)?,
                None => expected.expect_absent(&SAVED, &key),
            }
            if let Some(sent) = &sent {
                expected.expect_absent(&SENT, sent);
            }
            let (is_new, most) = (former.is_none(), self.bounds.saved);
            let id = former.map_or_else(|| self.clock.new_id(), |former| former.id);
            let saved =
                Saved { id, person, name: name.clone(), search: search.clone(), saved_at: self.clock.now() };
            let fact = Kept { saved, idempotency_key: idempotency_key.clone() };
            let draft = Draft::new("search.saved", person, &fact)?.expecting(expected);
            let draft = draft.if_still(move |records| Ok(!is_new || has_room(records, person, most)?));
            match self.journal.commit_durably(draft).await {
                Err(journal::Error::Conflict) => {}
                other => return Ok(other.map(|_| (fact.saved, false))?),
            }
        }
        Err(journal::Error::Conflict.into())
    }

    /// The searches that the permit's actor has saved, by name.
    pub fn list(&self, permit: &Permit) -> Result<Vec<Saved>, Error> {
        let mut saved = of(&self.records, checked(permit)?)?;
        saved.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(saved)
    }

    /// Removes a search that the permit's actor has saved. When this returns, that is durable.
    pub async fn forget(&self, permit: &Permit, id: SearchId) -> Result<(), Error> {
        let person = checked(permit)?;
        for _ in 0..TRIES {
            let saved = of(&self.records, person)?.into_iter().find(|saved| saved.id == id);
            let saved = saved.ok_or(Error::Unknown)?;
            let mut expected = Batch::new();
            expected.expect(&SAVED, &row_key(&self.lookup, person, &saved.name), &saved)?;
            let fact = Forgotten { id, person, name: saved.name };
            let draft = Draft::new("search.forgotten", person, &fact)?.expecting(expected);
            match self.journal.commit_durably(draft).await {
                Err(journal::Error::Conflict) => {}
                other => return Ok(other.map(drop)?),
            }
        }
        Err(journal::Error::Conflict.into())
    }

    fn checked_name(&self, name: &str) -> Result<String, Error> {
        let (name, limit) = (name.trim(), self.bounds.name_chars);
        let good = !name.is_empty() && name.chars().count() <= limit && !name.chars().any(char::is_control);
        if good { Ok(name.to_owned()) } else { Err(Error::BadName { limit }) }
    }

    fn check(&self, search: &Search) -> Result<(), Error> {
        let limit = self.bounds.query_chars;
        match search.chars() {
            _ if search.is_empty() => Err(Error::Empty),
            chars if chars > limit => Err(Error::TooLong { limit }),
            _ => Ok(()),
        }
    }
}

/// Whose searches this permit is for.
fn checked(permit: &Permit) -> Result<PersonId, Error> {
    if permit.covers_archive(Action::Search) { Ok(permit.actor().id) } else { Err(Error::NotPermitted) }
}

fn of(records: &Records, person: PersonId) -> Result<Vec<Saved>, records::Error> {
    records.scan(&SAVED, person.as_bytes()).map(|row| row.map(|(_, saved)| saved)).collect()
}

fn has_room(records: &Records, person: PersonId, most: usize) -> Result<bool, records::Error> {
    Ok(records.count(&SAVED, person.as_bytes())? < most as u64)
}

fn row_key(lookup: &Lookup, person: PersonId, name: &str) -> Vec<u8> {
    let of_name = lookup.of("saved search", &[person.as_bytes(), name.as_bytes()]);
    [person.as_bytes().as_slice(), &of_name].concat()
}

fn sent_key(lookup: &Lookup, person: PersonId, key: &str) -> [u8; 32] {
    lookup.of("saved search sent", &[person.as_bytes(), key.as_bytes()])
}

fn project_saved(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Kept { saved, idempotency_key } = projection.fact()?;
    if let Some(key) = idempotency_key {
        let key = sent_key(projection.lookup(), saved.person, &key);
        projection.put(&SENT, &key, &saved)?;
    }
    let key = row_key(projection.lookup(), saved.person, &saved.name);
    projection.put(&SAVED, &key, &saved)
}

fn project_forgotten(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Forgotten { person, name, .. } = projection.fact()?;
    let key = row_key(projection.lookup(), person, &name);
    projection.delete(&SAVED, &key);
    Ok(())
}
