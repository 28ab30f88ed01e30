//! Running cases: baskets of documents that move through a definition. This is where [`workflow::step`] meets the log.
//!
//! Layer 4. A decision is made on the rows as they are, and committed on the condition that they still are; if two
//! act at once, one wins and the other decides again. Penalties, counters and history are rows of the same entry as
//! the action, so that none can be lost or doubled.

mod book;
mod forms;
mod ledger;
mod notices;
mod review;
mod rows;
mod telling;

use jiff::{SignedDuration, Timestamp};

use crate::access::{Action, Permit};
use crate::clock::Clock;
use crate::delegations::{self, ActingFor};
use crate::documents::Document;
use crate::domain::{Actor, CaseId, DossierId, PersonId, archive_itself};
use crate::dossiers::{self, Dossier};
use crate::journal::{self, Draft, Facts, Journal};
use crate::notices::tell;
use crate::packs::Packs;
use crate::records::{self, Batch, Records};
use crate::workflow::{
    self, Act, Attached, Calendar, Case, Definition, Effect, Event, Hindrance, Input, LONGEST_PLACE, Pack,
    Refusal, Stepped, Title,
};

pub use forms::{
    Custody, FormPlace, MadeForm, OrderedForm, call_for_forms, custody, keep_numbers, numbers_of,
};
pub use forms::{get as form, of_case as forms_of};
pub use review::{
    Change, Judged, LONGEST_MARK_NOTE, MOST_MARKS, Mark, NewMark, Region, Review, Verdict, may_review, review,
};

pub use book::{Account, Appeal, account, keep, line, lines_of, points_by_month};
use forms::Fulfilled;
use rows::{Acted, CASES, CLAIMS, Migrated, Started};
pub use rows::{
    Claim, Clocked, HistoryItem, Moved, Note, TakenFrom, by_state, claim, forget, get, history, notes,
    of_dossier, open_cases, reversed_by,
};
use telling::Done;
pub use telling::may_follow;

/// The kinds of facts of this module.
pub const FACTS: Facts = rows::FACTS;

/// How often a decision is made again because the case changed meanwhile.
const TRIES: usize = 5;
/// How often it can be noted who has a case's papers.
const MOST_CUSTODY: usize = 500;
/// How long a sentence with such a note may be, in characters.
const LONGEST_CUSTODY_NOTE: usize = 1000;

/// What went wrong, by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The permit is for something else.
    #[error("the permit does not cover this")]
    NotPermitted,
    /// There is no such case.
    #[error("there is no such case")]
    Unknown,
    /// The definition does not allow it; the refusal names its cause.
    #[error("the workflow refuses this")]
    Refused(Box<Refusal>),
    /// Somebody else works on the case.
    #[error("somebody else works on this case")]
    Claimed(Box<Claim>),
    /// Nobody works on the case: whoever wants to has to claim it first.
    #[error("nobody has claimed this case")]
    NotClaimed,
    /// The case has no such mark that could still be taken away.
    #[error("there is no such mark")]
    UnknownMark,
    /// The case cannot be moved to another version of its definition.
    #[error("the case cannot be moved to this version of its workflow")]
    Hindered(Vec<Hindrance>),
    /// The case has as many documents as one may have.
    #[error("the case has as many documents as one may have")]
    TooManyDocuments,
    /// The ledger has no such line.
    #[error("the ledger has no such line")]
    UnknownLine,
    /// The line is a counter-entry.
    #[error("the line is a counter-entry")]
    CounterEntry,
    /// The line was taken back already.
    #[error("the line was taken back already")]
    Reversed,
    /// There is an appeal to the line already.
    #[error("there is an appeal to the line already")]
    Appealed,
    /// No words were given.
    #[error("a reason is needed")]
    NoReason,
    /// The words are too many.
    #[error("at most {limit} characters")]
    TooLong {
        /// The most characters.
        limit: usize,
    },
    /// The log could not take it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The records failed.
    #[error(transparent)]
    Records(#[from] records::Error),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// The rules of a decision on a case. What else it rests on, the case and the dossier's facts, is read when it is made.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The definition that the case runs on.
    pub definition: &'a Definition,
    /// The pack that the definition belongs to.
    pub pack: &'a Pack,
    /// The calendar that its deadlines are counted in.
    pub calendar: &'a Calendar,
}

impl<'a> Ground<'a> {
    /// Where a pack's own calendar counts.
    pub fn of(definition: &'a Definition, pack: &'a Pack) -> Self {
        Self { definition, pack, calendar: pack.calendar() }
    }
}

/// The cases of an archive.
#[derive(Clone)]
pub struct Cases {
    records: Records,
    journal: Journal,
    packs: Packs,
    clock: Clock,
}

impl Cases {
    /// The cases in these records.
    pub fn new(records: Records, journal: Journal, packs: Packs, clock: Clock) -> Self {
        Self { records, journal, packs, clock }
    }

    /// Starts a case with so many contracts in its basket.
    pub async fn start(
        &self,
        permit: &Permit,
        ground: Ground<'_>,
        dossier: DossierId,
        contracts: u32,
    ) -> Result<Case, Error> {
        let asks = ground.definition.asks && permit.covers(Action::AskCase, dossier);
        if !asks && !permit.covers(Action::StartCase, dossier) {
            return Err(Error::NotPermitted);
        }
        let (id, now) = (self.clock.new_id(), self.clock.now());
        let calendar = ground.calendar;
        let case = workflow::start(ground.definition, calendar, id, dossier, contracts, permit.actor(), now)?;
        let fact = Started { case, by_name: permit.actor().name.clone() };
        let of = dossiers::get(&self.records, dossier)?.ok_or(journal::Error::Closed)?;
        let tells = self.told_of_start(ground, &fact.case, &of, permit.actor().id)?;
        let draft = Draft::new("case.started", permit.actor().id, &fact)?.dossier(dossier).case(id);
        let draft = tell(draft, &tells)?;
        self.journal.commit_durably(draft).await?;
        Ok(fact.case)
    }

    /// The case of this id.
    pub fn get(&self, id: CaseId) -> Result<Option<Case>, Error> {
        Ok(rows::get(&self.records, id)?)
    }

    /// Acts on a case that the actor has seen at `seen_version`.
    pub async fn act(
        &self,
        permit: &Permit,
        ground: Ground<'_>,
        id: CaseId,
        action: &str,
        seen_version: u64,
        input: Input,
    ) -> Result<Case, Error> {
        let case = self.get(id)?.ok_or(Error::Unknown)?;
        let asks = ground.definition.asks && permit.covers(Action::AskCase, case.dossier);
        let own = asks && case.adviser == permit.actor().id;
        if !own && !permit.covers(Action::ActOnCase, case.dossier) {
            return Err(Error::NotPermitted);
        }
        let event = |at| {
            let (action, actor, input) = (action.to_owned(), permit.actor().clone(), input.clone());
            Event::Act(Act { action, actor, at, expected_version: seen_version, input })
        };
        let rule = ground.definition.state(&case.state).and_then(|state| state.actions.get(action));
        let needed = rule.map(|rule| rule.by.as_slice()).unwrap_or_default();
        let acting_for = self.acting_for(permit.actor(), needed, &[case.submitted_by, Some(case.adviser)])?;
        self.step(ground, id, (permit.actor(), acting_for), action, &input, event).await
    }

    /// For whom the actor acts who needs one of these roles. Four eyes: neither a deputy nor whoever named them may be one of
    /// those `parties`.
    fn acting_for(
        &self,
        actor: &Actor,
        needed: &[String],
        parties: &[Option<PersonId>],
    ) -> Result<Option<ActingFor>, Error> {
        let held = delegations::acting_for(&self.records, actor, needed, self.clock.now())?;
        let Some(held) = held else { return Ok(None) };
        let party = |id: PersonId| parties.contains(&Some(id));
        if party(actor.id) || party(held.person) { Err(Refusal::FourEyes.into()) } else { Ok(Some(held)) }
    }

    /// Lets time act: takes the action that the passed deadline of a case calls for, if there is one. Once.
    pub async fn run_timer(&self, ground: Ground<'_>, id: CaseId) -> Result<Option<Case>, Error> {
        let case = self.get(id)?.ok_or(Error::Unknown)?;
        still_on(ground, &case)?;
        let Some(action) = workflow::due_timer(ground.definition, &case, self.clock.now()) else {
            return Ok(None);
        };
        let event = |at| Event::Timer { action: action.clone(), at };
        let timer = timer_actor();
        self.step(ground, id, (&timer, None), &action, &Input::default(), event).await.map(Some)
    }

    /// Adds a document of the same dossier to the case's basket. The entry still has to be published.
    pub async fn attach(
        &self,
        permit: &Permit,
        ground: Ground<'_>,
        id: CaseId,
        document: &Document,
        limit: usize,
    ) -> Result<u64, Error> {
        for _ in 0..TRIES {
            let case = self.get(id)?.ok_or(Error::Unknown)?;
            still_on(ground, &case)?;
            if !permit.covers(Action::AddDocument, case.dossier) || document.dossier != case.dossier {
                return Err(Error::NotPermitted);
            }
            if case.documents.iter().any(|attached| attached.document == document.id) {
                return Ok(document.log_index);
            }
            if case.documents.len() >= limit {
                return Err(Error::TooManyDocuments);
            }
            let attached = attached(document);
            let event = Event::Attach {
                document: attached.clone(),
                actor: permit.actor().clone(),
                at: self.clock.now(),
            };
            self.decide(ground, &case, &event)?;
            let draft = Draft::new("case.attached", permit.actor().id, &attached)?;
            let draft =
                draft.dossier(case.dossier).case(id).document(document.id).expecting(unchanged(&case)?);
            match self.journal.commit(draft).await {
                Err(journal::Error::Conflict) => {}
                other => return Ok(other?),
            }
        }
        Err(journal::Error::Conflict.into())
    }

    /// Whether the case would take another document from this actor now.
    pub fn may_attach(
        &self,
        permit: &Permit,
        ground: Ground<'_>,
        case: &Case,
        probe: Attached,
    ) -> Result<(), Error> {
        let event = Event::Attach { document: probe, actor: permit.actor().clone(), at: self.clock.now() };
        self.decide(ground, case, &event)?;
        Ok(())
    }

    /// Whether the action would be taken now, if the case were as it is given.
    pub fn may_act(
        &self,
        permit: &Permit,
        ground: Ground<'_>,
        case: &Case,
        action: &str,
        seen_version: u64,
        input: Input,
    ) -> Result<(), Error> {
        let (action, actor, at) = (action.to_owned(), permit.actor().clone(), self.clock.now());
        let event = Event::Act(Act { action, actor, at, expected_version: seen_version, input });
        self.decide(ground, case, &event)?;
        Ok(())
    }

    /// Moves a running case to another version of its definition, if it is still as it was seen. The entry still has to be
    /// published.
    ///
    /// # Errors
    /// What stands against it; `Conflict` of the log if the case has changed meanwhile. Nothing was changed then.
    pub async fn migrate(
        &self,
        permit: &Permit,
        to: &Definition,
        calendar: &Calendar,
        before: &Case,
    ) -> Result<Case, Error> {
        if !permit.covers_archive(Action::PublishPack) {
            return Err(Error::NotPermitted);
        }
        let now = self.clock.now();
        let case = workflow::migrate(to, calendar, before, now).map_err(Error::Hindered)?;
        let (from, left) = (before.state.clone(), before.definition.clone());
        let fact = Migrated { case, from, left, by_name: permit.actor().name.clone() };
        let draft = Draft::new("case.migrated", permit.actor().id, &fact)?.expecting(unchanged(before)?);
        self.journal.commit(draft.dossier(before.dossier).case(before.id)).await?;
        Ok(fact.case)
    }

    /// Claims a case for `lasts`, or renews the claim; `take_over` replaces somebody else's.
    pub async fn claim(
        &self,
        permit: &Permit,
        id: CaseId,
        lasts: SignedDuration,
        take_over: bool,
    ) -> Result<Claim, Error> {
        let case = self.get(id)?.ok_or(Error::Unknown)?;
        if !permit.covers(Action::ActOnCase, case.dossier) {
            return Err(Error::NotPermitted);
        }
        let now = self.clock.now();
        let held: Option<Claim> = self.records.get(&CLAIMS, id.as_bytes())?;
        let foreign = held.clone().filter(|held| held.until > now && held.person != permit.actor().id);
        if let (Some(foreign), false) = (&foreign, take_over) {
            return Err(Error::Claimed(Box::new(foreign.clone())));
        }
        let taken_from = foreign.map(|foreign| TakenFrom { person: foreign.person, name: foreign.name });
        let until = now.checked_add(lasts).unwrap_or(Timestamp::MAX);
        let claim = Claim { person: permit.actor().id, name: permit.actor().name.clone(), until, taken_from };
        let mut expected = Batch::new();
        match &held {
            Some(held) => expected.expect(&CLAIMS, id.as_bytes(), held)?,
            None => expected.expect_absent(&CLAIMS, id.as_bytes()),
        }
        let draft = Draft::new("case.claimed", permit.actor().id, &claim)?.expecting(expected);
        self.journal.commit_durably(draft.dossier(case.dossier).case(id)).await?;
        Ok(claim)
    }

    /// Gives a claim back.
    pub async fn release(&self, permit: &Permit, id: CaseId) -> Result<(), Error> {
        let case = self.get(id)?.ok_or(Error::Unknown)?;
        if !permit.covers(Action::ActOnCase, case.dossier) {
            return Err(Error::NotPermitted);
        }
        match rows::claim(&self.records, id, self.clock.now())? {
            None => return Ok(()),
            Some(claim) if claim.person != permit.actor().id => return Err(Error::Claimed(Box::new(claim))),
            Some(_) => {}
        }
        let draft = Draft::new("case.released", permit.actor().id, &())?;
        self.journal.commit_durably(draft.dossier(case.dossier).case(id)).await?;
        Ok(())
    }

    /// Notes that a form was made of this document, unless that is noted already.
    pub async fn form_made(&self, form: &OrderedForm, document: &Document) -> Result<(), Error> {
        self.fulfil("case.form_made", form, document, archive_itself(), |form| form.made.is_some()).await
    }

    /// Notes that this document is the scan of the form that came back signed. A later one takes the place of it.
    pub async fn form_signed(
        &self,
        permit: &Permit,
        form: &OrderedForm,
        document: &Document,
    ) -> Result<(), Error> {
        if !permit.covers(Action::AddDocument, form.case.dossier) || document.dossier != form.case.dossier {
            return Err(Error::NotPermitted);
        }
        let is_noted = |form: &OrderedForm| form.signed == Some(document.id);
        self.fulfil("case.form_signed", form, document, permit.actor().id, is_noted).await
    }

    async fn fulfil(
        &self,
        kind: &'static str,
        form: &OrderedForm,
        document: &Document,
        by: PersonId,
        is_noted: impl Fn(&OrderedForm) -> bool,
    ) -> Result<(), Error> {
        let case = form.case.id;
        for _ in 0..TRIES {
            let form = forms::get(&self.records, case, form.at)?.ok_or(Error::Unknown)?;
            if is_noted(&form) {
                return Ok(());
            }
            let draft = Draft::new(kind, by, &Fulfilled { at: form.at, document: document.id })?;
            let draft = draft.dossier(document.dossier).case(case).document(document.id);
            match self.journal.commit_durably(draft.expecting(forms::unchanged(&form)?)).await {
                Err(journal::Error::Conflict) => {}
                other => return Ok(other.map(drop)?),
            }
        }
        Err(journal::Error::Conflict.into())
    }

    /// Notes who has the papers of a case from now on.
    pub async fn note_custody(&self, permit: &Permit, id: CaseId, held: &Custody) -> Result<(), Error> {
        let case = self.get(id)?.ok_or(Error::Unknown)?;
        if !permit.covers(Action::ActOnCase, case.dossier) {
            return Err(Error::NotPermitted);
        }
        check_custody(held, self.clock.now())?;
        if forms::custody(&self.records, id)?.len() >= MOST_CUSTODY {
            return Err(bad_custody("holder", ("记录已满", "the case has as many notes as one may have")));
        }
        let draft = Draft::new("case.custody", permit.actor().id, held)?;
        self.journal.commit_durably(draft.dossier(case.dossier).case(id)).await?;
        Ok(())
    }

    /// The case after an event, and the dossier as it was when that was decided.
    fn decide(&self, ground: Ground<'_>, case: &Case, event: &Event) -> Result<(Stepped, Dossier), Error> {
        let dossier = dossiers::get(&self.records, case.dossier)?.ok_or(journal::Error::Closed)?;
        let stepped = workflow::step(ground.definition, ground.calendar, &dossier.facts, case, event)?;
        let mut facts = dossier.facts.clone();
        for effect in &stepped.effects {
            if let Effect::Set { facts: set, .. } = effect {
                facts.extend(set.clone());
            }
        }
        if facts != dossier.facts
            && let Err(problems) = ground.pack.validate_facts(&dossier.kind, &facts)
        {
            let said: Vec<String> = problems.into_iter().map(|problem| problem.path).collect();
            let said = said.join(", ");
            let why = Title::new(
                format!("此类档案不能有这样的信息：{said}"),
                format!("a dossier of this kind cannot have this: {said}"),
            );
            return Err(Refusal::BadValue { input: "facts".into(), why }.into());
        }
        Ok((stepped, dossier))
    }

    /// Decides on the case as it is and commits on the condition that it still is; again if it is not.
    async fn step(
        &self,
        ground: Ground<'_>,
        id: CaseId,
        (actor, acting_for): (&Actor, Option<ActingFor>),
        action: &str,
        input: &Input,
        event: impl Fn(Timestamp) -> Event,
    ) -> Result<Case, Error> {
        let mut tries = 0;
        let mut seen = None;
        while tries < TRIES {
            let before = self.get(id)?.ok_or(Error::Unknown)?;
            still_on(ground, &before)?;
            // Whoever only lost the race for the next number of a form has lost no try: somebody else has got on.
            tries += usize::from(seen.is_none_or(|seen| seen != before));
            seen = Some(before.clone());
            let at = self.clock.now();
            let (Stepped { case, mut effects }, dossier) = self.decide(ground, &before, &event(at))?;
            let started = started(ground, &before, &effects, actor, at)?;
            let mut expected = unchanged(&before)?;
            dossiers::unchanged(&mut expected, &dossier)?;
            forms::number(&self.records, ground.definition, at, &mut effects, &mut expected)?;
            let done = Done {
                before: &before,
                case: &case,
                dossier: &dossier,
                action,
                effects: &effects,
                started: &started,
                by: actor.id,
            };
            let tells = self.told_of_act(ground, &done)?;
            let (by_name, from) = (actor.name.clone(), before.state.clone());
            let (action, input, acting_for) = (action.to_owned(), input.clone(), acting_for.clone());
            let fact = Acted { case, from, action, by_name, acting_for, input, effects, started };
            let draft = Draft::new("case.acted", actor.id, &fact)?.expecting(expected);
            let draft = tell(draft, &tells)?;
            match self.journal.commit_durably(draft.dossier(before.dossier).case(id)).await {
                Err(journal::Error::Conflict) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(fact.case),
            }
        }
        Err(journal::Error::Conflict.into())
    }
}

fn check_custody(held: &Custody, now: Timestamp) -> Result<(), Error> {
    if held.holder.trim().is_empty() {
        return Err(bad_custody("holder", ("须写明由谁保管", "it must be said who has the papers")));
    }
    let is_long = |text: &str, most: usize| text.chars().count() > most;
    let texts =
        [("holder", Some(&held.holder)), ("carrier", held.carrier.as_ref()), ("place", held.place.as_ref())];
    for (name, text) in texts {
        if text.is_some_and(|text| is_long(text, LONGEST_PLACE)) {
            let (zh, en) =
                (format!("不超过{LONGEST_PLACE}字"), format!("it has at most {LONGEST_PLACE} characters"));
            return Err(bad_custody(name, (&zh, &en)));
        }
    }
    if held.note.as_ref().is_some_and(|note| is_long(note, LONGEST_CUSTODY_NOTE)) {
        let zh = format!("不超过{LONGEST_CUSTODY_NOTE}字");
        let en = format!("it has at most {LONGEST_CUSTODY_NOTE} characters");
        return Err(bad_custody("note", (&zh, &en)));
    }
    if held.at > now {
        return Err(bad_custody("at", ("时间不能晚于现在", "it cannot be later than now")));
    }
    Ok(())
}

fn bad_custody(input: &str, (zh, en): (&str, &str)) -> Error {
    Refusal::BadValue { input: input.into(), why: workflow::Title::new(zh, en) }.into()
}

/// The cases that effects start, as they begin.
fn started(
    ground: Ground<'_>,
    case: &Case,
    effects: &[Effect],
    actor: &Actor,
    at: Timestamp,
) -> Result<Vec<Case>, Error> {
    let mut started = Vec::new();
    for effect in effects {
        let Effect::Start { workflow, case: id, .. } = effect else { continue };
        // The check of the pack has seen that there is such a workflow.
        let definition = ground.pack.definition(workflow).ok_or(Error::Unknown)?;
        started.push(workflow::start(definition, ground.calendar, *id, case.dossier, 1, actor, at)?);
    }
    Ok(started)
}

/// A document as a case's basket holds it.
pub fn attached(document: &Document) -> Attached {
    Attached { document: document.id, kind: document.kind.clone(), sha256: document.sha256 }
}

/// Whether the case is still on the definition that is to be decided by: it may have been moved to another version since that
/// was looked up.
fn still_on(ground: Ground<'_>, case: &Case) -> Result<(), Refusal> {
    if case.definition == ground.definition.reference() {
        return Ok(());
    }
    Err(Refusal::StaleVersion { current: case.version })
}

fn unchanged(case: &Case) -> Result<Batch, records::Error> {
    let mut expected = Batch::new();
    expected.expect(&CASES, case.id.as_bytes(), case)?;
    Ok(expected)
}

/// The clock itself, as the actor of deadlines.
fn timer_actor() -> Actor {
    let id = PersonId::from(crate::domain::RawId::from_bytes([0; 16]));
    Actor::new(id, "timer", Vec::new())
}
