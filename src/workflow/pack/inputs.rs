//! Whether everything that a definition asks for can be supplied: by a page's form, by the dossier, or by the case.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::check::Sheet;
use crate::workflow::Title;
use crate::workflow::definition::{ActionRule, Declared, Definition, Need, Order};

/// E08, and the part of E12 that rests on the dossier's schema. `schemas` are those of the dossiers, by kind, if all of
/// them can be read.
pub(super) fn check(def: &Definition, schemas: Option<&BTreeMap<String, Value>>, sheet: &mut Sheet<'_>) {
    for (name, state) in &def.states {
        for (action, rule) in &state.actions {
            let place = ["states", name, "actions", action];
            choices(def, rule, &place, sheet);
            penalties(def, rule, &place, sheet);
            if rule.is_timer() && !rule.needs.is_empty() {
                let en = "the clock can supply nothing that an action needs";
                note(sheet, &place, "needs", Title::new("时钟无法填写任何内容", en));
            }
        }
    }
    let asked = def.states.values().flat_map(|state| state.actions.values());
    if !asked.into_iter().any(|rule| rule.needs.contains(&Need::Reason)) {
        for (name, _) in def.return_reasons.iter().filter(|(_, reason)| !reason.needs.is_empty()) {
            let en = "this reason needs inputs, and no action asks for a reason";
            let path = ["return_reasons", name, "needs"];
            sheet.note("E08", &path, Title::new("此原因须填写内容，但没有操作要求填写原因", en));
        }
    }
    let Some(schemas) = schemas else { return };
    for name in guard_names(def) {
        let declared = def.context.get(name);
        if let Some((code, message)) = declared.and_then(|declared| unsupplied(name, declared, schemas)) {
            sheet.note(code, &["context", name], message);
        }
    }
}

fn note(sheet: &mut Sheet<'_>, place: &[&str], key: &str, message: Title) {
    sheet.note("E08", &[place, &[key]].concat(), message);
}

/// What a form lets one choose from must exist.
fn choices(def: &Definition, rule: &ActionRule, place: &[&str], sheet: &mut Sheet<'_>) {
    let by_reason = def.return_reasons.values().any(|reason| reason.needs.contains(&Need::Documents));
    let asks_reason = rule.needs.contains(&Need::Reason);
    if asks_reason && def.return_reasons.is_empty() {
        let en = "a reason is needed, and there are no `return_reasons` to choose from";
        note(sheet, place, "needs", Title::new("须填写原因，但没有定义 return_reasons", en));
    }
    if (rule.needs.contains(&Need::Documents) || asks_reason && by_reason) && def.checklists.is_empty() {
        let en = "documents must be named, and there is no checklist whose documents a form could show";
        note(sheet, place, "needs", Title::new("须指明资料，但没有清单可供选择", en));
    }
}

/// What a penalty is reckoned from must be asked for: without it, it would silently come to nothing.
fn penalties(def: &Definition, rule: &ActionRule, place: &[&str], sheet: &mut Sheet<'_>) {
    for (i, order) in rule.effects.iter().enumerate() {
        let Order::Penalise(name) = order else { continue };
        let Some(penalty) = def.penalties.get(name).filter(|_| !rule.is_timer()) else { continue };
        let need = if penalty.given.is_some() { Need::Points } else { Need::Contracts };
        if !rule.needs.contains(&need) {
            let (input, index) = (need.input(), i.to_string());
            let message = Title::new(
                format!("“{name}”按 {input} 计算，但此操作没有要求填写"),
                format!("`{name}` is reckoned from the {input}, which this action does not ask for"),
            );
            sheet.note("E08", &[place, &["do", index.as_str()]].concat(), message);
        }
    }
}

fn guard_names(def: &Definition) -> BTreeSet<&String> {
    let rules = def.states.values().flat_map(|state| state.actions.values());
    let guards = rules.filter_map(|rule| rule.when.as_ref());
    guards.chain(def.checklists.values().map(|list| &list.when)).flat_map(|guard| &guard.names).collect()
}

/// Why a name would have no value in some case.
fn unsupplied(
    name: &str,
    declared: &Declared,
    schemas: &BTreeMap<String, Value>,
) -> Option<(&'static str, Title)> {
    if declared.counter.is_some()
        || ["case.contracts", "return.contracts", "checklist.complete"].contains(&name)
    {
        return None;
    }
    let none =
        |zh: &str, en: &str| Some(("E08", Title::new(format!("“{name}”{zh}"), format!("`{name}` {en}"))));
    let (root, field) = name.split_once('.')?;
    let Some(schema) = schemas.get(root) else {
        return none("没有来源", "is supplied by nothing: neither by a case nor by a kind of dossier");
    };
    let Some(property) = schema.pointer(&format!("/properties/{field}")) else {
        return none("不在档案的格式中", "is no property of the dossier's schema: no form asks for it");
    };
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.is_some_and(|names| names.iter().any(|name| name == field));
    if !required && declared.default.is_none() {
        return none("可以不填，又没有 default", "can be left out of a dossier, and has no `default` here");
    }
    let words: Vec<&str> = property
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let right = match declared.kind.as_deref() {
        Some("bool") => property.get("type").is_some_and(|kind| kind == "boolean"),
        Some(_) => property.get("type").is_some_and(|kind| kind == "integer"),
        None => !words.is_empty() || property.get("type").is_some_and(|kind| kind == "string"),
    };
    if !right {
        return none("与档案格式中的类型不符", "has another type in the dossier's schema");
    }
    let strange = words.into_iter().find(|word| !declared.values.iter().any(|known| known == word))?;
    let message = Title::new(
        format!("档案的“{name}”可以是“{strange}”，这里没有列出"),
        format!("`{name}` of a dossier can be `{strange}`, which is not among the values here"),
    );
    declared.kind.is_none().then_some(("E12", message))
}
