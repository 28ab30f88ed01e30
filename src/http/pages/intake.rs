//! Uploads from a form: `multipart/form-data`, passed on as it comes, never held as a whole.
//!
//! The form's `kind` stands before its files. What was taken in before a file was refused stays; the page says so.

use std::io;

use axum::body::Body;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;

use super::visit::Signed;
use super::{case, dossier, upload as upload_page};
use crate::access::Action;
use crate::archive::NewDocument;
use crate::domain::{CaseId, DossierId};
use crate::http::api::cases::case_for;
use crate::http::api::documents::{clean_filename, receive_document};
use crate::http::api::parse_id;
use crate::http::{Caller, Door, Problem, upload};
use crate::text::{Lang, say_with};

/// What is still taken from a sender after the file was refused, so that the browser shows the refusal, in bytes.
const LEFT_OVER_BYTES: usize = 64 << 20;
const LONGEST_KIND_BYTES: usize = 200;

/// Why an upload ended early.
pub(super) struct Refused {
    pub(super) problem: Problem,
    /// The kind that was chosen.
    pub(super) kind: String,
    /// The file that was refused.
    pub(super) filename: Option<String>,
}

/// `POST /cases/{id}/documents`
pub(super) async fn into_case(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let seen = case_for(&door, &signed.caller, &id, Action::ViewCase);
    // A scanner's desk may add to what it does not see.
    let (found, sees) = match seen {
        Ok((found, ..)) => (found, true),
        Err(problem) => {
            let added = case_for(&door, &signed.caller, &id, Action::AddDocument);
            (added.map_err(|_| problem)?.0, false)
        }
    };
    match take_in(&door, &signed.caller, found.dossier, Some(found.id), request).await {
        Ok(()) if sees => Ok(Redirect::to(&format!("/cases/{}?done=documents", found.id)).into_response()),
        Ok(()) => Ok(Redirect::to(&upload_page::address(&id)).into_response()),
        Err(refused) if sees => case::after_refused_upload(&door, &signed, &id, &refused).await,
        Err(refused) => unseen(&door, &signed, &id, &refused),
    }
}

/// The upload page after a refusal, for those who do not see what they add to.
fn unseen(door: &Door, signed: &Signed, id: &str, refused: &Refused) -> Result<Response, Problem> {
    let (sentence, status) = (refused.sentence(signed.visit.lang), refused.problem.status());
    upload_page::after_refused(door, signed, id, sentence, status)
}

/// `POST /dossiers/{id}/documents`
pub(super) async fn into_dossier(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id: DossierId = parse_id(&id, "unknown_dossier")?;
    // Whoever may not add anything here is told so before anything is sent.
    signed.caller.dossier(&door, id, Action::AddDocument)?;
    let sees = signed.caller.dossier(&door, id, Action::ViewDossier).is_ok();
    match take_in(&door, &signed.caller, id, None, request).await {
        Ok(()) if sees => Ok(Redirect::to(&format!("/dossiers/{id}?done=documents")).into_response()),
        Ok(()) => Ok(Redirect::to(&upload_page::address(&id.to_string())).into_response()),
        Err(refused) if sees => dossier::after_refused_upload(&door, &signed, id, &refused),
        Err(refused) => unseen(&door, &signed, &id.to_string(), &refused),
    }
}

async fn take_in(
    door: &Door,
    caller: &Caller,
    dossier: DossierId,
    case: Option<CaseId>,
    request: Request,
) -> Result<(), Refused> {
    let mut kind = String::new();
    let mut filename = None;
    let taken = take_files(door, caller, (dossier, case), request, &mut kind, &mut filename).await;
    taken.map_err(|problem| Refused { problem, kind, filename })
}

async fn take_files(
    door: &Door,
    caller: &Caller,
    (dossier, case): (DossierId, Option<CaseId>),
    request: Request,
    kind: &mut String,
    filename: &mut Option<String>,
) -> Result<(), Problem> {
    let _place = upload::place(door)?;
    // The limit is each file's: the archive keeps it, whatever the form's own length is.
    let (parts, body) = request.into_parts();
    let body = Body::from_stream(upload::content(door, body));
    let form = Multipart::from_request(Request::from_parts(parts, body), &()).await;
    let mut form = form.map_err(|error| Problem::bad_request(error.body_text()))?;
    let mut files = 0_usize;
    while let Some(field) = form.next_field().await.map_err(|_| Problem::new("broken"))? {
        match (field.name(), field.file_name().map(clean_filename)) {
            (Some("kind"), _) => *kind = short_text(field).await?,
            (Some("file"), Some(name)) if !name.is_empty() => {
                *filename = Some(name.clone());
                let new = NewDocument {
                    dossier,
                    case,
                    kind: kind.clone(),
                    filename: Some(name),
                    digest: None,
                    idempotency_key: None,
                    part_of: None,
                };
                pass_on(door, caller, new, field).await?;
                files += 1;
            }
            _ => {}
        }
    }
    *filename = None;
    if files > 0 { Ok(()) } else { Err(Problem::new("no_file")) }
}

/// One file, piece by piece, to where all documents are received.
async fn pass_on(
    door: &Door,
    caller: &Caller,
    new: NewDocument,
    mut field: Field<'_>,
) -> Result<(), Problem> {
    let (send, mut received) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(1);
    let content = futures::stream::poll_fn(move |context| received.poll_recv(context));
    let feed = async move {
        let mut left_over = 0;
        loop {
            let piece = match field.chunk().await {
                Ok(Some(piece)) => Ok(piece),
                Ok(None) => return,
                Err(error) => Err(io::Error::other(error)),
            };
            let (length, last) = (piece.as_ref().map_or(0, Bytes::len), piece.is_err());
            if send.send(piece).await.is_err() {
                left_over += length;
            }
            if last || left_over > LEFT_OVER_BYTES {
                return;
            }
        }
    };
    let ((), ingested) = tokio::join!(feed, receive_document(door, caller, new, content));
    ingested.map(|_| ())
}

async fn short_text(mut field: Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| Problem::new("broken"))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > LONGEST_KIND_BYTES {
            return Err(Problem::bad_request("kind"));
        }
    }
    String::from_utf8(bytes).map_err(Problem::bad_request)
}

impl Refused {
    /// The refusal in words, with the file's name.
    pub(super) fn sentence(&self, lang: Lang) -> String {
        let sentence = self.problem.sentence(lang);
        match &self.filename {
            Some(filename) => say_with(lang, "page-refused-file", &[("file", filename), ("why", &sentence)]),
            None => sentence,
        }
    }
}
