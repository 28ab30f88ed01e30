//! What a basket must hold, and what of it is there.
//!
//! The list is chosen by the dossier's facts; a complete definition lets every dossier match exactly one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Title;
use super::case::{Attached, Case, Input};
use super::definition::{Checks, Declared, Definition, Wanted};
use super::guard::Values;
use crate::domain::DocumentId;

/// What a case's basket must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checklist {
    /// The list's name; empty when the dossier's facts match none.
    pub name: String,
    /// What it is called.
    pub title: Title,
    /// Its items, in the definition's order.
    pub items: Vec<ChecklistItem>,
    /// Whether every item is there.
    pub complete: bool,
}

/// One thing that must be in the basket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistItem {
    /// The kind of document, or the kinds of which any one will do.
    pub kinds: Vec<String>,
    /// What it is called.
    pub title: Title,
    /// How many are needed; none when it is waived.
    pub need: u32,
    /// Those that are there and count.
    pub documents: Vec<DocumentId>,
    /// Whether there are enough.
    pub ok: bool,
    /// Whether it is to be kept sealed.
    pub sealed: bool,
}

/// The checklist of a case, with what is there.
pub fn checklist(def: &Definition, facts: &Map<String, Value>, case: &Case) -> Checklist {
    let values = plain_values(def, facts, case, None);
    let chosen = def.checklists.iter().find(|(_, list)| list.when.holds(&values) == Ok(true));
    let Some((name, list)) = chosen else {
        let (name, title) = (String::new(), Title::default());
        return Checklist { name, title, items: Vec::new(), complete: false };
    };
    let items = items(def, facts, case, list);
    let complete = items.iter().all(|item| item.ok);
    Checklist { name: name.clone(), title: list.title.clone(), items, complete }
}

fn items(def: &Definition, facts: &Map<String, Value>, case: &Case, list: &Checks) -> Vec<ChecklistItem> {
    let open = list.need.iter().map(|wanted| (wanted, false));
    let sealed = list.sealed.iter().map(|wanted| (wanted, true));
    open.chain(sealed).map(|(wanted, sealed)| item(def, facts, case, wanted, sealed)).collect()
}

fn item(
    def: &Definition,
    facts: &Map<String, Value>,
    case: &Case,
    wanted: &Wanted,
    sealed: bool,
) -> ChecklistItem {
    let kinds = wanted.kinds();
    let counts =
        |attached: &&Attached| kinds.contains(&attached.kind) && !case.wrong.contains(&attached.document);
    let documents: Vec<DocumentId> =
        case.documents.iter().filter(counts).map(|found| found.document).collect();
    let kind_of = |kind: &String| def.documents.get(kind);
    let need = if kinds.iter().filter_map(kind_of).any(|kind| waived(kind.waived_by.as_deref(), facts, case))
    {
        0
    } else if kinds.iter().filter_map(kind_of).any(|kind| kind.per_contract) {
        case.contracts
    } else {
        1
    };
    let ok = documents.len() >= need as usize;
    ChecklistItem { kinds: kinds.to_vec(), title: title(def, kinds), need, documents, ok, sealed }
}

fn waived(rule: Option<&str>, facts: &Map<String, Value>, case: &Case) -> bool {
    let Some((kind, fact)) = rule.and_then(|rule| rule.split_once('.')) else { return false };
    let there =
        case.documents.iter().any(|found| found.kind == kind && !case.wrong.contains(&found.document));
    there
        && facts
            .get(fact)
            .is_some_and(|value| value == true || value.as_str().is_some_and(|text| !text.trim().is_empty()))
}

fn title(def: &Definition, kinds: &[String]) -> Title {
    let titles: Vec<&Title> = kinds.iter().filter_map(|kind| def.document_title(kind)).collect();
    let join = |words: Vec<&str>, by: &str| words.join(by);
    Title {
        zh: join(titles.iter().map(|title| title.zh.as_str()).collect(), "或"),
        en: join(titles.iter().map(|title| title.en.as_str()).collect(), " or "),
    }
}

/// The values of the names that the definition declares, except those that rest on the checklist.
pub(super) fn plain_values(
    def: &Definition,
    facts: &Map<String, Value>,
    case: &Case,
    input: Option<&Input>,
) -> Values {
    let value = |(name, declared): (&String, &Declared)| {
        let found = match (name.as_str(), &declared.counter) {
            (_, Some(counter)) => Some(Value::from(case.counters.get(counter).copied().unwrap_or_default())),
            ("case.contracts", None) => Some(Value::from(case.contracts)),
            ("return.contracts", None) => input.and_then(|input| input.contracts).map(Value::from),
            _ if name.starts_with("case.")
                || name.starts_with("checklist.")
                || name.starts_with("return.") =>
            {
                None
            }
            _ => fact(name, declared, facts),
        };
        Some((name.clone(), found?))
    };
    def.context.iter().filter_map(value).collect()
}

/// The value of a dossier's fact, if it is one that the declaration allows.
fn fact(name: &str, declared: &Declared, facts: &Map<String, Value>) -> Option<Value> {
    let (_, field) = name.split_once('.')?;
    let value = facts.get(field).or(declared.default.as_ref())?;
    let allowed = match declared.kind.as_deref() {
        Some("bool") => value.is_boolean(),
        Some("int") => value.is_i64(),
        _ => value.as_str().is_some_and(|text| declared.values.iter().any(|known| known == text)),
    };
    allowed.then(|| value.clone())
}
