//! Sealing dossiers, opening them for a time, destroying them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Json, parse_id};
use crate::access::Action;
use crate::domain::{DossierId, Sha256Digest};
use crate::http::attempts::Guessed;
use crate::http::{Caller, Door, Problem};
use crate::objects::Key;
use crate::sealing::{self, Asked, Certificate, Stub};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    passphrase: Zeroizing<String>,
    minutes: Option<u32>,
}

/// A sealed dossier as the API shows it.
#[derive(Serialize)]
struct StubView {
    dossier: DossierId,
    kind: String,
    adviser: String,
    sealed_at: jiff::Timestamp,
    sealed_by: String,
    reason: String,
    documents: u64,
    cases: u64,
    log_index: u64,
    open_until: Option<jiff::Timestamp>,
    destruction: Option<Value>,
    destroyed: bool,
}

fn view(door: &Door, stub: Stub) -> StubView {
    StubView {
        destruction: stub.asked_at(door.app.clock.now()).map(asked_view),
        open_until: door.app.opened(stub.dossier).map(|open| open.until),
        dossier: stub.dossier,
        kind: stub.kind,
        adviser: stub.adviser_name,
        sealed_at: stub.at,
        sealed_by: stub.by_name,
        reason: stub.reason,
        documents: stub.documents,
        cases: stub.cases,
        log_index: stub.log_index,
        destroyed: stub.destroyed,
    }
}

fn asked_view(asked: &Asked) -> Value {
    json!({ "asked_by": asked.by_name, "asked_at": asked.at, "reason": asked.reason, "until": asked.until })
}

/// `GET /api/v1/sealed`: the sealed dossiers that the caller can open or destroy.
pub(super) async fn list(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    let mut entries = Vec::new();
    for stub in sealing::all(&door.app.records).take(door.app.config.limits.list_entries) {
        let stub = stub?;
        let may = |action| caller.may_to(&door, action, &stub).is_ok();
        if may(Action::UnsealDossier) || may(Action::DestroyDossier) {
            entries.push(view(&door, stub));
        }
    }
    Ok(axum::Json(json!({ "entries": entries, "next_cursor": null })).into_response())
}

/// `POST /api/v1/dossiers/{id}/seal`
pub(super) async fn seal(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Json(why): Json<Why>,
) -> Result<Response, Problem> {
    let stub = seal_dossier(&door, &caller, &id, &why.reason).await?;
    Ok(axum::Json(view(&door, stub)).into_response())
}

/// Seals a dossier. A client that goes away does not stop it half-way.
pub(crate) async fn seal_dossier(
    door: &Door,
    caller: &Caller,
    id: &str,
    reason: &str,
) -> Result<Stub, Problem> {
    let id = parse_id(id, "unknown_dossier")?;
    let (_, permit) = caller.dossier(door, id, Action::SealDossier)?;
    let (app, reason) = (door.app.clone(), reason.to_owned());
    let sealing = tokio::spawn(async move { app.seal_dossier(&permit, id, &reason).await });
    Ok(sealing.await.map_err(|_| Problem::new("internal"))??)
}

/// `POST /api/v1/dossiers/{id}/unseal`
pub(super) async fn unseal(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Opening { passphrase, minutes }): Json<Opening>,
) -> Result<Response, Problem> {
    let until = unseal_dossier(&door, &caller, &id, &passphrase, minutes).await?;
    Ok(axum::Json(json!({ "open_until": until })).into_response())
}

/// Opens a sealed dossier for a time. Wrong passphrases are counted like wrong passwords.
pub(crate) async fn unseal_dossier(
    door: &Door,
    caller: &Caller,
    id: &str,
    passphrase: &str,
    minutes: Option<u32>,
) -> Result<jiff::Timestamp, Problem> {
    let id = parse_id(id, "unknown_dossier")?;
    let (_, permit) = caller.stub(door, id, Action::UnsealDossier)?;
    door.attempts.check(Guessed::Passphrase)?;
    let passphrase = SecretString::from(passphrase.to_owned());
    let opened = door.app.unseal_dossier(&permit, id, passphrase, minutes).await.map_err(Problem::from);
    if opened.as_ref().is_err_and(|problem| problem.code() == "wrong_passphrase") {
        door.attempts.wrong(Guessed::Passphrase);
    }
    opened
}

/// `POST /api/v1/dossiers/{id}/close`
pub(super) async fn close(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    close_dossier(&door, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes an opened dossier before its time is over.
pub(crate) async fn close_dossier(door: &Door, caller: &Caller, id: &str) -> Result<(), Problem> {
    let id = parse_id(id, "unknown_dossier")?;
    let (_, permit) = caller.stub(door, id, Action::UnsealDossier)?;
    Ok(door.app.close_dossier(&permit, id).await?)
}

/// `POST /api/v1/dossiers/{id}/destruction`: asks for it.
pub(super) async fn ask_destruction(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    Json(why): Json<Why>,
) -> Result<Response, Problem> {
    let asked = ask(&door, &caller, &id, &why.reason).await?;
    Ok((StatusCode::CREATED, axum::Json(asked_view(&asked))).into_response())
}

/// Asks for the destruction of a sealed dossier.
pub(crate) async fn ask(door: &Door, caller: &Caller, id: &str, reason: &str) -> Result<Asked, Problem> {
    let id = parse_id(id, "unknown_dossier")?;
    let (_, permit) = caller.stub(door, id, Action::DestroyDossier)?;
    Ok(door.app.ask_destruction(&permit, id, reason).await?)
}

/// `DELETE /api/v1/dossiers/{id}/destruction`: takes the question back, or refuses it.
pub(super) async fn withdraw_destruction(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    withdraw(&door, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the question back, or refuses it.
pub(crate) async fn withdraw(door: &Door, caller: &Caller, id: &str) -> Result<(), Problem> {
    let id = parse_id(id, "unknown_dossier")?;
    let (_, permit) = caller.stub(door, id, Action::DestroyDossier)?;
    Ok(door.app.sealing.withdraw_destruction(&permit, id).await?)
}

/// `POST /api/v1/dossiers/{id}/destruction/confirm`: by another person.
pub(super) async fn confirm_destruction(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let certificate = confirm(&door, &caller, &id).await?;
    Ok(axum::Json(certificate_view(&certificate)).into_response())
}

/// Confirms the destruction that somebody else has asked for.
pub(crate) async fn confirm(door: &Door, caller: &Caller, id: &str) -> Result<Certificate, Problem> {
    let id = parse_id(id, "unknown_dossier")?;
    let (_, permit) = caller.stub(door, id, Action::DestroyDossier)?;
    let app = door.app.clone();
    let destroying = tokio::spawn(async move { app.destroy_dossier(&permit, id).await });
    Ok(destroying.await.map_err(|_| Problem::new("internal"))??)
}

/// `GET /api/v1/dossiers/{id}/certificate`: what remains of a destroyed dossier.
pub(super) async fn certificate(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: DossierId = parse_id(&id, "unknown_dossier")?;
    if caller.may(&door, Action::ReadLog).is_err() {
        caller.stub(&door, id, Action::DestroyDossier)?;
    }
    let certificate = sealing::certificate(&door.app.records, id)?;
    let certificate = certificate.ok_or_else(|| Problem::new("not_found"))?;
    Ok(axum::Json(certificate_view(&certificate)).into_response())
}

fn certificate_view(certificate: &Certificate) -> Value {
    let dossier = certificate.dossier;
    let documents: Vec<Value> = certificate.documents.iter().map(|paper| {
        let path = Key::Original { dossier, document: paper.document }.path();
        let commitment: Option<Sha256Digest> = paper.commitment;
        json!({
            "document": paper.document, "log_index": paper.log_index, "path": path, "sha256": paper.sealed_sha256,
            "size_bytes": paper.sealed_size_bytes, "commitment": commitment,
        })
    }).collect();
    json!({
        "dossier": dossier, "reason": certificate.reason, "asked_by": certificate.asked_by_name,
        "asked_at": certificate.asked_at, "confirmed_by": certificate.confirmed_by_name,
        "destroyed_at": certificate.destroyed_at, "log_index": certificate.log_index, "documents": documents,
    })
}
