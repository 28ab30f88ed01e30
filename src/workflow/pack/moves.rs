//! E17: whether a case that moves here from a former version whose file is in the pack keeps its state, its timer and its
//! counters. That what an entry names is there is checked when the definition is read ([`crate::workflow::migrate`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::check::Sheet;
use crate::workflow::Title;
use crate::workflow::definition::Definition;

/// The files of former versions that a definition's `migrate` names, by version.
pub(super) fn former(value: &Value) -> Vec<(String, String)> {
    let was =
        |(version, entry): (&String, &Value)| Some((version.clone(), entry.get("was")?.as_str()?.to_owned()));
    entries(value).into_iter().flatten().filter_map(was).collect()
}

fn entries(value: &Value) -> Option<&Map<String, Value>> {
    value.pointer("/migrate/from").and_then(Value::as_object)
}

/// E17 of every version that cases can come from and whose file is in the pack (`was`): everything in it must be mapped.
pub(super) fn check(
    def: &Definition,
    value: &Value,
    former: &BTreeMap<String, Definition>,
    sheet: &mut Sheet<'_>,
) {
    for (version, entry) in entries(value).into_iter().flatten() {
        let move_ = Move { def, entry, was: former.get(version), path: ["migrate", "from", version] };
        move_.states(sheet);
        move_.timers(sheet);
        move_.counters(sheet);
    }
}

struct Move<'a> {
    def: &'a Definition,
    entry: &'a Value,
    was: Option<&'a Definition>,
    path: [&'a str; 3],
}

impl Move<'_> {
    fn note(&self, sheet: &mut Sheet<'_>, key: &str, name: Option<&str>, message: Title) {
        let more: Vec<&str> = [key].into_iter().chain(name).collect();
        sheet.note("E17", &[&self.path[..], &more].concat(), message);
    }

    fn table(&self, key: &str) -> BTreeMap<&str, &str> {
        let table = self.entry.get(key).and_then(Value::as_object);
        table.into_iter().flatten().filter_map(|(from, to)| Some((from.as_str(), to.as_str()?))).collect()
    }

    fn states(&self, sheet: &mut Sheet<'_>) {
        let table = self.table("states");
        for from in table.keys() {
            if self.was.is_some_and(|was| !was.states.contains_key(*from)) {
                let en = format!("`{from}` is no state of the former version");
                self.note(sheet, "states", Some(from), Title::new(format!("旧版本没有状态“{from}”"), en));
            }
        }
        let Some(was) = self.was else { return };
        // Cases that have ended stay as they are; a state that is not named keeps its name.
        for (name, _) in was.states.iter().filter(|(_, state)| !state.is_final) {
            if !table.contains_key(name.as_str()) && !self.def.states.contains_key(name) {
                let en = format!("nothing says where a case in `{name}` goes");
                self.note(sheet, "states", None, Title::new(format!("没有写明“{name}”的去向"), en));
            }
        }
    }

    /// `keep`: the running deadline stays, so where there was one there must be one; `restart`: a new one is counted.
    fn timers(&self, sheet: &mut Sheet<'_>) {
        let keeps = self.entry.get("timers").and_then(Value::as_str) == Some("keep");
        let Some(was) = self.was.filter(|_| keeps) else { return };
        for (from, to) in self.table("states") {
            let timed =
                |def: &Definition, state: &str| def.states.get(state).map(|state| state.deadline.is_some());
            let (Some(had), Some(has)) = (timed(was, from), timed(self.def, to)) else { continue };
            if had != has {
                let (zh, en) = if had {
                    (
                        format!("“{from}”有期限而“{to}”没有，无法保留"),
                        format!("`{from}` has a deadline and `{to}` has none: it cannot be kept"),
                    )
                } else {
                    (
                        format!("“{to}”有期限而“{from}”没有，无从保留"),
                        format!("`{to}` has a deadline and `{from}` had none: there is nothing to keep"),
                    )
                };
                self.note(sheet, "timers", None, Title::new(zh, en));
            }
        }
    }

    /// `keep`: every counter goes on under its name; a table says under which, or `drop`.
    fn counters(&self, sheet: &mut Sheet<'_>) {
        let table = match self.entry.get("counters") {
            Some(Value::String(word)) if word == "reset" => return,
            Some(Value::Object(_)) => Some(self.table("counters")),
            _ => None,
        };
        let before: BTreeSet<&str> =
            self.was.into_iter().flat_map(|was| was.counters.keys()).map(String::as_str).collect();
        for from in table.iter().flat_map(|table| table.keys()) {
            if self.was.is_some() && !before.contains(from) {
                let en = format!("`{from}` is no counter of the former version");
                self.note(sheet, "counters", Some(from), Title::new(format!("旧版本没有计数器“{from}”"), en));
            }
        }
        let goes_on = |name: &str| match &table {
            Some(table) => table.contains_key(name),
            None => self.def.counters.contains_key(name),
        };
        for name in before.into_iter().filter(|name| !goes_on(name)) {
            let en = format!("nothing says what becomes of the counter `{name}`");
            self.note(sheet, "counters", None, Title::new(format!("没有写明计数器“{name}”的去向"), en));
        }
    }
}
