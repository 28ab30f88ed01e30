//! The reviewer's desk: the pages of a case beside its checklist, and everything that is found on them.
//!
//! Whoever has claimed the case works on it; everybody else for whom it waits sees it and can change nothing. Where one is
//! stands in the address, and what one finds is a plain form, so that the desk needs no script.

mod beside;
mod decide;
mod items;
mod place;
mod strip;
mod view;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::offer::{self, Offer, Typed};
use super::{Alert, Held, held, history, sentence};
use crate::access::Action;
use crate::archive;
use crate::cases::{self, Change, Mark, NewMark, Region, Review, Verdict};
use crate::documents::{self, Document};
use crate::domain::{CaseId, DocumentId};
use crate::dossiers::Dossier;
use crate::http::api::Query;
use crate::http::api::cases::{case_for, claim_case, release_case, view as case_view};
use crate::http::api::parse_id;
use crate::http::api::review::{note_change, renew, reviewing};
use crate::http::pages::form::{Fields, Form};
use crate::http::pages::frame::{Frame, page};
use crate::http::pages::offered::{Remark, remarks};
use crate::http::pages::visit::Signed;
use crate::http::pages::words::{self, Moment, titled};
use crate::http::{Door, Problem};
use crate::reading::Reading;
use crate::text::{Lang, say};
use crate::workflow::{self, Case, ChecklistItem, Definition};

use beside::{Marked, Marking, Offered, Row, marked, marking, rows};
pub(in crate::http::pages) use decide::{back, decide, done_sentence, next, preview};
pub(in crate::http::pages::case) use items::Found;
use items::Item;
use place::{Asked, Place};
use strip::{Strip, lay_out, strips};
pub(in crate::http::pages) use view::Turned;
use view::{Drawn, View};

/// So many fields of a document are shown.
const MOST_FIELDS: usize = 40;

/// The keys, and what each does.
const KEYS: &[(&str, &str)] = &[
    ("j k", "page-review-key-pages"),
    ("n p", "page-review-key-documents"),
    ("v", "page-review-view"),
    (". ,", "page-review-key-items"),
    ("y f x", "page-review-key-judge"),
    ("m", "page-review-key-region"),
    ("w", "page-review-key-page"),
    ("r R", "page-review-key-turn"),
    ("+ - 0", "page-review-key-zoom"),
    ("t", "page-review-key-text"),
    ("c", "page-review-compare"),
    ("/", "page-review-find"),
    ("e", "page-review-key-return"),
    ("a", "page-review-key-accept"),
    ("?", "page-review-keys"),
];

#[derive(Template)]
#[template(path = "case/review.html")]
struct Page {
    frame: Frame,
    id: CaseId,
    version: u64,
    customer: String,
    workflow: String,
    state: String,
    attempt: u32,
    adviser: String,
    deadline: Option<Moment>,
    overdue: bool,
    claim: Option<Held>,
    /// Until when the claim holds, for programs.
    until: String,
    /// Whether the visitor may take somebody else's claim over.
    may_take_over: bool,
    /// Who has taken the visitor's claim over.
    taken_by: Option<String>,
    /// Whether the visitor works on it.
    mine: bool,
    /// Where one is, as forms send it.
    here: String,
    q: String,
    strips: Vec<Strip>,
    view: Option<View>,
    items: Vec<Item>,
    rows: Vec<Row>,
    remarks: Vec<Remark>,
    marks: Vec<Marked>,
    marking: Marking,
    open: usize,
    failing: usize,
    /// How many pages nobody has looked at.
    unseen: usize,
    pages: usize,
    offers: Vec<Offer>,
    /// The actions that need no word and wait for the rest of the checklist.
    waiting: Vec<String>,
    alert: Option<Alert>,
    done: Option<String>,
    /// Who looks, and when, if that is to stand over the picture.
    watermark: Option<String>,
    /// The keys, and what each does.
    keys: Vec<(&'static str, &'static str)>,
}

/// What a refused form had typed.
#[derive(Default)]
struct Kept<'a> {
    marking: Option<&'a Fields>,
    /// The item that a reason is still needed for.
    asking: Option<&'a str>,
    action: Option<&'a Typed>,
}

/// `GET /review/{id}`: the desk; somebody for whom the case does not wait is sent to its page.
pub(in crate::http::pages) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let (case, ..) = match reviewing(&door, &signed.caller, &id) {
        Ok(found) => found,
        Err(problem) if problem.refusal().is_some() || problem.code() == "forbidden" => {
            let (case, ..) = case_for(&door, &signed.caller, &id, Action::ViewCase)?;
            return Ok(super::to_case(&case.id, ""));
        }
        Err(problem) => return Err(problem),
    };
    renew(&door, &signed.caller, &case).await?;
    let mut content = content(&door, &signed, &id, Place::of(&asked), &Kept::default()).await?;
    content.done = done_sentence(&door, &signed, &asked.done);
    page(StatusCode::OK, &content)
}

/// `POST /review/{id}/claim`
pub(in crate::http::pages) async fn claim(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let take_over = fields.get("take_over") == "true";
    let claimed = match reviewing(&door, &signed.caller, &id) {
        Ok(_) => claim_case(&door, &signed.caller, &id, take_over).await,
        Err(problem) => Err(problem),
    };
    answer(&door, &signed, &id, &fields, claimed.map(|_| None), &Kept::default()).await
}

/// `POST /review/{id}/release`: gives the case back.
pub(in crate::http::pages) async fn release(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    release_case(&door, &signed.caller, &id).await?;
    Ok(Redirect::to("/queue").into_response())
}

/// `POST /review/{id}/items`: judges an item, and goes on to the next one that is open.
pub(in crate::http::pages) async fn judge(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let item = fields.get("item").to_owned();
    let verdict = Verdict::of(fields.get("verdict"));
    let reason = fields.filled("reason").filter(|_| verdict == Some(Verdict::Fail)).map(str::to_owned);
    let change = Change::Item { item: item.clone(), verdict, reason };
    let noted = note(&door, &signed, &id, &fields, &change).await;
    let goes_on = matches!(verdict, Some(Verdict::Pass | Verdict::NotApplicable));
    let next = if noted.is_ok() && goes_on { next_item(&door, &signed, &id, &fields, &item)? } else { None };
    let asking = verdict.filter(|verdict| *verdict == Verdict::Fail).map(|_| item.as_str());
    answer(&door, &signed, &id, &fields, noted.map(|_| next), &Kept { asking, ..Kept::default() }).await
}

/// `POST /review/{id}/marks`: marks a document, a page or a part of a page as wrong.
pub(in crate::http::pages) async fn mark(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let noted = match typed_mark(&fields) {
        Ok(new) => note(&door, &signed, &id, &fields, &Change::Mark(new)).await,
        Err(problem) => Err(problem),
    };
    let kept = Kept { marking: Some(&fields), ..Kept::default() };
    answer(&door, &signed, &id, &fields, noted.map(|_| None), &kept).await
}

/// `POST /review/{id}/marks/{mark}/remove`
pub(in crate::http::pages) async fn unmark(
    State(door): State<Door>,
    signed: Signed,
    Path((id, mark)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let mark = parse_id(&mark, "unknown_mark")?;
    let noted = note(&door, &signed, &id, &fields, &Change::Unmark { mark }).await;
    answer(&door, &signed, &id, &fields, noted.map(|_| None), &Kept::default()).await
}

/// `POST /review/{id}/pages`: a page was looked at, and one goes on to the next; or it is turned.
pub(in crate::http::pages) async fn turn_or_view(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let document: DocumentId = parse_id(fields.get("document"), "unknown_document")?;
    let page = parse_id(fields.get("page"), "no_page")?;
    let change = match fields.filled("turn") {
        Some(degrees) => Change::Turned { document, page, degrees: parse_id(degrees, "bad_request")? },
        None => Change::Viewed { document, page, viewed: fields.get("viewed") != "false" },
    };
    let noted = note(&door, &signed, &id, &fields, &change).await;
    let next = fields.filled("next").map(Place::parse).filter(|place| place.document.is_some());
    answer(&door, &signed, &id, &fields, noted.map(|_| next), &Kept::default()).await
}

async fn note(
    door: &Door,
    signed: &Signed,
    id: &str,
    fields: &Fields,
    change: &Change,
) -> Result<u64, Problem> {
    let version = fields.get("version").parse().map_err(|_| Problem::bad_request("version"))?;
    note_change(door, &signed.caller, id, version, change).await
}

/// Back to the desk, at another place if there is one; or the desk with the refusal and what was typed.
async fn answer(
    door: &Door,
    signed: &Signed,
    id: &str,
    fields: &Fields,
    noted: Result<Option<Place>, Problem>,
    kept: &Kept<'_>,
) -> Result<Response, Problem> {
    let here = Place::parse(fields.get("here"));
    match noted {
        Ok(place) => {
            let id: CaseId = parse_id(id, "unknown_case")?;
            Ok(Redirect::to(&place.unwrap_or(here).href(id)).into_response())
        }
        Err(problem) => refused(door, signed, id, fields, &problem, kept).await,
    }
}

/// The desk with a refusal on it: what changed since the visitor looked, and what they typed still in its place.
async fn refused(
    door: &Door,
    signed: &Signed,
    id: &str,
    fields: &Fields,
    problem: &Problem,
    kept: &Kept<'_>,
) -> Result<Response, Problem> {
    if reviewing(door, &signed.caller, id).is_err() {
        return decide::lost(door, signed, id, fields, problem).await;
    }
    let here = Place::parse(fields.get("here"));
    let mut content = content(door, signed, id, here, kept).await.map_err(|_| problem.clone())?;
    content.alert = Some(alert(door, signed, id, fields, problem)?);
    page(problem.status(), &content)
}

/// A refusal in words, with what happened to the case since the version that the form was made for.
fn alert(
    door: &Door,
    signed: &Signed,
    id: &str,
    fields: &Fields,
    problem: &Problem,
) -> Result<Alert, Problem> {
    let (case, ..) = case_for(door, &signed.caller, id, Action::ViewCase)?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let seen = fields.get("version").parse::<u64>().unwrap_or(case.version);
    let happened = cases::history(&door.app.records, case.id)?;
    let happened = history::happenings(door, signed.visit.lang, &definition, &case, happened)?;
    let changes = happened.into_iter().filter(|item| u64::from(item.seq) > seen).collect();
    Ok(Alert { sentence: sentence(door, signed, &case, problem)?, changes, typed: None })
}

/// The place of the next item that nobody has judged.
fn next_item(
    door: &Door,
    signed: &Signed,
    id: &str,
    fields: &Fields,
    item: &str,
) -> Result<Option<Place>, Problem> {
    let (case, dossier, review) = reviewing(door, &signed.caller, id)?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let list = workflow::checklist(&definition, &dossier.facts, &case).items;
    Ok(items::next_open(&list, &review, item, &Place::parse(fields.get("here"))))
}

/// What was typed into the form that marks something.
fn typed_mark(fields: &Fields) -> Result<NewMark, Problem> {
    let scope = fields.get("scope");
    let share = |name: &str| {
        let percent: Result<f32, _> = fields.get(name).parse();
        percent.map(|percent| percent / 100.0).map_err(|_| bad_region())
    };
    let region = match scope {
        "region" => {
            let (x, y) = (share("left")?, share("top")?);
            Some(Region { x, y, width: share("width")?, height: share("height")? })
        }
        _ => None,
    };
    let page = if scope == "document" { None } else { Some(parse_id(fields.get("page"), "no_page")?) };
    if fields.get("reason").is_empty() {
        return Err(workflow::Refusal::Missing { inputs: vec!["reason".into()] }.into());
    }
    Ok(NewMark {
        document: parse_id(fields.get("document"), "unknown_document")?,
        page,
        region,
        reason: fields.get("reason").to_owned(),
        note: fields.filled("note").map(str::to_owned),
    })
}

fn bad_region() -> Problem {
    let why = workflow::Title::new(
        say(Lang::Zh, "page-review-region-needed"),
        say(Lang::En, "page-review-region-needed"),
    );
    workflow::Refusal::BadValue { input: "region".into(), why }.into()
}

/// What is known of the case, for one page of the desk.
struct Ground<'a> {
    door: &'a Door,
    signed: &'a Signed,
    case: &'a Case,
    dossier: &'a Dossier,
    review: &'a Review,
    definition: &'a Definition,
    list: &'a [ChecklistItem],
}

async fn content(
    door: &Door,
    signed: &Signed,
    id: &str,
    mut place: Place,
    kept: &Kept<'_>,
) -> Result<Page, Problem> {
    let (caller, lang) = (signed.caller.as_ref(), signed.visit.lang);
    let (case, dossier, review) = reviewing(door, caller, id)?;
    let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let list = workflow::checklist(&definition, &dossier.facts, &case).items;
    let ground = Ground {
        door,
        signed,
        case: &case,
        dossier: &dossier,
        review: &review,
        definition: &definition,
        list: &list,
    };
    let mut strips = strips(door, lang, &definition, &case, &list, &review)?;
    settle(&ground, &strips, &mut place);
    lay_out(&mut strips, lang, &case, &review, &place);
    let (view, fields) = look(&ground, &strips, &place).await?;
    let now = door.app.clock.now();
    let found = cases::claim(&door.app.records, case.id, now)?;
    let mine = found.as_ref().is_some_and(|claim| claim.person == caller.actor.id);
    let state = titled(definition.state(&case.state).map(|state| &state.title), lang, &case.state);
    let items = items::items(lang, &definition, (&case, &list, &review), &strips, &place, kept.asking);
    let (offers, waiting) = offers(&ground, &items, kept.action)?;
    let sheets = || strips.iter().flat_map(|strip| &strip.sheets);
    let rules = door.app.packs.current()?;
    Ok(Page {
        frame: Frame::of(door, &signed.visit, format!("{} · {state}", dossier.name())),
        id: case.id,
        version: case.version,
        customer: dossier.name().to_owned(),
        workflow: titled(Some(&definition.title), lang, &case.workflow),
        state,
        attempt: case.attempt,
        adviser: case.adviser_name.clone(),
        overdue: case.deadline.is_some_and(|deadline| deadline < now),
        deadline: case.deadline.map(words::deadline),
        until: found.as_ref().map(|claim| claim.until.to_string()).unwrap_or_default(),
        may_take_over: rules.policies.permits_all(&caller.actor, Action::ActOnCase),
        taken_by: found
            .as_ref()
            .filter(|claim| claim.taken_from.as_ref().is_some_and(|from| from.person == caller.actor.id))
            .map(|claim| claim.name.clone()),
        claim: found.map(|claim| held(claim, caller)),
        mine,
        here: place.query(),
        q: place.q.clone(),
        view,
        open: items.iter().filter(|item| item.is_open()).count(),
        failing: items.iter().filter(|item| item.fails()).count(),
        unseen: sheets().filter(|sheet| !sheet.viewed).count(),
        pages: sheets().count(),
        rows: rows(&ground, &fields, &place),
        remarks: fields.remarks,
        marks: marked(&ground, &strips, &place),
        marking: marking(&ground, kept.marking),
        items,
        strips,
        offers: offers.into_iter().filter(|_| mine).collect(),
        waiting,
        alert: None,
        done: None,
        watermark: caller
            .is_marked(door, &dossier)?
            .then(|| format!("{} · {}", caller.actor.name, words::moment(now).said)),
        keys: KEYS.to_vec(),
    })
}

/// Where the address does not say which document, the first one of the item, or the first one that is new.
fn settle(ground: &Ground<'_>, strips: &[Strip], place: &mut Place) {
    let known = place.document.and_then(|id| strips.iter().find(|strip| strip.document.id == id));
    let of_item = || {
        let item = ground.list.iter().find(|item| item.kinds.first() == Some(&place.item))?;
        let first = item.documents.first()?;
        strips.iter().find(|strip| strip.document.id == *first)
    };
    let changed = || strips.iter().find(|strip| strip.since.is_some_and(strip::Since::is_changed));
    let shown = known.or_else(of_item).or_else(changed).or_else(|| strips.first());
    place.document = shown.map(|strip| strip.document.id);
    place.page = place.page.clamp(1, shown.map_or(1, |strip| strip::pages(&strip.document)));
}

/// The page that is looked at, and what the reader found in its document. The desk does without what cannot be had.
async fn look(
    ground: &Ground<'_>,
    strips: &[Strip],
    place: &Place,
) -> Result<(Option<View>, Offered), Problem> {
    let Ground { door, signed, case, dossier, review, definition, .. } = *ground;
    let lang = signed.visit.lang;
    let Some(strip) = strips.iter().find(|strip| strip.current) else {
        return Ok((None, Offered::default()));
    };
    let permit = signed.caller.may_with(door, Action::ViewDocument, dossier)?;
    let reading = read(door, &permit, &strip.document).await?;
    let mut offered = Offered::default();
    if reading.is_some() {
        let is_contract = |document: &Document| door.app.packs.is_contract(&document.kind);
        let offer = door.app.archive.offer(&permit, dossier, &strip.document, is_contract).await?;
        offered.remarks = remarks(lang, &offer);
        let differs = offer.observations.into_iter().filter(|seen| !seen.known.is_empty());
        offered.differing = differs.map(|seen| (seen.field, seen.known)).collect();
        offered.fields = offer.fields;
        offered.fields.truncate(MOST_FIELDS);
    }
    let old = match strip.before.filter(|_| place.compare) {
        Some(id) => documents::get(&door.app.records, id)?,
        None => None,
    };
    let before = match old {
        Some(old) => read(door, &permit, &old).await?.map(|reading| (old, reading)),
        None => None,
    };
    let before = before.as_ref().map(|(document, reading)| (document, &**reading));
    let drawn = Drawn { case, definition, review, lang };
    let view = view::view(&drawn, strips, place, (reading.as_deref(), before), &offered.fields);
    Ok((view, offered))
}

async fn read(
    door: &Door,
    permit: &crate::access::Permit,
    document: &Document,
) -> Result<Option<std::sync::Arc<Reading>>, Problem> {
    match door.app.archive.look(permit, document, "text").await {
        Ok(reading) => Ok(Some(reading)),
        Err(archive::Error::NotRead) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A mark in one line: its page, why, and what was written.
pub(in crate::http::pages) fn said_mark(lang: Lang, definition: &Definition, mark: &Mark) -> String {
    let reason = titled(definition.reason_title(&mark.reason), lang, &mark.reason);
    let place = mark.page.map(|page| format!("{} {page}", say(lang, "page-page-number")));
    [place, Some(reason), mark.note.clone()].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// The actions that the visitor can take, prefilled with what was found unless something was typed; and those that have to
/// wait: what needs no word is taken only when everything was judged and nothing fails.
fn offers(
    ground: &Ground<'_>,
    items: &[Item],
    typed: Option<&Typed>,
) -> Result<(Vec<Offer>, Vec<String>), Problem> {
    let Ground { door, signed, case, dossier, review, definition, list } = *ground;
    let lang = signed.visit.lang;
    let seen = case_view(door, &signed.caller, case.clone())?;
    let basket = super::basket::of(door, signed, case, dossier, definition)?;
    let mut offers = offer::offers(&seen, definition, &basket, lang, false, typed);
    let found = items::found(lang, definition, case, list, review);
    for offer in &mut offers {
        if typed.is_none_or(|typed| typed.action != offer.name) && offer.failing.is_some() {
            offer.prefill(&found);
        }
    }
    let ready = items.iter().all(|item| item.passes() || item.is_left_out());
    let (offers, waiting): (Vec<Offer>, Vec<Offer>) =
        offers.into_iter().partition(|offer| ready || !offer.is_plain());
    Ok((offers, waiting.into_iter().map(|offer| offer.title).collect()))
}
