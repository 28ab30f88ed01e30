//! Whether every name that a definition uses is one that it defines.

use std::collections::BTreeMap;

use super::Manifest;
use super::check::{Around, Sheet};
use crate::workflow::Title;
use crate::workflow::definition::{ActionRule, Definition, Order, REMIND, State, TIMER, Wanted};
use crate::workflow::guard::Guard;

/// What CEL calls the operators that make numbers of numbers.
const ARITHMETIC: [&str; 6] = ["_+_", "_-_", "_*_", "_/_", "_%_", "-_"];

/// E01, E05, E06, E07, E11 and the names of E14.
pub(super) fn check(def: &Definition, manifest: &Manifest, sheet: &mut Sheet<'_>) {
    known("状态", "state", &def.states, &def.initial, &["initial"], sheet);
    for (name, counter) in
        def.context.iter().filter_map(|(name, declared)| Some((name, declared.counter.as_ref()?)))
    {
        known("计数器", "counter", &def.counters, counter, &["context", name, "counter"], sheet);
    }
    for (name, form) in &def.forms {
        form.signed_by
            .iter()
            .for_each(|role| known_role(def, manifest, role, &["forms", name, "signed_by"], sheet));
        if let Some(kind) = &form.kind {
            known("资料", "document", &def.documents, kind, &["forms", name, "kind"], sheet);
        }
    }
    for (name, penalty) in &def.penalties {
        if let Some(beyond) = &penalty.beyond {
            known("状态", "state", &def.states, beyond, &["penalties", name, "beyond"], sheet);
        }
        let roles = penalty.reversed_by.iter();
        roles.for_each(|role| known_role(def, manifest, role, &["penalties", name, "reversed_by"], sheet));
    }
    documents(def, sheet);
    for (name, state) in &def.states {
        state_names(def, manifest, name, state, sheet);
    }
}

/// E01 of the calendar and E19: what a definition takes from the pack's other files.
pub(super) fn around(def: &Definition, around: Around<'_>, sheet: &mut Sheet<'_>) {
    if around.calendar.is_some_and(|calendar| calendar.id != def.calendar) {
        let en = format!("the pack's calendar is not `{}`", def.calendar);
        sheet.note("E01", &["calendar"], Title::new(format!("规则包的工作日历不是“{}”", def.calendar), en));
    }
    let Some(retention) = around.policy.and_then(|policy| policy.get("retention")) else { return };
    for (name, document) in
        def.documents.iter().filter(|(_, document)| retention.get(&document.class).is_none())
    {
        let en = format!("the class `{}` has no retention rule", document.class);
        let message = Title::new(format!("类别“{}”没有保存期限", document.class), en);
        sheet.note("E19", &["documents", name, "class"], message);
    }
}

fn documents(def: &Definition, sheet: &mut Sheet<'_>) {
    for (name, document) in &def.documents {
        if let Some((kind, _)) = document.waived_by.as_deref().and_then(|rule| rule.split_once('.')) {
            undefined_document(def, kind, &["documents", name, "waived_by"], sheet);
        }
    }
    for (name, list) in &def.checklists {
        guard_names(def, &list.when, &["checklists", name, "when"], sheet);
        wanted(def, &list.need, &["checklists", name, "need"], sheet);
        wanted(def, &list.sealed, &["checklists", name, "sealed"], sheet);
    }
}

fn wanted(def: &Definition, wanted: &[Wanted], path: &[&str], sheet: &mut Sheet<'_>) {
    for (i, wanted) in wanted.iter().enumerate() {
        let index = i.to_string();
        let place = [path, &[index.as_str()]].concat();
        wanted.kinds().iter().for_each(|kind| undefined_document(def, kind, &place, sheet));
    }
}

fn undefined_document(def: &Definition, kind: &str, path: &[&str], sheet: &mut Sheet<'_>) {
    if !def.documents.contains_key(kind) {
        let message =
            Title::new(format!("没有定义资料“{kind}”"), format!("the document `{kind}` is not defined"));
        sheet.note("E11", path, message);
    }
}

fn state_names(def: &Definition, manifest: &Manifest, name: &str, state: &State, sheet: &mut Sheet<'_>) {
    let place = ["states", name];
    let at = |more: &[&'static str]| [&place[..], more].concat();
    for role in &state.waits_for {
        known_role(def, manifest, role, &at(&["waits_for"]), sheet);
    }
    let said = |key: &str| sheet.node.has(&["states", name, key]);
    if !state.is_final && state.deadline.is_none() && !(said("deadline") && said("why_no_deadline")) {
        let message = Title::new("等待办理却没有期限", "the state waits for somebody without a deadline");
        sheet.note("E05", &place, message);
    }
    if let Some(deadline) = &state.deadline {
        let action = state.actions.get(&deadline.then);
        if deadline.then != REMIND && !action.is_some_and(ActionRule::is_timer) {
            let zh = format!("到期操作“{}”不是本状态的 timer 操作", deadline.then);
            let en = format!("`{}` is not an action that the clock can take in this state", deadline.then);
            sheet.note("E06", &at(&["deadline", "then"]), Title::new(zh, en));
        }
    }
    for (action, rule) in &state.actions {
        action_names(def, manifest, &["states", name, "actions", action], rule, sheet);
    }
}

fn action_names(
    def: &Definition,
    manifest: &Manifest,
    place: &[&str],
    rule: &ActionRule,
    sheet: &mut Sheet<'_>,
) {
    let at = |key: &'static str| [place, &[key]].concat();
    if rule.by.is_empty() {
        sheet.note("E07", place, Title::new("没有写明由谁办理", "nobody is named who may do this"));
    }
    if rule.is_timer() && rule.by.len() > 1 {
        let en = "what the clock does, nobody else can do";
        sheet.note("E07", &at("by"), Title::new("由时钟触发的操作不能同时由人办理", en));
    }
    for role in rule.by.iter().filter(|role| *role != TIMER) {
        known_role(def, manifest, role, &at("by"), sheet);
    }
    known("状态", "state", &def.states, &rule.to, &at("to"), sheet);
    if let Some(counter) = &rule.count {
        known("计数器", "counter", &def.counters, counter, &at("count"), sheet);
    }
    if let Some(guard) = &rule.when {
        guard_names(def, guard, &at("when"), sheet);
    }
    for (i, order) in rule.effects.iter().enumerate() {
        let index = i.to_string();
        let path = [place, &["do", index.as_str()]].concat();
        match order {
            Order::Form(form) => known("表单", "form", &def.forms, form, &path, sheet),
            Order::Penalise(_) if rule.is_timer() => {
                let en = "the clock alone never deducts points";
                sheet.note("E16", &path, Title::new("时钟不能自行扣分", en));
            }
            Order::Penalise(penalty) => known("扣分规则", "penalty", &def.penalties, penalty, &path, sheet),
            Order::Notify(roles) => {
                for role in roles.clone().into_vec() {
                    known_role(def, manifest, &role, &path, sheet);
                }
            }
            _ => {}
        }
    }
}

fn guard_names(def: &Definition, guard: &Guard, path: &[&str], sheet: &mut Sheet<'_>) {
    for name in guard.names.iter().filter(|name| !def.context.contains_key(*name)) {
        let en = format!("the guard uses `{name}`, which `context` does not declare");
        sheet.note("E14", path, Title::new(format!("条件使用了未声明的名称“{name}”"), en));
    }
    // Operators have names of signs; everything else is a function.
    for function in
        guard.functions.iter().filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
    {
        let en = format!("the guard uses the function `{function}`, which guards do not have");
        sheet.note("E14", path, Title::new(format!("条件使用了不存在的函数“{function}”"), en));
    }
    // Comparisons part the numbers at those that they name, so that a few values stand for all; sums would not.
    if guard.functions.iter().any(|name| ARITHMETIC.contains(&name.as_str())) {
        let en = "the guard reckons: guards only compare";
        sheet.note("E14", path, Title::new("条件不能作运算，只能比较", en));
    }
}

fn known_role(def: &Definition, manifest: &Manifest, role: &str, path: &[&str], sheet: &mut Sheet<'_>) {
    if !manifest.roles.contains_key(role) {
        known("角色", "role", &def.roles, role, path, sheet);
    }
}

fn known<T>(
    zh: &str,
    en: &str,
    table: &BTreeMap<String, T>,
    name: &str,
    path: &[&str],
    sheet: &mut Sheet<'_>,
) {
    if !table.contains_key(name) {
        let message =
            Title::new(format!("没有定义{zh}“{name}”"), format!("the {en} `{name}` is not defined"));
        sheet.note("E01", path, message);
    }
}
