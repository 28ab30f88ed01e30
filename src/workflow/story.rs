//! Stories: tests of a pack, as data. Each walks a case through [`step`] on a clock of its own.
//!
//! A story says who does what, what is refused and why, what it costs, and how it ends. The report also says which
//! transitions no story walks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::case::{Act, Attached, Case, Effect, Event, Input, Named};
use super::{Calendar, Definition, Pack, Span, checklist, due_timer, start, step};
use crate::domain::{Actor, CaseId, DocumentId, DossierId, PersonId, RawId, Role, Sha256Digest};
use crate::penalties::{self, Penalty};

/// When a story starts unless it says so: a Monday morning in Shanghai.
const MORNING: &str = "2026-03-02T01:00:00Z";
/// The most timers that fire one after the other.
const MOST_TIMERS: usize = 20;

/// What became of a pack's stories.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryReport {
    /// Each story.
    pub stories: Vec<StoryResult>,
    /// How many transitions were walked.
    pub transitions_walked: usize,
    /// How many there are.
    pub transitions_all: usize,
    /// Those that no story walks, as `WORKFLOW STATE/ACTION`.
    pub unwalked: Vec<String>,
}

/// What became of one story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryResult {
    /// The story's name.
    pub name: String,
    /// Whether everything went as it says.
    pub passed: bool,
    /// The first thing that did not.
    pub problem: Option<String>,
}

#[derive(Deserialize)]
struct StoryFile {
    workflow: String,
    tests: Vec<Story>,
}

#[derive(Deserialize)]
struct Story {
    name: String,
    given: Given,
    steps: Vec<Step>,
    ends: Ends,
}

#[derive(Deserialize)]
struct Given {
    facts: Map<String, Value>,
    #[serde(default = "one")]
    contracts: u32,
    #[serde(default)]
    documents: Basket,
    #[serde(default)]
    at: Option<Timestamp>,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Basket {
    #[default]
    Complete,
    None,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    Do(Box<Deed>),
    Attach { attach: String, by: String, refused: Option<String> },
    Wait { wait: String },
    Expect { expect: String },
}

#[derive(Deserialize)]
struct Deed {
    #[serde(rename = "do")]
    action: String,
    by: String,
    refused: Option<String>,
    costs: Option<i64>,
    reason: Option<String>,
    #[serde(default)]
    documents: Vec<String>,
    contracts: Option<u32>,
    points: Option<u32>,
    note: Option<String>,
    days: Option<u32>,
    person: Option<String>,
}

#[derive(Deserialize)]
struct Ends {
    state: String,
    /// Facts of the dossier as the case leaves them.
    #[serde(default)]
    facts: Map<String, Value>,
    /// The workflows of which it has started a case, in order.
    #[serde(default)]
    started: Vec<String>,
    /// How many days of access it has given, to whom.
    #[serde(default)]
    granted: BTreeMap<String, i64>,
    /// Who keeps the dossier now, if that has changed.
    keeper: Option<String>,
    /// Whether the dossier is to be sealed.
    #[serde(default)]
    sealed: bool,
    points: Option<BTreeMap<String, i64>>,
}

fn one() -> u32 {
    1
}

/// Runs every story of a pack.
pub fn run(pack: &Pack) -> StoryReport {
    let mut report = StoryReport::default();
    let mut walked = BTreeSet::new();
    for file in pack.stories() {
        match serde_json::from_value::<StoryFile>(file.clone()) {
            Ok(file) => report
                .stories
                .extend(file.tests.iter().map(|story| tell(pack, &file.workflow, story, &mut walked))),
            Err(error) => {
                let problem = Some(error.to_string());
                report.stories.push(StoryResult { name: String::new(), passed: false, problem });
            }
        }
    }
    let all: BTreeSet<String> = pack.definitions().values().flat_map(|def| transitions(def)).collect();
    report.transitions_walked = all.intersection(&walked).count();
    report.transitions_all = all.len();
    report.unwalked = all.difference(&walked).cloned().collect();
    report
}

fn transitions(def: &Definition) -> Vec<String> {
    let of_state = |(state, rule): (&String, &super::State)| -> Vec<String> {
        rule.actions.keys().map(|action| transition(def, state, action)).collect()
    };
    def.states.iter().flat_map(of_state).collect()
}

fn transition(def: &Definition, state: &str, action: &str) -> String {
    format!("{} {state}/{action}", def.id)
}

fn tell(pack: &Pack, workflow: &str, story: &Story, walked: &mut BTreeSet<String>) -> StoryResult {
    let problem = told(pack, workflow, story, walked).err();
    StoryResult { name: story.name.clone(), passed: problem.is_none(), problem }
}

fn told(pack: &Pack, workflow: &str, story: &Story, walked: &mut BTreeSet<String>) -> Result<(), String> {
    let (name, version) = workflow.split_once('@').unwrap_or((workflow, ""));
    let def = pack.definition(name).filter(|def| def.version == version);
    let def = def.ok_or_else(|| format!("the pack has no workflow {workflow}"))?;
    let morning = MORNING.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let now = story.given.at.unwrap_or(morning);
    let first = story.steps.iter().find_map(Step::by).unwrap_or("nobody/nobody");
    let (id, dossier) = (CaseId::from(raw("case")), DossierId::from(raw("dossier")));
    let case = start(def, pack.calendar(), id, dossier, story.given.contracts, &actor(first), now)
        .map_err(|refusal| refusal.sentence(def, "en"))?;
    let facts = story.given.facts.clone();
    let mut stage = Stage {
        def,
        calendar: pack.calendar(),
        facts,
        case,
        now,
        lines: Vec::new(),
        walked,
        names: BTreeMap::new(),
        ordered: Vec::new(),
    };
    if story.given.documents == Basket::Complete {
        stage.attach("complete", &actor(first)).map_err(|(_, why)| why)?;
    }
    for (i, step) in story.steps.iter().enumerate() {
        stage.play(step).map_err(|why| format!("step {}: {why}", i + 1))?;
    }
    stage.end(&story.ends)
}

impl Step {
    fn by(&self) -> Option<&str> {
        match self {
            Self::Do(deed) => Some(&deed.by),
            Self::Attach { by, .. } => Some(by),
            Self::Wait { .. } | Self::Expect { .. } => None,
        }
    }
}

/// A case, its clock and its ledger while a story is told.
struct Stage<'a> {
    def: &'a Definition,
    calendar: &'a Calendar,
    facts: Map<String, Value>,
    case: Case,
    now: Timestamp,
    lines: Vec<Penalty>,
    walked: &'a mut BTreeSet<String>,
    names: BTreeMap<PersonId, String>,
    /// What was ordered beside penalties.
    ordered: Vec<(Timestamp, Effect)>,
}

/// A refusal's code and sentence.
type Refused = (&'static str, String);

impl Stage<'_> {
    fn play(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Do(deed) => self.deed(deed),
            Step::Attach { attach, by, refused } => {
                let result = self.attach(attach, &actor(by));
                expect(result, refused.as_deref())
            }
            Step::Wait { wait } => {
                let span = Span::parse(wait).ok_or("not a span")?;
                self.now = self.calendar.after(self.now, span).ok_or("too far away")?;
                self.timers()
            }
            Step::Expect { expect } => self.stands(expect),
        }
    }

    fn deed(&mut self, deed: &Deed) -> Result<(), String> {
        let actor = actor(&deed.by);
        self.names.insert(actor.id, actor.name.clone());
        let before = sum(&self.lines);
        let input = Input {
            reason: deed.reason.clone(),
            documents: deed.documents.clone(),
            contracts: deed.contracts,
            points: deed.points,
            note: deed.note.clone(),
            days: deed.days,
            person: deed
                .person
                .as_ref()
                .map(|name| Named { id: PersonId::from(raw(name)), name: name.clone() }),
            ..Input::default()
        };
        let (action, expected_version) = (deed.action.clone(), self.case.version);
        let event = Event::Act(Act { action, actor, at: self.now, expected_version, input });
        let result = self.happen(&event, Some(&deed.action));
        expect(result, deed.refused.as_deref())?;
        let cost = sum(&self.lines) - before;
        match deed.costs {
            Some(expected) if expected != cost => Err(format!("it cost {cost} points, not {expected}")),
            _ => Ok(()),
        }
    }

    fn attach(&mut self, what: &str, actor: &Actor) -> Result<(), Refused> {
        let kinds: Vec<String> = if what == "complete" {
            lacking(self.def, &self.facts, &self.case)
        } else {
            vec![what.to_owned()]
        };
        for kind in kinds {
            let name = format!("{kind} {}", self.case.documents.len());
            let (document, sha256) = (DocumentId::from(raw(&name)), Sha256Digest::of(name.as_bytes()));
            let document = Attached { document, kind, sha256 };
            self.happen(&Event::Attach { document, actor: actor.clone(), at: self.now }, None)?;
        }
        Ok(())
    }

    fn timers(&mut self) -> Result<(), String> {
        for _ in 0..MOST_TIMERS {
            let Some(action) = due_timer(self.def, &self.case, self.now) else { return Ok(()) };
            let event = Event::Timer { action: action.clone(), at: self.now };
            self.happen(&event, Some(&action)).map_err(|(_, why)| why)?;
        }
        Err("the clock acts without end".into())
    }

    fn happen(&mut self, event: &Event, action: Option<&str>) -> Result<(), Refused> {
        let stepped = step(self.def, self.calendar, &self.facts, &self.case, event)
            .map_err(|refusal| (refusal.code(), refusal.sentence(self.def, "en")))?;
        if let Some(action) = action {
            self.walked.insert(transition(self.def, &self.case.state, action));
        }
        for effect in stepped.effects {
            match effect {
                Effect::Penalise(line) => self.lines.push(line),
                Effect::Set { facts, .. } => self.facts.extend(facts),
                other => self.ordered.push((self.now, other)),
            }
        }
        self.case = stepped.case;
        Ok(())
    }

    /// Whether what was ordered is what the story tells of it.
    fn carried_out(&self, ends: &Ends) -> Result<(), String> {
        let (mut started, mut granted, mut keeper, mut sealed) = (Vec::new(), BTreeMap::new(), None, false);
        for (at, effect) in &self.ordered {
            match effect {
                Effect::Start { workflow, .. } => started.push(workflow.clone()),
                Effect::Grant { person, until, .. } => {
                    let days = crate::domain::business_date(*at)
                        .until(crate::domain::business_date(*until))
                        .map_or(0, |span| i64::from(span.get_days()));
                    *granted.entry(person.name.clone()).or_insert(0) += days - 1;
                }
                Effect::Revoke { .. } => granted.clear(),
                Effect::Reassign { person, .. } => keeper = Some(person.name.clone()),
                Effect::Seal { .. } => sealed = true,
                _ => {}
            }
        }
        differs("it has started", &started, &ends.started)?;
        differs("it has granted", &granted, &ends.granted)?;
        differs("the keeper is", &keeper, &ends.keeper)?;
        differs("it is sealed", &sealed, &ends.sealed)
    }

    fn stands(&self, state: &str) -> Result<(), String> {
        if self.case.state == state {
            Ok(())
        } else {
            Err(format!("the case stands at {}, not {state}", self.case.state))
        }
    }

    fn end(&self, ends: &Ends) -> Result<(), String> {
        self.stands(&ends.state)?;
        for (name, expected) in &ends.facts {
            if self.facts.get(name) != Some(expected) {
                let found = self.facts.get(name).map_or("nothing".into(), Value::to_string);
                return Err(format!("the fact {name} is {found}, not {expected}"));
            }
        }
        self.carried_out(ends)?;
        let Some(expected) = &ends.points else { return Ok(()) };
        let totals = penalties::totals(&self.lines);
        for (person, points) in &totals {
            let name = self.names.get(person).map_or("somebody", String::as_str);
            if *points != 0 && !expected.contains_key(name) {
                return Err(format!("{name} has {points} points, which the story does not tell"));
            }
        }
        for (name, points) in expected {
            let found = totals.get(&PersonId::from(raw(name))).copied().unwrap_or_default();
            if found != *points {
                return Err(format!("{name} ends with {found} points, not {points}"));
            }
        }
        Ok(())
    }
}

fn differs<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}

fn expect(result: Result<(), Refused>, refused: Option<&str>) -> Result<(), String> {
    match (result, refused) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(code)) => Err(format!("it was done, and should have been refused ({code})")),
        (Err((code, _)), Some(expected)) if code == expected => Ok(()),
        (Err((code, why)), _) => Err(format!("refused ({code}): {why}")),
    }
}

fn sum(lines: &[Penalty]) -> i64 {
    lines.iter().map(|line| line.points).sum()
}

/// The kinds of documents that a case's checklist lacks, each as often as it does.
pub(super) fn lacking(def: &Definition, facts: &Map<String, Value>, case: &Case) -> Vec<String> {
    let items = checklist(def, facts, case).items.into_iter();
    let lacking = items
        .filter_map(|item| Some((item.kinds.first()?.clone(), item.need as usize, item.documents.len())));
    lacking.flat_map(|(kind, need, there)| vec![kind; need.saturating_sub(there)]).collect()
}

/// `ROLE+ROLE/NAME` as somebody who acts.
pub(super) fn actor(text: &str) -> Actor {
    let (roles, name) = text.split_once('/').unwrap_or(("", text));
    Actor::new(PersonId::from(raw(name)), name, roles.split('+').map(Role::new).collect())
}

/// The same name is always the same id.
pub(super) fn raw(name: &str) -> RawId {
    let digest = Sha256Digest::of(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    RawId::from_bytes(bytes)
}
