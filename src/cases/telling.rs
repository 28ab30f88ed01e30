//! Whom what happens to a case tells: those who can act on it now, whose case it is, whoever the rules name.
//!
//! Decided when the change is committed, on the policies in force, and written into the fact. Whoever acts is not told what
//! they did.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Cases, Error, Ground};
use crate::access::{Action, Policies, Subject};
use crate::delegations;
use crate::domain::{Actor, PersonId};
use crate::dossiers::{self, Dossier};
use crate::journal;
use crate::notices::{Event, Kind, Told};
use crate::penalties::Penalty;
use crate::people;
use crate::records::{self, Records};
use crate::workflow::{self, Case, Definition, Effect, Notice, NoticeKind};

/// What was done to a case.
pub(super) struct Done<'a> {
    pub(super) before: &'a Case,
    pub(super) case: &'a Case,
    pub(super) dossier: &'a Dossier,
    pub(super) action: &'a str,
    pub(super) effects: &'a [Effect],
    pub(super) started: &'a [Case],
    pub(super) by: PersonId,
}

/// Everybody, as they can act on one case.
struct Crowd<'a> {
    policies: &'a Policies,
    definition: &'a Definition,
    dossier: &'a Dossier,
    people: Vec<(Actor, Subject)>,
}

impl<'a> Crowd<'a> {
    fn of(
        records: &Records,
        (policies, definition): (&'a Policies, &'a Definition),
        dossier: &'a Dossier,
        case: &Case,
        now: Timestamp,
    ) -> Result<Self, records::Error> {
        let mut people = Vec::new();
        for person in people::everybody(records) {
            let person = person?;
            if person.disabled {
                continue;
            }
            let mut actor = person.actor();
            let party = |id: PersonId| case.submitted_by == Some(id) || case.adviser == id;
            for held in delegations::held(records, actor.id, now)? {
                // Four eyes, as when they act.
                if !party(actor.id) && !party(held.of) && !actor.roles.contains(&held.role) {
                    actor.roles.push(held.role);
                }
            }
            let subject = dossiers::subject_for(records, dossier, &actor, now)?;
            people.push((actor, subject));
        }
        Ok(Self { policies, definition, dossier, people })
    }

    /// Those for whom the case waits: they hold a role that it waits for, and an action is theirs to take. Where that is so of
    /// the person whose case it is, it waits for them alone.
    fn can_act(&self, case: &Case) -> Vec<PersonId> {
        let Some(state) = self.definition.state(&case.state) else { return Vec::new() };
        let can = |(actor, subject): &&(Actor, Subject)| {
            state.waits_for.iter().any(|role| actor.has_role(role))
                && may(self.policies, self.definition, case, (actor, *subject), Action::ActOnCase)
                && !workflow::offered(self.definition, &self.dossier.facts, case, actor).is_empty()
        };
        let all: Vec<PersonId> = self.people.iter().filter(can).map(|(actor, _)| actor.id).collect();
        if all.contains(&case.adviser) { vec![case.adviser] } else { all }
    }

    /// Those of these people, and of the bearers of these roles, who may see the case.
    fn can_see(&self, case: &Case, people: &[PersonId], roles: &[String]) -> Vec<PersonId> {
        let can = |(actor, subject): &&(Actor, Subject)| {
            (people.contains(&actor.id) || roles.iter().any(|role| actor.has_role(role)))
                && may(self.policies, self.definition, case, (actor, *subject), Action::ViewCase)
        };
        self.people.iter().filter(can).map(|(actor, _)| actor.id).collect()
    }
}

/// Whether somebody may do this to a case: by the dossier, or because it is their own question.
fn may(
    policies: &Policies,
    definition: &Definition,
    case: &Case,
    (actor, subject): (&Actor, Subject),
    action: Action,
) -> bool {
    let permits = |action| policies.permit(actor, action, subject).is_ok();
    permits(action) || (definition.asks && case.adviser == actor.id && permits(Action::AskCase))
}

/// Whether somebody may follow a case: see it, or ask the question that it is.
pub fn may_follow(
    policies: &Policies,
    definition: &Definition,
    case: &Case,
    subject: (&Actor, Subject),
) -> bool {
    may(policies, definition, case, subject, Action::ViewCase)
}

fn about(kind: Kind, case: &Case) -> Event {
    Event {
        dossier: Some(case.dossier),
        case: Some(case.id),
        workflow: Some(case.workflow.clone()),
        definition: Some(case.definition.clone()),
        state: Some(case.state.clone()),
        attempt: Some(case.attempt),
        deadline: case.deadline,
        ..Event::new(kind)
    }
}

fn of_line(kind: Kind, case: &Case, line: &Penalty) -> Event {
    Event {
        line: Some(line.id.clone()),
        points: Some(line.points),
        month: Some(line.month.to_string()),
        deadline: None,
        state: None,
        ..about(kind, case)
    }
}

fn told(event: Event, to: impl IntoIterator<Item = PersonId>, by: PersonId) -> Option<Told> {
    let to: BTreeSet<PersonId> = to.into_iter().filter(|person| *person != by).collect();
    (!to.is_empty()).then(|| Told { event, to: to.into_iter().collect() })
}

impl Cases {
    fn crowd<'a>(
        &self,
        rules: (&'a Policies, &'a Definition),
        dossier: &'a Dossier,
        case: &Case,
    ) -> Result<Crowd<'a>, Error> {
        Ok(Crowd::of(&self.records, rules, dossier, case, self.clock.now())?)
    }

    /// Whom the start of a case tells.
    pub(super) fn told_of_start(
        &self,
        ground: Ground<'_>,
        case: &Case,
        dossier: &Dossier,
        by: PersonId,
    ) -> Result<Vec<Told>, Error> {
        let rules = self.packs.current().map_err(|_| journal::Error::Corrupt)?;
        let crowd = self.crowd((&rules.policies, ground.definition), dossier, case)?;
        Ok(told(about(Kind::CaseWaits, case), crowd.can_act(case), by).into_iter().collect())
    }

    /// Whom an action, or a deadline that has passed, tells.
    pub(super) fn told_of_act(&self, ground: Ground<'_>, done: &Done<'_>) -> Result<Vec<Told>, Error> {
        let Done { before, case, dossier, action, effects, started, by } = *done;
        let rules = self.packs.current().map_err(|_| journal::Error::Corrupt)?;
        let crowd = self.crowd((&rules.policies, ground.definition), dossier, case)?;
        let event = |kind| Event {
            action: Some(action.to_owned()),
            from: Some(before.state.clone()),
            ..about(kind, case)
        };
        let came = !case.is_final && case.state_entry != before.state_entry;
        let waits = if came { crowd.can_act(case) } else { Vec::new() };
        let named: Vec<String> = effects.iter().flat_map(notified).cloned().collect();
        let concerned = crowd.can_see(case, &[case.adviser], &named);
        let moved: Vec<PersonId> = concerned.into_iter().filter(|person| !waits.contains(person)).collect();
        let mut tells: Vec<Told> = told(event(Kind::CaseWaits), waits, by).into_iter().collect();
        tells.extend(told(event(Kind::CaseMoved), moved, by));
        for effect in effects {
            tells.extend(self.told_of_effect(case, effect, by)?);
        }
        for case in started {
            let definition = ground.pack.definition(&case.workflow).ok_or(Error::Unknown)?;
            let crowd = self.crowd((&rules.policies, definition.as_ref()), dossier, case)?;
            tells.extend(told(about(Kind::CaseWaits, case), crowd.can_act(case), by));
        }
        Ok(tells)
    }

    fn told_of_effect(&self, case: &Case, effect: &Effect, by: PersonId) -> Result<Vec<Told>, Error> {
        // To whom something is given need not see the case that gave it.
        let bare = |kind| Event { dossier: Some(case.dossier), case: Some(case.id), ..Event::new(kind) };
        let one = |event, person| -> Vec<Told> { told(event, [person], by).into_iter().collect() };
        Ok(match effect {
            Effect::Penalise(line) => one(of_line(Kind::PenaltyBooked, case, line), line.adviser),
            Effect::Grant { person, until, .. } => {
                one(Event { until: Some(*until), ..bare(Kind::GrantGiven) }, person.id)
            }
            Effect::Reassign { person, .. } => one(bare(Kind::DossierGiven), person.id),
            Effect::Revoke { .. } => {
                let now = self.clock.now();
                let grants = dossiers::grants_of(&self.records, case.dossier)?;
                let ended = grants.into_iter().filter(|grant| grant.case == case.id && grant.until > now);
                told(bare(Kind::GrantRevoked), ended.map(|grant| grant.person), by).into_iter().collect()
            }
            _ => Vec::new(),
        })
    }

    /// Whom a warning or a reminder tells.
    pub(super) fn told_of_time(
        &self,
        ground: Ground<'_>,
        case: &Case,
        notice: &Notice,
    ) -> Result<Vec<Told>, Error> {
        let Some(dossier) = dossiers::get(&self.records, case.dossier)? else { return Ok(Vec::new()) };
        let rules = self.packs.current().map_err(|_| journal::Error::Corrupt)?;
        let crowd = self.crowd((&rules.policies, ground.definition), &dossier, case)?;
        let kind = match notice.kind {
            NoticeKind::Warning => Kind::CaseDue,
            NoticeKind::Reminder => Kind::CaseOverdue,
        };
        let event = Event { deadline: Some(notice.deadline), ..about(kind, case) };
        Ok(told(event, crowd.can_act(case), super::timer_actor().id).into_iter().collect())
    }

    /// Whom a counter-entry tells.
    pub(super) fn told_of_reversal(&self, case: &Case, line: &Penalty, by: PersonId) -> Vec<Told> {
        told(of_line(Kind::PenaltyReversed, case, line), [line.adviser], by).into_iter().collect()
    }

    /// Whom an appeal tells: those who may take the line back.
    pub(super) fn told_of_appeal(&self, case: &Case, line: &Penalty) -> Result<Vec<Told>, Error> {
        let Some(dossier) = dossiers::get(&self.records, case.dossier)? else { return Ok(Vec::new()) };
        let known = self.packs.definition(&case.definition, &case.workflow);
        let (_, definition) = known.map_err(|_| journal::Error::Corrupt)?;
        let rules = self.packs.current().map_err(|_| journal::Error::Corrupt)?;
        let needed = super::reversed_by(&self.records, &definition, line)?;
        let crowd = self.crowd((&rules.policies, definition.as_ref()), &dossier, case)?;
        let to = crowd.can_see(case, &[], &needed);
        Ok(told(of_line(Kind::PenaltyAppealed, case, line), to, line.adviser).into_iter().collect())
    }
}

/// The roles that an effect names to be told.
fn notified(effect: &Effect) -> &[String] {
    match effect {
        Effect::Notify { roles, .. } => roles,
        _ => &[],
    }
}
