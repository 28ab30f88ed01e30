//! The customers that one may see, and the form for a new one.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::form::{Fields, Form};
use super::frame::{Frame, page, sees_all};
use super::visit::Signed;
use super::words::{self, Moment, moment};
use crate::access::Action;
use crate::cases;
use crate::dossiers::Dossier;
use crate::http::api::dossiers::{open_dossier, visible};
use crate::http::api::{Query, parse_id};
use crate::http::{Door, Problem};
use crate::text::{Lang, say, say_with};

const ROWS: usize = 50;
/// The kind of dossier that the form makes: the facts below are those of its schema.
const CUSTOMER: &str = "customer";
/// Facts that are a line of text: the name, the type of the input, what a browser may fill in.
const LINES: &[(&str, &str)] = &[
    ("id_number", "text"),
    ("unified_code", "text"),
    ("phone", "tel"),
    ("fax", "tel"),
    ("email", "email"),
    ("address", "text"),
    ("contact_person", "text"),
    ("introducer", "text"),
    ("birthday", "date"),
];

#[derive(Template)]
#[template(path = "dossiers.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    first: bool,
    may_open: bool,
}

struct Row {
    href: String,
    name: String,
    kind: String,
    adviser: String,
    opened: Moment,
    open_cases: usize,
}

#[derive(Template)]
#[template(path = "new_dossier.html")]
struct NewPage {
    frame: Frame,
    name: String,
    institution: bool,
    withholds: bool,
    lines: Vec<Line>,
    alert: Option<String>,
}

struct Line {
    name: &'static str,
    form: &'static str,
    label: String,
    value: String,
    wrong: bool,
}

#[derive(Deserialize)]
pub(super) struct Window {
    after: Option<String>,
}

/// `GET /dossiers`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(window): Query<Window>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let after = window.after.as_deref().map(|after| parse_id(after, "unknown_dossier")).transpose()?;
    // One more than is shown tells whether there is another page.
    let mut dossiers = visible(&door, &signed.caller, after, ROWS + 1)?;
    let more = dossiers.len() > ROWS;
    dossiers.truncate(ROWS);
    let next = dossiers.last().filter(|_| more).map(|last| format!("/dossiers?after={}", last.id));
    let rows = dossiers.iter().map(|dossier| row(&door, lang, dossier)).collect::<Result<_, Problem>>()?;
    let frame = Frame::of(&door, &signed.visit, say(lang, "page-dossiers"));
    let may_open = signed.caller.may(&door, Action::OpenDossier).is_ok();
    page(StatusCode::OK, &Page { frame, rows, next, first: after.is_none(), may_open })
}

fn row(door: &Door, lang: Lang, dossier: &Dossier) -> Result<Row, Problem> {
    let kind = dossier.facts.get("kind").and_then(Value::as_str).unwrap_or_default();
    let cases = cases::of_dossier(&door.app.records, dossier.id)?;
    Ok(Row {
        href: format!("/dossiers/{}", dossier.id),
        name: dossier.name().to_owned(),
        kind: match kind {
            "person" => say(lang, "page-fact-kind-person"),
            "institution" => say(lang, "page-fact-kind-institution"),
            other => other.to_owned(),
        },
        adviser: door.app.people.get(dossier.adviser)?.map(|person| person.name).unwrap_or_default(),
        opened: moment(dossier.opened_at),
        open_cases: cases.iter().filter(|case| !case.is_final).count(),
    })
}

/// `GET /dossiers/new`
pub(super) async fn ask(State(door): State<Door>, signed: Signed) -> Result<Response, Problem> {
    signed.caller.may(&door, Action::OpenDossier)?;
    page(StatusCode::OK, &new_page(&door, &signed, &Fields::default(), &[], None))
}

/// `POST /dossiers/new`
pub(super) async fn open(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    match open_dossier(&door, &signed.caller, CUSTOMER, facts(&fields)).await {
        Ok(dossier) => Ok(Redirect::to(&format!("/dossiers/{}?done=opened", dossier.id)).into_response()),
        Err(problem) => {
            let wrong: Vec<&str> = match problem.get("facts") {
                Some(Value::Array(facts)) => facts.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let alert = match wrong.is_empty() {
                true => problem.sentence(lang),
                false => say_with(lang, "page-check-facts", &[("facts", &fact_words(lang, &wrong))]),
            };
            page(problem.status(), &new_page(&door, &signed, &fields, &wrong, Some(alert)))
        }
    }
}

fn fact_words(lang: Lang, wrong: &[&str]) -> String {
    // A missing fact is a mistake of the whole: of those, only the name can be left out here.
    let name = |fact: &&str| words::fact(lang, if fact.is_empty() { "name" } else { fact });
    words::list(lang, wrong.iter().map(name))
}

/// What was typed as facts; what was left empty is no fact.
fn facts(fields: &Fields) -> Map<String, Value> {
    let mut facts = Map::new();
    let lines = LINES.iter().map(|(name, _)| *name).chain(["name", "kind", "adviser"]);
    for name in lines {
        if let Some(value) = fields.filled(name) {
            facts.insert(name.to_owned(), value.into());
        }
    }
    facts.insert("discloses".into(), Value::Bool(fields.get("withholds") != "true"));
    facts
}

fn new_page(door: &Door, signed: &Signed, fields: &Fields, wrong: &[&str], alert: Option<String>) -> NewPage {
    let lang = signed.visit.lang;
    // Whoever sees only their own customers keeps the new one, too.
    let adviser = sees_all(door, &signed.caller).then_some(("adviser", "text"));
    let line = |(name, form): (&'static str, &'static str)| Line {
        name,
        form,
        label: words::fact(lang, name),
        value: fields.get(name).to_owned(),
        wrong: wrong.contains(&name),
    };
    NewPage {
        frame: Frame::of(door, &signed.visit, say(lang, "page-new-customer")),
        name: fields.get("name").to_owned(),
        institution: fields.get("kind") == "institution",
        withholds: fields.get("withholds") == "true",
        lines: adviser.into_iter().chain(LINES.iter().copied()).map(line).collect(),
        alert,
    }
}
