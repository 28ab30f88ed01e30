//! Moves a running case to another version of its definition.
//!
//! Pure, like [`super::step`]: the new definition says how cases of an older version come to it (`migrate: from:`), and
//! what it does not say is a hindrance. A case that has ended is never moved, and no case is ended by being moved.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Title;
use super::calendar::Calendar;
use super::case::Case;
use super::definition::{Counter, Definition};
use super::notice::term;
use super::read::Problem;
use super::step::{attempt, enter};
use crate::domain::DocumentId;

/// What a counter becomes that does not go on.
pub(super) const DROP: &str = "drop";

/// How the cases of one older version come to a definition.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Mapping {
    /// Old state, new state; one that is not named keeps its name.
    #[serde(default)]
    states: BTreeMap<String, String>,
    timers: Timers,
    counters: Counters,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Timers {
    /// The same instant.
    Keep,
    /// Counted anew from the migration on.
    Restart,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Counters {
    All(AllCounters),
    /// Old counter, new counter or [`DROP`].
    Named(BTreeMap<String, String>),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AllCounters {
    Keep,
    Reset,
}

/// Why a case cannot be moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Hindrance {
    /// It has ended.
    Ended,
    /// The new definition does not say how cases of this one come to it.
    NoMapping,
    /// Its state leads to none of the new definition.
    State {
        /// The old state.
        state: String,
    },
    /// Its state leads to a final one: a case is not ended without an action.
    FinalState {
        /// The old state.
        state: String,
    },
    /// A counter of it leads to none of the new definition.
    Counter {
        /// The old counter.
        counter: String,
    },
    /// The new definition does not know the kind of a document in the basket.
    Kind {
        /// The document.
        document: DocumentId,
        /// Its kind.
        kind: String,
    },
}

impl Hindrance {
    /// The sentence.
    pub fn title(&self) -> Title {
        match self {
            Self::Ended => Title::new("流程已结束", "the case has ended"),
            Self::NoMapping => Title::new(
                "新版本未写明如何接收该版本的流程",
                "the new version does not say how cases of this one come to it",
            ),
            Self::State { state } => Title::new(
                format!("状态“{state}”在新版本中没有对应的状态"),
                format!("the state `{state}` leads to none of the new version"),
            ),
            Self::FinalState { state } => Title::new(
                format!("状态“{state}”对应终止状态；迁移不能结束流程"),
                format!("the state `{state}` leads to a final one, and a migration does not end a case"),
            ),
            Self::Counter { counter } => Title::new(
                format!("计数器“{counter}”在新版本中没有对应的计数器"),
                format!("the counter `{counter}` leads to none of the new version"),
            ),
            Self::Kind { document, kind } => Title::new(
                format!("新版本没有“{kind}”这类资料（{document}）"),
                format!("the new version does not know the kind `{kind}` of the document {document}"),
            ),
        }
    }
}

/// The case on the new definition, or everything that stands against it. Only the state's name, its term, the counters, the
/// reference and the version can differ.
pub fn migrate(
    to: &Definition,
    calendar: &Calendar,
    case: &Case,
    at: Timestamp,
) -> Result<Case, Vec<Hindrance>> {
    if case.is_final {
        return Err(vec![Hindrance::Ended]);
    }
    let from = Definition::version_of(&case.definition).filter(|_| case.workflow == to.id);
    let Some(mapping) = from.and_then(|version| to.migrate.get(version)) else {
        return Err(vec![Hindrance::NoMapping]);
    };
    let mut hindrances = Vec::new();
    let state = mapping.state(&case.state, to).map_err(|hindrance| hindrances.push(hindrance)).ok();
    let counters = mapping.counters(case.counters.keys(), to);
    let counters = counters.map_err(|found| hindrances.extend(found)).ok();
    let unknown = case.documents.iter().filter(|found| !to.documents.contains_key(&found.kind));
    hindrances
        .extend(unknown.map(|found| Hindrance::Kind { document: found.document, kind: found.kind.clone() }));
    let (Some(state), Some(named), []) = (state, counters, hindrances.as_slice()) else {
        return Err(hindrances);
    };
    let mut moved = case.clone();
    moved.definition = to.reference();
    moved.version = moved.version.saturating_add(1);
    moved.counters = starts(&to.counters);
    for (old, new) in named {
        moved.counters.insert(new, case.counters.get(&old).copied().unwrap_or_default());
    }
    moved.attempt = attempt(to, &moved);
    let lost = |_| vec![Hindrance::State { state: case.state.clone() }];
    match mapping.timers {
        Timers::Restart => enter(to, calendar, &mut moved, state, at).map_err(lost)?,
        Timers::Keep => keep(to, calendar, &mut moved, state, at),
    }
    Ok(moved)
}

/// The term stays where both states have one; what has none yet gets one from now on, so that nothing waits for ever.
fn keep(to: &Definition, calendar: &Calendar, case: &mut Case, name: &str, at: Timestamp) {
    let Some(state) = to.state(name) else { return };
    name.clone_into(&mut case.state);
    let rule = state.deadline.as_ref();
    match (rule, case.deadline) {
        (Some(rule), Some(deadline)) => {
            let warns = rule.warn.and_then(|span| calendar.before(deadline, span, case.state_since));
            case.warn_at = warns.map(|computed| case.warn_at.unwrap_or(computed));
        }
        _ => {
            let counted = term(to, calendar, case, name, at);
            (case.deadline, case.warn_at) = (counted.deadline, counted.warn_at);
        }
    }
}

/// What a definition's mappings say that cannot be: their targets are in the same file.
pub(super) fn problems(def: &Definition) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (version, mapping) in &def.migrate {
        let place = ["migrate", "from", version.as_str()];
        let mut note = |rest: &[&str], why: String| {
            problems.push(Problem::new("E17", &[&place[..], rest].concat(), why));
        };
        if *version == def.version {
            note(&[], format!("{version} is this version itself"));
        }
        for (old, new) in &mapping.states {
            match def.state(new) {
                None => note(&["states", old], format!("there is no state `{new}`")),
                Some(state) if state.is_final => {
                    note(&["states", old], format!("`{new}` is final: a migration does not end a case"));
                }
                Some(_) => {}
            }
        }
        let Counters::Named(named) = &mapping.counters else { continue };
        let mut taken = BTreeSet::new();
        for (old, new) in named.iter().filter(|(_, new)| *new != DROP) {
            if !def.counters.contains_key(new) {
                note(&["counters", old], format!("there is no counter `{new}`"));
            } else if !taken.insert(new) {
                note(&["counters", old], format!("another counter becomes `{new}`, too"));
            }
        }
    }
    problems
}

/// What of the older definition the newer one leaves unmapped, if it says that cases of it can come.
pub fn gaps(from: &Definition, to: &Definition) -> Vec<Hindrance> {
    let Some(mapping) = to.migrate.get(&from.version) else { return Vec::new() };
    let running = from.states.iter().filter(|(_, state)| !state.is_final);
    let mut gaps: Vec<Hindrance> = running.filter_map(|(name, _)| mapping.state(name, to).err()).collect();
    gaps.extend(mapping.counters(from.counters.keys(), to).err().into_iter().flatten());
    gaps
}

impl Definition {
    /// Whether it says how cases of this version come to it.
    pub fn takes(&self, version: &str) -> bool {
        self.migrate.contains_key(version)
    }
}

impl Mapping {
    fn state<'a>(&'a self, old: &'a str, to: &Definition) -> Result<&'a str, Hindrance> {
        let new = self.states.get(old).map_or(old, String::as_str);
        match to.state(new) {
            None => Err(Hindrance::State { state: old.to_owned() }),
            Some(state) if state.is_final => Err(Hindrance::FinalState { state: old.to_owned() }),
            Some(_) => Ok(new),
        }
    }

    /// Which old counter becomes which new one.
    fn counters<'a>(
        &self,
        old: impl Iterator<Item = &'a String>,
        to: &Definition,
    ) -> Result<Vec<(String, String)>, Vec<Hindrance>> {
        let named = match &self.counters {
            Counters::All(AllCounters::Reset) => return Ok(Vec::new()),
            Counters::All(AllCounters::Keep) => None,
            Counters::Named(named) => Some(named),
        };
        let (mut kept, mut lost) = (Vec::new(), Vec::new());
        for old in old {
            let new = named.map_or(Some(old), |named| named.get(old));
            if named.is_some() && new.is_some_and(|new| new == DROP) {
                continue;
            }
            match new.filter(|new| to.counters.contains_key(*new)) {
                Some(new) => kept.push((old.clone(), new.clone())),
                None => lost.push(Hindrance::Counter { counter: old.clone() }),
            }
        }
        if lost.is_empty() { Ok(kept) } else { Err(lost) }
    }
}

/// The counters of a case that has just begun.
pub(super) fn starts(counters: &BTreeMap<String, Counter>) -> BTreeMap<String, u32> {
    counters.iter().map(|(name, counter)| (name.clone(), counter.starts)).collect()
}
