//! Random walks through every definition of every pack: whatever people do, whenever time passes and wherever the
//! process dies, a case keeps its promises. Nothing here knows a word of any pack.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::document;
use crate::domain::{Actor, CaseId, DossierId, PersonId, RawId, Role};
use crate::penalties::{Penalty, totals};
use crate::workflow::case::Named;
use crate::workflow::definition::Declared;
use crate::workflow::{
    Act, Case, Definition, Effect, Event, Input, Pack, Refusal, Stepped, checklist, due_timer, start, step,
};

/// Walks of each definition; a hundred thousand are walked by the variant that is ignored here.
const WALKS: u64 = 1000;
const MANY_WALKS: u64 = 100_000;
/// The most that happens in one walk.
const STEPS: usize = 20;

/// Numbers that look random and are the same in every run (xorshift*).
struct Dice(u64);

impl Dice {
    fn new(walk: u64) -> Self {
        Self(walk.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % most.max(1)
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// What outlives a crash. It changes as a whole, as an entry of the log does, or not at all.
#[derive(Clone, PartialEq, Debug)]
struct Written {
    case: Case,
    facts: Map<String, Value>,
    ledger: BTreeMap<String, Penalty>,
    orders: BTreeSet<String>,
}

impl Written {
    fn commit(&mut self, stepped: &Stepped) {
        self.case = stepped.case.clone();
        for effect in &stepped.effects {
            assert!(self.orders.insert(id(effect).to_owned()), "an effect's id comes once: {effect:?}");
            match effect {
                Effect::Penalise(line) => drop(self.ledger.insert(line.id.clone(), line.clone())),
                Effect::Set { facts, .. } => self.facts.extend(facts.clone()),
                _ => {}
            }
        }
    }

    fn points(&self) -> BTreeMap<PersonId, i64> {
        totals(&self.ledger.values().cloned().collect::<Vec<_>>())
    }
}

fn id(effect: &Effect) -> &str {
    match effect {
        Effect::Penalise(line) => &line.id,
        Effect::Fix { id, .. }
        | Effect::Form { id, .. }
        | Effect::Notify { id, .. }
        | Effect::Archive { id, .. }
        | Effect::Retain { id, .. }
        | Effect::Order { id, .. }
        | Effect::Set { id, .. }
        | Effect::Start { id, .. }
        | Effect::Grant { id, .. }
        | Effect::Revoke { id }
        | Effect::Reassign { id, .. }
        | Effect::Seal { id } => id,
    }
}

/// What came of the walks of one definition.
#[derive(Default)]
struct Seen {
    happened: u64,
    refused: u64,
    crashes: u64,
    ended: u64,
    walked: BTreeSet<(String, String)>,
}

struct Walk<'a> {
    pack: &'a Pack,
    def: &'a Definition,
    people: &'a [Actor],
    dice: Dice,
    now: Timestamp,
    written: Written,
    log: Vec<Event>,
    first: Written,
}

fn person(number: u8, roles: Vec<Role>) -> Actor {
    let id = PersonId::from(RawId::from_bytes([number; 16]));
    Actor::new(id, format!("person {number}"), roles)
}

/// Somebody of each role, somebody of all, and somebody of none.
fn people(def: &Definition) -> Vec<Actor> {
    let roles: Vec<Role> = def.roles.keys().map(Role::new).collect();
    let mut people: Vec<Actor> =
        roles.iter().zip(100..).map(|(role, number)| person(number, vec![role.clone()])).collect();
    people.push(person(98, roles));
    people.push(person(99, Vec::new()));
    people
}

/// Facts that a dossier can have, as far as the definition looks at them.
fn facts(def: &Definition, dice: &mut Dice) -> Map<String, Value> {
    let value = |declared: &Declared, dice: &mut Dice| match declared.kind.as_deref() {
        Some("bool") => Value::from(dice.once_in(2)),
        Some(_) => Value::from(dice.below(5)),
        None => Value::from(dice.one_of(&declared.values).cloned().unwrap_or_default()),
    };
    let own = ["case", "checklist", "return"];
    let names = def.context.iter().filter_map(|(name, declared)| Some((name.split_once('.')?, declared)));
    let names = names.filter(|((root, _), _)| !own.contains(root));
    names.map(|((_, field), declared)| (field.to_owned(), value(declared, dice))).collect()
}

impl<'a> Walk<'a> {
    fn new(pack: &'a Pack, def: &'a Definition, people: &'a [Actor], number: u64) -> Self {
        let mut dice = Dice::new(number);
        let now = "2026-03-02T01:00:00Z".parse().unwrap();
        let (id, dossier) =
            (CaseId::from(RawId::from_bytes([1; 16])), DossierId::from(RawId::from_bytes([2; 16])));
        let contracts = 1 + u32::try_from(dice.below(3)).unwrap();
        let starter = dice.one_of(people).unwrap();
        let case = start(def, pack.calendar(), id, dossier, contracts, starter, now).unwrap();
        let facts = facts(def, &mut dice);
        let written = Written { case, facts, ledger: BTreeMap::new(), orders: BTreeSet::new() };
        Self { pack, def, people, dice, now, first: written.clone(), written, log: Vec::new() }
    }

    fn run(mut self, seen: &mut Seen) {
        for _ in 0..STEPS {
            if self.written.case.is_final {
                break;
            }
            let hours = [0, 0, 0, 0, 3, 3, 30, 30, 200, 9000][self.dice.below(10)];
            self.now = self.now.checked_add(SignedDuration::from_hours(hours)).unwrap();
            if let Some(action) = due_timer(self.def, &self.written.case, self.now) {
                self.happen(Event::Timer { action, at: self.now }, seen).unwrap();
            }
            let event = self.event();
            if let Err(refusal) = self.happen(event, seen) {
                seen.refused += 1;
                assert!(!refusal.sentence(self.def, "zh").is_empty() && !refusal.code().is_empty());
            }
        }
        seen.ended += u64::from(self.written.case.is_final);
        self.replay();
    }

    /// Something happens, and the process may die before it is written, or after it is and before anybody hears of it.
    fn happen(&mut self, event: Event, seen: &mut Seen) -> Result<(), Refusal> {
        let before = self.written.clone();
        let stepped = self.step(&event);
        if self.dice.once_in(6) {
            // It died before: what is there is what was written last, and the event comes again.
            seen.crashes += 1;
            self.reload();
            assert_eq!(self.step(&event), stepped, "the same event on the same case gives the same");
        }
        let stepped = match stepped {
            Ok(stepped) => stepped,
            Err(refusal) => {
                assert_eq!(self.written, before, "what is refused changes nothing");
                return Err(refusal);
            }
        };
        if let Event::Act(Act { action, .. }) | Event::Timer { action, .. } = &event {
            seen.walked.insert((before.case.state.clone(), action.clone()));
        }
        seen.happened += 1;
        self.written.commit(&stepped);
        self.promises(&before);
        if self.dice.once_in(6) {
            // It died after: whoever did it does it again.
            seen.crashes += 1;
            self.reload();
            let after = self.written.clone();
            if let Ok(again) = self.step(&event) {
                assert!(matches!(event, Event::Attach { .. }), "it happened twice: {event:?}");
                assert!(again.case == after.case && again.effects.is_empty());
            }
        }
        self.log.push(event);
        Ok(())
    }

    fn step(&self, event: &Event) -> Result<Stepped, Refusal> {
        step(self.def, self.pack.calendar(), &self.written.facts, &self.written.case, event)
    }

    /// The case as it is read back after a crash.
    fn reload(&mut self) {
        let json = serde_json::to_vec(&self.written.case).unwrap();
        let read: Case = serde_json::from_slice(&json).unwrap();
        assert_eq!(read, self.written.case);
        self.written.case = read;
    }

    fn promises(&self, before: &Written) {
        let case = &self.written.case;
        let state = self.def.state(&case.state).unwrap();
        assert_eq!(case.is_final, state.is_final);
        assert!(
            case.is_final || case.deadline.is_some() || state.deadline.is_none(),
            "{} has no end",
            case.state
        );
        assert!(case.deadline.is_none_or(|deadline| deadline >= case.state_since));
        assert!(case.version >= before.case.version && case.attempt >= before.case.attempt);
        let (points, earlier) = (self.written.points(), before.points());
        assert!(points.values().all(|points| *points >= 0), "{points:?}");
        assert!(
            earlier.iter().all(|(who, earlier)| points[who] >= *earlier),
            "a case never takes points back"
        );
    }

    /// The log alone gives the same case, the same facts and the same ledger.
    fn replay(&self) {
        let (written, first) = (self.first.clone(), self.first.clone());
        let mut again = Self { written, first, log: Vec::new(), dice: Dice(1), ..*self };
        for event in &self.log {
            let stepped = again.step(event).unwrap();
            again.written.commit(&stepped);
        }
        assert_eq!(again.written, self.written);
        let folded: i64 = again.written.ledger.values().map(|line| line.points).sum();
        assert_eq!(folded, self.written.points().values().sum::<i64>());
    }

    fn event(&mut self) -> Event {
        if self.dice.once_in(4) {
            return self.attach();
        }
        let state = self.def.state(&self.written.case.state).unwrap();
        let names: Vec<&String> = match self.dice.once_in(8) {
            false => state.actions.keys().collect(),
            true => self.def.states.values().flat_map(|state| state.actions.keys()).collect(),
        };
        let action = self.dice.one_of(&names).map_or_else(|| "nonsense".to_owned(), |name| (*name).clone());
        let able: Vec<Actor> = match state.actions.get(&action) {
            Some(rule) if !self.dice.once_in(6) => {
                let holds = |actor: &&Actor| rule.by.iter().any(|role| actor.has_role(role));
                self.people.iter().filter(holds).cloned().collect()
            }
            _ => self.people.to_vec(),
        };
        let actor = self.dice.one_of(&able).unwrap_or(&self.people[0]).clone();
        let version = self.written.case.version;
        let expected_version = if self.dice.once_in(12) { version.saturating_sub(1) } else { version };
        let input = self.input();
        Event::Act(Act { action, actor, at: self.now, expected_version, input })
    }

    fn attach(&mut self) -> Event {
        let kinds: Vec<String> = match self.dice.once_in(5) {
            true => self.def.documents.keys().cloned().chain(["no such kind".to_owned()]).collect(),
            false => {
                let list = checklist(self.def, &self.written.facts, &self.written.case);
                list.items.into_iter().filter(|item| !item.ok).flat_map(|item| item.kinds).collect()
            }
        };
        let kind = self.dice.one_of(&kinds).cloned().unwrap_or_default();
        let number = u8::try_from(self.written.case.documents.len()).unwrap();
        Event::Attach { document: document(number, &kind), actor: self.people[0].clone(), at: self.now }
    }

    /// Mostly something for everything that could be needed, and now and then nonsense.
    fn input(&mut self) -> Input {
        let sensible = !self.dice.once_in(8);
        let reasons: Vec<&String> = self.def.return_reasons.keys().collect();
        let kinds: Vec<&String> = self.def.documents.keys().collect();
        let there: Vec<String> =
            self.written.case.documents.iter().map(|found| found.document.to_string()).collect();
        let named = match self.dice.once_in(2) {
            true => self.dice.one_of(&there).cloned(),
            false => self.dice.one_of(&kinds).map(|kind| (*kind).clone()),
        };
        let number = |dice: &mut Dice, most: usize| Some(u32::try_from(dice.below(most)).unwrap());
        let contracts = usize::try_from(self.written.case.contracts).unwrap();
        Input {
            reason: self.dice.one_of(&reasons).filter(|_| sensible).map(|reason| (*reason).clone()),
            documents: named.into_iter().filter(|_| sensible).collect(),
            contracts: number(&mut self.dice, contracts + 1)
                .map(|count| count + u32::from(sensible && count == 0)),
            points: number(&mut self.dice, if sensible { 30 } else { 1200 }),
            note: sensible.then(|| "说明".to_owned()),
            days: number(&mut self.dice, if sensible { 40 } else { 500 }),
            person: self
                .dice
                .one_of(self.people)
                .filter(|_| sensible)
                .map(|actor| Named { id: actor.id, name: actor.name.clone() }),
            ..Input::default()
        }
    }
}

fn walk_every_definition(walks: u64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    let packs: Vec<Pack> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| Pack::read_dir(&entry.unwrap().path()).unwrap())
        .collect();
    assert!(packs.len() > 1);
    let walked = |pack: &Pack, def: &Definition| {
        let (people, mut seen) = (people(def), Seen::default());
        (0..walks).for_each(|number| Walk::new(pack, def, &people, number).run(&mut seen));
        let Seen { happened, refused, crashes, ended, walked } = seen;
        let all: usize = def.states.values().map(|state| state.actions.len()).sum();
        println!(
            "{}/{}: {walks} walks, {happened} events, {refused} refusals, {crashes} crashes, {ended} ended, \
             {} of {all} transitions",
            pack.id,
            def.id,
            walked.len()
        );
        assert!(ended > 0 && refused > 0 && crashes > 0, "{}", def.id);
    };
    std::thread::scope(|scope| {
        for (pack, def) in
            packs.iter().flat_map(|pack| pack.definitions().values().map(move |def| (pack, def)))
        {
            scope.spawn(move || walked(pack, def));
        }
    });
}

#[test]
fn whatever_happens_to_a_case_of_any_pack() {
    walk_every_definition(WALKS);
}

#[test]
#[ignore = "a hundred thousand walks of each definition: `make walks`"]
fn whatever_happens_a_hundred_thousand_times() {
    walk_every_definition(MANY_WALKS);
}
