//! The search: what stands where, with the words around it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use url::form_urlencoded;

use super::form::Choice;
use super::frame::{Frame, page};
use super::visit::Signed;
use super::words;
use crate::archive::FoundHit;
use crate::documents;
use crate::http::api::Query;
use crate::http::api::search::{HitView, Wanted, find};
use crate::http::caller::rules;
use crate::http::{Door, Problem};
use crate::search::{self, Ignored};
use crate::text::{Lang, say, say_with};

const HITS: usize = 20;

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    frame: Frame,
    q: String,
    kinds: Vec<Choice>,
    from: String,
    to: String,
    asked: bool,
    summary: String,
    ignored: Vec<String>,
    hits: Vec<Hit>,
    previous: Option<String>,
    next: Option<String>,
    alert: Option<String>,
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
    offset: String,
}

impl Asked {
    fn wanted(&self) -> Result<Wanted, Problem> {
        let date = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Problem::new("bad_date").value("date", text)),
        };
        let kind = Some(self.kind.clone()).filter(|kind| !kind.is_empty());
        let (from, to) = (date(&self.from)?, date(&self.to)?);
        Ok(Wanted { q: self.q.clone(), kind, from, to, ..Wanted::default() })
    }

    fn is_empty(&self) -> bool {
        self.q.trim().is_empty() && self.kind.is_empty() && self.from.is_empty() && self.to.is_empty()
    }

    fn at(&self, offset: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &self.q);
        for (name, value) in [("kind", &self.kind), ("from", &self.from), ("to", &self.to)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.append_pair("offset", &offset.to_string());
        format!("/search?{}", query.finish())
    }
}

/// `GET /search`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    signed.caller.may(&door, crate::access::Action::Search)?;
    let mut content = empty(&door, &signed, &asked)?;
    if asked.is_empty() {
        return page(StatusCode::OK, &content);
    }
    let offset: usize = asked.offset.parse().unwrap_or_default();
    let found = match asked.wanted() {
        Ok(wanted) => find(&door, &signed.caller, &wanted, offset, HITS).await,
        Err(problem) => Err(problem),
    };
    let found = match found {
        Ok(found) => found,
        Err(problem) => {
            content.alert = Some(problem.sentence(lang));
            return page(problem.status(), &content);
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
    content.previous = (offset > 0).then(|| asked.at(offset.saturating_sub(HITS)));
    content.next = (offset + HITS < found.total).then(|| asked.at(offset + HITS));
    content.ignored =
        search::Query::parse(&asked.q).ignored().iter().map(|part| ignored(lang, part)).collect();
    content.asked = true;
    content.hits = found
        .hits
        .into_iter()
        .map(|found| hit(&door, lang, found, &asked.q))
        .collect::<Result<_, Problem>>()?;
    page(StatusCode::OK, &content)
}

fn empty(door: &Door, signed: &Signed, asked: &Asked) -> Result<Page, Problem> {
    let lang = signed.visit.lang;
    let in_force = rules(door)?;
    let choice = |name: &String| Choice {
        value: name.clone(),
        label: words::kind(door, lang, name),
        chosen: asked.kind == *name,
    };
    Ok(Page {
        frame: Frame::of(door, &signed.visit, say(lang, "page-search")),
        q: asked.q.clone(),
        kinds: in_force.pack.document_kinds().keys().map(choice).collect(),
        from: asked.from.clone(),
        to: asked.to.clone(),
        asked: false,
        summary: String::new(),
        ignored: Vec::new(),
        hits: Vec::new(),
        previous: None,
        next: None,
        alert: None,
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
