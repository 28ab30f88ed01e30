//! The search: what stands where, with the words around it; searches that are saved, and lists that are taken out.

pub(super) mod kept;
pub(super) mod taken;

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use url::form_urlencoded;

use super::form::{Choice, Fields};
use super::frame::{Frame, page};
use super::visit::Signed;
use super::words;
use crate::access::Action;
use crate::archive::{FoundHit, InState};
use crate::documents;
use crate::http::api::Query;
use crate::http::api::search::{FacetsView, HitView, Sort, Wanted, find};
use crate::http::{Door, Problem};
use crate::search::{self, Cursor, Ignored};
use crate::text::{Lang, say, say_with};
use crate::workflow::DocumentKind;

const HITS: usize = 20;

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    frame: Frame,
    q: String,
    kind: String,
    kinds: Vec<Choice>,
    from: String,
    to: String,
    asked: bool,
    summary: String,
    ignored: Vec<String>,
    /// What is to be known of the list.
    notes: Vec<String>,
    hits: Vec<Hit>,
    /// What comes close beside them.
    near: Vec<Hit>,
    orders: Vec<Way>,
    facets: Vec<Facet>,
    dossier: String,
    state: String,
    sort: String,
    previous: Option<String>,
    next: Option<String>,
    saved: Vec<kept::Link>,
    /// The form that saves this search, if there is something to save.
    saving: Option<kept::Saving>,
    /// The form that takes the list out, for those who may.
    taking: Option<taken::Taking>,
    alert: Option<String>,
    done: Option<String>,
    status: StatusCode,
}

struct Hit {
    href: String,
    customer: String,
    customer_href: String,
    kind: String,
    filename: String,
    page: Option<u32>,
    /// HTML-escaped text with `<mark>`, made by the search.
    snippet: String,
}

/// A way to the same search, ordered or narrowed otherwise.
struct Way {
    label: String,
    href: String,
    count: u64,
    /// Whether this is how it is now; then the way leads back.
    chosen: bool,
}

/// How the hits are spread by one thing.
struct Facet {
    title: String,
    ways: Vec<Way>,
}

/// What the form holds. Everything is text: a browser sends empty fields, too.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    dossier: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
}

impl Asked {
    /// The search that a form on the page is about.
    fn of(fields: &Fields) -> Self {
        let get = |name| fields.get(name).to_owned();
        let (q, kind, from, to) = (get("q"), get("kind"), get("from"), get("to"));
        Self { q, kind, from, to, dossier: get("dossier"), sort: get("sort"), ..Self::default() }
    }

    fn wanted(&self) -> Result<Wanted, Problem> {
        let date = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Problem::new("bad_date").value("date", text)),
        };
        let kind = Some(self.kind.clone()).filter(|kind| !kind.is_empty());
        let (from, to) = (date(&self.from)?, date(&self.to)?);
        let dossier = match self.dossier.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| Problem::new("unknown_dossier"))?),
        };
        let sort = match self.sort.as_str() {
            "newest" => Sort::Newest,
            "oldest" => Sort::Oldest,
            _ => Sort::Relevance,
        };
        let cursor = match self.cursor.as_str() {
            "" => None,
            text => Some(text.parse().map_err(Problem::bad_request)?),
        };
        let (q, state) = (self.q.clone(), Some(self.state.clone()));
        Ok(Wanted { q, kind, state, dossier, from, to, sort, facets: true, limit: None, cursor })
    }

    fn is_empty(&self) -> bool {
        let narrowing = [&self.kind, &self.from, &self.to, &self.dossier, &self.state];
        self.q.trim().is_empty() && narrowing.iter().all(|value| value.is_empty())
    }

    fn at(&self, cursor: Cursor) -> String {
        self.but(&[("cursor", &cursor.to_string())])
    }

    /// The address of the same search with other values; one that is empty is left out, and so is the cursor.
    fn but(&self, others: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let own = [
            ("q", self.q.as_str()),
            ("kind", &self.kind),
            ("from", &self.from),
            ("to", &self.to),
            ("dossier", &self.dossier),
            ("state", &self.state),
            ("sort", &self.sort),
        ];
        let other = |name: &str| others.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        let own = own.into_iter().map(|(name, value)| (name, other(name).unwrap_or(value)));
        let beside = ["cursor", "done"].into_iter().filter_map(|name| Some((name, other(name)?)));
        for (name, value) in own.chain(beside).filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        format!("/search?{}", query.finish())
    }
}

/// `GET /search`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let mut content = content(&door, &signed, &asked).await?;
    content.done = match asked.done.as_str() {
        "saved" => Some(say(signed.visit.lang, "page-done-saved")),
        "forgotten" => Some(say(signed.visit.lang, "page-done-forgotten")),
        _ => None,
    };
    page(content.status, &content)
}

/// The page after one of its forms was refused.
async fn refused(
    door: &Door,
    signed: &Signed,
    asked: &Asked,
    problem: &Problem,
    typed: impl FnOnce(&mut Page),
) -> Result<Response, Problem> {
    let mut content = content(door, signed, asked).await.map_err(|_| problem.clone())?;
    content.alert = Some(problem.sentence(signed.visit.lang));
    typed(&mut content);
    page(problem.status(), &content)
}

async fn content(door: &Door, signed: &Signed, asked: &Asked) -> Result<Page, Problem> {
    let lang = signed.visit.lang;
    signed.caller.may(door, Action::Search)?;
    let mut content = empty(door, signed, asked)?;
    if asked.is_empty() {
        return Ok(content);
    }
    let found = match asked.wanted() {
        Ok(wanted) => {
            let offset = wanted.cursor.map_or(0, |cursor| cursor.offset);
            find(door, &signed.caller, &wanted, offset, HITS).await.map(|found| (offset, found))
        }
        Err(problem) => Err(problem),
    };
    let (offset, found) = match found {
        Ok(found) => found,
        Err(problem) => {
            content.alert = Some(problem.sentence(lang));
            content.status = problem.status();
            return Ok(content);
        }
    };
    let (first, last) = (offset + 1, offset + found.hits.len());
    content.summary = match found.total {
        0 => say(lang, "page-search-nothing"),
        total => say_with(
            lang,
            "page-search-summary",
            &[("first", &first.to_string()), ("last", &last.to_string()), ("total", &total.to_string())],
        ),
    };
    let before = found.view.filter(|_| offset > 0);
    content.previous = before.map(|view| asked.at(Cursor { view, offset: offset.saturating_sub(HITS) }));
    content.next = found.next.map(|next| asked.at(next));
    let (typed, list): (Vec<_>, Vec<_>) = found.ignored.iter().partition(|part| !part.is_of_list());
    content.ignored = typed.into_iter().map(|part| ignored(lang, part)).collect();
    content.notes = list.into_iter().map(|part| ignored(lang, part)).collect();
    if found.approximate {
        content.notes.push(say(lang, "page-search-near-hint"));
    }
    content.asked = true;
    content.orders = orders(lang, asked);
    // States change: a list that is narrowed by one is neither saved nor taken out.
    if asked.state.is_empty() {
        content.saving = Some(kept::saving(door, asked));
        content.taking = taken::taking(door, signed, found.total);
    }
    if let Some(facets) = found.facets {
        let title = |(state, of): (&String, &InState)| (state.clone(), state_title(door, lang, state, of));
        let titles: HashMap<String, String> = found.states.iter().flatten().map(title).collect();
        let facets = FacetsView::of(door, facets, found.states)?;
        content.facets = facets_of(door, lang, asked, (facets, &titles));
    }
    let shown = |hits: Vec<FoundHit>| -> Result<Vec<Hit>, Problem> {
        hits.into_iter().map(|found| hit(door, lang, found, &asked.q)).collect()
    };
    (content.hits, content.near) = (shown(found.hits)?, shown(found.near)?);
    Ok(content)
}

fn orders(lang: Lang, asked: &Asked) -> Vec<Way> {
    let order = |(sort, id): (&str, &str)| Way {
        label: say(lang, id),
        href: asked.but(&[("sort", sort)]),
        count: 0,
        chosen: asked.sort == sort,
    };
    [("", "page-sort-relevance"), ("newest", "page-sort-newest"), ("oldest", "page-sort-oldest")]
        .into_iter()
        .map(order)
        .collect()
}

/// What a state is called in the definition of a case that stands there.
fn state_title(door: &Door, lang: Lang, state: &str, of: &InState) -> String {
    let definition = door.app.packs.definition(&of.definition, &of.workflow).ok();
    let found = definition.as_ref().and_then(|(_, definition)| definition.state(state));
    words::titled(found.map(|found| &found.title), lang, state)
}

fn facets_of(
    door: &Door,
    lang: Lang,
    asked: &Asked,
    (facets, titles): (FacetsView, &HashMap<String, String>),
) -> Vec<Facet> {
    let kind = |name: &str| match name {
        search::CARD_KIND => say(lang, "page-found-dossier"),
        "note" => say(lang, "page-found-note"),
        name => words::kind(door, lang, name),
    };
    let kinds = facets.kinds.into_iter().map(|one| {
        let chosen = asked.kind == one.value;
        let to = if chosen { "" } else { &one.value };
        Way { label: kind(&one.value), href: asked.but(&[("kind", to)]), count: one.count, chosen }
    });
    let years = facets.years.into_iter().map(|one| {
        let (from, to) = (format!("{}-01-01", one.value), format!("{}-12-31", one.value));
        let chosen = asked.from == from && asked.to == to;
        let (from, to) = if chosen { (String::new(), String::new()) } else { (from, to) };
        let href = asked.but(&[("from", &from), ("to", &to)]);
        Way { label: one.value, href, count: one.count, chosen }
    });
    let dossiers = facets.dossiers.into_iter().map(|one| {
        let chosen = asked.dossier == one.value;
        let to = if chosen { "" } else { &one.value };
        let href = asked.but(&[("dossier", to)]);
        Way { label: one.name.unwrap_or_default(), href, count: one.count, chosen }
    });
    let states = facets.states.into_iter().flatten().map(|one| {
        let chosen = asked.state == one.value;
        let to = if chosen { "" } else { &one.value };
        let label = titles.get(&one.value).unwrap_or(&one.value).clone();
        Way { label, href: asked.but(&[("state", to)]), count: one.count, chosen }
    });
    let facet = |id, ways| Facet { title: words::said(door, lang, id), ways };
    let all = [
        facet("page-document-kind", kinds.collect::<Vec<_>>()),
        facet("page-year", years.collect()),
        facet("page-customer", dossiers.collect()),
        facet("page-state", states.collect()),
    ];
    // One value alone narrows nothing.
    all.into_iter().filter(|facet| facet.ways.len() > 1 || facet.ways.iter().any(|way| way.chosen)).collect()
}

fn empty(door: &Door, signed: &Signed, asked: &Asked) -> Result<Page, Problem> {
    let lang = signed.visit.lang;
    let choice = |(name, kind): (&String, &DocumentKind)| Choice {
        value: name.clone(),
        label: words::titled(Some(&kind.title), lang, name),
        chosen: asked.kind == *name,
    };
    Ok(Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-search")),
        q: asked.q.clone(),
        kind: asked.kind.clone(),
        kinds: door.app.packs.document_kinds()?.iter().map(choice).collect(),
        from: asked.from.clone(),
        to: asked.to.clone(),
        asked: false,
        summary: String::new(),
        ignored: Vec::new(),
        notes: Vec::new(),
        hits: Vec::new(),
        near: Vec::new(),
        orders: Vec::new(),
        facets: Vec::new(),
        dossier: asked.dossier.clone(),
        state: asked.state.clone(),
        sort: asked.sort.clone(),
        previous: None,
        next: None,
        saved: kept::links(door, signed, asked)?,
        saving: None,
        taking: None,
        alert: None,
        done: None,
        status: StatusCode::OK,
    })
}

/// What of the query had no effect, in words.
fn ignored(lang: Lang, part: &Ignored) -> String {
    let (id, word) = match part {
        Ignored::TooLong | Ignored::TooManyWords => ("page-ignored-too-long", ""),
        Ignored::OpenQuote => ("page-ignored-quote", ""),
        Ignored::LoneOr => ("page-ignored-or", ""),
        Ignored::NoLetters(word) => ("page-ignored-word", word.as_str()),
        Ignored::BadDate(word) => ("page-ignored-date", word.as_str()),
        Ignored::BadAmount(word) => ("page-ignored-amount", word.as_str()),
        Ignored::BadDossier(word) => ("page-ignored-dossier", word.as_str()),
        Ignored::NoValue(word) => ("page-ignored-value", word.as_str()),
        Ignored::Moved => ("page-list-moved", ""),
        Ignored::TooManyCases => ("page-list-too-many-cases", ""),
    };
    say_with(lang, id, &[("word", word)])
}

fn hit(door: &Door, lang: Lang, found: FoundHit, q: &str) -> Result<Hit, Problem> {
    let hit = HitView::from(found);
    let dossier = door.app.dossiers.get(hit.dossier)?;
    let document = match hit.document {
        Some(id) => documents::get(&door.app.records, id)?,
        None => None,
    };
    let customer_href = format!("/dossiers/{}", hit.dossier);
    let in_document = |id| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("page", &hit.page.unwrap_or(1).to_string()).append_pair("q", q);
        format!("/documents/{id}?{}", query.finish())
    };
    Ok(Hit {
        href: match (hit.document, hit.case) {
            (Some(id), _) => in_document(id),
            (None, Some(case)) => format!("/cases/{case}"),
            (None, None) => customer_href.clone(),
        },
        customer: dossier.map(|dossier| dossier.name().to_owned()).unwrap_or_default(),
        customer_href,
        kind: match (&document, hit.case) {
            (Some(_), _) => words::kind(door, lang, &hit.kind),
            (None, Some(_)) => say(lang, "page-found-note"),
            (None, None) => say(lang, "page-found-dossier"),
        },
        filename: document.and_then(|document| document.filename).unwrap_or_default(),
        page: hit.page.filter(|page| *page > 0),
        snippet: hit.snippet,
    })
}
