//! Grants: who may look at a dossier that is not theirs to see, for a time, and what for.
//!
//! Rows of the entry that gave them. A grant ends by itself: nothing has to happen for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::Granted;
use crate::domain::{CaseId, DossierId, PersonId};
use crate::journal::{self, Projection};
use crate::records::{self, Records, Table};

/// Grants: dossier, person, the id of the effect that gave it.
const GRANTS: Table<Grant> = Table::new("dossiers.grants");
/// The same by person: person, dossier, the id of the effect; until when.
const GRANTED: Table<Timestamp> = Table::new("dossiers.granted");

/// Somebody may look at a dossier for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The id of the effect that gave it.
    pub id: String,
    /// The dossier.
    pub dossier: DossierId,
    /// The case in which it was asked for.
    pub case: CaseId,
    /// Who may look.
    pub person: PersonId,
    /// Their name at that time.
    pub person_name: String,
    /// What for.
    pub purpose: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Whether what they look at is to bear a mark.
    pub watermark: bool,
}

/// The grants of a dossier, those that are over too.
pub fn grants_of(records: &Records, dossier: DossierId) -> Result<Vec<Grant>, records::Error> {
    records.scan(&GRANTS, dossier.as_bytes()).map(|row| row.map(|(_, grant)| grant)).collect()
}

/// All grants that are not over at `now`, those that end first in front.
pub fn running_grants(records: &Records, now: Timestamp) -> Result<Vec<Grant>, records::Error> {
    let mut running = Vec::new();
    for row in records.scan(&GRANTS, b"") {
        let (_, grant) = row?;
        if grant.until > now {
            running.push(grant);
        }
    }
    running.sort_by_key(|grant| grant.until);
    Ok(running)
}

/// What a person was granted of a dossier. A mark is asked for if every grant that holds asks for one.
pub(super) fn granted(
    records: &Records,
    dossier: DossierId,
    person: PersonId,
    now: Timestamp,
) -> Result<Granted, records::Error> {
    let mut granted = Granted::No;
    for row in records.scan(&GRANTS, &[dossier.as_bytes().as_slice(), person.as_bytes()].concat()) {
        let (_, grant) = row?;
        match grant.until > now {
            true if !grant.watermark => return Ok(Granted::Plain),
            true => granted = Granted::Marked,
            false => {}
        }
    }
    Ok(granted)
}

/// The dossiers that a person was granted to look at.
pub(super) fn granted_to(
    records: &Records,
    person: PersonId,
    now: Timestamp,
) -> Result<Vec<DossierId>, records::Error> {
    let mut dossiers = Vec::new();
    for row in records.scan(&GRANTED, person.as_bytes()) {
        let (place, until) = row?;
        let id: Option<[u8; 16]> = place.get(16..32).and_then(|id| id.try_into().ok());
        if let Some(id) = id.filter(|_| until > now) {
            dossiers.push(DossierId::from(crate::domain::RawId::from_bytes(id)));
        }
    }
    Ok(dossiers)
}

/// Gives a grant. The same grant twice is one grant.
pub fn grant(projection: &mut Projection<'_>, grant: &Grant) -> Result<(), journal::Error> {
    projection.put(&GRANTS, &place(grant.dossier.as_bytes(), grant.person.as_bytes(), &grant.id), grant)?;
    projection.put(
        &GRANTED,
        &place(grant.person.as_bytes(), grant.dossier.as_bytes(), &grant.id),
        &grant.until,
    )
}

/// Ends what a case has granted, now.
pub fn end_of_case(
    projection: &mut Projection<'_>,
    dossier: DossierId,
    case: CaseId,
) -> Result<(), journal::Error> {
    let now = projection.entry.at;
    for (_, found) in projection.scan(&GRANTS, dossier.as_bytes())? {
        if found.case == case && found.until > now {
            grant(projection, &Grant { until: now, ..found })?;
        }
    }
    Ok(())
}

/// Takes all rows of a dossier away: it is sealed.
pub(super) fn forget(projection: &mut Projection<'_>, dossier: DossierId) -> Result<(), journal::Error> {
    for (_, grant) in projection.scan(&GRANTS, dossier.as_bytes())? {
        projection.delete(&GRANTS, &place(dossier.as_bytes(), grant.person.as_bytes(), &grant.id));
        projection.delete(&GRANTED, &place(grant.person.as_bytes(), dossier.as_bytes(), &grant.id));
    }
    Ok(())
}

fn place(first: &[u8; 16], second: &[u8; 16], id: &str) -> Vec<u8> {
    [first.as_slice(), second, id.as_bytes()].concat()
}
