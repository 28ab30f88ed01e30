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
    /// The penalty rule of the definition; empty in lines that were booked before it was written down.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// The kinds of documents, or documents by id, that were named as failing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
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

/// The name of the counter-entry to a line: there is one name, so that there is one counter-entry.
pub fn reversal_id(line: &str) -> String {
    format!("{line}-reversal")
}

/// The counter-entry that takes a line back. It is booked to the same month, so that the month's sum is right.
pub fn reverse(line: &Penalty, by: &Actor, reason: &str, at: Timestamp) -> Penalty {
    Penalty {
        id: reversal_id(&line.id),
        points: line.points.saturating_neg(),
        documents: Vec::new(),
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
            rule: "incomplete".into(),
            documents: vec!["person_id".into()],
            reason: "missing".into(),
            note: None,
            reverses: None,
            at,
            by: PersonId::from(RawId::from_bytes([3; 16])),
        }
    }

    #[test]
    fn a_counter_entry_leaves_the_line_and_empties_the_sum() {
        let by = Actor::new(PersonId::from(RawId::from_bytes([4; 16])), "zhao", Vec::new());
        let first = line("a", 2);
        let back = reverse(&first, &by, "scanner fault", "2026-05-01T00:00:00Z".parse().unwrap());
        assert_eq!((back.points, back.reverses.as_deref(), back.month), (-2, Some("a"), first.month));
        assert_eq!((back.by, back.reason.as_str(), back.id.as_str()), (by.id, "scanner fault", "a-reversal"));
        assert_eq!((back.rule.as_str(), back.documents.len()), ("incomplete", 0));
        let sums = totals(&[first.clone(), line("c", 4), back]);
        assert_eq!(sums.get(&first.adviser), Some(&4));
    }

    #[test]
    fn a_line_that_was_written_before_rules_were_named_can_be_read() {
        let mut old = serde_json::to_value(line("a", 2)).unwrap();
        for later in ["rule", "documents"] {
            assert!(old.as_object_mut().unwrap().remove(later).is_some(), "{later}");
        }
        let read: Penalty = serde_json::from_value(old.clone()).unwrap();
        assert_eq!((read.rule.as_str(), read.documents.len(), read.points), ("", 0, 2));
        assert_eq!(serde_json::to_value(read).unwrap(), old, "and its row stays as it was");
    }
}
