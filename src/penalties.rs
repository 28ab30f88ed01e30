//! The penalty ledger: who is charged how many points, for which case, in which month.
//!
//! Between a workflow's effects and the records that keep the lines. A line is never edited; a mistake is
//! answered by a counter-entry with an author and a reason of its own, and a total is always the sum of the lines.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Actor, CaseId, Month, PersonId};

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Penalty {
    /// Its name: the case, the case's version and the effect's position, so that it is booked once.
    pub id: String,
    /// Who is charged.
    pub adviser: PersonId,
    /// The name of who is charged.
    pub adviser_name: String,
    /// The case it comes from.
    pub case: CaseId,
    /// The attempt that failed.
    pub attempt: u32,
    /// How many contracts failed.
    pub contracts: u32,
    /// The points; negative in a counter-entry.
    pub points: i64,
    /// The month it is booked to.
    pub month: Month,
    /// Why: a reason of the definition, or a penalty's name, or the words of a counter-entry.
    pub reason: String,
    /// What was written with it.
    pub note: Option<String>,
    /// The line that a counter-entry takes back.
    pub reverses: Option<String>,
    /// When it was charged.
    pub at: Timestamp,
    /// Who charged it.
    pub by: PersonId,
}

/// The points of each person: the sum of their lines.
pub fn totals(lines: &[Penalty]) -> BTreeMap<PersonId, i64> {
    let mut totals = BTreeMap::new();
    for line in lines {
        let sum: &mut i64 = totals.entry(line.adviser).or_default();
        *sum = sum.saturating_add(line.points);
    }
    totals
}

/// The counter-entry that takes a line back. It is booked to the same month, so that the month's sum is right.
pub fn reverse(line: &Penalty, by: &Actor, reason: &str, at: Timestamp, id: String) -> Penalty {
    Penalty {
        id,
        points: line.points.saturating_neg(),
        reason: reason.to_owned(),
        note: None,
        reverses: Some(line.id.clone()),
        at,
        by: by.id,
        ..line.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Penalty, reverse, totals};
    use crate::domain::{Actor, CaseId, Month, PersonId, RawId};

    fn line(id: &str, points: i64) -> Penalty {
        let at = "2026-03-02T03:00:00Z".parse().unwrap();
        Penalty {
            id: id.into(),
            adviser: PersonId::from(RawId::from_bytes([1; 16])),
            adviser_name: "li".into(),
            case: CaseId::from(RawId::from_bytes([2; 16])),
            attempt: 1,
            contracts: 2,
            points,
            month: Month::of(at),
            reason: "missing".into(),
            note: None,
            reverses: None,
            at,
            by: PersonId::from(RawId::from_bytes([3; 16])),
        }
    }

    #[test]
    fn a_counter_entry_leaves_the_line_and_empties_the_sum() {
        let by =
            Actor { id: PersonId::from(RawId::from_bytes([4; 16])), name: "zhao".into(), roles: Vec::new() };
        let first = line("a", 2);
        let back = reverse(&first, &by, "scanner fault", "2026-05-01T00:00:00Z".parse().unwrap(), "b".into());
        assert_eq!((back.points, back.reverses.as_deref(), back.month), (-2, Some("a"), first.month));
        assert_eq!((back.by, back.reason.as_str()), (by.id, "scanner fault"));
        let sums = totals(&[first.clone(), line("c", 4), back]);
        assert_eq!(sums.get(&first.adviser), Some(&4));
    }
}
