//! One customer's dossier: facts, cases, what is missing, documents, who holds the papers, who may look besides those whose
//! it is, and what happened.

mod story;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use super::form::{Choice, Fields, Form};
use super::frame::{Frame, page};
use super::intake::Refused;
use super::papers::{Paper, Upload, papers, upload};
use super::sealed;
use super::visit::Signed;
use super::words::{self, Moment, moment, titled};
use crate::access::Action;
use crate::cases;
use crate::documents;
use crate::domain::DossierId;
use crate::dossiers::Dossier;
use crate::http::api::cases::start_case as start;
use crate::http::api::{Query, parse_id};
use crate::http::caller::rules;
use crate::http::{Door, Problem};
use crate::sealing;
use crate::text::{Lang, say};
use crate::workflow::{Case, Pack, Refusal, Title, checklist};

#[derive(Template)]
#[template(path = "dossier.html")]
struct Page {
    frame: Frame,
    id: DossierId,
    name: String,
    adviser: String,
    opened: Moment,
    facts: Vec<(String, String)>,
    cases: Vec<Row>,
    papers: Vec<Paper>,
    upload: Option<Upload>,
    /// What the running cases still lack, once each.
    missing: Vec<String>,
    custody: Vec<story::Held>,
    grants: Vec<story::Granted>,
    story: Vec<story::Told>,
    workflows: Vec<Choice>,
    contracts: String,
    may_seal: bool,
    alert: Option<String>,
    done: Option<String>,
}

struct Row {
    href: Option<String>,
    workflow: String,
    state: String,
    attempt: u32,
    started: Moment,
    due: Option<Moment>,
    overdue: bool,
    missing: Vec<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// `GET /dossiers/{id}`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let id: DossierId = parse_id(&id, "unknown_dossier")?;
    if let Some(stub) = sealing::stub(&door.app.records, id)? {
        return sealed::show(&door, &signed, stub, &done.done).await;
    }
    let mut content = content(&door, &signed, id)?;
    content.done = match done.done.as_str() {
        "documents" => Some(say(signed.visit.lang, "page-done-documents")),
        "opened" => Some(say(signed.visit.lang, "page-done-opened")),
        _ => None,
    };
    page(StatusCode::OK, &content)
}

/// `POST /dossiers/{id}/cases`
pub(super) async fn start_case(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let id: DossierId = parse_id(&id, "unknown_dossier")?;
    let started = match contracts(fields.get("contracts")) {
        Ok(contracts) => start(&door, &signed.caller, fields.get("workflow"), id, contracts).await,
        Err(problem) => Err(problem),
    };
    match started {
        Ok(case) => Ok(Redirect::to(&format!("/cases/{}", case.id)).into_response()),
        Err(problem) => {
            let mut content = content(&door, &signed, id).map_err(|_| problem.clone())?;
            content.alert = Some(sentence(&door, signed.visit.lang, fields.get("workflow"), &problem));
            content.contracts = fields.get("contracts").to_owned();
            page(problem.status(), &content)
        }
    }
}

/// A refusal in the words of the workflow that was to be started.
fn sentence(door: &Door, lang: Lang, workflow: &str, problem: &Problem) -> String {
    let in_force = rules(door).ok();
    let definition = in_force.as_ref().and_then(|in_force| in_force.pack.definition(workflow));
    match (problem.refusal(), definition) {
        (Some(refusal), Some(definition)) => refusal.sentence(definition, lang.tag()),
        _ => problem.sentence(lang),
    }
}

fn contracts(text: &str) -> Result<u32, Problem> {
    let why = || Title::new(say(Lang::Zh, "page-whole-number"), say(Lang::En, "page-whole-number"));
    text.parse().map_err(|_| Problem::from(Refusal::BadValue { input: "contracts".into(), why: why() }))
}

/// The dossier's page after it could not be sealed.
pub(super) fn after_refused_sealing(
    door: &Door,
    signed: &Signed,
    id: DossierId,
    problem: &Problem,
) -> Result<Response, Problem> {
    let mut content = content(door, signed, id).map_err(|_| problem.clone())?;
    content.alert = Some(problem.sentence(signed.visit.lang));
    page(problem.status(), &content)
}

/// The dossier's page after an upload that was refused.
pub(super) fn after_refused_upload(
    door: &Door,
    signed: &Signed,
    id: DossierId,
    refused: &Refused,
) -> Result<Response, Problem> {
    let mut content = content(door, signed, id).map_err(|_| refused.problem.clone())?;
    content.alert = Some(refused.sentence(signed.visit.lang));
    if let Some(upload) = &mut content.upload {
        upload.choose(&refused.kind);
    }
    page(refused.problem.status(), &content)
}

fn content(door: &Door, signed: &Signed, id: DossierId) -> Result<Page, Problem> {
    let (caller, lang) = (signed.caller.as_ref(), signed.visit.lang);
    let (dossier, _) = caller.dossier(door, id, Action::ViewDossier)?;
    let may = |action| caller.may_with(door, action, &dossier).is_ok();
    let of_dossier = documents::of_dossier(&door.app.records, id)?;
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    let all_cases = cases::of_dossier(&door.app.records, id)?;
    let told = story::of(door, lang, &dossier, &all_cases, &of_dossier, may(Action::ViewCase))?;
    let custody = if may(Action::ViewCase) { story::custody(door, lang, &all_cases)? } else { Vec::new() };
    for case in all_cases {
        rows.push(row(door, lang, &dossier, case, may(Action::ViewCase), &mut missing)?);
    }
    let mut lacking: Vec<String> = Vec::new();
    for title in rows.iter().flat_map(|row| &row.missing) {
        if !lacking.contains(title) {
            lacking.push(title.clone());
        }
    }
    // A grant is shown to those who would see the dossier without one.
    let own = rules(door)?.policies.permit(&caller.actor, Action::ViewDossier, dossier.subject()).is_ok();
    let grants = if own { story::grants(door, lang, id)? } else { Vec::new() };
    rows.sort_by(|a, b| b.started.exact.cmp(&a.started.exact));
    let upload = match may(Action::AddDocument) {
        true => {
            let in_force = rules(door)?;
            let kinds = in_force.pack.document_kinds();
            Some(upload(lang, (id, None), kinds, &missing))
        }
        false => None,
    };
    Ok(Page {
        frame: Frame::of(door, &signed.visit, dossier.name()),
        id,
        name: dossier.name().to_owned(),
        adviser: door.app.people.get(dossier.adviser)?.map(|person| person.name).unwrap_or_default(),
        opened: moment(dossier.opened_at),
        facts: facts(&rules(door)?.pack, lang, &dossier),
        cases: rows,
        papers: papers(door, caller, lang, &dossier, of_dossier)?,
        upload,
        missing: lacking,
        custody,
        grants,
        story: told,
        workflows: if may(Action::StartCase) { workflows(door, lang, &dossier)? } else { Vec::new() },
        contracts: "1".into(),
        may_seal: may(Action::SealDossier) && door.app.described()?.manager_recipient.is_some(),
        alert: None,
        done: None,
    })
}

fn row(
    door: &Door,
    lang: Lang,
    dossier: &Dossier,
    case: Case,
    may_view: bool,
    missing: &mut Vec<String>,
) -> Result<Row, Problem> {
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let mut lacking = Vec::new();
    if !case.is_final {
        for item in checklist(&definition, &dossier.facts, &case).items.into_iter().filter(|item| !item.ok) {
            lacking.push(item.title.get(lang.tag()).to_owned());
            missing.extend(item.kinds.into_iter().filter(|kind| !missing.contains(kind)).collect::<Vec<_>>());
        }
    }
    let state = definition.state(&case.state).map(|state| &state.title);
    Ok(Row {
        href: may_view.then(|| format!("/cases/{}", case.id)),
        workflow: titled(Some(&definition.title), lang, &case.workflow),
        state: titled(state, lang, &case.state),
        attempt: case.attempt,
        started: moment(case.started_at),
        overdue: !case.is_final && case.deadline.is_some_and(|deadline| deadline < door.app.clock.now()),
        due: case.deadline.filter(|_| !case.is_final).map(words::deadline),
        missing: lacking,
    })
}

/// The workflows that can be started on such a dossier, the pack's first one first.
fn workflows(door: &Door, lang: Lang, dossier: &Dossier) -> Result<Vec<Choice>, Problem> {
    let in_force = rules(door)?;
    let choice = |definition: &std::sync::Arc<crate::workflow::Definition>| Choice {
        value: definition.id.clone(),
        label: titled(Some(&definition.title), lang, &definition.id),
        chosen: false,
    };
    Ok(in_force.pack.definitions_for(&dossier.kind).map(choice).collect())
}

/// The facts in words, without the name, which stands above them.
pub(super) fn facts(pack: &Pack, lang: Lang, dossier: &Dossier) -> Vec<(String, String)> {
    let kind = pack.dossier_kinds().get(&dossier.kind).map(|kind| &**kind);
    let shown = dossier.facts.iter().filter(|(name, _)| *name != "name");
    let said = |(name, value): (&String, &Value)| {
        let field = kind.and_then(|kind| kind.field(name));
        let word = field.and_then(|field| field.said(value, lang.tag()));
        (words::fact(lang, kind, name), word.unwrap_or_else(|| fact_value(lang, value)))
    };
    shown.map(said).collect()
}

fn fact_value(lang: Lang, value: &Value) -> String {
    match value {
        Value::Bool(true) => say(lang, "page-yes"),
        Value::Bool(false) => say(lang, "page-no"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
