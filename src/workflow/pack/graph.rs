//! What a definition's graph says: states that cannot be reached or left, ways that never end, missing four eyes.

use std::collections::BTreeSet;

use super::check::Sheet;
use crate::workflow::Title;
use crate::workflow::definition::{ActionRule, Definition, Order, Party};

/// E02, E03, E04 and E13.
pub(super) fn check(def: &Definition, sheet: &mut Sheet<'_>) {
    let reached = reached(def);
    let ending = ending(def);
    for (name, state) in &def.states {
        let place = ["states", name.as_str()];
        if !reached.contains(name.as_str()) {
            sheet.note("E02", &place, Title::new("此状态不可到达", "no way leads to this state"));
        }
        if !state.is_final && state.actions.is_empty() {
            sheet.note(
                "E03",
                &place,
                Title::new("此状态没有出路", "this state has no way out and is not final"),
            );
        } else if !ending.contains(name.as_str()) {
            sheet.note(
                "E04",
                &place,
                Title::new("由此无法到达终止状态", "no way leads from here to a final state"),
            );
        }
        if state.is_final && !state.actions.is_empty() {
            let en = "a final state offers actions";
            sheet.note("E03", &place, Title::new("终止状态不应有操作", en));
        }
        for (action, rule) in &state.actions {
            four_eyes(def, &["states", name, "actions", action], rule, sheet);
        }
    }
}

fn reached(def: &Definition) -> BTreeSet<&str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![def.initial.as_str()];
    while let Some(name) = open.pop() {
        let Some(state) = def.states.get(name) else { continue };
        if reached.insert(name) {
            open.extend(state.actions.values().map(|rule| rule.to.as_str()));
        }
    }
    reached
}

fn ending(def: &Definition) -> BTreeSet<&str> {
    let finals = def.states.iter().filter(|(_, state)| state.is_final);
    let mut ending: BTreeSet<&str> = finals.map(|(name, _)| name.as_str()).collect();
    loop {
        let leads = |rule: &ActionRule| ending.contains(rule.to.as_str());
        let more = def.states.iter().filter(|(_, state)| state.actions.values().any(leads));
        let more: Vec<&str> =
            more.map(|(name, _)| name.as_str()).filter(|name| !ending.contains(name)).collect();
        if more.is_empty() {
            return ending;
        }
        ending.extend(more);
    }
}

/// Whoever can submit must not be able to accept: people can hold both roles.
fn four_eyes(def: &Definition, place: &[&str], rule: &ActionRule, sheet: &mut Sheet<'_>) {
    let submits = |rule: &ActionRule| rule.effects.iter().any(|order| matches!(order, Order::Fix(_)));
    let submitted = def.states.values().flat_map(|state| state.actions.values()).any(submits);
    let accepts = rule.effects.iter().any(|order| matches!(order, Order::Archive(_)));
    // Where submissions are counted, a case knows who made the last one; elsewhere it knows who keeps it.
    let kept_out = match def.attempts() {
        Some(_) => rule.not_by.contains(&Party::Submitter),
        None => !rule.not_by.is_empty(),
    };
    if submitted && accepts && !kept_out {
        let en = "whoever submitted the case could also accept it";
        sheet.note("E13", place, Title::new("提交人可以自己审核通过", en));
    }
}
