//! What a reviewer finds on a case: items, marks, pages that were looked at or turned. Deciding is an action of the case.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cases::{case_for, claim_case};
use super::{Json, Query, parse_id};
use crate::access::Action;
use crate::cases::{self, Change, Ground, NewMark, Region, Review, Verdict};
use crate::domain::DocumentId;
use crate::dossiers::Dossier;
use crate::http::{Caller, Door, Problem};
use crate::workflow::{Case, Definition};

/// What was found of an item.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidOfItem {
    version: u64,
    verdict: Option<Verdict>,
    reason: Option<String>,
}

/// What is wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidOfMark {
    version: u64,
    document: DocumentId,
    page: Option<u32>,
    region: Option<Region>,
    reason: String,
    note: Option<String>,
}

/// What is said of a page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidOfPage {
    version: u64,
    viewed: Option<bool>,
    turn: Option<u16>,
}

/// The version of the case that one saw.
#[derive(Deserialize)]
pub(super) struct Seen {
    version: u64,
}

/// What was found, as the API shows it.
#[derive(Serialize)]
struct ReviewView {
    version: u64,
    #[serde(flatten)]
    review: Review,
}

/// A case that is theirs to review, with its dossier and what was found so far.
pub(crate) fn reviewing(door: &Door, caller: &Caller, id: &str) -> Result<(Case, Dossier, Review), Problem> {
    let (case, dossier, _) = case_for(door, caller, id, Action::ActOnCase)?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    cases::may_review(&definition, &case, &caller.actor_on(&case))?;
    let review = cases::review(&door.app.records, case.id)?;
    Ok((case, dossier, review))
}

/// Whether the case is the caller's to review.
pub(crate) fn is_to_review(definition: &Definition, case: &Case, caller: &Caller) -> bool {
    cases::may_review(definition, case, &caller.actor_on(case)).is_ok()
}

/// Notes what the caller found on a case that they have claimed, and renews the claim when half of its time is over.
pub(crate) async fn note_change(
    door: &Door,
    caller: &Caller,
    id: &str,
    version: u64,
    change: &Change,
) -> Result<u64, Problem> {
    let (case, _, permit) = case_for(door, caller, id, Action::ActOnCase)?;
    let (in_force, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let ground = Ground::of(&definition, &in_force.pack);
    let index = door.app.cases.review(&permit, ground, case.id, version, change).await?;
    renew(door, caller, &case).await?;
    Ok(index)
}

/// Renews the caller's claim once half of its time is over, so that not every look at a page is an entry.
pub(crate) async fn renew(door: &Door, caller: &Caller, case: &Case) -> Result<(), Problem> {
    let now = door.app.clock.now();
    let Some(claim) = cases::claim(&door.app.records, case.id, now)? else { return Ok(()) };
    let left = claim.until.duration_since(now).as_secs();
    let whole = i64::try_from(door.app.config.session.claim_minutes).unwrap_or(15) * 60;
    if claim.person == caller.actor.id && left * 2 < whole {
        claim_case(door, caller, &case.id.to_string(), false).await?;
    }
    Ok(())
}

/// `GET /api/v1/cases/{id}/review`
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (case, _, review) = reviewing(&door, &caller, &id)?;
    Ok(axum::Json(ReviewView { version: case.version, review }).into_response())
}

/// `PUT /api/v1/cases/{id}/review/items/{item}`
pub(super) async fn judge(
    State(door): State<Door>,
    caller: Caller,
    Path((id, item)): Path<(String, String)>,
    Json(said): Json<SaidOfItem>,
) -> Result<StatusCode, Problem> {
    let change = Change::Item { item, verdict: said.verdict, reason: said.reason };
    note_change(&door, &caller, &id, said.version, &change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/cases/{id}/review/marks`
pub(super) async fn mark(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Json(said): Json<SaidOfMark>,
) -> Result<Response, Problem> {
    let SaidOfMark { version, document, page, region, reason, note } = said;
    let change = Change::Mark(NewMark { document, page, region, reason, note });
    let mark = note_change(&door, &caller, &id, version, &change).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({ "id": mark }))).into_response())
}

/// `DELETE /api/v1/cases/{id}/review/marks/{mark}`
pub(super) async fn unmark(
    State(door): State<Door>,
    caller: Caller,
    Path((id, mark)): Path<(String, String)>,
    Query(seen): Query<Seen>,
) -> Result<StatusCode, Problem> {
    let mark = parse_id(&mark, "unknown_mark")?;
    note_change(&door, &caller, &id, seen.version, &Change::Unmark { mark }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/v1/cases/{id}/review/pages/{document}/{page}`
pub(super) async fn page(
    State(door): State<Door>,
    caller: Caller,
    Path((id, document, page)): Path<(String, String, String)>,
    Json(said): Json<SaidOfPage>,
) -> Result<StatusCode, Problem> {
    let document: DocumentId = parse_id(&document, "unknown_document")?;
    let page = parse_id(&page, "no_page")?;
    if let Some(viewed) = said.viewed {
        note_change(&door, &caller, &id, said.version, &Change::Viewed { document, page, viewed }).await?;
    }
    if let Some(degrees) = said.turn {
        note_change(&door, &caller, &id, said.version, &Change::Turned { document, page, degrees }).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
