//! Dossiers.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::documents::DocumentView;
use super::{Json, Page, Query, page_size, parse_id};
use crate::access::Action;
use crate::cases;
use crate::documents;
use crate::domain::{Actor, DossierId, PersonId};
use crate::dossiers::Dossier;
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem, Sight};
use crate::workflow;

#[derive(Deserialize)]
pub(super) struct NewDossier {
    kind: String,
    facts: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Window {
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct DossierView {
    id: String,
    kind: String,
    facts: Map<String, Value>,
    adviser: Option<String>,
    opened_at: jiff::Timestamp,
}

fn view(door: &Door, dossier: Dossier) -> Result<DossierView, Problem> {
    let adviser = door.app.people.get(dossier.adviser)?.map(|person| person.name);
    let Dossier { id, kind, facts, opened_at, .. } = dossier;
    Ok(DossierView { id: id.to_string(), kind, facts, adviser, opened_at })
}

/// `POST /api/v1/dossiers`
pub(super) async fn open(
    State(door): State<Door>,
    caller: Caller,
    Json(input): Json<NewDossier>,
) -> Result<Response, Problem> {
    let dossier = open_dossier(&door, &caller, &input.kind, input.facts).await?;
    Ok((StatusCode::CREATED, axum::Json(view(&door, dossier)?)).into_response())
}

/// Checks the facts against the pack's schema and opens a dossier.
pub(crate) async fn open_dossier(
    door: &Door,
    caller: &Caller,
    kind: &str,
    facts: Map<String, Value>,
) -> Result<Dossier, Problem> {
    let permit = caller.may(door, Action::OpenDossier)?;
    let in_force = rules(door)?;
    if let Err(problems) = in_force.pack.validate_facts(kind, &facts) {
        let said: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
        let facts: Vec<String> = problems.into_iter().map(|problem| problem.path).collect();
        return Err(Problem::new("bad_facts").value("what", said.join("; ")).member("facts", facts));
    }
    let adviser = adviser(door, &caller.actor, &facts)?;
    Ok(door.app.dossiers.open(&permit, kind, facts, adviser).await?)
}

/// Who keeps the customer: whom the facts name, or whoever opens the dossier.
fn adviser(door: &Door, actor: &Actor, facts: &Map<String, Value>) -> Result<PersonId, Problem> {
    let Some(name) = facts.get("adviser").and_then(Value::as_str) else { return Ok(actor.id) };
    let person = door.app.people.by_name(name)?.ok_or_else(|| Problem::new("unknown_person"))?;
    Ok(person.id)
}

/// `GET /api/v1/dossiers`: those that the caller may see.
pub(super) async fn list(
    State(door): State<Door>,
    caller: Caller,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let limit = page_size(&door, window.limit);
    let after = window.cursor.as_deref().map(|cursor| parse_id(cursor, "bad_request")).transpose()?;
    let dossiers = visible(&door, &caller, after, limit)?;
    let next_cursor =
        dossiers.last().filter(|_| dossiers.len() == limit).map(|dossier| dossier.id.to_string());
    let entries = dossiers.into_iter().map(|dossier| view(&door, dossier)).collect::<Result<_, _>>()?;
    Ok(axum::Json(json!(Page { entries, next_cursor })).into_response())
}

/// Dossiers that the caller may see, in the order of their ids, from after `after` on.
pub(crate) fn visible(
    door: &Door,
    caller: &Caller,
    after: Option<DossierId>,
    limit: usize,
) -> Result<Vec<Dossier>, Problem> {
    if rules(door)?.policies.permits_all(&caller.actor, Action::ViewDossier) {
        return Ok(door.app.dossiers.list(after, limit)?);
    }
    let kept = door.app.dossiers.within_reach(caller.actor.id)?;
    let mut dossiers = Vec::new();
    for id in kept.into_iter().filter(|id| after.is_none_or(|after| *id > after)).take(limit) {
        // What is kept is seen; what was granted may just have ended.
        match caller.dossier(door, id, Action::ViewDossier) {
            Ok((dossier, _)) => dossiers.push(dossier),
            Err(problem) if problem.status() == StatusCode::FORBIDDEN => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(dossiers)
}

/// `GET /api/v1/dossiers/{id}`: facts, documents, cases, and what is missing.
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let sight = caller.sight(&door, parse_id(&id, "unknown_dossier")?, Action::ViewDossier)?;
    sight.note(&door, "dossier").await?;
    let Sight { dossier, records, until, .. } = sight;
    let documents = documents::of_dossier(&records, dossier.id)?;
    let documents: Vec<DocumentView> = documents.into_iter().map(Into::into).collect();
    let (mut cases_said, mut missing) = (Vec::new(), Vec::new());
    for case in cases::of_dossier(&records, dossier.id)? {
        let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
        if !case.is_final {
            let checklist = workflow::checklist(&definition, &dossier.facts, &case);
            missing.extend(checklist.items.into_iter().filter(|item| !item.ok).flat_map(|item| item.kinds));
        }
        cases_said.push(json!({
            "id": case.id, "workflow": case.workflow, "state": case.state, "attempt": case.attempt,
            "started_at": case.started_at, "deadline": case.deadline,
        }));
    }
    let mut body = json!(view(&door, dossier)?);
    body["documents"] = json!(documents);
    body["cases"] = json!(cases_said);
    body["missing"] = json!(missing);
    if let Some(until) = until {
        body["sealed"] = json!(true);
        body["open_until"] = json!(until);
    }
    Ok(axum::Json(body).into_response())
}
