//! The penalty ledger's rows, and the counters that are derived from them: points by month and adviser.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ledger::{Appealed, Reversed};
use crate::domain::{CaseId, Month, PersonId};
use crate::journal::{self, Projection};
use crate::notices;
use crate::penalties::{Penalty, reversal_id};
use crate::records::{self, Batch, Records, Table};

/// Lines of the ledger: month (7 bytes), adviser, the line's id.
const PENALTIES: Table<Penalty> = Table::new("penalties");
/// Points by month (7 bytes) and adviser: the copy that is read; the ledger is the truth.
const TOTALS: Table<i64> = Table::new("penalties.totals");
/// Appeals, under the keys of their lines.
pub(super) const APPEALS: Table<Appeal> = Table::new("penalties.appeals");

/// Length of a month in a row's key.
const MONTH_LEN: usize = 7;

/// What the person who is charged says to a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appeal {
    /// What.
    pub note: String,
    /// Who, by name at that time.
    pub by_name: String,
    /// When.
    pub at: Timestamp,
}

/// A month of the ledger.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Its lines, in the order in which they were booked.
    pub entries: Vec<Penalty>,
    /// Points by adviser, by name.
    pub totals: BTreeMap<String, i64>,
    /// Appeals by the line's id.
    pub appeals: BTreeMap<String, Appeal>,
}

impl Account {
    /// The lines that were taken back. A counter-entry is in the month of its line, and of the same adviser.
    pub fn reversed(&self) -> BTreeSet<&str> {
        self.entries.iter().filter_map(|entry| entry.reverses.as_deref()).collect()
    }
}

/// The ledger, of one month or all, of one adviser or all.
pub fn account(
    records: &Records,
    month: Option<Month>,
    adviser: Option<PersonId>,
) -> Result<Account, records::Error> {
    let mut account = Account::default();
    let mut prefix = month.map(|month| month.to_string().into_bytes()).unwrap_or_default();
    if let (Some(_), Some(adviser)) = (month, adviser) {
        prefix.extend_from_slice(adviser.as_bytes());
    }
    let wanted = |id: PersonId| adviser.is_none_or(|adviser| adviser == id);
    let mut counted = BTreeMap::new();
    for row in records.scan(&PENALTIES, &prefix) {
        let (_, penalty) = row?;
        if wanted(penalty.adviser) {
            counted.insert((penalty.month, penalty.adviser), penalty.adviser_name.clone());
            if let Some(appeal) = records.get(&APPEALS, &place_of(&penalty))? {
                account.appeals.insert(penalty.id.clone(), appeal);
            }
            account.entries.push(penalty);
        }
    }
    for ((month, adviser), name) in counted {
        let points = records.get(&TOTALS, &place(month, adviser))?.unwrap_or_default();
        *account.totals.entry(name).or_default() += points;
    }
    account.entries.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
    Ok(account)
}

/// The line of this id.
pub fn line(records: &Records, id: &str) -> Result<Option<Penalty>, records::Error> {
    // Keys begin with month and adviser, which an id does not tell; a ledger has some thousand lines.
    let mut lines = records.scan(&PENALTIES, b"").map(|row| row.map(|(_, line)| line));
    lines.find(|line| line.as_ref().map_or(true, |line| line.id == id)).transpose()
}

/// The counter-entry to a line, if it was taken back.
pub(super) fn reversal(records: &Records, line: &Penalty) -> Result<Option<Penalty>, records::Error> {
    records.get(&PENALTIES, &reversal_place(line))
}

/// That the line is as it was read and was not taken back.
pub(super) fn expect_open(expected: &mut Batch, line: &Penalty) -> Result<(), records::Error> {
    expected.expect(&PENALTIES, &place_of(line), line)?;
    expected.expect_absent(&PENALTIES, &reversal_place(line));
    Ok(())
}

/// Points by month, of all advisers.
pub fn points_by_month(records: &Records) -> Result<BTreeMap<String, i64>, records::Error> {
    let mut points = BTreeMap::new();
    for row in records.scan(&TOTALS, b"") {
        let (place, total) = row?;
        let month = String::from_utf8_lossy(place.get(..MONTH_LEN).unwrap_or_default()).into_owned();
        *points.entry(month).or_default() += total;
    }
    Ok(points)
}

/// Books a line. The same line twice is one line.
pub(super) fn enter(projection: &mut Projection<'_>, penalty: &Penalty) -> Result<(), journal::Error> {
    let (place, line) = (place(penalty.month, penalty.adviser), place_of(penalty));
    if projection.get(&PENALTIES, &line)?.is_some() {
        return Ok(());
    }
    let points = projection.get(&TOTALS, &place)?.unwrap_or_default();
    projection.put(&PENALTIES, &line, penalty)?;
    projection.put(&TOTALS, &place, &(points + penalty.points))
}

/// The lines that cases of a sealed dossier have cost, as they outlive it: without what was written with them, which may
/// speak of the customer.
pub fn lines_of(records: &Records, cases: &[CaseId]) -> Result<Vec<Penalty>, records::Error> {
    let mut lines = Vec::new();
    for row in records.scan(&PENALTIES, b"") {
        let (_, line) = row?;
        if cases.contains(&line.case) {
            lines.push(Penalty { note: None, ..line });
        }
    }
    Ok(lines)
}

/// Keeps a line of a sealed dossier: it takes the place of the full one, or is booked where that could not be read. The
/// totals are the same in both.
pub fn keep(projection: &mut Projection<'_>, line: &Penalty) -> Result<(), journal::Error> {
    enter(projection, line)?;
    let place = place_of(line);
    projection.delete(&APPEALS, &place);
    projection.put(&PENALTIES, &place, line)
}

pub(super) fn project_reversed(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Reversed { entry, .. } = projection.fact()?;
    notices::project(projection)?;
    enter(projection, &entry)
}

pub(super) fn project_appealed(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let Appealed { line, month, adviser, appeal } = projection.fact()?;
    notices::project(projection)?;
    let place = [place(month, adviser).as_slice(), line.as_bytes()].concat();
    projection.put(&APPEALS, &place, &appeal)
}

/// The key of a line.
pub(super) fn place_of(line: &Penalty) -> Vec<u8> {
    [place(line.month, line.adviser).as_slice(), line.id.as_bytes()].concat()
}

fn reversal_place(line: &Penalty) -> Vec<u8> {
    [place(line.month, line.adviser).as_slice(), reversal_id(&line.id).as_bytes()].concat()
}

fn place(month: Month, adviser: PersonId) -> Vec<u8> {
    [month.to_string().as_bytes(), adviser.as_bytes()].concat()
}
