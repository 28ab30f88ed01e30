//! Deputies: whoever holds a role by right may name somebody who holds it, too, on certain days.
//!
//! Layer 4. Days are days of [`BUSINESS_ZONE`](crate::domain::BUSINESS_ZONE). A deputy's deeds are their own, noted as
//! done for whoever named them; a deputy cannot name another. Who is disabled or has lost the role has no deputy.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::domain::{Actor, DelegationId, PersonId, Role, business_date};
use crate::journal::{self, Draft, Facts, Journal, Projection};
use crate::notices::{self, Event, Kind, Told};
use crate::people::{self, People};
use crate::records::{self, Batch, Records, Table};

/// Delegations: the deputy, then the delegation.
const DELEGATIONS: Table<Delegation> = Table::new("delegations");

/// The kinds of facts of this module.
pub const FACTS: Facts = &[("role.delegated", project_delegated), ("delegation.ended", project_ended)];

/// How many days a deputy may be named for at once.
const LONGEST_DAYS: i64 = 366;
/// How long a reason may be, in characters.
const LONGEST_REASON: usize = 1000;

/// Somebody holds somebody else's role on certain days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Its id.
    pub id: DelegationId,
    /// Which role.
    pub role: Role,
    /// Whose role it is.
    pub of: PersonId,
    /// Their name at that time.
    pub of_name: String,
    /// The deputy.
    pub to: PersonId,
    /// Their name at that time.
    pub to_name: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// Why.
    pub reason: String,
    /// When the deputy was named.
    pub made_at: Timestamp,
    /// When it was ended before its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Delegation {
    /// Whether the deputy holds the role on this day, if whoever named them still does.
    pub fn is_on(&self, day: Date) -> bool {
        self.ended_at.is_none() && self.from <= day && day <= self.until
    }
}

/// For whom, and by which of their roles, a deputy acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActingFor {
    /// Who.
    pub person: PersonId,
    /// Their name at that time.
    pub name: String,
    /// Which role.
    pub role: Role,
}

/// What is wanted: who, which role, which days, why.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The role.
    pub role: &'a str,
    /// The deputy's name.
    pub to: &'a str,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// Why.
    pub reason: &'a str,
}

/// What went wrong, by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller does not hold the role by right.
    #[error("only who holds the role by right can name a deputy")]
    NotHeld {
        /// Which role.
        role: String,
    },
    /// The deputy cannot be one: nobody of this name, disabled, the caller, or a holder already.
    #[error("this person cannot be a deputy")]
    NoDeputy,
    /// The days are in the past, in the wrong order, or too many.
    #[error("the days cannot be used: at most {longest}, none of them over")]
    BadDays {
        /// The most days.
        longest: i64,
    },
    /// No reason was given, or one that is too long.
    #[error("a reason is needed")]
    NoReason,
    /// There is no such delegation, or it is over.
    #[error("there is no such delegation")]
    Unknown,
    /// It is not the caller's to end.
    #[error("the delegation is somebody else's")]
    NotPermitted,
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
    /// The people.
    #[error(transparent)]
    People(#[from] people::Error),
}

/// The delegations of an archive.
#[derive(Clone)]
pub struct Delegations {
    records: Records,
    journal: Journal,
    people: People,
    clock: Clock,
}

impl Delegations {
    /// The delegations in these records.
    pub fn new(records: Records, journal: Journal, people: People, clock: Clock) -> Self {
        Self { records, journal, people, clock }
    }

    /// Names a deputy for a role that `by` holds by right.
    pub async fn name(&self, by: PersonId, wanted: Wanted<'_>) -> Result<Delegation, Error> {
        let role = Role::new(wanted.role);
        let holder = self.people.get(by)?.filter(|person| !person.disabled && person.roles.contains(&role));
        // What the engine's own role may do is not a matter of days.
        let holder = holder.filter(|_| wanted.role != Role::ADMIN);
        let holder = holder.ok_or_else(|| Error::NotHeld { role: wanted.role.to_owned() })?;
        let deputy = self.people.by_name(wanted.to)?.filter(|person| !person.disabled);
        let deputy = deputy.filter(|person| person.id != by && !person.roles.contains(&role));
        let deputy = deputy.ok_or(Error::NoDeputy)?;
        let now = self.clock.now();
        let latest = wanted.from.checked_add((LONGEST_DAYS - 1).days()).unwrap_or(Date::MAX);
        if wanted.until < wanted.from || wanted.until > latest || wanted.until < business_date(now) {
            return Err(Error::BadDays { longest: LONGEST_DAYS });
        }
        let reason = wanted.reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(Error::NoReason);
        }
        let delegation = Delegation {
            id: self.clock.new_id(),
            role,
            of: by,
            of_name: holder.name,
            to: deputy.id,
            to_name: deputy.name,
            from: wanted.from,
            until: wanted.until,
            reason: reason.to_owned(),
            made_at: now,
            ended_at: None,
        };
        let draft = Draft::new("role.delegated", by, &delegation)?;
        let told = Told { event: event(Kind::RoleDelegated, &delegation, by), to: vec![delegation.to] };
        self.journal.commit_durably(notices::tell(draft, &[told])?).await?;
        Ok(delegation)
    }

    /// Ends a delegation before its last day: from when this returns the deputy does not hold the role. Only who named
    /// the deputy can, and the deputy.
    pub async fn end(&self, by: PersonId, id: DelegationId) -> Result<(), Error> {
        let found = all(&self.records)?.into_iter().find(|delegation| delegation.id == id);
        let found = found.ok_or(Error::Unknown)?;
        if found.of != by && found.to != by {
            return Err(Error::NotPermitted);
        }
        if found.ended_at.is_some() || found.until < business_date(self.clock.now()) {
            return Err(Error::Unknown);
        }
        let mut expected = Batch::new();
        expected.expect(&DELEGATIONS, &place(&found), &found)?;
        let draft = Draft::new("delegation.ended", by, &found)?.expecting(expected);
        let other = if by == found.of { found.to } else { found.of };
        let told = Told { event: event(Kind::DelegationEnded, &found, by), to: vec![other] };
        self.journal.commit_durably(notices::tell(draft, &[told])?).await?;
        Ok(())
    }
}

/// What is told of a delegation, of which `by` is one side.
fn event(kind: Kind, delegation: &Delegation, by: PersonId) -> Event {
    Event {
        delegation: Some(delegation.id),
        role: Some(delegation.role.as_str().to_owned()),
        first_day: Some(delegation.from),
        last_day: Some(delegation.until),
        person: Some(by),
        ..Event::new(kind)
    }
}

/// All delegations, the latest first.
pub fn all(records: &Records) -> Result<Vec<Delegation>, records::Error> {
    let rows = records.scan(&DELEGATIONS, b"").map(|row| row.map(|(_, delegation)| delegation));
    let mut all = rows.collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| b.made_at.cmp(&a.made_at).then_with(|| a.id.cmp(&b.id)));
    Ok(all)
}

/// What somebody is a deputy for at this instant.
pub fn held(records: &Records, deputy: PersonId, now: Timestamp) -> Result<Vec<Delegation>, records::Error> {
    let today = business_date(now);
    let mut held = Vec::new();
    for row in records.scan(&DELEGATIONS, deputy.as_bytes()) {
        let (_, delegation) = row?;
        if !delegation.is_on(today) {
            continue;
        }
        let holder = people::person(records, delegation.of)?;
        if holder.is_some_and(|person| !person.disabled && person.roles.contains(&delegation.role)) {
            held.push(delegation);
        }
    }
    Ok(held)
}

/// For whom the actor acts who needs one of these roles: nobody, if they hold one by right.
pub fn acting_for(
    records: &Records,
    actor: &Actor,
    needed: &[String],
    now: Timestamp,
) -> Result<Option<ActingFor>, records::Error> {
    let Some(person) = people::person(records, actor.id)? else { return Ok(None) };
    let needs = |role: &Role| needed.iter().any(|needed| needed == role.as_str());
    if person.roles.iter().any(needs) {
        return Ok(None);
    }
    let held = held(records, actor.id, now)?.into_iter().find(|delegation| needs(&delegation.role));
    Ok(held.map(|held| ActingFor { person: held.of, name: held.of_name, role: held.role }))
}

fn place(delegation: &Delegation) -> Vec<u8> {
    [delegation.to.as_bytes().as_slice(), delegation.id.as_bytes()].concat()
}

fn project_delegated(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let delegation: Delegation = projection.fact()?;
    notices::project(projection)?;
    projection.put(&DELEGATIONS, &place(&delegation), &delegation)
}

fn project_ended(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let delegation: Delegation = projection.fact()?;
    notices::project(projection)?;
    let ended = Delegation { ended_at: Some(projection.entry.at), ..delegation };
    projection.put(&DELEGATIONS, &place(&ended), &ended)
}
