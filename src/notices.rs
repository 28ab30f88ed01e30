//! Notices: what the log has to say to whom. An inbox for each person, and the outbox for what leaves the archive.
//!
//! Layer 4. Whoever commits a change decides whom it tells, on the rules and rows of that moment, and writes that into the
//! fact ([`tell`]); the projection of that fact makes the rows ([`project`]), in the same batch: none is lost, none is
//! there twice, and a replay makes the same ones. That something was read is a fact, too: a restore must not call for
//! everything to be read again. A notice holds ids and keys of the rules, never a name or a sentence that somebody wrote;
//! whether its reader may still see what it speaks of is asked when it is shown.

mod address;
mod calendar;
mod event;
mod outbox;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::domain::{DossierId, PersonId};
use crate::journal::{self, Draft, Facts, Journal, Projection};
use crate::records::{self, Records, Table};

pub use address::is_public;
pub use calendar::Feed;
pub use event::{BadPlace, Event, Kind, Place};
pub use outbox::{
    Channel, Dead, Delivery, Outbox, OutboxBounds, Secret, Settled, Webhook, Why, dead_count, sign,
};

/// Notices: person, place; the newest first.
const NOTICES: Table<Notice> = Table::new("notices");
/// Those that are not read yet, under the same keys.
const UNREAD: Table<()> = Table::new("notices.unread");
/// Whose notices speak of a dossier: dossier, person, place.
const OF_DOSSIER: Table<PersonId> = Table::new("notices.of");
/// The kinds of facts of this module.
pub const FACTS: Facts = &[
    ("inbox.read", project_read),
    ("calendar.made", calendar::project_made),
    ("calendar.ended", calendar::project_ended),
    ("webhook.added", outbox::project_added),
    ("webhook.disabled", outbox::project_disabled),
    ("outbox.settled", outbox::project_settled),
    ("outbox.sent_again", outbox::project_again),
];

/// The member of a fact that says whom it tells what.
const MEMBER: &str = "tells";
/// Of so many notices that a reader may not see any more one call looks past at most.
const LOOKED_PAST: usize = 1_000;

/// What a change tells whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What.
    pub event: Event,
    /// Whom.
    pub to: Vec<PersonId>,
}

#[derive(Debug, Deserialize)]
struct Telling {
    #[serde(default)]
    tells: Vec<Told>,
}

/// A notice in somebody's inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Where in the log it comes from; its name within the inbox.
    pub place: Place,
    /// When it was committed.
    pub at: Timestamp,
    /// What it says.
    pub event: Event,
    /// When it was marked as read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
}

/// A part of an inbox, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The notices.
    pub notices: Vec<Notice>,
    /// Where the next part begins; none after the last.
    pub next: Option<Place>,
}

/// What went wrong, by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such notice in this inbox, or no such delivery or webhook.
    #[error("there is no such thing")]
    Unknown,
    /// This cannot be the address of a webhook.
    #[error("this cannot be the address of a webhook")]
    BadUrl,
    /// There are as many webhooks as there may be.
    #[error("there are at most {limit} webhooks")]
    TooMany {
        /// The most webhooks.
        limit: usize,
    },
    /// The delivery is under way: only one that was given up can be sent again.
    #[error("only what was given up can be sent again")]
    NotDead,
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

/// The fact that notices were read.
#[derive(Debug, Serialize, Deserialize)]
struct Read {
    person: PersonId,
    /// This one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    one: Option<Place>,
    /// All up to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    up_to: Option<Place>,
}

/// The inboxes of an archive.
#[derive(Clone)]
pub struct Notices {
    records: Records,
    journal: Journal,
    clock: Clock,
}

impl Notices {
    /// The inboxes in these records.
    pub fn new(records: Records, journal: Journal, clock: Clock) -> Self {
        Self { records, journal, clock }
    }

    /// At most `limit` notices of a person, from before `before` on, the newest first: those that `sees` lets through,
    /// only unread ones if that is asked for. What is not durable yet is left out.
    pub fn list<E: From<Error>>(
        &self,
        person: PersonId,
        unread: bool,
        before: Option<Place>,
        limit: usize,
        sees: &dyn Fn(&Notice) -> Result<bool, E>,
    ) -> Result<Listed, E> {
        let start = before.map(|place| [&key(person, place), [0].as_slice()].concat()).unwrap_or_default();
        let durable = self.journal.health().published;
        let mut listed = Listed { notices: Vec::new(), next: None };
        let mut last = None;
        let failed = |error: records::Error| E::from(Error::from(error));
        for (looked, row) in self.records.scan_from(&NOTICES, person.as_bytes(), &start).enumerate() {
            let (_, notice) = row.map_err(failed)?;
            if listed.notices.len() >= limit || looked >= LOOKED_PAST.max(limit) {
                listed.next = last;
                break;
            }
            last = Some(notice.place);
            let wanted = notice.place.index < durable && (!unread || notice.read_at.is_none());
            if wanted && sees(&notice)? {
                listed.notices.push(notice);
            }
        }
        Ok(listed)
    }

    /// The notices of a person that came after `after` and are durable, the oldest first, at most `limit`.
    pub fn since(&self, person: PersonId, after: Place, limit: usize) -> Result<Vec<Notice>, Error> {
        let durable = self.journal.health().published;
        let mut found = Vec::new();
        for row in self.records.scan(&NOTICES, person.as_bytes()) {
            let (_, notice) = row?;
            if notice.place <= after {
                break;
            }
            if notice.place.index < durable {
                found.push(notice);
            }
        }
        found.reverse();
        found.truncate(limit);
        Ok(found)
    }

    /// How many notices of a person are unread, of those that `sees` lets through; it is not counted beyond `most`.
    pub fn unread<E: From<Error>>(
        &self,
        person: PersonId,
        most: usize,
        sees: &dyn Fn(&Notice) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let failed = |error: records::Error| E::from(Error::from(error));
        let durable = self.journal.health().published;
        let mut count = 0;
        for (looked, row) in self.records.scan(&UNREAD, person.as_bytes()).enumerate() {
            let (row_key, ()) = row.map_err(failed)?;
            if count >= most || looked >= LOOKED_PAST {
                break;
            }
            let notice = self.records.get(&NOTICES, &row_key).map_err(failed)?;
            if let Some(notice) = notice.filter(|notice| notice.place.index < durable)
                && sees(&notice)?
            {
                count += 1;
            }
        }
        Ok(count)
    }

    /// How many notices of a person are unread, whether they may still see them or not. No row is opened.
    pub fn unread_rows(&self, person: PersonId) -> Result<u64, Error> {
        Ok(self.records.count(&UNREAD, person.as_bytes())?)
    }

    /// The place of the newest thing that is durable: whatever comes, comes after it.
    pub fn now(&self) -> Place {
        match self.journal.health().published {
            0 => Place::FIRST,
            size => Place { index: size - 1, number: u16::MAX },
        }
    }

    /// Marks a notice of a person as read. When this returns, that is durable.
    pub async fn mark_read(&self, person: PersonId, place: Place) -> Result<(), Error> {
        let notice = self.records.get(&NOTICES, &key(person, place))?.ok_or(Error::Unknown)?;
        if notice.read_at.is_some() {
            return Ok(());
        }
        self.commit_read(Read { person, one: Some(place), up_to: None }).await
    }

    /// Marks all notices of a person as read that came up to `place`. When this returns, that is durable.
    pub async fn mark_all_read(&self, person: PersonId, place: Place) -> Result<(), Error> {
        if self.records.scan_from(&UNREAD, person.as_bytes(), &key(person, place)).next().is_none() {
            return Ok(());
        }
        self.commit_read(Read { person, one: None, up_to: Some(place) }).await
    }

    async fn commit_read(&self, read: Read) -> Result<(), Error> {
        self.journal.commit_durably(Draft::new("inbox.read", read.person, &read)?).await?;
        Ok(())
    }
}

/// The draft of a fact (an object) that tells somebody something.
pub fn tell(draft: Draft, tells: &[Told]) -> Result<Draft, journal::Error> {
    if tells.is_empty() { Ok(draft) } else { draft.with(MEMBER, &tells) }
}

/// Makes the rows of what this entry's fact tells: notices, and what is to be sent.
pub fn project(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Telling { tells } = projection.fact()?;
    let (index, at) = (projection.index, projection.entry.at);
    for (number, Told { event, to }) in tells.into_iter().enumerate() {
        let number = u16::try_from(number).map_err(|_| journal::Error::TooLarge)?;
        let notice = Notice { place: Place { index, number }, at, event, read_at: None };
        for person in to {
            let row_key = key(person, notice.place);
            projection.put(&NOTICES, &row_key, &notice)?;
            projection.put(&UNREAD, &row_key, &())?;
            if let Some(dossier) = notice.event.dossier {
                projection.put(&OF_DOSSIER, &[dossier.as_bytes().as_slice(), &row_key].concat(), &person)?;
            }
        }
        outbox::enqueue_webhooks(projection, &notice)?;
    }
    Ok(())
}

/// Takes away all that speaks of a dossier: it is sealed.
pub fn forget(projection: &mut Projection<'_>, dossier: DossierId) -> Result<(), journal::Error> {
    for (place, _) in projection.scan(&OF_DOSSIER, dossier.as_bytes())? {
        let row_key = place.get(DossierId::LEN..).unwrap_or_default().to_vec();
        projection.delete(&NOTICES, &row_key);
        projection.delete(&UNREAD, &row_key);
        projection.delete(&OF_DOSSIER, &place);
    }
    outbox::forget(projection, dossier)
}

fn project_read(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Read { person, one, up_to } = projection.fact()?;
    let one = one.map(|place| key(person, place));
    let mut read: Vec<Vec<u8>> = one.into_iter().collect();
    if let Some(place) = up_to {
        let newest = key(person, place);
        let unread = projection.scan(&UNREAD, person.as_bytes())?;
        read.extend(unread.into_iter().map(|(row_key, ())| row_key).filter(|row_key| *row_key >= newest));
    }
    let at = projection.entry.at;
    for row_key in read {
        // A notice of a dossier that is sealed since is not there.
        let Some(notice) = projection.get(&NOTICES, &row_key)? else { continue };
        projection.delete(&UNREAD, &row_key);
        let read_at = notice.read_at.or(Some(at));
        projection.put(&NOTICES, &row_key, &Notice { read_at, ..notice })?;
    }
    Ok(())
}

/// Where a person's notice is: the newer, the earlier.
fn key(person: PersonId, place: Place) -> Vec<u8> {
    [person.as_bytes().as_slice(), &(!place.index).to_be_bytes(), &(!place.number).to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::{Place, key};
    use crate::domain::{PersonId, RawId};

    #[test]
    fn newer_notices_come_first() {
        let person = PersonId::from(RawId::from_bytes([1; 16]));
        let places = [(0, 0), (0, 1), (1, 0), (255, 0), (256, 0), (u64::MAX, 3)];
        let keys = places.map(|(index, number)| key(person, Place { index, number }));
        assert!(keys.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
