//! Documents: the upload endpoint, and what comes back.

use std::ops::Range;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{Query, parse_id};
use crate::access::{Action, Permit};
use crate::archive::{Ingested, NewDocument, Size};
use crate::cases::{self, Ground};
use crate::documents::{self, Document, PartOf};
use crate::domain::{CaseId, DocumentId, DossierId, RawId, Sha256Digest};
use crate::dossiers::Dossier;
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem, Sight, upload};
use crate::queue::{self, Job};
use crate::reading::Outcome;
use crate::sealing;
use crate::workflow::Attached;

const LONGEST_FILENAME_CHARS: usize = 255;

/// What is said of an upload in its query string.
#[derive(Deserialize)]
pub(super) struct About {
    dossier: DossierId,
    kind: String,
    case: Option<CaseId>,
    filename: Option<String>,
}

/// A document as the API shows it.
#[derive(Serialize)]
pub(super) struct DocumentView {
    id: DocumentId,
    dossier: DossierId,
    case: Option<CaseId>,
    kind: String,
    filename: Option<String>,
    media_type: String,
    size_bytes: u64,
    sha256: Sha256Digest,
    pages: Option<u32>,
    reading: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_of: Option<PartOf>,
    log_index: u64,
    received_at: jiff::Timestamp,
}

/// How far a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub(crate) enum Progress {
    /// It is durable in the object store, and waits to be read.
    Archived,
    /// It is being read.
    Reading {
        /// The page that has been come to; 0 before the first.
        page: u32,
        /// How many there are; 0 until that is known.
        of: u32,
    },
    /// It was read, and waits to be findable.
    Indexing,
    /// It can be found.
    Searchable,
}

impl Progress {
    /// Looked up.
    pub(crate) fn of(door: &Door, document: &Document) -> Result<Self, Problem> {
        if let Some((page, of)) = door.app.progress.of(document.id) {
            return Ok(Self::Reading { page, of });
        }
        let waits = |job: &Job| queue::waits(&door.app.records, job);
        Ok(match document.reading {
            _ if waits(&documents::read_job(document))? => Self::Archived,
            None => Self::Archived,
            Some(_) if waits(&Job::IndexDocument { document: document.id })? => Self::Indexing,
            Some(_) => Self::Searchable,
        })
    }

    /// Whether something is still to be done.
    pub(crate) fn is_under_way(self) -> bool {
        self != Self::Searchable
    }
}

impl DocumentView {
    /// With how far it is.
    pub(super) fn seen(door: &Door, document: Document) -> Result<Self, Problem> {
        let progress = Some(Progress::of(door, &document)?);
        Ok(Self { progress, ..document.into() })
    }
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        Self {
            id: document.id,
            dossier: document.dossier,
            case: document.case,
            kind: document.kind,
            filename: document.filename,
            media_type: document.media_type,
            size_bytes: document.size_bytes,
            sha256: document.sha256,
            pages: document.reading.as_ref().map(|reading| reading.pages),
            reading: document.reading.map(|reading| reading.outcome),
            progress: None,
            part_of: document.part_of,
            log_index: document.log_index,
            received_at: document.received_at,
        }
    }
}

/// `POST /api/v1/documents`: answered only when the document is durable in the object store.
pub(super) async fn receive(
    State(door): State<Door>,
    caller: Caller,
    Query(about): Query<About>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let _place = upload::place(&door)?;
    upload::check_length(&door, &headers)?;
    let new = NewDocument {
        dossier: about.dossier,
        case: about.case,
        filename: about.filename.map(|name| clean_filename(&name)),
        digest: upload::digest(&headers)?,
        idempotency_key: upload::idempotency_key(&headers)?,
        kind: about.kind,
        part_of: None,
    };
    let ingested = receive_document(&door, &caller, new, upload::content(&door, body)).await?;
    let status = if ingested.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let location = format!("/api/v1/documents/{}", ingested.document.id);
    Ok((status, [(header::LOCATION, location)], axum::Json(DocumentView::from(ingested.document)))
        .into_response())
}

/// Takes a document in and, if it names a case, adds it to the case's basket.
pub(crate) async fn receive_document<S>(
    door: &Door,
    caller: &Caller,
    new: NewDocument,
    content: S,
) -> Result<Ingested, Problem>
where
    S: futures::Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static,
{
    let (dossier, permit) = caller.dossier(door, new.dossier, Action::AddDocument)?;
    if !known_kind(door, &new)? {
        return Err(Problem::new("unknown_kind").value("kind", &new.kind));
    }
    let case = new.case;
    if let Some(case) = case {
        check_case(door, &permit, &dossier, case, &new.kind)?;
    }
    let ingested = door.app.archive.ingest_undurably(&permit, new, content).await?;
    let mut last = ingested.document.log_index;
    if let Some(case) = case {
        last = last.max(attach(door, &permit, case, &ingested.document).await?);
    }
    door.app.journal.published(last).await?;
    door.app.call_workers();
    Ok(ingested)
}

/// Whether there is such a kind: in the pack in force, or in the definition that the case runs on.
fn known_kind(door: &Door, new: &NewDocument) -> Result<bool, Problem> {
    if rules(door)?.pack.document_kinds().contains_key(&new.kind) {
        return Ok(true);
    }
    let Some(case) = new.case.map(|id| door.app.cases.get(id)).transpose()?.flatten() else {
        return Ok(false);
    };
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    Ok(definition.documents.contains_key(&new.kind))
}

/// Refuses before the upload what the case would refuse after it.
pub(crate) fn check_case(
    door: &Door,
    permit: &Permit,
    dossier: &Dossier,
    id: CaseId,
    kind: &str,
) -> Result<(), Problem> {
    let case = door.app.cases.get(id)?.ok_or_else(|| Problem::new("unknown_case"))?;
    if case.dossier != dossier.id {
        return Err(Problem::new("case_of_other_dossier"));
    }
    if case.documents.len() >= door.app.config.limits.case_documents {
        return Err(Problem::new("too_many_documents"));
    }
    let (in_force, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let ground = Ground::of(&definition, &in_force.pack);
    let document = DocumentId::from(RawId::from_bytes([0; 16]));
    let probe = Attached { document, kind: kind.to_owned(), sha256: Sha256Digest::from_bytes([0; 32]) };
    Ok(door.app.cases.may_attach(permit, ground, &case, probe)?)
}

/// Adds a document to a case's basket; the returned entry has still to be published.
pub(crate) async fn attach(
    door: &Door,
    permit: &Permit,
    id: CaseId,
    document: &Document,
) -> Result<u64, Problem> {
    let case = door.app.cases.get(id)?.ok_or(cases::Error::Unknown)?;
    let (in_force, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let ground = Ground::of(&definition, &in_force.pack);
    let limit = door.app.config.limits.case_documents;
    Ok(door.app.cases.attach(permit, ground, id, document, limit).await?)
}

/// A document and the permit to do `action` with it.
pub(crate) fn permitted(
    door: &Door,
    caller: &Caller,
    id: &str,
    action: Action,
) -> Result<(Document, Permit), Problem> {
    let id: DocumentId = parse_id(id, "unknown_document")?;
    let Some(document) = documents::get(&door.app.records, id)? else {
        return Err(caller.missing_thing(door, id.as_bytes(), "unknown_document")?);
    };
    let (_, permit) = caller.dossier(door, document.dossier, action)?;
    Ok((document, permit))
}

/// A document to look at, out of the archive or of a sealed dossier that is open.
pub(crate) fn seen(
    door: &Door,
    caller: &Caller,
    id: &str,
    action: Action,
) -> Result<(Document, Sight), Problem> {
    let id: DocumentId = parse_id(id, "unknown_document")?;
    let unknown = || Problem::new("unknown_document");
    let dossier = match documents::get(&door.app.records, id)? {
        Some(document) => Some(document.dossier),
        None => sealing::dossier_of(&door.app.records, id.as_bytes())?,
    };
    let sight = caller.sight(door, dossier.ok_or_else(unknown)?, action)?;
    let document = documents::get(&sight.records, id)?.ok_or_else(unknown)?;
    Ok((document, sight))
}

/// `GET /api/v1/documents/{id}`
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (document, sight) = seen(&door, &caller, &id, Action::ViewDossier)?;
    sight.note(&door, "document").await?;
    let view = match sight.until {
        Some(_) => DocumentView::from(document),
        None => DocumentView::seen(&door, document)?,
    };
    Ok(axum::Json(view).into_response())
}

/// Which picture of a page.
#[derive(Deserialize)]
pub(super) struct WantedPicture {
    #[serde(default)]
    thumbnail: bool,
}

/// `GET /api/v1/documents/{id}/pages/{page}`: what a page looks like, upright, as WebP.
pub(super) async fn picture(
    State(door): State<Door>,
    caller: Caller,
    Path((id, page)): Path<(String, String)>,
    Query(wanted): Query<WantedPicture>,
) -> Result<Response, Problem> {
    let (document, sight) = seen(&door, &caller, &id, Action::ViewDocument)?;
    let page = page.parse().map_err(|_| Problem::new("no_page"))?;
    let size = if wanted.thumbnail { Size::Thumbnail } else { Size::Whole };
    let bytes = sight.archive.picture(&sight.permit, &document, page, size).await?;
    // Pages are not to lie about on the disks of those who look at them.
    let headers = [(header::CONTENT_TYPE, "image/webp"), (header::CACHE_CONTROL, "private, no-store")];
    Ok((headers, bytes).into_response())
}

/// `GET /api/v1/documents/{id}/text`: pages with their text and the places of the lines.
pub(super) async fn text(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (document, sight) = seen(&door, &caller, &id, Action::ViewDocument)?;
    Ok(axum::Json(sight.archive.text(&sight.permit, &document).await?).into_response())
}

/// `GET /api/v1/documents/{id}/fields`: what a clerk would type off the document, and what differs from the dossier and
/// the contract. Offered, never written.
pub(super) async fn fields(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (document, sight) = seen(&door, &caller, &id, Action::ViewDocument)?;
    let is_contract = |document: &Document| door.app.packs.is_contract(&document.kind);
    let offer = sight.archive.offer(&sight.permit, &sight.dossier, &document, is_contract).await?;
    Ok(axum::Json(offer).into_response())
}

/// `GET /api/v1/documents/{id}/proof`: that the document's entry is in the log, for any C2SP verifier.
pub(super) async fn proof(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (document, _) = seen(&door, &caller, &id, Action::ViewDossier)?;
    let proof = door.app.journal.proof(document.log_index)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], proof).into_response())
}

/// `GET /api/v1/documents/{id}/content`: the original bytes, whole or one range of them.
pub(super) async fn content(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (document, sight) = seen(&door, &caller, &id, Action::DownloadDocument)?;
    let range = wanted_range(&headers, document.size_bytes)?;
    let bytes = sight.archive.content(&sight.permit, &document, range.clone()).await?;
    let mut response = Body::from_stream(bytes).into_response();
    describe(&document, &range, response.headers_mut())?;
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The headers of an original. It is for saving, never for showing inside our pages.
pub(super) fn describe(
    document: &Document,
    range: &Option<Range<u64>>,
    headers: &mut HeaderMap,
) -> Result<(), Problem> {
    let whole = 0..document.size_bytes;
    let sent = range.as_ref().unwrap_or(&whole);
    let mut set = |name: header::HeaderName, value: String| {
        HeaderValue::from_str(&value).map(|value| headers.insert(name, value)).map_err(Problem::bad_request)
    };
    set(header::CONTENT_TYPE, document.media_type.clone())?;
    set(header::CONTENT_LENGTH, (sent.end - sent.start).to_string())?;
    set(header::ACCEPT_RANGES, "bytes".into())?;
    set(header::ETAG, format!("\"{}\"", document.sha256))?;
    set(header::HeaderName::from_static("repr-digest"), upload::digest_header(&document.sha256))?;
    set(header::CONTENT_DISPOSITION, disposition(document))?;
    set(
        header::CONTENT_SECURITY_POLICY,
        "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'".into(),
    )?;
    if range.is_some() {
        set(header::CONTENT_RANGE, format!("bytes {}-{}/{}", sent.start, sent.end - 1, document.size_bytes))?;
    }
    Ok(())
}

/// RFC 6266, with the name in UTF-8 (RFC 8187).
fn disposition(document: &Document) -> String {
    let name = document.filename.clone().unwrap_or_else(|| document.id.to_string());
    format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(&name, NON_ALPHANUMERIC))
}

/// One range of bytes (RFC 9110); several, or another unit, are answered with the whole.
fn wanted_range(headers: &HeaderMap, size: u64) -> Result<Option<Range<u64>>, Problem> {
    let Some(value) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let Some((first, last)) = value.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..size,
        (Err(_), Ok(count)) if first.trim().is_empty() => size.saturating_sub(count)..size,
        _ => return Ok(None),
    };
    if range.start < range.end { Ok(Some(range)) } else { Err(Problem::new("bad_range")) }
}

/// A file name without folders and control characters, not too long.
pub(crate) fn clean_filename(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).take(LONGEST_FILENAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{clean_filename, wanted_range};

    #[test]
    fn ranges_are_those_of_the_standard() {
        let check = |text: &'static str, expected: Option<Option<std::ops::Range<u64>>>| {
            let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(text))]);
            assert_eq!(wanted_range(&headers, 100).ok(), expected, "{text}");
        };
        check("bytes=0-9", Some(Some(0..10)));
        check("bytes=90-", Some(Some(90..100)));
        check("bytes=-10", Some(Some(90..100)));
        check("bytes=-1000", Some(Some(0..100)));
        check("bytes=50-1000", Some(Some(50..100)));
        check("bytes=100-", None);
        check("bytes=9-3", None);
        check("bytes=0-1,5-6", Some(None));
        check("pages=1-2", Some(None));
    }

    #[test]
    fn file_names_lose_folders_and_control_characters() {
        assert_eq!(clean_filename("../../etc/pass\r\nwd"), "passwd");
        assert_eq!(clean_filename("C:\\扫描\\合同.pdf"), "合同.pdf");
        assert_eq!(clean_filename(&"长".repeat(400)).chars().count(), 255);
    }
}
