//! The archive in figures: what a restored copy and the archive that it was restored from must have in common.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Parts;
use crate::journal::Error;
use crate::{cases, documents, dossiers};

/// How often the figures are taken again because the log grew meanwhile.
const TRIES: usize = 3;

/// What an archive holds, at one length of its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// The archive's id.
    pub archive: String,
    /// Entries in the log.
    pub entries: u64,
    /// The root hash over them, hexadecimal.
    pub root: String,
    /// Dossiers.
    pub dossiers: u64,
    /// Documents.
    pub documents: u64,
    /// Cases by workflow and state.
    pub cases: BTreeMap<String, BTreeMap<String, u64>>,
    /// Penalty points by month.
    pub penalty_points: BTreeMap<String, i64>,
}

/// A figure that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which, such as `cases.customer-intake.filed`.
    pub figure: String,
    /// Here; nothing if there is no such figure.
    pub here: Value,
    /// There.
    pub there: Value,
}

impl Totals {
    /// What is not the same in `there`.
    pub fn differences(&self, there: &Self) -> Vec<Difference> {
        let (here, there) = (self.figures(), there.figures());
        let names: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
        let figure = |figures: &BTreeMap<String, Value>, name| figures.get(name).cloned().unwrap_or_default();
        let pairs = names.into_iter().map(|name| (name, figure(&here, name), figure(&there, name)));
        pairs
            .filter(|(_, here, there)| here != there)
            .map(|(name, here, there)| Difference { figure: name.clone(), here, there })
            .collect()
    }

    /// Every figure with its path.
    fn figures(&self) -> BTreeMap<String, Value> {
        let mut figures = BTreeMap::new();
        let mut open = vec![(String::new(), serde_json::to_value(self).unwrap_or_default())];
        while let Some((path, value)) = open.pop() {
            let Value::Object(members) = value else {
                figures.insert(path, value);
                continue;
            };
            let below = |name: String| if path.is_empty() { name } else { format!("{path}.{name}") };
            open.extend(members.into_iter().map(|(name, value)| (below(name), value)));
        }
        figures
    }
}

impl Parts {
    /// The archive in figures. Reads every case and counts the rest; blocks.
    ///
    /// The figures belong to one length of the log, unless it grows all the time.
    pub fn totals(&self) -> Result<Totals, Error> {
        let mut totals = self.figures_now()?;
        for _ in 1..TRIES {
            if self.journal.health().size == totals.entries {
                break;
            }
            totals = self.figures_now()?;
        }
        Ok(totals)
    }

    fn figures_now(&self) -> Result<Totals, Error> {
        let entries = self.journal.health().size;
        Ok(Totals {
            archive: self.manifest.archive.clone(),
            entries,
            root: hex::encode(self.journal.root_at(entries)?),
            dossiers: dossiers::count(&self.records)?,
            documents: documents::count(&self.records)?,
            cases: cases::by_state(&self.records)?,
            penalty_points: cases::points_by_month(&self.records)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Totals;

    #[test]
    fn every_figure_that_differs_is_named() {
        let totals = |json| serde_json::from_value::<Totals>(json).unwrap();
        let here = json!({
            "archive": "a", "entries": 7, "root": "00", "dossiers": 1, "documents": 2,
            "cases": { "intake": { "filed": 1, "draft": 1 } }, "penalty_points": { "2026-05": 3 },
        });
        let mut there = here.clone();
        assert_eq!(totals(here.clone()).differences(&totals(there.clone())), []);
        there["documents"] = json!(3);
        there["cases"]["intake"] = json!({ "filed": 2 });
        there["penalty_points"] = json!({});
        let found = totals(here).differences(&totals(there));
        let found = serde_json::to_value(found).unwrap();
        assert_eq!(
            found,
            json!([
                { "figure": "cases.intake.draft", "here": 1, "there": null },
                { "figure": "cases.intake.filed", "here": 1, "there": 2 },
                { "figure": "documents", "here": 2, "there": 3 },
                { "figure": "penalty_points.2026-05", "here": 3, "there": null },
            ])
        );
    }
}
