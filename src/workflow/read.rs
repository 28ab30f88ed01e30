//! From a file's value to a [`Definition`]: parameters filled in, guards compiled, spans parsed.
//!
//! The schema has accepted the value before. What is wrong with single values is said here, with the path to each;
//! what is wrong with the graph as a whole is said by `check`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Title;
use super::calendar::Span;
use super::definition::{
    ASKED, ActionRule, Checks, Counter, Deadline, Declared, Definition, DocumentKind, Form, Length, Need,
    OneOrMany, Order, Party, PenaltyRule, Reason, State, TIMER, Wanted,
};
use super::guard::Guard;
use super::migrate::{self, Mapping};
use crate::domain::Sha256Digest;

/// A value that cannot be used: its finding's code, the path to it, and why.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) path: Vec<String>,
    pub(super) why: String,
}

impl Problem {
    pub(super) fn new(code: &'static str, path: &[&str], why: impl Into<String>) -> Self {
        Self { code, path: path.iter().map(|step| (*step).to_owned()).collect(), why: why.into() }
    }
}

#[derive(Deserialize)]
struct RawDefinition {
    id: String,
    version: String,
    title: Title,
    #[serde(default)]
    calendar: String,
    roles: BTreeMap<String, Title>,
    #[serde(default)]
    params: BTreeMap<String, RawParam>,
    #[serde(default)]
    context: BTreeMap<String, Declared>,
    #[serde(default)]
    documents: BTreeMap<String, DocumentKind>,
    #[serde(default)]
    checklists: BTreeMap<String, RawChecklist>,
    #[serde(default)]
    forms: BTreeMap<String, Form>,
    #[serde(default)]
    return_reasons: BTreeMap<String, Reason>,
    #[serde(default)]
    counters: BTreeMap<String, Counter>,
    #[serde(default)]
    penalties: BTreeMap<String, PenaltyRule>,
    states: BTreeMap<String, RawState>,
    initial: String,
    #[serde(default)]
    dossiers: Vec<String>,
    #[serde(default)]
    asks: bool,
    #[serde(default)]
    migrate: RawMigrate,
}

#[derive(Default, Deserialize)]
struct RawMigrate {
    #[serde(default)]
    from: BTreeMap<String, Mapping>,
}

#[derive(Deserialize)]
struct RawParam {
    default: String,
}

#[derive(Deserialize)]
struct RawChecklist {
    #[serde(flatten)]
    title: Title,
    when: String,
    need: Vec<Wanted>,
    #[serde(default)]
    sealed: Vec<Wanted>,
    /// Parameter and value with which the sealed documents are not asked for.
    #[serde(default)]
    sealed_unless: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawState {
    #[serde(flatten)]
    title: Title,
    #[serde(default)]
    waits_for: Option<OneOrMany>,
    #[serde(default)]
    deadline: Option<RawDeadline>,
    #[serde(default, rename = "final")]
    is_final: bool,
    #[serde(default)]
    actions: BTreeMap<String, RawAction>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawDeadline {
    Timed { after: String, warn: Option<String>, then: String, again: Option<String> },
    None(#[expect(dead_code, reason = "the schema allows only the word none")] String),
}

#[derive(Deserialize)]
struct RawAction {
    #[serde(flatten)]
    title: Title,
    #[serde(default)]
    by: Option<OneOrMany>,
    #[serde(default)]
    not_by: Option<OneOrMany>,
    #[serde(default)]
    when: Option<String>,
    #[serde(default)]
    otherwise: Option<Title>,
    to: String,
    #[serde(default)]
    needs: Vec<Need>,
    #[serde(default)]
    count: Option<String>,
    #[serde(default, rename = "do")]
    effects: Vec<Order>,
}

/// The definition that a file's value describes, or everything that is wrong with its single values.
pub(super) fn definition(value: &Value) -> Result<Definition, Vec<Problem>> {
    let raw: RawDefinition = serde_json::from_value(value.clone())
        .map_err(|error| vec![Problem::new("E00", &[], error.to_string())])?;
    let canonical = serde_json_canonicalizer::to_vec(value)
        .map_err(|error| vec![Problem::new("E00", &[], error.to_string())])?;
    let mut reader = Reader { params: &raw.params, problems: Vec::new() };
    let states =
        raw.states.into_iter().filter_map(|(name, state)| Some((name.clone(), reader.state(&name, state)?)));
    let states: BTreeMap<String, State> = states.collect();
    let lists = raw.checklists.into_iter();
    let checklists =
        lists.filter_map(|(name, list)| Some((name.clone(), reader.checklist(&name, list)?))).collect();
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    let read = Definition {
        id: raw.id,
        version: raw.version,
        title: raw.title,
        calendar: raw.calendar,
        roles: raw.roles,
        states,
        initial: raw.initial,
        documents: raw.documents,
        return_reasons: raw.return_reasons,
        forms: raw.forms,
        dossiers: raw.dossiers,
        asks: raw.asks,
        hash: Sha256Digest::of(&canonical),
        context: raw.context,
        checklists,
        counters: raw.counters,
        penalties: raw.penalties,
        migrate: raw.migrate.from,
    };
    let problems = migrate::problems(&read);
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

struct Reader<'a> {
    params: &'a BTreeMap<String, RawParam>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn state(&mut self, name: &str, raw: RawState) -> Option<State> {
        let before = self.problems.len();
        let deadline = match raw.deadline {
            Some(RawDeadline::Timed { after, warn, then, again }) => {
                let place = ["states", name, "deadline"];
                let after = self.length(&[&place[..], &["after"]].concat(), &after);
                let warn = warn.map(|warn| self.span(&[&place[..], &["warn"]].concat(), &warn));
                let again = again.map(|again| self.span(&[&place[..], &["again"]].concat(), &again));
                after.map(|after| Deadline { after, warn: warn.flatten(), then, again: again.flatten() })
            }
            Some(RawDeadline::None(_)) | None => None,
        };
        let actions = raw.actions.into_iter();
        let actions =
            actions.filter_map(|(key, action)| Some((key.clone(), self.action(name, &key, action)?)));
        let actions = actions.collect();
        let waits_for = raw.waits_for.map(OneOrMany::into_vec).unwrap_or_default();
        let state = State { title: raw.title, waits_for, is_final: raw.is_final, actions, deadline };
        (self.problems.len() == before).then_some(state)
    }

    fn action(&mut self, state: &str, name: &str, raw: RawAction) -> Option<ActionRule> {
        let before = self.problems.len();
        let place = ["states", state, "actions", name];
        let when = raw.when.map(|text| self.guard(&[&place[..], &["when"]].concat(), &text));
        let not_by = raw.not_by.map(OneOrMany::into_vec).unwrap_or_default();
        let not_by = not_by.iter().filter_map(|party| {
            let read = serde_json::from_value::<Party>(Value::from(party.as_str())).ok();
            if read.is_none() {
                let why = format!("`{party}` is nobody whom a case remembers");
                self.problems.push(Problem::new("E01", &[&place[..], &["not_by"]].concat(), why));
            }
            read
        });
        let not_by = not_by.collect();
        let by = raw.by.map(OneOrMany::into_vec).unwrap_or_default();
        let mut effects = raw.effects;
        for (i, order) in effects.iter_mut().enumerate() {
            if let Order::Grant(granting) = order {
                let index = i.to_string();
                let path = [&place[..], &["do", &index, "grant", "for"]].concat();
                granting.until = self.length(&path, &granting.lasts);
            }
        }
        let rule = ActionRule {
            title: raw.title,
            by,
            to: raw.to,
            needs: raw.needs,
            not_by,
            when: when.flatten(),
            otherwise: raw.otherwise,
            count: raw.count,
            effects,
        };
        (self.problems.len() == before).then_some(rule)
    }

    fn checklist(&mut self, name: &str, raw: RawChecklist) -> Option<Checks> {
        let when = self.guard(&["checklists", name, "when"], &raw.when)?;
        for param in raw.sealed_unless.keys() {
            if !self.params.contains_key(param) {
                let why = format!("there is no parameter `{param}`");
                self.problems.push(Problem::new("E01", &["checklists", name, "sealed_unless"], why));
            }
        }
        let chosen =
            |(param, value): (&String, &String)| self.params.get(param).is_some_and(|p| p.default == *value);
        let open = raw.sealed_unless.iter().any(chosen);
        let sealed = if open { Vec::new() } else { raw.sealed };
        Some(Checks { title: raw.title, when, need: raw.need, sealed })
    }

    fn guard(&mut self, path: &[&str], text: &str) -> Option<Guard> {
        match Guard::compile(text) {
            Ok(guard) => Some(guard),
            Err(error) => {
                self.problems.push(Problem::new("E14", path, error.to_string()));
                None
            }
        }
    }

    fn length(&mut self, path: &[&str], text: &str) -> Option<Length> {
        if text == ASKED {
            return Some(Length::Asked);
        }
        self.span(path, text).map(Length::Span)
    }

    fn span(&mut self, path: &[&str], text: &str) -> Option<Span> {
        let value = match text.strip_prefix('$') {
            Some(param) => self.params.get(param).map(|param| param.default.as_str()),
            None => Some(text),
        };
        let Some(value) = value else {
            self.problems.push(Problem::new("E01", path, format!("there is no parameter `{text}`")));
            return None;
        };
        let span = Span::parse(value);
        if span.is_none() {
            self.problems.push(Problem::new(
                "E00",
                path,
                format!("`{value}` is not a span such as 5bd, 7d or 4h"),
            ));
        }
        span
    }
}

impl ActionRule {
    /// Whether the clock takes it, and nobody else.
    pub(super) fn is_timer(&self) -> bool {
        self.by.iter().any(|role| role == TIMER)
    }
}
