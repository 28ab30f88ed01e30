//! A definition: one flat state machine, as data.
//!
//! Read from a pack's file after the schema has accepted it. The engine gives meaning to the words of the format
//! (states, actions, guards, effects, counters, penalty tables); the words of the business are the file's own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Title;
use super::calendar::Span;
use super::guard::Guard;
use super::migrate::Mapping;
use crate::domain::Sha256Digest;

/// The role that no person holds: the clock.
pub(super) const TIMER: &str = "timer";
/// What a deadline may call for without an action of its own.
pub(super) const REMIND: &str = "remind";

/// One flat state machine with its words, tables and checklists.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub id: String,
    /// Its version; a published one never changes.
    pub version: String,
    /// What it is called.
    pub title: Title,
    /// The calendar that its deadlines are counted in.
    pub calendar: String,
    /// The roles that act in it.
    pub roles: BTreeMap<String, Title>,
    /// The states.
    pub states: BTreeMap<String, State>,
    /// The state that a case starts in.
    pub initial: String,
    /// The kinds of documents.
    pub documents: BTreeMap<String, DocumentKind>,
    /// Why a basket can be returned.
    pub return_reasons: BTreeMap<String, Reason>,
    /// The papers that are filled in together.
    pub forms: BTreeMap<String, Form>,
    /// The kinds of dossiers that it is for; empty: all.
    pub dossiers: Vec<String>,
    /// Whether its cases ask for something about a dossier that whoever starts them may not see.
    pub asks: bool,
    /// SHA-256 over the canonical JSON (RFC 8785) of the file.
    pub hash: Sha256Digest,
    pub(super) context: BTreeMap<String, Declared>,
    pub(super) checklists: BTreeMap<String, Checks>,
    pub(super) counters: BTreeMap<String, Counter>,
    pub(super) penalties: BTreeMap<String, PenaltyRule>,
    /// How running cases of older versions come to this one, by version.
    pub(super) migrate: BTreeMap<String, Mapping>,
}

/// Where a case can stand.
#[derive(Debug)]
pub struct State {
    /// What it is called.
    pub title: Title,
    /// The roles that it waits for.
    pub waits_for: Vec<String>,
    /// Whether the case ends here.
    pub is_final: bool,
    /// What can be done here.
    pub actions: BTreeMap<String, ActionRule>,
    pub(super) deadline: Option<Deadline>,
}

/// What can be done in a state.
#[derive(Debug)]
pub struct ActionRule {
    /// What it is called.
    pub title: Title,
    /// The roles that may do it, or `timer`.
    pub by: Vec<String>,
    /// The state that follows.
    pub to: String,
    /// What must be supplied with it.
    pub needs: Vec<Need>,
    pub(super) not_by: Vec<Party>,
    pub(super) when: Option<Guard>,
    /// What a person is told when the guard does not hold.
    pub(super) otherwise: Option<Title>,
    pub(super) count: Option<String>,
    pub(super) effects: Vec<Order>,
}

/// What must be supplied with an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// One of the definition's return reasons.
    Reason,
    /// The documents or kinds that fail.
    Documents,
    /// How many contracts fail.
    #[serde(rename = "return.contracts")]
    Contracts,
    /// Points that a person sets.
    Points,
    /// A sentence.
    Note,
    /// For how many days.
    Days,
    /// Somebody of the archive.
    Person,
}

impl Need {
    /// The name of the input that satisfies it.
    pub fn input(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Documents => "documents",
            Self::Contracts => "contracts",
            Self::Points => "points",
            Self::Note => "note",
            Self::Days => "days",
            Self::Person => "person",
        }
    }
}

/// Somebody whom a case remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Party {
    /// Who submitted last.
    #[serde(rename = "case.submitted_by")]
    Submitter,
    /// Who is charged: who submitted last, else who started.
    #[serde(rename = "case.adviser")]
    Adviser,
}

/// An effect as the file orders it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    Form(String),
    Fix(String),
    Penalise(String),
    Archive(String),
    Retain(String),
    /// The dossier is sealed, by a job, when the entry is durable.
    Seal(Whose),
    /// Whoever asked may look at the dossier for a time.
    Grant(Granting),
    /// What this case has granted ends now.
    Revoke(OfCase),
    /// The dossier gets another keeper: the person that the action names.
    Reassign(Whose),
    /// Facts of the dossier; `$note` and `$person` stand for what is supplied with the action.
    Set(BTreeMap<String, Value>),
    Notify(OneOrMany),
    /// A case of this workflow on the same dossier.
    Start(String),
}

/// The only thing that is sealed or given to another keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Whose {
    Dossier,
}

/// The only thing whose grants end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OfCase {
    Case,
}

/// How somebody may look at a dossier.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Granting {
    /// A span, a parameter, or [`ASKED`].
    #[serde(rename = "for")]
    pub(super) lasts: String,
    /// Whether what is looked at is to bear a mark.
    #[serde(default = "marked")]
    pub(super) watermark: bool,
    /// What `lasts` means; filled in when the definition is read.
    #[serde(skip)]
    pub(super) until: Option<Length>,
}

fn marked() -> bool {
    true
}

/// How a length says that it is the one that was asked for with the case.
pub(super) const ASKED: &str = "case.days";

/// How long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// Always the same.
    Span(Span),
    /// As many days as were asked for.
    Asked,
}

#[derive(Debug, Clone)]
pub(super) struct Deadline {
    pub(super) after: Length,
    pub(super) warn: Option<Span>,
    /// An action of the state, or `remind`.
    pub(super) then: String,
    /// After what time a reminder is repeated.
    pub(super) again: Option<Span>,
}

/// A kind of document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DocumentKind {
    /// What it is called.
    #[serde(flatten)]
    pub title: Title,
    /// The class that retention rules speak of.
    pub class: String,
    /// Whether access to it is restricted further.
    #[serde(default)]
    pub sensitive: bool,
    /// Whether each contract of a case needs one.
    #[serde(default, rename = "per", deserialize_with = "per_contract")]
    pub per_contract: bool,
    /// `KIND.FACT`: not needed when such a document is there and the dossier has the fact.
    #[serde(default)]
    pub(super) waived_by: Option<String>,
}

impl DocumentKind {
    /// Whether it is a contract: what the others of a basket are compared with.
    pub fn is_contract(&self) -> bool {
        self.class == "contract"
    }
}

fn per_contract<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(String::deserialize(deserializer)? == "contract")
}

/// Why a basket can be returned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reason {
    /// What it is called.
    #[serde(flatten)]
    pub title: Title,
    /// What must be supplied with it.
    #[serde(default)]
    pub needs: Vec<Need>,
}

/// A paper that is filled in together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Form {
    /// What it is called.
    #[serde(flatten)]
    pub title: Title,
    /// The roles that sign it.
    #[serde(default)]
    pub signed_by: Vec<String>,
    /// The kind of document that it is archived as. Without one it is not made.
    #[serde(default)]
    pub kind: Option<String>,
    /// What its numbers begin with, as `JJ` in `JJ-2026-000012`. Unset: its name in capitals.
    #[serde(default)]
    pub number: Option<String>,
}

/// What a failing submission costs, for people: the points of each attempt, and where it goes after the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PenaltyTable<'a> {
    /// What it is for.
    pub title: &'a Title,
    /// Points for each failing contract, by attempt.
    pub by_attempt: &'a BTreeMap<u32, i64>,
    /// What the state is called that follows after the table's end.
    pub beyond: Option<&'a Title>,
}

/// A name that guards may use.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Declared {
    #[serde(rename = "enum", default)]
    pub(super) values: Vec<String>,
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) counter: Option<String>,
    #[serde(default)]
    pub(super) default: Option<Value>,
}

#[derive(Debug)]
pub(super) struct Checks {
    pub(super) title: Title,
    pub(super) when: Guard,
    pub(super) need: Vec<Wanted>,
    pub(super) sealed: Vec<Wanted>,
}

/// One kind, or any of several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Wanted {
    One(String),
    Any { any: Vec<String> },
}

impl Wanted {
    pub(super) fn kinds(&self) -> &[String] {
        match self {
            Self::One(kind) => std::slice::from_ref(kind),
            Self::Any { any } => any,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Counter {
    #[serde(default)]
    pub(super) starts: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(from = "RawPenaltyRule")]
pub(super) struct PenaltyRule {
    pub(super) title: Title,
    pub(super) by_attempt: BTreeMap<u32, i64>,
    pub(super) beyond: Option<String>,
    /// The input that holds the points, for a penalty that a person sets.
    pub(super) given: Option<String>,
    /// The roles that may take a line back.
    pub(super) reversed_by: Vec<String>,
}

/// As the file writes it. Were the words flattened into a title, the attempts, which are numbers, could not be read.
#[derive(Deserialize)]
struct RawPenaltyRule {
    #[serde(default)]
    zh: String,
    #[serde(default)]
    en: String,
    #[serde(default)]
    by_attempt: BTreeMap<u32, i64>,
    beyond: Option<String>,
    given: Option<String>,
    #[serde(default)]
    reversed_by: Vec<String>,
}

impl From<RawPenaltyRule> for PenaltyRule {
    fn from(raw: RawPenaltyRule) -> Self {
        let RawPenaltyRule { zh, en, by_attempt, beyond, given, reversed_by } = raw;
        Self { title: Title::new(zh, en), by_attempt, beyond, given, reversed_by }
    }
}

/// A word, or a list of words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(word) => vec![word],
            Self::Many(words) => words,
        }
    }
}

impl Definition {
    /// What a running case carries: `customer-intake@1.0.0#sha256:...`.
    pub fn reference(&self) -> String {
        format!("{}@{}#sha256:{}", self.id, self.version, self.hash)
    }

    /// The version in a reference.
    pub fn version_of(reference: &str) -> Option<&str> {
        let (_, rest) = reference.split_once('@')?;
        rest.split_once("#sha256:").map(|(version, _)| version)
    }

    /// Whether it is for dossiers of this kind.
    pub fn fits(&self, dossier_kind: &str) -> bool {
        self.dossiers.is_empty() || self.dossiers.iter().any(|kind| kind == dossier_kind)
    }

    /// The state of this name.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.get(name)
    }

    /// What an action of a state is called.
    pub fn action_title(&self, state: &str, action: &str) -> Option<&Title> {
        self.states.get(state)?.actions.get(action).map(|rule| &rule.title)
    }

    /// What a return reason is called.
    pub fn reason_title(&self, reason: &str) -> Option<&Title> {
        self.return_reasons.get(reason).map(|reason| &reason.title)
    }

    /// What a kind of document is called.
    pub fn document_title(&self, kind: &str) -> Option<&Title> {
        self.documents.get(kind).map(|kind| &kind.title)
    }

    /// What a penalty is called.
    pub fn penalty_title(&self, rule: &str) -> Option<Title> {
        self.penalties.get(rule).map(|rule| rule.title.clone())
    }

    /// The roles that may take a line of this penalty back, by a counter-entry.
    pub fn reversed_by(&self, rule: &str) -> &[String] {
        self.penalties.get(rule).map(|rule| rule.reversed_by.as_slice()).unwrap_or_default()
    }

    /// The penalty that the effect at this place of an action books.
    pub fn penalty_ordered(&self, state: &str, action: &str, place: usize) -> Option<&str> {
        match self.states.get(state)?.actions.get(action)?.effects.get(place)? {
            Order::Penalise(rule) => Some(rule),
            _ => None,
        }
    }

    /// The penalty tables of an action, by attempt; what a person decides has none.
    pub fn penalty_tables(&self, state: &str, action: &str) -> Vec<PenaltyTable<'_>> {
        let rule = self.state(state).and_then(|state| state.actions.get(action));
        let named = rule.into_iter().flat_map(|rule| &rule.effects).filter_map(|order| match order {
            Order::Penalise(name) => self.penalties.get(name),
            _ => None,
        });
        let tables = named.filter(|rule| !rule.by_attempt.is_empty()).map(|rule| PenaltyTable {
            title: &rule.title,
            by_attempt: &rule.by_attempt,
            beyond: rule.beyond.as_deref().and_then(|name| self.state(name)).map(|state| &state.title),
        });
        tables.collect()
    }

    /// Whether this action of this state ends what its case has granted.
    pub fn revokes(&self, state: &str, action: &str) -> bool {
        let rule = self.state(state).and_then(|state| state.actions.get(action));
        rule.is_some_and(|rule| rule.effects.iter().any(|order| matches!(order, Order::Revoke(_))))
    }

    /// Whether an action submits the case's papers, so that it can be said how they were handed over.
    pub fn submits(&self, state: &str, action: &str) -> bool {
        let rule = self.state(state).and_then(|state| state.actions.get(action));
        let counted = rule.and_then(|rule| rule.count.as_deref());
        counted.is_some() && counted == self.attempts()
    }

    /// Whether what waits in this state is papers to be judged: there is a checklist, and nothing is handed in from here.
    pub fn judges(&self, state: &str) -> bool {
        let found = self.state(state).filter(|found| !found.waits_for.is_empty());
        let hands_in = |found: &State| found.actions.keys().any(|action| self.submits(state, action));
        !self.checklists.is_empty() && found.is_some_and(|found| !hands_in(found))
    }

    /// What the numbers of a form begin with; none if it is not made.
    pub fn form_series(&self, name: &str) -> Option<String> {
        let form = self.forms.get(name).filter(|form| form.kind.is_some())?;
        Some(form.number.clone().unwrap_or_else(|| name.to_uppercase()))
    }

    /// What a person is told when this guard does not hold.
    pub(super) fn otherwise(&self, guard: &str) -> Option<&Title> {
        let rules = self.states.values().flat_map(|state| state.actions.values());
        let mut asking = rules.filter(|rule| rule.when.as_ref().is_some_and(|when| when.text == guard));
        asking.find_map(|rule| rule.otherwise.as_ref())
    }

    /// The counter that says how often a case was submitted.
    pub(super) fn attempts(&self) -> Option<&str> {
        self.context.get("case.attempt")?.counter.as_deref()
    }
}
