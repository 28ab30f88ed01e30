//! The papers that the workflow orders: their numbers, and what became of them. And who holds a case's papers.
//!
//! A number is given in the commit of the action that orders the form, on the condition that the last number of its
//! series is still the last one: so there is none twice and none left out, and a replay gives the same. The PDF is made
//! later, and noted here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{CaseId, DocumentId, business_date};
use crate::journal::{self, Projection};
use crate::queue::{self, Job};
use crate::records::{self, Batch, Records, Table};
use crate::workflow::{Case, Channel, Definition, Effect};

/// Ordered forms: case, number of the event (4 bytes, big-endian), place among its effects (1 byte).
const FORMS: Table<OrderedForm> = Table::new("cases.forms");
/// Those of them that are not made yet, under the same keys.
const WAITING: Table<CaseId> = Table::new("cases.forms_waiting");
/// The last number of a series and year, by `JJ-2026`.
const NUMBERS: Table<u32> = Table::new("cases.form_numbers");
/// Who had a case's papers: case, log index (8 bytes, big-endian).
const CUSTODY: Table<Custody> = Table::new("cases.custody");

/// Which form of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FormPlace {
    /// The number of the event that ordered it.
    pub seq: u32,
    /// Its place among the effects of that event.
    pub place: u8,
}

/// A form that was ordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderedForm {
    /// Which one it is.
    pub at: FormPlace,
    /// The effect that ordered it.
    pub effect: String,
    /// The form's name in the definition.
    pub form: String,
    /// Its number.
    pub number: String,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// The case as it was then.
    pub case: Case,
    /// The document that it became.
    pub made: Option<MadeForm>,
    /// The scan of it that came back signed.
    pub signed: Option<DocumentId>,
}

/// A form that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeForm {
    /// The document.
    pub document: DocumentId,
    /// When.
    pub at: Timestamp,
}

/// The fact that a form was made, or that it came back signed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fulfilled {
    pub(super) at: FormPlace,
    pub(super) document: DocumentId,
}

/// Somebody has a case's papers from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// Who has them.
    pub holder: String,
    /// By which way they came.
    pub channel: Channel,
    /// Who carried them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Where they lie: box, folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Since when.
    pub at: Timestamp,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who noted it, by name.
    pub by_name: String,
}

/// The forms of a case, in the order in which they were ordered.
pub fn of_case(records: &Records, case: CaseId) -> Result<Vec<OrderedForm>, records::Error> {
    records.scan(&FORMS, case.as_bytes()).map(|row| row.map(|(_, form)| form)).collect()
}

/// Calls for the forms that are not made and that no job waits for; tells how many they are.
pub fn call_for_forms(records: &Records, now: Timestamp) -> Result<usize, records::Error> {
    let mut batch = Batch::new();
    let mut called = 0;
    for row in records.scan(&WAITING, b"") {
        let (place, case) = row?;
        let Some(form) = records.get(&FORMS, &place)? else { continue };
        let job = job(case, form.at);
        if !queue::waits(records, &job)? {
            queue::enqueue(&mut batch, &job, now)?;
            called += 1;
        }
    }
    if called > 0 {
        records.commit(batch)?;
    }
    Ok(called)
}

/// One form of a case.
pub fn get(records: &Records, case: CaseId, at: FormPlace) -> Result<Option<OrderedForm>, records::Error> {
    records.get(&FORMS, &key(case, at))
}

/// Who had a case's papers, in the order in which it was noted.
pub fn custody(records: &Records, case: CaseId) -> Result<Vec<Custody>, records::Error> {
    records.scan(&CUSTODY, case.as_bytes()).map(|row| row.map(|(_, held)| held)).collect()
}

/// The precondition that nothing happened to the form meanwhile.
pub(super) fn unchanged(form: &OrderedForm) -> Result<Batch, records::Error> {
    let mut expected = Batch::new();
    expected.expect(&FORMS, &key(form.case.id, form.at), form)?;
    Ok(expected)
}

/// Gives the next numbers to the forms among these effects; `expected` gets the condition that they still are the next.
pub(super) fn number(
    records: &Records,
    definition: &Definition,
    at: Timestamp,
    effects: &mut [Effect],
    expected: &mut Batch,
) -> Result<(), records::Error> {
    let mut last: BTreeMap<String, u32> = BTreeMap::new();
    for effect in effects {
        let Effect::Form { form, number, .. } = effect else { continue };
        let Some(prefix) = definition.form_series(form) else { continue };
        let series = format!("{prefix}-{:04}", business_date(at).year());
        let before = match last.get(&series) {
            Some(before) => *before,
            None => {
                let row = records.get(&NUMBERS, series.as_bytes())?;
                match &row {
                    Some(row) => expected.expect(&NUMBERS, series.as_bytes(), row)?,
                    None => expected.expect_absent(&NUMBERS, series.as_bytes()),
                }
                row.unwrap_or_default()
            }
        };
        let next = before.saturating_add(1);
        *number = Some(format!("{series}-{next:06}"));
        last.insert(series, next);
    }
    Ok(())
}

/// The last number of each series that forms of these cases have: it outlives a sealed dossier, so that none is given twice.
pub fn numbers_of(records: &Records, cases: &[CaseId]) -> Result<BTreeMap<String, u32>, records::Error> {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for case in cases {
        for form in of_case(records, *case)? {
            let Some((series, number)) = parts(&form.number) else { continue };
            let last = numbers.entry(series.to_owned()).or_default();
            *last = number.max(*last);
        }
    }
    Ok(numbers)
}

/// Keeps the numbers of a sealed dossier's forms, where its facts cannot be read.
pub fn keep_numbers(
    projection: &mut Projection<'_>,
    numbers: &BTreeMap<String, u32>,
) -> Result<(), journal::Error> {
    numbers.iter().try_for_each(|(series, number)| raise(projection, series, *number))
}

fn raise(projection: &mut Projection<'_>, series: &str, number: u32) -> Result<(), journal::Error> {
    let last = projection.get(&NUMBERS, series.as_bytes())?.unwrap_or_default();
    projection.put(&NUMBERS, series.as_bytes(), &number.max(last))
}

/// `JJ-2026-000012` is number 12 of the series `JJ-2026`.
fn parts(number: &str) -> Option<(&str, u32)> {
    let (series, number) = number.rsplit_once('-')?;
    Some((series, number.parse().ok()?))
}

/// The forms among the effects of an event are ordered.
pub(super) fn order(
    projection: &mut Projection<'_>,
    case: &Case,
    seq: u32,
    effects: &[Effect],
) -> Result<(), journal::Error> {
    let due = projection.entry.at;
    for (place, effect) in effects.iter().enumerate() {
        let Effect::Form { id, form, number: Some(number) } = effect else { continue };
        let place = u8::try_from(place).map_err(|_| journal::Error::TooLarge)?;
        let (at, form, number) = (FormPlace { seq, place }, form.clone(), number.clone());
        if let Some((series, number)) = parts(&number) {
            raise(projection, series, number)?;
        }
        let ordered = OrderedForm {
            at,
            effect: id.clone(),
            form,
            number,
            ordered_at: due,
            case: case.clone(),
            made: None,
            signed: None,
        };
        projection.put(&FORMS, &key(case.id, at), &ordered)?;
        projection.put(&WAITING, &key(case.id, at), &case.id)?;
        queue::enqueue(projection.batch(), &job(case.id, at), due)?;
    }
    Ok(())
}

pub(super) fn project_made(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let made_at = projection.entry.at;
    let (mut form, document) = fulfilled(projection)?;
    form.made = Some(MadeForm { document, at: made_at });
    projection.delete(&WAITING, &key(form.case.id, form.at));
    queue::remove(projection.batch(), &job(form.case.id, form.at));
    projection.put(&FORMS, &key(form.case.id, form.at), &form)
}

pub(super) fn project_signed(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let (mut form, document) = fulfilled(projection)?;
    form.signed = Some(document);
    projection.put(&FORMS, &key(form.case.id, form.at), &form)
}

fn fulfilled(projection: &mut Projection<'_>) -> Result<(OrderedForm, DocumentId), journal::Error> {
    let Fulfilled { at, document } = projection.fact()?;
    let case = projection.entry.case.ok_or(journal::Error::Corrupt)?;
    let form = projection.get(&FORMS, &key(case, at))?.ok_or(journal::Error::Corrupt)?;
    Ok((form, document))
}

pub(super) fn project_custody(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let held: Custody = projection.fact()?;
    let case = projection.entry.case.ok_or(journal::Error::Corrupt)?;
    let place = [case.as_bytes().as_slice(), &projection.index.to_be_bytes()].concat();
    projection.put(&CUSTODY, &place, &held)
}

/// Takes the rows of a case's forms and papers away. The numbers stay given.
pub(super) fn forget(projection: &mut Projection<'_>, case: CaseId) -> Result<(), journal::Error> {
    for (place, form) in projection.scan(&FORMS, case.as_bytes())? {
        projection.delete(&FORMS, &place);
        projection.delete(&WAITING, &place);
        queue::remove(projection.batch(), &job(case, form.at));
    }
    for (place, _) in projection.scan(&CUSTODY, case.as_bytes())? {
        projection.delete(&CUSTODY, &place);
    }
    Ok(())
}

/// The job that makes a form.
fn job(case: CaseId, at: FormPlace) -> Job {
    Job::MakeForm { case, at: (at.seq, at.place) }
}

fn key(case: CaseId, at: FormPlace) -> Vec<u8> {
    [case.as_bytes().as_slice(), &at.seq.to_be_bytes(), &[at.place]].concat()
}
