//! The rows of cases and how facts become them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{book, forms, notices as time, review};
use crate::delegations::ActingFor;
use crate::domain::{CaseId, DossierId, PersonId};
use crate::dossiers::{self, Grant};
use crate::journal::{self, Facts, Projection};
use crate::notices;
use crate::penalties::Penalty;
use crate::queue::{self, Job};
use crate::records::{self, Records, Table};
use crate::workflow::{Attached, Case, Definition, Effect, Input, NoticeKind};

pub(super) const CASES: Table<Case> = Table::new("cases");
/// Cases that are not in a final state.
const OPEN: Table<DossierId> = Table::new("cases.open");
/// Cases by dossier: dossier, case.
const OF_DOSSIER: Table<CaseId> = Table::new("cases.of");
/// What happened: case, sequence (4 bytes, big-endian); what the clock said after that has 4 bytes more, its number.
pub(super) const HISTORY: Table<HistoryItem> = Table::new("cases.history");
pub(super) const CLAIMS: Table<Claim> = Table::new("cases.claims");

pub(super) const FACTS: Facts = &[
    ("case.started", project_started),
    ("case.acted", project_acted),
    ("case.attached", project_attached),
    ("case.migrated", project_migrated),
    ("case.claimed", project_claimed),
    ("case.released", project_released),
    ("case.reminded", time::project_reminded),
    ("deadlines.recomputed", time::project_recomputed),
    ("penalty.reversed", book::project_reversed),
    ("penalty.appealed", book::project_appealed),
    ("penalties.exported", project_nothing),
    ("case.form_made", forms::project_made),
    ("case.form_signed", forms::project_signed),
    ("case.custody", forms::project_custody),
    ("case.reviewed", review::project_reviewed),
];

/// Who works on a case, for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Until when; after that the claim is void.
    pub until: Timestamp,
    /// Whose claim it took the place of while that still held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<TakenFrom>,
}

/// Somebody whose claim was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenFrom {
    /// Who.
    pub person: PersonId,
    /// Their name.
    pub name: String,
}

/// One thing that happened to a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryItem {
    /// Its number within the case, from 1; the case's version after it.
    pub seq: u32,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: PersonId,
    /// Their name at that time.
    pub by_name: String,
    /// For whom, if it was done by a deputy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting_for: Option<ActingFor>,
    /// What: an action of the definition, `start` or `migrate`.
    pub action: String,
    /// The state before.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// The attempt after.
    pub attempt: u32,
    /// What was said with it.
    pub input: Input,
    /// What the workflow ordered because of it.
    pub effects: Vec<Effect>,
    /// The versions, if the case was moved from one to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    /// What the clock said, if it was the clock and the case stayed where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clocked: Option<Clocked>,
}

/// From which version of its definition to which a case was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The reference of the definition before.
    pub from: String,
    /// The reference of the definition after.
    pub to: String,
}

/// What the clock did to a case without moving it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clocked {
    /// It warned or reminded.
    Notice {
        /// Which of them.
        kind: NoticeKind,
        /// Of which deadline.
        deadline: Timestamp,
    },
    /// The calendar was changed, and the time counted anew.
    Recount {
        /// The deadline until then.
        from: Option<Timestamp>,
        /// The deadline from then on.
        to: Option<Timestamp>,
    },
}

/// What was written on a case, to be searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The number of the event.
    pub seq: u32,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Started {
    pub(super) case: Case,
    pub(super) by_name: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Acted {
    /// The case after the action.
    pub(super) case: Case,
    pub(super) from: String,
    pub(super) action: String,
    pub(super) by_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acting_for: Option<ActingFor>,
    pub(super) input: Input,
    pub(super) effects: Vec<Effect>,
    /// The cases that the effects start, as they begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) started: Vec<Case>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Migrated {
    /// The case on the new version.
    pub(super) case: Case,
    /// The state before.
    pub(super) from: String,
    /// The reference of the definition before.
    pub(super) left: String,
    pub(super) by_name: String,
}

/// The case of this id in these records.
pub fn get(records: &Records, id: CaseId) -> Result<Option<Case>, records::Error> {
    records.get(&CASES, id.as_bytes())
}

/// The claim on a case that holds now.
pub fn claim(records: &Records, id: CaseId, now: Timestamp) -> Result<Option<Claim>, records::Error> {
    Ok(records.get(&CLAIMS, id.as_bytes())?.filter(|claim| claim.until > now))
}

/// What happened to a case, in order.
pub fn history(records: &Records, id: CaseId) -> Result<Vec<HistoryItem>, records::Error> {
    records.scan(&HISTORY, id.as_bytes()).map(|row| row.map(|(_, item)| item)).collect()
}

/// The notes of a case, in order.
pub fn notes(records: &Records, id: CaseId) -> Result<Vec<Note>, records::Error> {
    let note = |item: HistoryItem| item.input.note.map(|text| Note { seq: item.seq, at: item.at, text });
    Ok(history(records, id)?.into_iter().filter_map(note).collect())
}

/// The roles that may take a line of this case's penalties back. A line that does not name its rule is looked for in the
/// case's history: the rule is the one that its action orders.
pub fn reversed_by(
    records: &Records,
    definition: &Definition,
    line: &Penalty,
) -> Result<Vec<String>, records::Error> {
    if !line.rule.is_empty() {
        return Ok(definition.reversed_by(&line.rule).to_vec());
    }
    let booked = |effect: &Effect| matches!(effect, Effect::Penalise(booked) if booked.id == line.id);
    let done = history(records, line.case)?.into_iter().find(|item| item.effects.iter().any(booked));
    let place = line.id.rsplit('-').next().and_then(|place| place.parse().ok());
    let rule = done.zip(place).and_then(|(done, place)| {
        definition.penalty_ordered(done.from.as_deref()?, &done.action, place).map(str::to_owned)
    });
    Ok(rule.map(|rule| definition.reversed_by(&rule).to_vec()).unwrap_or_default())
}

/// The cases of a dossier.
pub fn of_dossier(records: &Records, dossier: DossierId) -> Result<Vec<Case>, records::Error> {
    let ids = records.scan(&OF_DOSSIER, dossier.as_bytes()).map(|row| row.map(|(_, id)| id));
    let ids: Vec<CaseId> = ids.collect::<Result<_, _>>()?;
    Ok(ids
        .into_iter()
        .map(|id| records.get(&CASES, id.as_bytes()))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// How many cases there are, by workflow and state.
pub fn by_state(records: &Records) -> Result<BTreeMap<String, BTreeMap<String, u64>>, records::Error> {
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for row in records.scan(&CASES, b"") {
        let (_, case) = row?;
        *counts.entry(case.workflow).or_default().entry(case.state).or_default() += 1;
    }
    Ok(counts)
}

/// The cases that are not in a final state.
pub fn open_cases(records: &Records) -> Result<Vec<Case>, records::Error> {
    let keys: Vec<Vec<u8>> =
        records.scan(&OPEN, b"").map(|row| row.map(|(key, _)| key)).collect::<Result<_, _>>()?;
    let cases: Result<Vec<Option<Case>>, _> = keys.iter().map(|key| records.get(&CASES, key)).collect();
    Ok(cases?.into_iter().flatten().collect())
}

/// Takes all rows of a dossier's cases away: the dossier is sealed. What they cost the advisers stays in the ledger.
pub fn forget(projection: &mut Projection<'_>, dossier: DossierId) -> Result<(), journal::Error> {
    notices::forget(projection, dossier)?;
    for (place, id) in projection.scan(&OF_DOSSIER, dossier.as_bytes())? {
        for (item, _) in projection.scan(&HISTORY, id.as_bytes())? {
            projection.delete(&HISTORY, &item);
        }
        projection.delete(&OF_DOSSIER, &place);
        projection.delete(&CASES, id.as_bytes());
        projection.delete(&OPEN, id.as_bytes());
        projection.delete(&CLAIMS, id.as_bytes());
        queue::remove(projection.batch(), &Job::IndexCase { case: id });
        forms::forget(projection, id)?;
        review::forget(projection, id);
    }
    Ok(())
}

fn project_started(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Started { case, by_name } = projection.fact()?;
    notices::project(projection)?;
    begin(projection, &case, by_name)
}

fn begin(projection: &mut Projection<'_>, case: &Case, by_name: String) -> Result<(), journal::Error> {
    let of = [case.dossier.as_bytes().as_slice(), case.id.as_bytes()].concat();
    projection.put(&OF_DOSSIER, &of, &case.id)?;
    projection.put(&OPEN, case.id.as_bytes(), &case.dossier)?;
    let (action, to) = ("start".to_owned(), case.state.clone());
    let (input, effects) = (Input::default(), Vec::new());
    let (at, by) = (projection.entry.at, projection.entry.actor);
    let item = HistoryItem {
        seq: 1,
        at,
        by,
        by_name,
        acting_for: None,
        action,
        from: None,
        to,
        attempt: case.attempt,
        input,
        effects,
        moved: None,
        clocked: None,
    };
    write(projection, case, &item)
}

fn project_acted(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Acted { case, from, action, by_name, acting_for, input, effects, started } = projection.fact()?;
    notices::project(projection)?;
    if case.is_final {
        projection.delete(&OPEN, case.id.as_bytes());
        projection.delete(&CLAIMS, case.id.as_bytes());
    } else if case.state != from {
        projection.delete(&CLAIMS, case.id.as_bytes());
    }
    for effect in &effects {
        carry_out(projection, &case, effect)?;
    }
    for case in &started {
        begin(projection, case, by_name.clone())?;
    }
    if input.note.is_some() {
        let due = projection.entry.at;
        queue::enqueue(projection.batch(), &Job::IndexCase { case: case.id }, due)?;
    }
    let (at, by, to) = (projection.entry.at, projection.entry.actor, case.state.clone());
    let seq = u32::try_from(case.version).map_err(|_| journal::Error::TooLarge)?;
    forms::order(projection, &case, seq, &effects)?;
    let (attempt, clocked) = (case.attempt, None);
    let item = HistoryItem {
        seq,
        at,
        by,
        by_name,
        acting_for,
        action,
        from: Some(from),
        to,
        attempt,
        input,
        effects,
        moved: None,
        clocked,
    };
    write(projection, &case, &item)
}

fn project_migrated(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Migrated { case, from, left, by_name } = projection.fact()?;
    if case.state != from {
        projection.delete(&CLAIMS, case.id.as_bytes());
    }
    let (at, by) = (projection.entry.at, projection.entry.actor);
    let item = HistoryItem {
        seq: u32::try_from(case.version).map_err(|_| journal::Error::TooLarge)?,
        at,
        by,
        by_name,
        acting_for: None,
        action: "migrate".to_owned(),
        from: Some(from),
        to: case.state.clone(),
        attempt: case.attempt,
        input: Input::default(),
        effects: Vec::new(),
        moved: Some(Moved { from: left, to: case.definition.clone() }),
        clocked: None,
    };
    write(projection, &case, &item)
}

/// Does what an effect orders. All of it is rows of the entry that orders it, so that none is lost or done twice; what
/// cannot be rows is a job, called for by the same entry.
fn carry_out(projection: &mut Projection<'_>, case: &Case, effect: &Effect) -> Result<(), journal::Error> {
    match effect {
        Effect::Penalise(penalty) => book::enter(projection, penalty),
        Effect::Set { facts, .. } => dossiers::set_facts(projection, case.dossier, facts),
        Effect::Reassign { person, .. } => dossiers::reassign(projection, case.dossier, person.id),
        Effect::Revoke { .. } => dossiers::end_of_case(projection, case.dossier, case.id),
        Effect::Grant { id, person, purpose, until, watermark } => {
            let grant = Grant {
                id: id.clone(),
                dossier: case.dossier,
                case: case.id,
                person: person.id,
                person_name: person.name.clone(),
                purpose: purpose.clone(),
                from: projection.entry.at,
                until: *until,
                watermark: *watermark,
            };
            dossiers::grant(projection, &grant)
        }
        Effect::Seal { .. } => {
            let (job, due) = (Job::SealDossier { dossier: case.dossier, case: case.id }, projection.entry.at);
            Ok(queue::enqueue(projection.batch(), &job, due)?)
        }
        // The cases that are started stand in the same entry; the rest is history, and needs no rows.
        Effect::Start { .. }
        | Effect::Fix { .. }
        | Effect::Form { .. }
        | Effect::Notify { .. }
        | Effect::Archive { .. }
        | Effect::Retain { .. }
        | Effect::Order { .. } => Ok(()),
    }
}

fn write(projection: &mut Projection<'_>, case: &Case, item: &HistoryItem) -> Result<(), journal::Error> {
    let place = [case.id.as_bytes().as_slice(), &item.seq.to_be_bytes()].concat();
    projection.put(&HISTORY, &place, item)?;
    projection.put(&CASES, case.id.as_bytes(), case)
}

fn project_attached(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let attached: Attached = projection.fact()?;
    let id = projection.entry.case.ok_or(journal::Error::Corrupt)?;
    let mut case = projection.get(&CASES, id.as_bytes())?.ok_or(journal::Error::Corrupt)?;
    case.documents.push(attached);
    projection.put(&CASES, id.as_bytes(), &case)
}

fn project_claimed(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let claim: Claim = projection.fact()?;
    let id = projection.entry.case.ok_or(journal::Error::Corrupt)?;
    projection.put(&CLAIMS, id.as_bytes(), &claim)
}

fn project_nothing(_: &mut Projection<'_>) -> Result<(), journal::Error> {
    Ok(())
}

fn project_released(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let id = projection.entry.case.ok_or(journal::Error::Corrupt)?;
    projection.delete(&CLAIMS, id.as_bytes());
    Ok(())
}
