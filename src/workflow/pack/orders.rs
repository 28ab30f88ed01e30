//! Whether what actions order can be carried out: with the pack's other workflows, its dossiers, and what is supplied.

use std::collections::BTreeMap;

use serde_json::Value;

use super::check::Sheet;
use crate::workflow::definition::{ActionRule, Definition, Length, Need, Order};
use crate::workflow::{DossierKind, Title};

/// E01 of dossiers, `start` and `set`, and E08. `all` are the pack's workflows, if each could be read.
pub(super) fn check(
    def: &Definition,
    all: Option<&[Definition]>,
    dossiers: Option<&BTreeMap<String, DossierKind>>,
    sheet: &mut Sheet<'_>,
) {
    for (i, kind) in def.dossiers.iter().enumerate() {
        if dossiers.is_some_and(|dossiers| !dossiers.contains_key(kind)) {
            let en = format!("the pack has no dossiers of the kind `{kind}`");
            let index = i.to_string();
            sheet.note("E01", &["dossiers", &index], Title::new(format!("规则包没有“{kind}”类档案"), en));
        }
    }
    let asks_days = def
        .states
        .values()
        .flat_map(|state| state.actions.values())
        .any(|rule| rule.needs.contains(&Need::Days));
    for (name, state) in &def.states {
        if state.deadline.as_ref().is_some_and(|deadline| deadline.after == Length::Asked) && !asks_days {
            never_supplied(Need::Days, &["states", name, "deadline", "after"], sheet);
        }
        for (action, rule) in &state.actions {
            for (i, order) in rule.effects.iter().enumerate() {
                let index = i.to_string();
                let path = ["states", name, "actions", action, "do", index.as_str()];
                match order {
                    Order::Start(workflow)
                        if all.is_some_and(|all| all.iter().all(|found| found.id != *workflow)) =>
                    {
                        let en = format!("the pack has no workflow `{workflow}` to start");
                        sheet.note("E01", &path, Title::new(format!("规则包没有流程“{workflow}”"), en));
                    }
                    Order::Set(facts) => {
                        for (fact, value) in facts {
                            set(rule, fact, value, dossiers, &path, sheet);
                        }
                    }
                    Order::Reassign(_) => supplied(rule, Need::Person, &path, sheet),
                    Order::Grant(granting) if granting.until == Some(Length::Asked) && !asks_days => {
                        never_supplied(Need::Days, &path, sheet);
                    }
                    _ => {}
                }
            }
        }
    }
}

fn set(
    rule: &ActionRule,
    fact: &str,
    value: &Value,
    dossiers: Option<&BTreeMap<String, DossierKind>>,
    path: &[&str],
    sheet: &mut Sheet<'_>,
) {
    let value = match value.as_str() {
        Some("$note") => {
            supplied(rule, Need::Note, path, sheet);
            Value::from("x")
        }
        Some("$person") => {
            supplied(rule, Need::Person, path, sheet);
            Value::from("x")
        }
        _ => value.clone(),
    };
    let Some(dossiers) = dossiers else { return };
    if !dossiers.values().any(|kind| kind.takes(fact, &value)) {
        let en = format!("no dossier of the pack can have the fact `{fact}` with this value");
        sheet.note("E01", path, Title::new(format!("没有档案可以有信息“{fact}”及此值"), en));
    }
}

fn supplied(rule: &ActionRule, need: Need, path: &[&str], sheet: &mut Sheet<'_>) {
    if !rule.needs.contains(&need) {
        never_supplied(need, path, sheet);
    }
}

fn never_supplied(need: Need, path: &[&str], sheet: &mut Sheet<'_>) {
    let en = format!("this needs `{}`, which nobody is asked for", need.input());
    sheet.note("E08", path, Title::new(format!("需要“{}”，但没有操作要求填写", need.input()), en));
}
