//! Who calls: the bearer of a token, or of the session cookie of the pages.

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::ending::KnownBy;
use super::signing::{SESSION, cookie};
use super::{Door, Problem};
use crate::access::{Action, Granted, Permit, Subject};
use crate::archive::Archive;
use crate::delegations::{self, Delegation};
use crate::domain::{Actor, DossierId, PersonId, Role};
use crate::dossiers::{self, Dossier};
use crate::packs::InForce;
use crate::people::{Bearer, Kind, Known};
use crate::records::Records;
use crate::sealing::{self, Stub};
use crate::workflow::Case;

/// Whoever calls, with what they may do looked up when asked.
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// The token or session by which they are known.
    pub secret: Zeroizing<String>,
    /// What is known of that.
    pub bearer: Bearer,
    /// What they have to do before they may do anything else.
    pub lacks: Option<Lack>,
    /// Whose deputy they are today; those roles are among the actor's.
    pub deputy: Vec<Delegation>,
}

/// What somebody has to do first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// To choose a password in place of a one-time one.
    Password,
    /// To take a second factor on.
    SecondFactor,
}

impl Caller {
    /// Whoever is known by the token or the cookie, also if there is something that they have to do first.
    pub(super) fn known(parts: &Parts, door: &Door) -> Result<Self, Problem> {
        let secret = bearer(parts)
            .or_else(|| cookie(&parts.headers, &door.app.config.sign_in, SESSION))
            .ok_or_else(|| Problem::new("unauthenticated"))?;
        let caller = Self::of_secret(door, secret)?;
        if let Some(known_by) = parts.extensions.get::<KnownBy>() {
            known_by.note(&caller.secret);
        }
        Ok(caller)
    }

    /// Whoever bears this secret.
    pub(super) fn of_secret(door: &Door, secret: Zeroizing<String>) -> Result<Self, Problem> {
        let known = door.app.people.authenticate(&secret)?.ok_or_else(|| Problem::new("unauthenticated"))?;
        let mut actor = known.person.actor();
        actor.scopes = known.bearer.scopes.clone();
        let deputy = delegations::held(&door.app.records, actor.id, door.app.clock.now())?;
        for held in &deputy {
            if !actor.roles.contains(&held.role) {
                actor.roles.push(held.role.clone());
            }
        }
        let lacks = lack(door, &known, &actor.roles);
        Ok(Self { actor, secret, bearer: known.bearer, lacks, deputy })
    }

    /// Refuses to change anything for a token that is not for that. What needs a permit is refused without it as well.
    pub(super) fn check_scope(&self, method: &Method) -> Result<(), Problem> {
        let looks_only = matches!(*method, Method::GET | Method::HEAD);
        if looks_only || self.actor.scopes.can_change() { Ok(()) } else { Err(Problem::new("out_of_scope")) }
    }

    /// Refuses whoever has something to do first.
    pub(super) fn check_complete(&self) -> Result<(), Problem> {
        match self.lacks {
            None => Ok(()),
            Some(Lack::Password) => Err(Problem::new("password_change_needed")),
            Some(Lack::SecondFactor) => Err(Problem::new("enrolment_needed")),
        }
    }

    /// The permit to do `action` to the archive as a whole.
    pub fn may(&self, door: &Door, action: Action) -> Result<Permit, Problem> {
        Ok(rules(door)?.policies.permit(&self.actor, action, Subject::Archive)?)
    }

    /// The permit to do `action` to this dossier.
    pub fn may_with(&self, door: &Door, action: Action, dossier: &Dossier) -> Result<Permit, Problem> {
        let subject = door.app.dossiers.subject_for(dossier, &self.actor)?;
        Ok(rules(door)?.policies.permit(&self.actor, action, subject)?)
    }

    /// Whether what they see of this dossier is to bear a mark: they see it by a grant that says so, and by nothing else.
    pub fn is_marked(&self, door: &Door, dossier: &Dossier) -> Result<bool, Problem> {
        let subject = door.app.dossiers.subject_for(dossier, &self.actor)?;
        let marked = matches!(subject, Subject::Dossier { granted: Granted::Marked, .. });
        let without = rules(door)?.policies.permit(&self.actor, Action::ViewDocument, dossier.subject());
        Ok(marked && without.is_err())
    }

    /// The actor as far as they may decide on a case: not as a deputy, if they or whoever named them handed it in.
    pub fn actor_on(&self, case: &Case) -> Actor {
        let party = |id: PersonId| case.submitted_by == Some(id) || case.adviser == id;
        let barred = |held: &&Delegation| party(self.actor.id) || party(held.of);
        let barred: Vec<&Role> = self.deputy.iter().filter(barred).map(|held| &held.role).collect();
        let roles = self.actor.roles.iter().filter(|role| !barred.contains(role)).cloned().collect();
        Actor { roles, ..self.actor.clone() }
    }

    /// A dossier and the permit to do `action` to it. One that is sealed is refused, open or not.
    pub fn dossier(&self, door: &Door, id: DossierId, action: Action) -> Result<(Dossier, Permit), Problem> {
        let Some(dossier) = door.app.dossiers.get(id)? else { return Err(self.missing(door, id)?) };
        let permit = self.may_with(door, action, &dossier)?;
        Ok((dossier, permit))
    }

    /// A dossier to look at, and the permit for it: out of the archive, or sealed and open for a time.
    pub fn sight(&self, door: &Door, id: DossierId, action: Action) -> Result<Sight, Problem> {
        let opened = match sealing::stub(&door.app.records, id)? {
            Some(stub) if self.may_to(door, Action::ViewSealed, &stub).is_ok() => door.app.opened(id),
            _ => None,
        };
        let Some(opened) = opened else {
            let (dossier, permit) = self.dossier(door, id, action)?;
            let (records, archive) = (door.app.records.clone(), door.app.archive.clone());
            return Ok(Sight { dossier, permit, records, archive, until: None });
        };
        let (records, archive) = (opened.records.clone(), opened.archive.clone());
        let dossier = dossiers::get(&records, id)?.ok_or_else(|| Problem::new("unknown_dossier"))?;
        let permit = self.may_with(door, action, &dossier)?;
        Ok(Sight { dossier, permit, records, archive, until: Some(opened.until) })
    }

    /// What is left of a sealed dossier, and the permit to do `action` to it.
    pub fn stub(&self, door: &Door, id: DossierId, action: Action) -> Result<(Stub, Permit), Problem> {
        let Some(stub) = sealing::stub(&door.app.records, id)? else {
            self.dossier(door, id, action)?;
            return Err(Problem::new("not_sealed"));
        };
        let permit = self.may_to(door, action, &stub)?;
        Ok((stub, permit))
    }

    /// The permit to do `action` to a sealed dossier.
    pub fn may_to(&self, door: &Door, action: Action, stub: &Stub) -> Result<Permit, Problem> {
        Ok(rules(door)?.policies.permit(&self.actor, action, stub.subject())?)
    }

    /// Why a document or a case is not there: its dossier may be sealed.
    pub fn missing_thing(
        &self,
        door: &Door,
        id: &[u8; 16],
        unknown: &'static str,
    ) -> Result<Problem, Problem> {
        match sealing::dossier_of(&door.app.records, id)? {
            Some(dossier) => self.missing(door, dossier),
            None => Ok(Problem::new(unknown)),
        }
    }

    /// Why a dossier is not there. Only who might have seen it is told what became of it.
    fn missing(&self, door: &Door, id: DossierId) -> Result<Problem, Problem> {
        let Some(stub) = sealing::stub(&door.app.records, id)? else {
            return Ok(Problem::new("unknown_dossier"));
        };
        self.may_to(door, Action::ViewDossier, &stub)?;
        Ok(Problem::sealed(&stub))
    }
}

/// A dossier that is looked at.
pub struct Sight {
    /// The dossier.
    pub dossier: Dossier,
    /// The permit that was asked for.
    pub permit: Permit,
    /// Where its rows are.
    pub records: Records,
    /// What its documents are opened with.
    pub archive: Archive,
    /// Until when it is open, if it is sealed: then every look has to be noted.
    pub until: Option<Timestamp>,
}

impl Sight {
    /// Notes that somebody looks at a sealed dossier; nothing for others.
    pub async fn note(&self, door: &Door, part: &str) -> Result<(), Problem> {
        if self.until.is_some() {
            door.app.sealing.note_viewed(&self.permit, self.dossier.id, part).await?;
        }
        Ok(())
    }
}

/// The pack in force.
pub(super) fn rules(door: &Door) -> Result<std::sync::Arc<InForce>, Problem> {
    Ok(door.app.packs.current()?)
}

impl FromRequestParts<Door> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let caller = Self::known(parts, door)?;
        caller.check_complete()?;
        caller.check_scope(&parts.method)?;
        Ok(caller)
    }
}

/// Somebody who signed in, for what concerns themselves: no token can do that for them. They may have something to do
/// first, of which this is a part.
pub(super) struct Own(pub(super) Caller);

impl FromRequestParts<Door> for Own {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let caller = Caller::known(parts, door)?;
        if caller.bearer.kind == Kind::Session {
            Ok(Self(caller))
        } else {
            Err(Problem::new("session_needed"))
        }
    }
}

/// What somebody who signed in has to do first.
fn lack(door: &Door, known: &Known, roles: &[Role]) -> Option<Lack> {
    let needs = || door.app.config.sign_in.needs_second_factor(roles.iter().map(Role::as_str));
    match () {
        () if known.bearer.kind == Kind::Token => None,
        () if known.person.once_until.is_some() => Some(Lack::Password),
        () if !known.bearer.second && needs() => Some(Lack::SecondFactor),
        () => None,
    }
}

fn bearer(parts: &Parts) -> Option<Zeroizing<String>> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Zeroizing::new(token.trim().to_owned()))
}
