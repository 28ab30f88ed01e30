//! Calendar feeds: a secret address for each person who wants one. Calendar programs cannot sign in, so whoever knows the
//! address reads what its person may see of deadlines; it is kept as a digest, can be made anew and taken back.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Error, Notices};
use crate::domain::{PersonId, Sha256Digest};
use crate::journal::{self, Draft, Projection};
use crate::records::Table;

/// Whose feed it is, by the SHA-256 of the secret.
const FEEDS: Table<PersonId> = Table::new("calendars");
/// Feeds by person.
const FEED_OF: Table<Feed> = Table::new("calendars.of");

/// Somebody's calendar feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    person: PersonId,
    secret: Sha256Digest,
    /// Since when its address is this one.
    pub made_at: Timestamp,
}

impl Notices {
    /// Somebody's feed, if they have one.
    pub fn feed(&self, person: PersonId) -> Result<Option<Feed>, Error> {
        Ok(self.records.get(&FEED_OF, person.as_bytes())?)
    }

    /// Whose feed has this secret.
    pub fn person_of_feed(&self, secret: &str) -> Result<Option<PersonId>, Error> {
        Ok(self.records.get(&FEEDS, Sha256Digest::of(secret.as_bytes()).as_bytes())?)
    }

    /// Makes the secret of somebody's feed, shown only now; the former one no longer opens anything.
    pub async fn make_feed(&self, person: PersonId) -> Result<Zeroizing<String>, Error> {
        let secret = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.clock.random_bytes::<32>()));
        let digest = Sha256Digest::of(secret.as_bytes());
        let feed = Feed { person, secret: digest, made_at: self.clock.now() };
        self.journal.commit_durably(Draft::new("calendar.made", person, &feed)?).await?;
        Ok(secret)
    }

    /// Takes somebody's feed back. When this returns, its address opens nothing.
    pub async fn end_feed(&self, person: PersonId) -> Result<(), Error> {
        if self.feed(person)?.is_some() {
            self.journal.commit_durably(Draft::new("calendar.ended", person, &person)?).await?;
        }
        Ok(())
    }
}

pub(super) fn project_made(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let feed: Feed = projection.fact()?;
    end(projection, feed.person)?;
    projection.put(&FEEDS, feed.secret.as_bytes(), &feed.person)?;
    projection.put(&FEED_OF, feed.person.as_bytes(), &feed)
}

pub(super) fn project_ended(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let person: PersonId = projection.fact()?;
    end(projection, person)
}

fn end(projection: &mut Projection<'_>, person: PersonId) -> Result<(), journal::Error> {
    if let Some(feed) = projection.get(&FEED_OF, person.as_bytes())? {
        projection.delete(&FEEDS, feed.secret.as_bytes());
        projection.delete(&FEED_OF, person.as_bytes());
    }
    Ok(())
}
