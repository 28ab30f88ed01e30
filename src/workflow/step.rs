//! The one function that moves a case.
//!
//! Pure: the definition, the calendar, the dossier's facts, the case and an event go in; the case after the event
//! and its effects come out, or a refusal that has changed nothing. The same values always give the same answer, so
//! that a replayed log gives the same case.
//!
//! The order of the checks: is the action offered here, may the actor do it (role, then four eyes), has the actor
//! seen the case as it is, does the guard hold, are the inputs complete. A guard that asks about an input
//! is looked at after the inputs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::calendar::{Calendar, Span};
use super::case::{Act, Asked, Attached, Case, Effect, Event, Frozen, Input, Named, Stepped};
use super::checklist::{checklist, plain_values};
use super::definition::{ActionRule, Definition, Granting, Length, Need, Order, Party, State};
use super::guard::{Guard, Values};
use super::migrate::starts;
use super::notice::{Notices, term};
use super::refusal::Refusal;
use super::{Offered, Title};
use crate::domain::{Actor, CaseId, DocumentId, DossierId, Month, PersonId, RawId, Sha256Digest};
use crate::penalties::Penalty;

/// How many contracts one basket may hold.
pub(super) const MOST_CONTRACTS: u32 = 1000;
/// How many points one decision may set.
pub(super) const MOST_POINTS: u32 = 1000;
/// How long a note may be, in characters.
pub(super) const LONGEST_NOTE: usize = 4000;
/// How long a name or a place may be that is written down with papers, in characters.
pub const LONGEST_PLACE: usize = 200;
/// How many documents one return may name.
pub(super) const MOST_NAMED: usize = 500;
/// For how many days one can ask for something.
pub(super) const MOST_DAYS: u32 = 366;

/// What a case is judged on.
#[derive(Clone, Copy)]
struct Ground<'a> {
    def: &'a Definition,
    calendar: &'a Calendar,
    facts: &'a Map<String, Value>,
    case: &'a Case,
}

/// The case after an event with its effects, or why it was refused.
pub fn step(
    def: &Definition,
    calendar: &Calendar,
    facts: &Map<String, Value>,
    case: &Case,
    event: &Event,
) -> Result<Stepped, Refusal> {
    let ground = Ground { def, calendar, facts, case };
    match event {
        Event::Act(act) => ground.act(act),
        Event::Timer { action, at } => ground.timer(action, *at),
        Event::Attach { document, .. } => ground.attach(document),
    }
}

/// A new case, at version 1 in the initial state.
pub fn start(
    def: &Definition,
    calendar: &Calendar,
    id: CaseId,
    dossier: DossierId,
    contracts: u32,
    actor: &Actor,
    at: Timestamp,
) -> Result<Case, Refusal> {
    in_range("contracts", contracts, 1, MOST_CONTRACTS)?;
    let mut case = Case {
        id,
        workflow: def.id.clone(),
        definition: def.reference(),
        dossier,
        state: String::new(),
        is_final: false,
        attempt: 0,
        version: 1,
        contracts,
        adviser: actor.id,
        adviser_name: actor.name.clone(),
        submitted_by: None,
        started_at: at,
        state_since: at,
        state_entry: 0,
        deadline: None,
        warn_at: None,
        documents: Vec::new(),
        frozen: Vec::new(),
        wrong: Vec::new(),
        counters: starts(&def.counters),
        counted_with: String::new(),
        notices: Notices::default(),
        wrong_reasons: BTreeMap::new(),
        asked: None,
    };
    case.attempt = attempt(def, &case);
    enter(def, calendar, &mut case, &def.initial, at)?;
    Ok(case)
}

/// The action that a passed deadline calls for now, if it calls for one.
pub fn due_timer(def: &Definition, case: &Case, now: Timestamp) -> Option<String> {
    let state = def.state(&case.state)?;
    let then = &state.deadline.as_ref()?.then;
    let due = case.deadline.is_some_and(|deadline| deadline <= now);
    (due && state.actions.get(then).is_some_and(ActionRule::is_timer)).then(|| then.clone())
}

/// What the actor may do now. A condition on an input that is not yet given counts as holding.
pub fn offered(def: &Definition, facts: &Map<String, Value>, case: &Case, actor: &Actor) -> Vec<Offered> {
    let calendar = Calendar::default();
    let ground = Ground { def, calendar: &calendar, facts, case };
    let Some(state) = def.state(&case.state) else { return Vec::new() };
    let may = |rule: &ActionRule| {
        !rule.is_timer()
            && may_act(rule, case, actor).is_ok()
            && rule.when.as_ref().is_none_or(|guard| asks_input(guard) || ground.guard(guard, None).is_ok())
    };
    let offer = |(name, rule): (&String, &ActionRule)| Offered {
        name: name.clone(),
        title: rule.title.clone(),
        needs: rule.needs.iter().map(|need| need.input().to_owned()).collect(),
    };
    state.actions.iter().filter(|(_, rule)| may(rule)).map(offer).collect()
}

impl<'a> Ground<'a> {
    fn act(self, act: &Act) -> Result<Stepped, Refusal> {
        let rule = self.rule(&act.action, false)?;
        may_act(rule, self.case, &act.actor)?;
        if act.expected_version != self.case.version {
            return Err(Refusal::StaleVersion { current: self.case.version });
        }
        let (early, late): (Option<&Guard>, Option<&Guard>) = match &rule.when {
            Some(guard) if asks_input(guard) => (None, Some(guard)),
            guard => (guard.as_ref(), None),
        };
        early.map_or(Ok(()), |guard| self.guard(guard, None))?;
        self.inputs(rule, &act.input, act.at)?;
        late.map_or(Ok(()), |guard| self.guard(guard, Some(&act.input)))?;
        self.apply(rule, Some(&act.actor), &act.input, act.at)
    }

    fn timer(self, action: &str, at: Timestamp) -> Result<Stepped, Refusal> {
        let rule = self.rule(action, true)?;
        if due_timer(self.def, self.case, at).as_deref() != Some(action) {
            return Err(self.wrong_state());
        }
        rule.when.as_ref().map_or(Ok(()), |guard| self.guard(guard, None))?;
        self.apply(rule, None, &Input::default(), at)
    }

    fn attach(self, document: &Attached) -> Result<Stepped, Refusal> {
        let state = self.def.state(&self.case.state).ok_or_else(|| self.wrong_state())?;
        let fixes = |rule: &ActionRule| rule.effects.iter().any(|order| matches!(order, Order::Fix(_)));
        if !state.actions.values().any(fixes) {
            return Err(self.wrong_state());
        }
        if !self.def.documents.contains_key(&document.kind) {
            let why = Title::new("此流程没有这类资料", "this workflow has no such kind of document");
            return Err(Refusal::BadValue { input: "document".into(), why });
        }
        let mut case = self.case.clone();
        if case.documents.iter().all(|found| found.document != document.document) {
            case.documents.push(document.clone());
        }
        Ok(Stepped { case, effects: Vec::new() })
    }

    fn rule(self, action: &str, timer: bool) -> Result<&'a ActionRule, Refusal> {
        let state = self.def.state(&self.case.state);
        let rule = state.and_then(|state| state.actions.get(action)).filter(|rule| rule.is_timer() == timer);
        rule.ok_or_else(|| self.wrong_state())
    }

    fn wrong_state(self) -> Refusal {
        let by_people = |state: &State| {
            let actions = state.actions.iter().filter(|(_, rule)| !rule.is_timer());
            actions.map(|(name, _)| name.clone()).collect()
        };
        let offered = self.def.state(&self.case.state).map(by_people).unwrap_or_default();
        Refusal::WrongState { state: self.case.state.clone(), offered }
    }

    fn guard(self, guard: &Guard, input: Option<&Input>) -> Result<(), Refusal> {
        let mut values = plain_values(self.def, self.facts, self.case, input);
        if guard.names.contains("checklist.complete") {
            let complete = checklist(self.def, self.facts, self.case).complete;
            values.insert("checklist.complete".into(), complete.into());
        }
        if guard.holds(&values) == Ok(true) {
            return Ok(());
        }
        let seen: Values = values.into_iter().filter(|(name, _)| guard.names.contains(name)).collect();
        Err(Refusal::Guard { guard: guard.text.clone(), values: seen })
    }

    fn inputs(self, rule: &ActionRule, input: &Input, at: Timestamp) -> Result<(), Refusal> {
        let mut needs: BTreeSet<Need> = rule.needs.iter().copied().collect();
        for reason in input.reason.iter().chain(input.reasons.values()) {
            let known = &self.def.return_reasons;
            let found = known.get(reason).ok_or_else(|| Refusal::UnknownReason {
                reason: reason.chars().take(100).collect(),
                known: known.keys().cloned().collect(),
            })?;
            needs.extend(&found.needs);
        }
        let reasoned = |name: &String| input.reason_of(name).is_some();
        let lacking = |need: &&Need| match need {
            Need::Reason => input.main_reason().is_none() || !input.documents.iter().all(reasoned),
            Need::Documents => input.documents.is_empty(),
            Need::Contracts => input.contracts.is_none(),
            Need::Points => input.points.is_none(),
            Need::Note => input.note.as_deref().is_none_or(|note| note.trim().is_empty()),
            Need::Days => input.days.is_none(),
            Need::Person => input.person.is_none(),
        };
        let inputs: Vec<String> = needs.iter().filter(lacking).map(|need| need.input().to_owned()).collect();
        if !inputs.is_empty() {
            return Err(Refusal::Missing { inputs });
        }
        self.input_values(input)?;
        self.handed_over(rule, input, at)
    }

    /// How papers were handed over is said when they are submitted.
    fn handed_over(self, rule: &ActionRule, input: &Input, at: Timestamp) -> Result<(), Refusal> {
        let Some(handover) = &input.handover else { return Ok(()) };
        let bad = |why: Title| Err(Refusal::BadValue { input: "handover".into(), why });
        if rule.count.is_none() || rule.count.as_deref() != self.def.attempts() {
            return bad(Title::new("只在提交时填写", "it is said with a submission"));
        }
        let texts = [&handover.carrier, &handover.paper];
        if texts.into_iter().flatten().any(|text| text.chars().count() > LONGEST_PLACE) {
            let en = format!("a text has at most {LONGEST_PLACE} characters");
            return bad(Title::new(format!("每项不超过{LONGEST_PLACE}字"), en));
        }
        if handover.received_at.is_some_and(|received| received > at) {
            return bad(Title::new("收到时间不能晚于现在", "papers cannot be received later than now"));
        }
        Ok(())
    }

    fn input_values(self, input: &Input) -> Result<(), Refusal> {
        let bad = |input: &str, zh: &str, en: &str| Refusal::BadValue {
            input: input.into(),
            why: Title::new(zh, en),
        };
        let known = |name: &String| self.def.documents.contains_key(name) || self.named(name).is_some();
        if input.documents.len() > MOST_NAMED || !input.documents.iter().all(known) {
            let en = "only kinds of documents of this workflow, or documents of the case";
            return Err(bad("documents", "只能填写本流程的资料种类或案内的资料", en));
        }
        if input.reasons.keys().any(|name| !input.documents.contains(name)) {
            return Err(bad(
                "reasons",
                "只能为所列资料填写原因",
                "reasons are given to the named documents only",
            ));
        }
        if input.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            return Err(bad("note", "说明过长", "the note is too long"));
        }
        input.contracts.map_or(Ok(()), |count| in_range("contracts", count, 1, self.case.contracts))?;
        input.days.map_or(Ok(()), |days| in_range("days", days, 1, MOST_DAYS))?;
        input.points.map_or(Ok(()), |points| in_range("points", points, 0, MOST_POINTS))
    }

    /// The document of the basket that a text names by its id.
    fn named(self, text: &str) -> Option<DocumentId> {
        let id: DocumentId = text.parse().ok()?;
        self.case.documents.iter().any(|found| found.document == id).then_some(id)
    }

    fn apply(
        self,
        rule: &ActionRule,
        actor: Option<&Actor>,
        input: &Input,
        at: Timestamp,
    ) -> Result<Stepped, Refusal> {
        let mut case = self.case.clone();
        case.version = case.version.saturating_add(1);
        if let Some(counter) = &rule.count {
            let count = case.counters.entry(counter.clone()).or_default();
            *count = count.saturating_add(1);
            if let (true, Some(actor)) = (self.def.attempts() == Some(counter.as_str()), actor) {
                case.submitted_by = Some(actor.id);
                (case.adviser, case.adviser_name) = (actor.id, actor.name.clone());
            }
        }
        case.attempt = attempt(self.def, &case);
        if rule.needs.contains(&Need::Documents) {
            let named = input.documents.iter().filter_map(|text| Some((self.named(text)?, text)));
            let named: BTreeMap<DocumentId, &String> = named.collect();
            for (id, text) in named {
                if let Some(reason) = input.reason_of(text) {
                    case.wrong_reasons.insert(id, reason.to_owned());
                }
                if !case.wrong.contains(&id) {
                    case.wrong.push(id);
                }
            }
        }
        if let Some(days) = input.days {
            let asked = case.asked.take().map(|asked| asked.purpose);
            let purpose = asked.unwrap_or_else(|| input.note.clone().unwrap_or_default());
            case.asked = Some(Asked { days, purpose });
        }
        let mut effects = Vec::new();
        for (index, order) in rule.effects.iter().enumerate() {
            effects.extend(self.effect(&mut case, order, index, actor, input, at)?);
        }
        enter(self.def, self.calendar, &mut case, &rule.to, at).map_err(|_| self.wrong_state())?;
        Ok(Stepped { case, effects })
    }

    fn effect(
        self,
        case: &mut Case,
        order: &Order,
        index: usize,
        actor: Option<&Actor>,
        input: &Input,
        at: Timestamp,
    ) -> Result<Option<Effect>, Refusal> {
        let id = format!("{}-{}-{index}", case.id, case.version);
        let person = || input.person.clone().ok_or_else(|| missing(Need::Person));
        Ok(Some(match order {
            Order::Fix(_) => {
                case.frozen.push(Frozen { attempt: case.attempt, documents: case.documents.clone() });
                Effect::Fix { id, documents: case.documents.clone() }
            }
            Order::Penalise(name) => {
                let line = actor.and_then(|actor| self.penalty(case, name, id, actor.id, input, at));
                return Ok(line.map(Effect::Penalise));
            }
            Order::Form(form) => Effect::Form { id, form: form.clone(), number: None },
            Order::Notify(roles) => Effect::Notify { id, roles: roles.clone().into_vec() },
            Order::Archive(what) => Effect::Archive { id, what: what.clone() },
            Order::Retain(rule) => Effect::Retain { id, rule: rule.clone() },
            Order::Set(facts) => {
                let set = facts.iter().map(|(name, value)| Some((name.clone(), supplied(value, input)?)));
                let set: Option<Map<String, Value>> = set.collect();
                // The check of the pack has seen that an action asks for what it sets.
                Effect::Set { id, facts: set.ok_or_else(|| missing(Need::Note))? }
            }
            Order::Start(workflow) => Effect::Start { case: started_by(&id), id, workflow: workflow.clone() },
            Order::Grant(granting) => self.grant(case, granting, id, at)?,
            Order::Revoke(_) => Effect::Revoke { id },
            Order::Reassign(_) => Effect::Reassign { id, person: person()? },
            Order::Seal(_) => Effect::Seal { id },
        }))
    }

    /// What whoever asked may look at, from now on.
    fn grant(self, case: &Case, granting: &Granting, id: String, at: Timestamp) -> Result<Effect, Refusal> {
        let until = granting.until.and_then(|length| ends(self.calendar, case, length, at));
        let until = until.ok_or_else(|| missing(Need::Days))?;
        let person = Named { id: case.adviser, name: case.adviser_name.clone() };
        let purpose = case.asked.as_ref().map(|asked| asked.purpose.clone()).unwrap_or_default();
        Ok(Effect::Grant { id, person, purpose, until, watermark: granting.watermark })
    }

    /// The line that a penalty rule books; none when it comes to nothing. Without a person there is no line.
    fn penalty(
        self,
        case: &Case,
        name: &str,
        id: String,
        by: PersonId,
        input: &Input,
        at: Timestamp,
    ) -> Option<Penalty> {
        let rule = self.def.penalties.get(name)?;
        let contracts = input.contracts.unwrap_or_default();
        let points = if rule.given.is_some() {
            i64::from(input.points?)
        } else {
            rule.by_attempt.get(&case.attempt)?.checked_mul(i64::from(contracts))?
        };
        if points <= 0 {
            return None;
        }
        Some(Penalty {
            id,
            adviser: case.adviser,
            adviser_name: case.adviser_name.clone(),
            case: case.id,
            attempt: case.attempt,
            contracts,
            points,
            month: Month::of(at),
            rule: name.to_owned(),
            documents: input.documents.clone(),
            reason: input.main_reason().unwrap_or(name).to_owned(),
            note: input.note.clone(),
            reverses: None,
            at,
            by,
        })
    }
}

fn may_act(rule: &ActionRule, case: &Case, actor: &Actor) -> Result<(), Refusal> {
    if !rule.by.iter().any(|role| actor.has_role(role)) {
        return Err(Refusal::Role { needed: rule.by.clone() });
    }
    let is = |party: &Party| match party {
        Party::Submitter => case.submitted_by == Some(actor.id),
        Party::Adviser => case.adviser == actor.id,
    };
    if rule.not_by.iter().any(is) { Err(Refusal::FourEyes) } else { Ok(()) }
}

fn missing(need: Need) -> Refusal {
    Refusal::Missing { inputs: vec![need.input().to_owned()] }
}

/// A fact's value as the definition writes it, or what was supplied with the action.
fn supplied(value: &Value, input: &Input) -> Option<Value> {
    match value.as_str() {
        Some("$note") => input.note.clone().map(Value::from),
        Some("$person") => input.person.as_ref().map(|person| Value::from(person.name.as_str())),
        _ => Some(value.clone()),
    }
}

/// The id of the case that an effect starts: the same effect always starts the same case.
fn started_by(effect: &str) -> CaseId {
    let digest = Sha256Digest::of(effect.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest.as_bytes()).for_each(|(byte, digit)| *byte = *digit);
    CaseId::from(RawId::from_bytes(bytes))
}

/// When a length that begins now is over.
pub(super) fn ends(calendar: &Calendar, case: &Case, length: Length, since: Timestamp) -> Option<Timestamp> {
    match length {
        Length::Span(span) => calendar.after(since, span),
        Length::Asked => calendar.after(since, Span::Days(case.asked.as_ref()?.days)),
    }
}

fn asks_input(guard: &Guard) -> bool {
    guard.names.iter().any(|name| name.starts_with("return."))
}

pub(super) fn attempt(def: &Definition, case: &Case) -> u32 {
    def.attempts().and_then(|counter| case.counters.get(counter)).copied().unwrap_or_default()
}

/// The case comes into a state: its term begins.
pub(super) fn enter(
    def: &Definition,
    calendar: &Calendar,
    case: &mut Case,
    name: &str,
    at: Timestamp,
) -> Result<(), Refusal> {
    let missing = || Refusal::WrongState { state: name.to_owned(), offered: Vec::new() };
    let state = def.state(name).ok_or_else(missing)?;
    let term = term(def, calendar, case, name, at);
    case.state = name.to_owned();
    case.is_final = state.is_final;
    case.state_since = at;
    case.state_entry = case.state_entry.saturating_add(1);
    (case.deadline, case.warn_at) = (term.deadline, term.warn_at);
    case.counted_with = calendar.reference();
    case.notices = Notices::default();
    Ok(())
}

fn in_range(input: &str, value: u32, least: u32, most: u32) -> Result<(), Refusal> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let why = Title::new(format!("应为{least}到{most}"), format!("it must be between {least} and {most}"));
    Err(Refusal::BadValue { input: input.to_owned(), why })
}
