//! Who calls: the bearer of a token, or of the session cookie of the pages.

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use zeroize::Zeroizing;

use super::{Door, Problem};
use crate::access::{Action, Permit, Subject};
use crate::domain::{Actor, DossierId};
use crate::dossiers::Dossier;
use crate::packs::InForce;

/// The name of the session cookie.
pub(super) const SESSION_COOKIE: &str = "lantai_session";

/// Whoever calls, with what they may do looked up when asked.
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// The token or session by which they are known.
    pub secret: Zeroizing<String>,
}

impl Caller {
    /// The permit to do `action` to the archive as a whole.
    pub fn may(&self, door: &Door, action: Action) -> Result<Permit, Problem> {
        Ok(rules(door)?.policies.permit(&self.actor, action, Subject::Archive)?)
    }

    /// The permit to do `action` to this dossier.
    pub fn may_with(&self, door: &Door, action: Action, dossier: &Dossier) -> Result<Permit, Problem> {
        Ok(rules(door)?.policies.permit(&self.actor, action, dossier.subject())?)
    }

    /// A dossier and the permit to do `action` to it.
    pub fn dossier(&self, door: &Door, id: DossierId, action: Action) -> Result<(Dossier, Permit), Problem> {
        let dossier = door.app.dossiers.get(id)?.ok_or_else(|| Problem::new("unknown_dossier"))?;
        let permit = self.may_with(door, action, &dossier)?;
        Ok((dossier, permit))
    }
}

/// The pack in force.
pub(super) fn rules(door: &Door) -> Result<std::sync::Arc<InForce>, Problem> {
    Ok(door.app.packs.current()?)
}

impl FromRequestParts<Door> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let secret =
            bearer(parts).or_else(|| cookie(parts)).ok_or_else(|| Problem::new("unauthenticated"))?;
        let actor = door.app.people.authenticate(&secret)?.ok_or_else(|| Problem::new("unauthenticated"))?;
        Ok(Self { actor, secret })
    }
}

fn bearer(parts: &Parts) -> Option<Zeroizing<String>> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Zeroizing::new(token.trim().to_owned()))
}

fn cookie(parts: &Parts) -> Option<Zeroizing<String>> {
    let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION_COOKIE).map(|(_, value)| Zeroizing::new(value.to_owned()))
}
