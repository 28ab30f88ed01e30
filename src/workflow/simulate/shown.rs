//! What a person sees of a simulated case.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::Simulation;
use crate::domain::BUSINESS_ZONE;
use crate::workflow::case::Effect;
use crate::workflow::definition::ActionRule;
use crate::workflow::story::actor;
use crate::workflow::{Definition, checklist, offered};

/// Facts that fit the first checklist that some values fit: the first value of every enum, and the defaults.
pub(super) fn first_facts(def: &Definition) -> Map<String, Value> {
    let fact = |(name, declared): (&String, &crate::workflow::definition::Declared)| {
        let (root, field) = name.split_once('.')?;
        if ["case", "checklist", "return"].contains(&root) {
            return None;
        }
        let first = declared.values.first().map(|word| Value::from(word.as_str()));
        let value = declared.default.clone().or(first).unwrap_or_else(|| match declared.kind.as_deref() {
            Some("bool") => true.into(),
            _ => 0.into(),
        });
        Some((field.to_owned(), value))
    };
    def.context.iter().filter_map(fact).collect()
}

/// An instant in the business zone.
pub(super) fn time(at: Timestamp) -> String {
    // The zone's data is compiled in; China has kept UTC+8 since 1991, which is the fallback.
    let zone = TimeZone::get(BUSINESS_ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(8)));
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The end of a term: one that ends with a day is said to end on that day, at 24:00, not on the next at 00:00.
fn term(at: Timestamp) -> String {
    let before = at.checked_sub(jiff::SignedDuration::from_mins(1)).map(time).unwrap_or_default();
    match before.strip_suffix(" 23:59") {
        Some(day) => format!("{day} 24:00"),
        None => time(at),
    }
}

/// Where the case stands, what is in the basket, and what each role can do.
pub(super) fn case(sim: &Simulation<'_>) -> Vec<String> {
    let (def, lang, case) = (sim.def, sim.lang.as_str(), &sim.now.case);
    let state = def.state(&case.state);
    let title = state.map(|state| state.title.get(lang)).unwrap_or_default();
    let points: i64 = sim.now.lines.iter().map(|line| line.points).sum();
    let (attempt, sum) = (sim.either("提交次数", "attempt"), sim.either("扣分", "points"));
    let mut said = vec![format!(
        "== {} | {title} ({}) | {attempt} {} | {sum} {points}",
        time(sim.now.at),
        case.state,
        case.attempt
    )];
    if case.is_final {
        said.push(format!("   {}", sim.either("已终止。", "It has ended.")));
        return said;
    }
    let deadline = case.deadline.map_or_else(|| sim.either("没有", "none"), term);
    said.push(format!("   {}: {deadline}", sim.either("期限", "deadline")));
    let list = checklist(def, &sim.now.facts, case);
    if !def.checklists.is_empty() {
        let name = if list.name.is_empty() { "-" } else { list.title.get(lang) };
        said.push(format!("   {}: {name}", sim.either("清单", "checklist")));
    }
    for item in &list.items {
        let (mark, there) = (if item.ok { 'x' } else { ' ' }, item.documents.len());
        let kinds = item.kinds.join("|");
        said.push(format!("     [{mark}] {kinds} {there}/{} {}", item.need, item.title.get(lang)));
    }
    let rules = state.into_iter().flat_map(|state| &state.actions);
    for (name, rule) in rules {
        if rule.is_timer() {
            let clock = sim.either("时钟", "clock");
            said.push(format!("   {clock}: {name} ({})", rule.title.get(lang)));
        }
        let roles = rule.by.iter().filter(|_| !rule.is_timer());
        said.extend(roles.map(|role| action(sim, role, name, rule)));
    }
    said
}

/// What a role can do, or why not now.
fn action(sim: &Simulation<'_>, role: &str, name: &str, rule: &ActionRule) -> String {
    let (def, lang) = (sim.def, sim.lang.as_str());
    let somebody = actor(&format!("{role}/?"));
    let may = offered(def, &sim.now.facts, &sim.now.case, &somebody).iter().any(|offer| offer.name == name);
    let needs: Vec<&str> = rule.needs.iter().map(|need| need.input()).collect();
    let mut line = format!("   {role}: {name} ({})", rule.title.get(lang));
    if !needs.is_empty() {
        line.push_str(&format!(" {}: {}", sim.either("须填写", "needs"), needs.join(", ")));
    }
    if !may {
        let why = rule.otherwise.as_ref().map(|title| title.get(lang).to_owned());
        let why = why.or_else(|| rule.when.as_ref().map(|guard| guard.text.clone())).unwrap_or_default();
        line.push_str(&format!(" -- {}: {why}", sim.either("目前不能", "not now")));
    }
    line
}

/// What follows from an event.
pub(super) fn effect(def: &Definition, effect: &Effect, lang: &str) -> String {
    let either = |zh: &str, en: &str| if lang.starts_with("zh") { zh.to_owned() } else { en.to_owned() };
    let what = match effect {
        Effect::Fix { documents, .. } => {
            format!("{} ({})", either("固定资料", "documents fixed"), documents.len())
        }
        Effect::Penalise(line) => {
            format!("{} {} ({})", either("扣分", "points"), line.points, line.adviser_name)
        }
        Effect::Form { form, .. } => {
            let title = def.forms.get(form).map_or(form.as_str(), |form| form.title.get(lang));
            format!("{} {title}", either("填写", "form"))
        }
        Effect::Notify { roles, .. } => {
            let title =
                |role: &String| def.roles.get(role).map_or(role.clone(), |title| title.get(lang).to_owned());
            let roles: Vec<String> = roles.iter().map(title).collect();
            format!("{} {}", either("通知", "tell"), roles.join(", "))
        }
        Effect::Archive { what, .. } => format!("{} {what}", either("归档", "archive")),
        Effect::Retain { rule, .. } => format!("{} {rule}", either("保存", "retain")),
        Effect::Order { order, what, .. } => format!("{order} {what}"),
        Effect::Set { facts, .. } => {
            let facts: Vec<String> = facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {}", either("设定", "set"), facts.join(" "))
        }
        Effect::Start { workflow, .. } => format!("{} {workflow}", either("启动流程", "start")),
        Effect::Grant { person, until, .. } => {
            format!(
                "{} {} ({} {})",
                either("授权", "grant"),
                person.name,
                either("至", "until"),
                term(*until)
            )
        }
        Effect::Revoke { .. } => either("收回授权", "revoke the grant"),
        Effect::Reassign { person, .. } => format!("{} {}", either("改由其保管", "keeper"), person.name),
        Effect::Seal { .. } => either("封存档案", "seal the dossier"),
    };
    format!("   -> {what}")
}
