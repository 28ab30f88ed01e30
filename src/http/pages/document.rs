//! One document: what its pages look like, with what was searched for marked on them, and what was read.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::case::review::{Turned, said_mark};
use super::form::{Choice, Fields, Form};
use super::frame::{Frame, page};
use super::offered::{Found, Remark, in_words, remarks};
use super::visit::Signed;
use super::words::{self, Moment, moment};
use crate::access::Action;
use crate::archive;
use crate::cases;
use crate::documents::{self, Document};
use crate::domain::{DocumentId, Sha256Digest};
use crate::http::api::Query;
use crate::http::api::documents::{Progress, permitted, seen};
use crate::http::api::reading::parse_password;
use crate::http::{Door, Problem};
use crate::reading::stack::collation::{offer_collation, suggests_collation};
use crate::reading::{self, Line, Outcome, Reading, Reason};
use crate::search::{self, Marker};
use crate::stacks;
use crate::text::say;
use crate::workflow::DocumentKind;

const LOCKED: Outcome = Outcome::Unreadable { reason: Reason::Encrypted };

#[derive(Template)]
#[template(path = "document.html")]
struct Page {
    frame: Frame,
    id: DocumentId,
    kind: String,
    filename: String,
    customer: String,
    /// Who looks, and when, if that is to stand over the picture.
    mark: Option<String>,
    back: String,
    number: u32,
    of: u32,
    sheets: Vec<Sheet>,
    previous: Option<String>,
    next: Option<String>,
    zoom: String,
    zoomed: bool,
    picture: Option<String>,
    width: f32,
    height: f32,
    spots: Vec<Spot>,
    /// What a review has marked on this page or on the document as a whole.
    marks: Vec<Told>,
    /// How far the page is turned, and what is seen of it then.
    turned: Turned,
    lines: Vec<Said>,
    found: Vec<Found>,
    remarks: Vec<Remark>,
    sure: Option<u32>,
    reading: String,
    /// Whether something is still to be done.
    under_way: bool,
    size: String,
    received: Moment,
    sha256: Sha256Digest,
    download: Option<String>,
    may_reread: bool,
    /// It can be opened only with a password.
    locked: bool,
    codes: Vec<String>,
    blank: bool,
    stack: Option<String>,
    parts: Vec<Part>,
    kinds: Vec<Choice>,
    /// The order in which the pages seem to belong, if the sheets went through the scanner once for each side.
    collation: Option<String>,
    alert: Option<String>,
    done: Option<String>,
}

/// A mark of a review that is over.
struct Told {
    said: String,
    by: String,
    spot: Option<Spot>,
}

/// A part of a stack.
struct Part {
    /// As people write them: `2-4, 6`.
    pages: String,
    /// As the form sends them.
    numbers: String,
    case: String,
    kind: String,
    kind_key: String,
    href: Option<String>,
    waits: Option<String>,
}

/// A line of text.
struct Said {
    text: String,
    /// HTML-escaped, with `<mark>`, if it has what was searched for.
    marked: Option<String>,
}

/// A page in the strip of pages.
struct Sheet {
    number: u32,
    href: String,
    picture: Option<String>,
    width: u32,
    height: u32,
    hits: usize,
    current: bool,
}

/// A place on the page, in its unit.
struct Spot {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

/// Which page, and what was searched for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    page: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    zoom: String,
    #[serde(default)]
    done: String,
}

impl Asked {
    fn at(&self, id: DocumentId, number: u32, zoomed: bool) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("page", &number.to_string());
        if !self.q.is_empty() {
            query.append_pair("q", &self.q);
        }
        if zoomed {
            query.append_pair("zoom", "1");
        }
        format!("/documents/{id}?{}", query.finish())
    }
}

/// `GET /documents/{id}`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let (document, sight) = seen(&door, &signed.caller, &id, Action::ViewDocument)?;
    sight.note(&door, "document").await?;
    let reading = match sight.archive.look(&sight.permit, &document, "text").await {
        Ok(reading) => Some(reading),
        Err(archive::Error::NotRead) => None,
        Err(error) => return Err(error.into()),
    };
    let sealed = sight.until.is_some();
    let mut content = content(&door, &signed, &document, reading.as_deref(), &asked)?;
    content.customer = sight.dossier.name().to_owned();
    if signed.caller.is_marked(&door, &sight.dossier)? {
        let now = moment(door.app.clock.now()).said;
        content.mark = Some(format!("{} · {now}", signed.caller.actor.name));
    }
    content.may_reread &= !sealed;
    if reading.is_some() {
        let is_contract = |document: &Document| door.app.packs.is_contract(&document.kind);
        let offer = sight.archive.offer(&sight.permit, &sight.dossier, &document, is_contract).await?;
        let on_page = offer.fields.iter().filter(|field| field.page == content.number);
        content.found = on_page.map(|field| in_words(signed.visit.lang, field)).collect();
        content.remarks = remarks(signed.visit.lang, &offer);
    }
    if !sealed {
        let progress = Progress::of(&door, &document)?;
        content.reading = words::how_far(signed.visit.lang, progress, &document);
        content.under_way = progress.is_under_way();
    }
    page(StatusCode::OK, &content)
}

/// How far a document is.
#[derive(Serialize)]
struct HowFar {
    said: String,
    under_way: bool,
    /// Another document beside it that has the same content.
    same_as: Option<DocumentId>,
}

/// What was found in a document, in words.
#[derive(Serialize)]
struct FoundThere {
    pages: Option<u32>,
    /// Title, value, and whether somebody should look closely.
    fields: Vec<(String, String, bool)>,
    /// What a person should look at, each with where.
    remarks: Vec<(String, String)>,
}

/// `GET /documents/{id}/found`: what was found in it, in words, for a page that is open.
pub(super) async fn found_now(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let (document, sight) = seen(&door, &signed.caller, &id, Action::ViewDocument)?;
    sight.note(&door, "document").await?;
    let is_contract = |document: &Document| door.app.packs.is_contract(&document.kind);
    let offer = sight.archive.offer(&sight.permit, &sight.dossier, &document, is_contract).await?;
    let field = |one: &crate::fields::Field| {
        let Found { title, value, unsure, .. } = in_words(lang, one);
        (title, value, unsure)
    };
    let remark = |one: Remark| (one.sentence, one.href);
    let found = FoundThere {
        pages: document.reading.as_ref().map(|reading| reading.pages),
        fields: offer.fields.iter().take(MOST_FOUND).map(field).collect(),
        remarks: remarks(lang, &offer).into_iter().map(remark).collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(found)).into_response())
}

/// The most fields that are told of a document that has just come.
const MOST_FOUND: usize = 8;

/// Another document of the same case, or of the same dossier if it is of none, that has the same content.
fn same_as(door: &Door, document: &Document) -> Result<Option<DocumentId>, Problem> {
    let is_same = |id: DocumentId, digest: Sha256Digest| id != document.id && digest == document.sha256;
    if let Some(case) = document.case.map(|id| door.app.cases.get(id)).transpose()?.flatten() {
        let found = case.documents.iter().find(|found| is_same(found.document, found.sha256));
        return Ok(found.map(|found| found.document));
    }
    let beside = documents::of_dossier(&door.app.records, document.dossier)?;
    Ok(beside.iter().find(|found| is_same(found.id, found.sha256)).map(|found| found.id))
}

/// `GET /documents/{id}/progress`: how far it is, in words, for a page that is open.
pub(super) async fn progress_now(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (document, _) = permitted(&door, &signed.caller, &id, Action::ViewDossier)?;
    let progress = Progress::of(&door, &document)?;
    let said = words::how_far(signed.visit.lang, progress, &document);
    let headers = [(header::CACHE_CONTROL, "no-store")];
    let same_as = same_as(&door, &document)?;
    Ok((headers, axum::Json(HowFar { said, under_way: progress.is_under_way(), same_as })).into_response())
}

/// `POST /documents/{id}/reread`
pub(super) async fn reread(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (document, _) = permitted(&door, &signed.caller, &id, Action::AddDocument)?;
    match fields.get("password") {
        "" => door.app.reread(&[document.id])?,
        password => door.app.reread_with(document.id, parse_password(password.to_owned().into())?)?,
    }
    Ok(Redirect::to(&format!("/documents/{}?done=reread", document.id)).into_response())
}

/// `POST /documents/{id}/parts`: sends a part of a stack on by hand.
pub(super) async fn send_on(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (document, permit) = permitted(&door, &signed.caller, &id, Action::ViewDocument)?;
    let numbers = fields.get("pages").split(',').map(|number| number.trim().parse().ok());
    let sent = match (numbers.collect::<Option<Vec<u32>>>(), fields.get("case").trim().parse()) {
        (Some(pages), Ok(case)) => {
            let (app, actor) = (&door.app, &signed.caller.actor);
            app.send_part_on(actor, &document, &pages, case, fields.get("kind")).await.map_err(Problem::from)
        }
        (None, _) => Err(Problem::new("no_pages")),
        (_, Err(_)) => Err(Problem::new("unknown_case")),
    };
    let Err(problem) = sent else {
        return Ok(Redirect::to(&format!("/documents/{}?done=sent", document.id)).into_response());
    };
    let reading = door.app.archive.look(&permit, &document, "text").await.ok();
    let mut content = content(&door, &signed, &document, reading.as_deref(), &Asked::default())?;
    content.alert = Some(problem.sentence(signed.visit.lang));
    page(problem.status(), &content)
}

/// What became of the stack's parts; nothing if the document is no stack.
fn parts(door: &Door, signed: &Signed, document: &Document) -> Result<Vec<Part>, Problem> {
    let lang = signed.visit.lang;
    let Some(split) = stacks::get(&door.app.records, document.id)? else { return Ok(Vec::new()) };
    let part = |part: stacks::Part| {
        let kind_key = part.kind.unwrap_or_default();
        Part {
            pages: ranges(&part.pages),
            numbers: part.pages.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            case: part.case.map(|case| case.to_string()).unwrap_or_default(),
            kind: if kind_key.is_empty() { String::new() } else { words::kind(door, lang, &kind_key) },
            kind_key,
            href: part.document.map(|id| format!("/documents/{id}")),
            waits: part.waits.map(|waits| words::waits(lang, waits)),
        }
    };
    Ok(split.parts.into_iter().map(part).collect())
}

fn kinds(door: &Door, signed: &Signed) -> Result<Vec<Choice>, Problem> {
    let lang = signed.visit.lang;
    let choice = |(name, kind): (&String, &DocumentKind)| Choice {
        value: name.clone(),
        label: words::titled(Some(&kind.title), lang, name),
        chosen: false,
    };
    // The case that a part is sent to may run on an older pack.
    Ok(door.app.packs.document_kinds()?.iter().map(choice).collect())
}

/// The order of pages whose printed numbers say that fronts came first and then backs.
fn collation(pages: &[reading::Page]) -> Option<String> {
    let texts: Vec<&str> = pages.iter().map(|page| page.text.as_str()).collect();
    let count = u32::try_from(pages.len()).ok()?;
    let order = suggests_collation(&texts).then(|| offer_collation(count))??;
    Some(ranges(&order))
}

/// Page numbers as people write them.
fn ranges(pages: &[u32]) -> String {
    let runs = pages.chunk_by(|a, b| a + 1 == *b);
    let said = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        [only] => only.to_string(),
        [] => String::new(),
    });
    said.collect::<Vec<_>>().join(", ")
}

fn content(
    door: &Door,
    signed: &Signed,
    document: &Document,
    reading: Option<&Reading>,
    asked: &Asked,
) -> Result<Page, Problem> {
    let (lang, id) = (signed.visit.lang, document.id);
    let pages = reading.map(|reading| reading.pages.as_slice()).unwrap_or_default();
    let of = u32::try_from(pages.len()).unwrap_or(u32::MAX).max(1);
    let number = asked.page.parse().unwrap_or(1).clamp(1, of);
    let zoomed = asked.zoom == "1";
    let marker = (!asked.q.trim().is_empty()).then(|| Marker::of(&search::Query::parse(&asked.q)));
    let current = pages.iter().find(|page| page.number == number);
    let kind = words::kind(door, lang, &document.kind);
    let lines: Vec<(&Line, Option<String>)> = current
        .iter()
        .flat_map(|page| &page.lines)
        .map(|line| (line, marker.as_ref().and_then(|marker| marker.line(line))))
        .collect();
    let may = |action| permitted(door, &signed.caller, &id.to_string(), action).is_ok();
    Ok(Page {
        frame: Frame::of(door, &signed.visit, kind.clone()),
        id,
        kind,
        filename: document.filename.clone().unwrap_or_default(),
        customer: String::new(),
        mark: None,
        back: match document.case {
            Some(case) => format!("/cases/{case}#document-{id}"),
            None => format!("/dossiers/{}#document-{id}", document.dossier),
        },
        number,
        of,
        sheets: pages.iter().map(|page| sheet(id, page, number, marker.as_ref(), asked)).collect(),
        previous: (number > 1).then(|| asked.at(id, number - 1, zoomed)),
        next: (number < of).then(|| asked.at(id, number + 1, zoomed)),
        zoom: asked.at(id, number, !zoomed),
        zoomed,
        picture: current
            .and_then(|page| page.picture)
            .map(|_| format!("/api/v1/documents/{id}/pages/{number}")),
        width: current.map_or(1.0, |page| page.width),
        height: current.map_or(1.0, |page| page.height),
        marks: told(door, signed, document, current)?,
        turned: turned(door, document, current)?,
        spots: lines.iter().filter(|(_, marked)| marked.is_some()).map(|(line, _)| spot(line)).collect(),
        lines: shown(current, lines),
        found: Vec::new(),
        remarks: Vec::new(),
        sure: current.and_then(|page| page.confidence).map(|sure| (sure * 100.0).round() as u32),
        reading: words::reading(lang, document.reading.as_ref().map(|reading| reading.outcome)),
        under_way: false,
        size: words::size(document.size_bytes),
        received: moment(document.received_at),
        sha256: document.sha256,
        download: may(Action::DownloadDocument).then(|| format!("/api/v1/documents/{id}/content")),
        may_reread: may(Action::AddDocument),
        locked: document.reading.as_ref().is_some_and(|reading| reading.outcome == LOCKED),
        codes: current.iter().flat_map(|page| &page.codes).map(|code| code.text.clone()).collect(),
        blank: current.is_some_and(reading::Page::looks_blank),
        stack: document.part_of.as_ref().map(|part| format!("/documents/{}", part.document)),
        parts: parts(door, signed, document)?,
        kinds: kinds(door, signed)?,
        collation: collation(pages),
        alert: None,
        done: match asked.done.as_str() {
            "reread" => Some(say(lang, "page-done-reread")),
            "sent" => Some(say(lang, "page-done-sent")),
            _ => None,
        },
    })
}

/// What reviews that are over have marked on this page, or on the document as a whole.
fn told(
    door: &Door,
    signed: &Signed,
    document: &Document,
    page: Option<&reading::Page>,
) -> Result<Vec<Told>, Problem> {
    let Some(case) = document.case.map(|id| door.app.cases.get(id)).transpose()?.flatten() else {
        return Ok(Vec::new());
    };
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let review = cases::review(&door.app.records, case.id)?;
    let (width, height) = page.map_or((0.0, 0.0), |page| (page.width, page.height));
    let number = page.map_or(1, |page| page.number);
    let here =
        review.marks_told(&case, document.id).filter(|mark| mark.page.is_none_or(|page| page == number));
    let told = here.map(|mark| Told {
        said: said_mark(signed.visit.lang, &definition, mark),
        by: mark.by_name.clone(),
        spot: mark.region.map(|region| Spot {
            x: region.x * width,
            y: region.y * height,
            width: region.width * width,
            height: region.height * height,
        }),
    });
    Ok(told.collect())
}

/// How a review has turned the page.
fn turned(door: &Door, document: &Document, page: Option<&reading::Page>) -> Result<Turned, Problem> {
    let (Some(case), Some(page)) = (document.case, page) else { return Ok(Turned::of(1.0, 1.0, 0)) };
    let degrees = cases::review(&door.app.records, case)?.turn(document.id, page.number);
    Ok(Turned::of(page.width, page.height, degrees))
}

/// The lines, or the text as it is where there are none.
fn shown(page: Option<&reading::Page>, lines: Vec<(&Line, Option<String>)>) -> Vec<Said> {
    let said = |text: &str, marked| Said { text: text.to_owned(), marked };
    if lines.is_empty() {
        return page.iter().flat_map(|page| page.text.lines()).map(|line| said(line, None)).collect();
    }
    lines.into_iter().map(|(line, marked)| said(&line.text, marked)).collect()
}

fn sheet(
    id: DocumentId,
    page: &reading::Page,
    current: u32,
    marker: Option<&Marker>,
    asked: &Asked,
) -> Sheet {
    let number = page.number;
    let hits =
        marker.map_or(0, |marker| page.lines.iter().filter(|line| marker.line(line).is_some()).count());
    let longest = page.width.max(page.height).max(1.0);
    let small = |side: f32| (side / longest * 120.0).round().max(1.0) as u32;
    Sheet {
        number,
        href: asked.at(id, number, false),
        picture: page.picture.map(|_| format!("/api/v1/documents/{id}/pages/{number}?thumbnail=true")),
        width: small(page.width),
        height: small(page.height),
        hits,
        current: number == current,
    }
}

fn spot(line: &Line) -> Spot {
    Spot { x: line.x0, y: line.y0, width: line.x1 - line.x0, height: line.y1 - line.y0 }
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn pages_are_written_as_ranges() {
        assert_eq!(ranges(&[2, 3, 4, 6, 8, 9]), "2-4, 6, 8-9");
        assert_eq!(ranges(&[]), "");
    }
}
