//! Notices as their readers get them: what they may still see, and in which words.

use jiff::Timestamp;

use super::{App, Error};
use crate::access::{Action, Subject};
use crate::cases;
use crate::delegations;
use crate::domain::{Actor, PersonId, business_time};
use crate::dossiers;
use crate::notices::{Event, Kind, Notice};
use crate::text::{Lang, say_with};
use crate::workflow::{Case, Definition, Title};

/// Unread notices are counted up to here.
pub const UNREAD_COUNTED: usize = 100;

impl App {
    /// Somebody as they act now, a deputy's roles with their own; none if they may do nothing any more.
    pub fn actor_of(&self, person: PersonId) -> Result<Option<Actor>, Error> {
        let Some(person) = self.people.get(person)?.filter(|person| !person.disabled) else {
            return Ok(None);
        };
        let mut actor = person.actor();
        for held in delegations::held(&self.records, actor.id, self.clock.now())? {
            if !actor.roles.contains(&held.role) {
                actor.roles.push(held.role);
            }
        }
        Ok(Some(actor))
    }

    /// Whether somebody may see now what a notice of theirs speaks of.
    pub fn may_be_told(&self, actor: &Actor, event: &Event) -> Result<bool, Error> {
        match event.kind {
            Kind::CaseWaits | Kind::CaseMoved | Kind::CaseDue | Kind::CaseOverdue | Kind::PenaltyAppealed => {
                self.may_follow(actor, event)
            }
            Kind::PenaltyBooked | Kind::PenaltyReversed => {
                let rules = self.packs.current()?;
                Ok(rules.policies.permit(actor, Action::OwnPenalties, Subject::Archive).is_ok())
            }
            Kind::GrantGiven | Kind::DossierGiven => self.may_see_dossier(actor, event),
            // These speak of nothing but the reader.
            Kind::RoleDelegated | Kind::DelegationEnded | Kind::GrantRevoked => Ok(true),
        }
    }

    fn may_follow(&self, actor: &Actor, event: &Event) -> Result<bool, Error> {
        let Some(case) = event.case.map(|id| self.cases.get(id)).transpose()?.flatten() else {
            return Ok(false);
        };
        let Some(dossier) = dossiers::get(&self.records, case.dossier)? else { return Ok(false) };
        let (_, definition) = self.packs.definition(&case.definition, &case.workflow)?;
        let rules = self.packs.current()?;
        let subject = dossiers::subject_for(&self.records, &dossier, actor, self.clock.now())?;
        Ok(cases::may_follow(&rules.policies, &definition, &case, (actor, subject)))
    }

    fn may_see_dossier(&self, actor: &Actor, event: &Event) -> Result<bool, Error> {
        let dossier = event.dossier.map(|id| dossiers::get(&self.records, id)).transpose()?.flatten();
        let Some(dossier) = dossier else { return Ok(false) };
        let subject = dossiers::subject_for(&self.records, &dossier, actor, self.clock.now())?;
        Ok(self.packs.current()?.policies.permit(actor, Action::ViewDossier, subject).is_ok())
    }

    /// The name of the customer of whom a notice speaks, if its reader may see the dossier. It is never kept with a notice.
    pub fn customer_of(&self, actor: &Actor, event: &Event) -> Result<Option<String>, Error> {
        if event.kind == Kind::GrantRevoked || !self.may_see_dossier(actor, event)? {
            return Ok(None);
        }
        let dossier = event.dossier.map(|id| dossiers::get(&self.records, id)).transpose()?.flatten();
        Ok(dossier.map(|dossier| dossier.name().to_owned()))
    }

    /// How many notices of somebody are unread, up to [`UNREAD_COUNTED`].
    pub fn unread_of(&self, actor: &Actor) -> Result<usize, Error> {
        let sees = |notice: &Notice| self.may_be_told(actor, &notice.event);
        self.notices.unread(actor.id, UNREAD_COUNTED, &sees)
    }

    /// A notice in words: ids and words of the rules, nobody's name.
    pub fn said_of(&self, lang: Lang, event: &Event) -> String {
        let known = event.definition.as_deref().zip(event.workflow.as_deref());
        let known = known.and_then(|(reference, workflow)| self.packs.definition(reference, workflow).ok());
        let definition = known.as_ref().map(|(_, definition)| definition.as_ref());
        let words = Words { lang, definition };
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let at = |at: Option<Timestamp>| at.map(last_moment).unwrap_or_default();
        let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let role = event.role.as_deref().map(|role| self.role_said(lang, role)).unwrap_or_default();
        let points = event.points.map(|points| points.abs().to_string()).unwrap_or_default();
        let values = [
            ("workflow", words.workflow(event)),
            ("state", words.state(event.state.as_deref())),
            ("action", words.action(event)),
            ("deadline", at(event.deadline)),
            ("until", at(event.until)),
            ("points", points),
            ("month", text(&event.month)),
            ("role", role),
            ("first", day(event.first_day)),
            ("last", day(event.last_day)),
        ];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        let after = if event.kind == Kind::CaseWaits && event.action.is_some() { "-after" } else { "" };
        say_with(lang, &format!("notice-{}{after}", event.kind.name().replace('.', "-")), &values)
    }

    fn role_said(&self, lang: Lang, role: &str) -> String {
        let title = self.packs.role_title(role).ok().flatten();
        title.map_or_else(|| role.to_owned(), |title| title.get(lang.tag()).to_owned())
    }

    /// The path of the page that a notice leads to.
    pub fn page_of(event: &Event) -> String {
        match (event.kind, event.case, event.dossier) {
            (Kind::PenaltyBooked | Kind::PenaltyReversed | Kind::PenaltyAppealed, ..) => {
                "/penalties".to_owned()
            }
            (Kind::RoleDelegated | Kind::DelegationEnded, ..) => "/delegations".to_owned(),
            (Kind::GrantGiven | Kind::DossierGiven, _, Some(dossier)) => format!("/dossiers/{dossier}"),
            (Kind::GrantRevoked, ..) => "/inbox".to_owned(),
            (_, Some(case), _) => format!("/cases/{case}"),
            _ => "/inbox".to_owned(),
        }
    }

    /// The open cases with a deadline that somebody may follow and that are theirs: they wait for a role of theirs, or are
    /// about what they handed in.
    pub fn deadlines_of(&self, actor: &Actor) -> Result<Vec<(Case, std::sync::Arc<Definition>)>, Error> {
        let rules = self.packs.current()?;
        let mut found = Vec::new();
        for case in cases::open_cases(&self.records)? {
            if case.deadline.is_none() {
                continue;
            }
            let (_, definition) = self.packs.definition(&case.definition, &case.workflow)?;
            let waits = definition.state(&case.state).map(|state| state.waits_for.as_slice());
            let own = case.adviser == actor.id;
            if !own && !waits.unwrap_or_default().iter().any(|role| actor.has_role(role)) {
                continue;
            }
            let Some(dossier) = dossiers::get(&self.records, case.dossier)? else { continue };
            let subject = dossiers::subject_for(&self.records, &dossier, actor, self.clock.now())?;
            if cases::may_follow(&rules.policies, &definition, &case, (actor, subject)) {
                found.push((case, definition));
            }
        }
        found.sort_by_key(|(case, _)| (case.deadline, case.id));
        Ok(found)
    }
}

/// The last minute before an instant that ends a day, else the instant, in the business zone.
fn last_moment(at: Timestamp) -> String {
    let said = business_time(at);
    if !said.ends_with(" 00:00") {
        return said;
    }
    let before = at.checked_sub(jiff::SignedDuration::from_mins(1)).map(business_time);
    before.map_or(said, |before| before.replace(" 23:59", " 24:00"))
}

/// The words of the definition that a case runs on; a key that has none stands for itself.
struct Words<'a> {
    lang: Lang,
    definition: Option<&'a Definition>,
}

impl Words<'_> {
    fn titled(&self, title: Option<&Title>, key: Option<&str>) -> String {
        let key = || key.unwrap_or_default().to_owned();
        title.map_or_else(key, |title| title.get(self.lang.tag()).to_owned())
    }

    fn workflow(&self, event: &Event) -> String {
        self.titled(self.definition.map(|definition| &definition.title), event.workflow.as_deref())
    }

    fn state(&self, state: Option<&str>) -> String {
        let found = self.definition.zip(state).and_then(|(definition, state)| definition.state(state));
        self.titled(found.map(|state| &state.title), state)
    }

    fn action(&self, event: &Event) -> String {
        let from = event.from.as_deref();
        let state = self.definition.zip(from).and_then(|(definition, from)| definition.state(from));
        let rule = state.zip(event.action.as_ref()).and_then(|(state, action)| state.actions.get(action));
        self.titled(rule.map(|rule| &rule.title), event.action.as_deref())
    }
}
