//! Cases: start, look, act, claim.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::documents::{attach, permitted};
use super::{Json, Query, parse_id};
use crate::access::{Action, Permit};
use crate::cases::{self, Claim, Custody, Ground, HistoryItem, OrderedForm};
use crate::documents::Document;
use crate::domain::{CaseId, DocumentId, DossierId};
use crate::dossiers::Dossier;
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem, Sight};
use crate::sealing;
use crate::workflow::{self, Case, Channel, Handover, Input, Named};

#[derive(Deserialize)]
pub(super) struct NewCase {
    workflow: String,
    dossier: DossierId,
    #[serde(default = "one")]
    contracts: u32,
}

fn one() -> u32 {
    1
}

/// What is said with an action.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    pub(crate) version: u64,
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) documents: Vec<String>,
    pub(crate) contracts: Option<u32>,
    pub(crate) points: Option<u32>,
    pub(crate) note: Option<String>,
    #[serde(default)]
    pub(crate) reasons: BTreeMap<String, String>,
    pub(crate) handover: Option<Handover>,
    pub(crate) days: Option<u32>,
    /// A name.
    pub(crate) person: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Taking {
    #[serde(default)]
    take_over: bool,
}

/// A case as the API shows it.
#[derive(Serialize)]
pub(crate) struct CaseView {
    pub(crate) id: CaseId,
    pub(crate) workflow: String,
    pub(crate) definition: String,
    pub(crate) dossier: DossierId,
    pub(crate) state: String,
    pub(crate) attempt: u32,
    pub(crate) version: u64,
    pub(crate) contracts: u32,
    pub(crate) adviser: String,
    pub(crate) checklist: ChecklistView,
    pub(crate) documents: Vec<workflow::Attached>,
    pub(crate) actions: Vec<ActionView>,
    pub(crate) deadline: Option<jiff::Timestamp>,
    pub(crate) claimed_by: Option<String>,
    pub(crate) history: Vec<HistoryItem>,
    pub(crate) wrong: Vec<WrongView>,
    pub(crate) forms: Vec<FormView>,
    pub(crate) custody: Vec<Custody>,
}

/// A document that a return named as failing, as the API shows it.
#[derive(Serialize)]
pub(crate) struct WrongView {
    pub(crate) document: DocumentId,
    pub(crate) reason: Option<String>,
}

/// A form as the API shows it.
#[derive(Serialize)]
pub(crate) struct FormView {
    pub(crate) form: String,
    pub(crate) number: String,
    pub(crate) ordered_at: jiff::Timestamp,
    pub(crate) document: Option<DocumentId>,
    pub(crate) made_at: Option<jiff::Timestamp>,
    /// The scan of it that came back signed.
    pub(crate) signed: Option<DocumentId>,
}

impl From<OrderedForm> for FormView {
    fn from(form: OrderedForm) -> Self {
        Self {
            form: form.form,
            number: form.number,
            ordered_at: form.ordered_at,
            document: form.made.map(|made| made.document),
            made_at: form.made.map(|made| made.at),
            signed: form.signed,
        }
    }
}

/// Who has the papers now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCustody {
    pub(crate) holder: String,
    pub(crate) channel: Channel,
    pub(crate) carrier: Option<String>,
    pub(crate) place: Option<String>,
    /// Since when; now if it is not said.
    pub(crate) at: Option<jiff::Timestamp>,
    pub(crate) note: Option<String>,
}

/// The checklist as the API shows it.
#[derive(Serialize)]
pub(crate) struct ChecklistView {
    pub(crate) items: Vec<ItemView>,
    pub(crate) complete: bool,
}

/// One line of a checklist.
#[derive(Serialize)]
pub(crate) struct ItemView {
    /// The kind, the first of several that will do.
    pub(crate) kind: String,
    /// All kinds that will do.
    pub(crate) any: Vec<String>,
    pub(crate) need: u32,
    pub(crate) documents: Vec<DocumentId>,
    pub(crate) ok: bool,
}

/// An action that the caller may take now.
#[derive(Serialize)]
pub(crate) struct ActionView {
    pub(crate) name: String,
    pub(crate) needs: Vec<String>,
}

/// `POST /api/v1/cases`
pub(super) async fn start(
    State(door): State<Door>,
    caller: Caller,
    Json(input): Json<NewCase>,
) -> Result<Response, Problem> {
    let case = start_case(&door, &caller, &input.workflow, input.dossier, input.contracts).await?;
    let location = format!("/api/v1/cases/{}", case.id);
    let body = axum::Json(view(&door, &caller, case)?);
    Ok((StatusCode::CREATED, [(axum::http::header::LOCATION, location)], body).into_response())
}

/// Starts a case on the pack in force.
pub(crate) async fn start_case(
    door: &Door,
    caller: &Caller,
    workflow: &str,
    dossier: DossierId,
    contracts: u32,
) -> Result<Case, Problem> {
    let in_force = rules(door)?;
    let definition = in_force.pack.definition(workflow);
    let action = match definition {
        Some(definition) if definition.asks => Action::AskCase,
        _ => Action::StartCase,
    };
    let (dossier, permit) = caller.dossier(door, dossier, action)?;
    let definition = definition.filter(|definition| definition.fits(&dossier.kind));
    let definition = definition.ok_or_else(|| Problem::new("unknown_workflow"))?;
    let ground = Ground::of(definition, &in_force.pack);
    Ok(door.app.cases.start(&permit, ground, dossier.id, contracts).await?)
}

/// A case with its dossier, if the caller may do `action` to it.
pub(crate) fn case_for(
    door: &Door,
    caller: &Caller,
    id: &str,
    action: Action,
) -> Result<(Case, Dossier, Permit), Problem> {
    let id: CaseId = parse_id(id, "unknown_case")?;
    let Some(case) = door.app.cases.get(id)? else {
        return Err(caller.missing_thing(door, id.as_bytes(), "unknown_case")?);
    };
    let action = action_on(door, caller, &case, action)?;
    let (dossier, permit) = caller.dossier(door, case.dossier, action)?;
    Ok((case, dossier, permit))
}

/// What it takes to do `action` to a case: whoever asked for something follows their own question, if no more is theirs.
fn action_on(door: &Door, caller: &Caller, case: &Case, action: Action) -> Result<Action, Problem> {
    let own = case.adviser == caller.actor.id && matches!(action, Action::ViewCase | Action::ActOnCase);
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    if !own || !definition.asks {
        return Ok(action);
    }
    let dossier = door.app.dossiers.get(case.dossier)?;
    let may = dossier.is_some_and(|dossier| caller.may_with(door, action, &dossier).is_ok());
    Ok(if may { action } else { Action::AskCase })
}

/// A case to look at, out of the archive or of a sealed dossier that is open.
fn seen(door: &Door, caller: &Caller, id: &str) -> Result<(Case, Sight), Problem> {
    let id: CaseId = parse_id(id, "unknown_case")?;
    let unknown = || Problem::new("unknown_case");
    let (dossier, action) = match door.app.cases.get(id)? {
        Some(case) => (Some(case.dossier), action_on(door, caller, &case, Action::ViewCase)?),
        None => (sealing::dossier_of(&door.app.records, id.as_bytes())?, Action::ViewCase),
    };
    let sight = caller.sight(door, dossier.ok_or_else(unknown)?, action)?;
    let case = cases::get(&sight.records, id)?.ok_or_else(unknown)?;
    Ok((case, sight))
}

/// `GET /api/v1/cases/{id}`
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (case, sight) = seen(&door, &caller, &id)?;
    sight.note(&door, "case").await?;
    Ok(axum::Json(view_in(&door, &caller, case, &sight)?).into_response())
}

/// `POST /api/v1/cases/{id}/actions/{action}`
pub(super) async fn act(
    State(door): State<Door>,
    caller: Caller,
    Path((id, action)): Path<(String, String)>,
    Json(said): Json<Said>,
) -> Result<Response, Problem> {
    let case = take_action(&door, &caller, &id, &action, said).await?;
    Ok(axum::Json(view(&door, &caller, case)?).into_response())
}

/// Acts on a case. Ids of documents that are not in the basket yet are put into it first, but only if the action
/// would then be taken: what is refused changes nothing.
pub(crate) async fn take_action(
    door: &Door,
    caller: &Caller,
    id: &str,
    action: &str,
    said: Said,
) -> Result<Case, Problem> {
    let (case, _, permit) = case_for(door, caller, id, Action::ActOnCase)?;
    let Said { version, reason, documents, contracts, points, note, reasons, handover, days, person } = said;
    let person = person.map(|name| named(door, &name)).transpose()?;
    let in_basket = |name: &String| case.documents.iter().any(|found| found.document.to_string() == *name);
    let is_new = |name: &String| name.parse::<DocumentId>().is_ok() && !in_basket(name);
    let (new, documents) = documents.into_iter().partition(is_new);
    let input = Input { reason, documents, contracts, points, note, reasons, handover, days, person };
    let (in_force, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let counting = door.app.packs.counting(&in_force)?;
    let ground = Ground { definition: &definition, pack: &in_force.pack, calendar: counting.pack.calendar() };
    let (basket, new) = with_documents(door, caller, ground, &case, new)?;
    if !new.is_empty() {
        door.app.cases.may_act(&permit, ground, &basket, action, version, input.clone())?;
    }
    for (document, adding) in &new {
        attach(door, adding, case.id, document).await?;
    }
    let case = door.app.cases.act(&permit, ground, case.id, action, version, input).await?;
    door.app.call_workers();
    Ok(case)
}

/// Whether an action would be taken now, with documents that are in the basket already.
pub(crate) fn may_take(
    door: &Door,
    caller: &Caller,
    id: &str,
    action: &str,
    said: &Said,
) -> Result<(), Problem> {
    let (case, _, permit) = case_for(door, caller, id, Action::ActOnCase)?;
    let Said { version, reason, documents, contracts, points, note, reasons, handover, days, person } =
        said.clone();
    let person = person.map(|name| named(door, &name)).transpose()?;
    let input = Input { reason, documents, contracts, points, note, reasons, handover, days, person };
    let (in_force, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let ground = Ground::of(&definition, &in_force.pack);
    Ok(door.app.cases.may_act(&permit, ground, &case, action, version, input)?)
}

/// Somebody of the archive who still works there.
fn named(door: &Door, name: &str) -> Result<Named, Problem> {
    let person = door.app.people.by_name(name)?.filter(|person| !person.disabled);
    let person = person.ok_or_else(|| Problem::new("unknown_person"))?;
    Ok(Named { id: person.id, name: person.name })
}

/// The case as it would be with these documents in its basket, if it takes them all.
fn with_documents(
    door: &Door,
    caller: &Caller,
    ground: Ground<'_>,
    case: &Case,
    names: Vec<String>,
) -> Result<(Case, Vec<(Document, Permit)>), Problem> {
    let (mut basket, mut new) = (case.clone(), Vec::new());
    for name in names {
        let (document, adding) = permitted(door, caller, &name, Action::AddDocument)?;
        if document.dossier != case.dossier {
            return Err(Problem::new("case_of_other_dossier"));
        }
        let attached = cases::attached(&document);
        door.app.cases.may_attach(&adding, ground, &basket, attached.clone())?;
        basket.documents.push(attached);
        new.push((document, adding));
    }
    if basket.documents.len() > door.app.config.limits.case_documents {
        return Err(Problem::new("too_many_documents"));
    }
    Ok((basket, new))
}

/// `POST /api/v1/cases/{id}/custody`
pub(super) async fn add_custody(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Json(held): Json<NewCustody>,
) -> Result<Response, Problem> {
    let held = note_custody(&door, &caller, &id, held).await?;
    Ok((StatusCode::CREATED, axum::Json(held)).into_response())
}

/// Notes who has the papers of a case from now on.
pub(crate) async fn note_custody(
    door: &Door,
    caller: &Caller,
    id: &str,
    held: NewCustody,
) -> Result<Custody, Problem> {
    let (case, _, permit) = case_for(door, caller, id, Action::ActOnCase)?;
    let NewCustody { holder, channel, carrier, place, at, note } = held;
    let at = at.unwrap_or_else(|| door.app.clock.now());
    let held = Custody { holder, channel, carrier, place, at, note, by_name: caller.actor.name.clone() };
    door.app.cases.note_custody(&permit, case.id, &held).await?;
    Ok(held)
}

/// `POST /api/v1/cases/{id}/claim`
pub(super) async fn claim(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Query(taking): Query<Taking>,
) -> Result<Response, Problem> {
    let claim = claim_case(&door, &caller, &id, taking.take_over).await?;
    Ok(axum::Json(json!({ "claimed_by": claim.name, "until": claim.until })).into_response())
}

/// Claims a case for the caller, or renews their claim. Only who may act on everybody's cases takes over somebody else's.
pub(crate) async fn claim_case(
    door: &Door,
    caller: &Caller,
    id: &str,
    take_over: bool,
) -> Result<Claim, Problem> {
    let (case, _, permit) = case_for(door, caller, id, Action::ActOnCase)?;
    if take_over && !rules(door)?.policies.permits_all(&caller.actor, Action::ActOnCase) {
        return Err(Problem::new("forbidden"));
    }
    let minutes = i64::try_from(door.app.config.session.claim_minutes).unwrap_or(15);
    Ok(door.app.cases.claim(&permit, case.id, SignedDuration::from_mins(minutes), take_over).await?)
}

/// `DELETE /api/v1/cases/{id}/claim`
pub(super) async fn release(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    release_case(&door, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the caller's claim on a case back.
pub(crate) async fn release_case(door: &Door, caller: &Caller, id: &str) -> Result<(), Problem> {
    let (case, _, permit) = case_for(door, caller, id, Action::ActOnCase)?;
    Ok(door.app.cases.release(&permit, case.id).await?)
}

/// A case as this caller sees it: with the actions that are theirs to take now.
pub(crate) fn view(door: &Door, caller: &Caller, case: Case) -> Result<CaseView, Problem> {
    let action = action_on(door, caller, &case, Action::ViewCase)?;
    let sight = caller.sight(door, case.dossier, action)?;
    view_in(door, caller, case, &sight)
}

fn view_in(door: &Door, caller: &Caller, case: Case, sight: &Sight) -> Result<CaseView, Problem> {
    let Sight { dossier, records, until, .. } = sight;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let checklist = workflow::checklist(&definition, &dossier.facts, &case);
    let item = |item: workflow::ChecklistItem| ItemView {
        kind: item.kinds.first().cloned().unwrap_or_default(),
        any: item.kinds,
        need: item.need,
        documents: item.documents,
        ok: item.ok,
    };
    let acting = action_on(door, caller, &case, Action::ActOnCase)?;
    let may_act = until.is_none() && caller.may_with(door, acting, dossier).is_ok();
    let offered = workflow::offered(&definition, &dossier.facts, &case, &caller.actor_on(&case));
    let actions = offered.into_iter().filter(|_| may_act);
    let claim = cases::claim(records, case.id, door.app.clock.now())?;
    let history = cases::history(records, case.id)?;
    let reason = |id: &DocumentId| case.wrong_reasons.get(id).cloned();
    Ok(CaseView {
        wrong: case.wrong.iter().map(|id| WrongView { document: *id, reason: reason(id) }).collect(),
        forms: cases::forms_of(records, case.id)?.into_iter().map(FormView::from).collect(),
        custody: cases::custody(records, case.id)?,
        checklist: ChecklistView {
            complete: checklist.complete,
            items: checklist.items.into_iter().map(item).collect(),
        },
        actions: actions.map(|offered| ActionView { name: offered.name, needs: offered.needs }).collect(),
        claimed_by: claim.map(|claim| claim.name),
        history,
        id: case.id,
        workflow: case.workflow,
        definition: case.definition,
        dossier: case.dossier,
        state: case.state,
        attempt: case.attempt,
        version: case.version,
        contracts: case.contracts,
        adviser: case.adviser_name,
        documents: case.documents,
        deadline: case.deadline,
    })
}
