//! The dossiers that one may see, and the form for a new one: it asks for what the kind's schema describes.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::form::{Choice, Fields, Form};
use super::frame::{Frame, page, sees_all};
use super::visit::Signed;
use super::words::{self, Moment, moment, titled};
use crate::access::Action;
use crate::cases;
use crate::dossiers::Dossier;
use crate::http::api::dossiers::{open_dossier, visible};
use crate::http::api::{Query, parse_id};
use crate::http::caller::rules;
use crate::http::{Door, Problem};
use crate::text::{Lang, say_with};
use crate::workflow::{DossierKind, FactField, FactValue, Pack, Title};

const ROWS: usize = 50;
/// What stands before the name of a fact that is ticked when it is not so.
const NOT: &str = "not-";

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
    kind: String,
    /// The kinds of dossiers, if there are several.
    kinds: Vec<Choice>,
    asked: Vec<Asked>,
    alert: Option<String>,
}

/// A fact that the form asks for.
struct Asked {
    name: String,
    label: String,
    value: String,
    required: bool,
    wrong: bool,
    /// What one chooses from, for a fact that is one of several words.
    choices: Option<Vec<Choice>>,
    /// Whether the box is ticked, for a fact that is yes or no.
    ticked: Option<bool>,
    /// The type of the input, for a fact that is a line of text.
    form: &'static str,
}

#[derive(Deserialize)]
pub(super) struct Window {
    after: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    dossier_kind: Option<String>,
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
    let frame = Frame::of(&door, &signed.visit, words::said(&door, lang, "page-dossiers"));
    let may_open = signed.caller.may(&door, Action::OpenDossier).is_ok();
    page(StatusCode::OK, &Page { frame, rows, next, first: after.is_none(), may_open })
}

fn row(door: &Door, lang: Lang, dossier: &Dossier) -> Result<Row, Problem> {
    let cases = cases::of_dossier(&door.app.records, dossier.id)?;
    let in_force = rules(door)?;
    let kind = in_force.pack.dossier_kinds().get(&dossier.kind);
    let said = kind.and_then(|kind| {
        let words = |field: &FactField| field.said(dossier.facts.get(&field.name)?, lang.tag());
        kind.form.iter().find_map(words).or_else(|| Some(titled(Some(&kind.title), lang, &dossier.kind)))
    });
    Ok(Row {
        href: format!("/dossiers/{}", dossier.id),
        name: dossier.name().to_owned(),
        kind: said.unwrap_or_else(|| dossier.kind.clone()),
        adviser: door.app.people.get(dossier.adviser)?.map(|person| person.name).unwrap_or_default(),
        opened: moment(dossier.opened_at),
        open_cases: cases.iter().filter(|case| !case.is_final).count(),
    })
}

/// `GET /dossiers/new`
pub(super) async fn ask(
    State(door): State<Door>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    signed.caller.may(&door, Action::OpenDossier)?;
    let in_force = rules(&door)?;
    let kind = kind_named(&in_force.pack, wanted.dossier_kind.as_deref())?;
    page(StatusCode::OK, &new_page(&door, &signed, &in_force.pack, kind, &Fields::default(), &[], None))
}

/// `POST /dossiers/new`
pub(super) async fn open(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let in_force = rules(&door)?;
    let (name, kind) = kind_named(&in_force.pack, fields.filled("dossier_kind"))?;
    match open_dossier(&door, &signed.caller, name, facts(kind, &fields)).await {
        Ok(dossier) => Ok(Redirect::to(&format!("/dossiers/{}?done=opened", dossier.id)).into_response()),
        Err(problem) => {
            let wrong: Vec<&str> = match problem.get("facts") {
                Some(Value::Array(facts)) => facts.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let alert = match wrong.is_empty() {
                true => problem.sentence(lang),
                false => {
                    let facts = fact_words(lang, kind, &fields, &wrong);
                    say_with(lang, "page-check-facts", &[("facts", &facts)])
                }
            };
            let kind = (name, kind);
            page(
                problem.status(),
                &new_page(&door, &signed, &in_force.pack, kind, &fields, &wrong, Some(alert)),
            )
        }
    }
}

/// The kind of dossier of this name. Without a name, the one about which there is most to say.
fn kind_named<'a>(pack: &'a Pack, name: Option<&str>) -> Result<(&'a str, &'a DossierKind), Problem> {
    let kinds = pack.dossier_kinds();
    let found = match name {
        Some(name) => kinds.get_key_value(name).map(|(name, kind)| (name.as_str(), &**kind)),
        None => words::main_kind(pack),
    };
    found.ok_or_else(|| Problem::bad_request("dossier_kind"))
}

fn fact_words(lang: Lang, kind: &DossierKind, fields: &Fields, wrong: &[&str]) -> String {
    // A missing fact is a mistake of the whole: it is one of those that a dossier must have.
    let missing = kind.form.iter().filter(|field| field.required && fields.filled(&field.name).is_none());
    let missing = missing.map(|field| field.name.as_str());
    let named = wrong.iter().copied().filter(|fact| !fact.is_empty());
    let all: BTreeSet<&str> = match wrong.contains(&"") {
        true => named.chain(missing).collect(),
        false => named.collect(),
    };
    words::list(lang, all.into_iter().map(|name| words::fact(lang, Some(kind), name)))
}

/// What was typed as facts; what was left empty is no fact.
fn facts(kind: &DossierKind, fields: &Fields) -> Map<String, Value> {
    let fact = |field: &FactField| {
        let value = match &field.value {
            FactValue::Flag(Some(_)) => Value::Bool(fields.get(&format!("{NOT}{}", field.name)) != "true"),
            FactValue::Flag(None) => Value::Bool(fields.get(&field.name) == "true"),
            FactValue::Text(_) | FactValue::Choice(_) => fields.filled(&field.name)?.into(),
        };
        Some((field.name.clone(), value))
    };
    kind.form.iter().filter_map(fact).collect()
}

fn new_page(
    door: &Door,
    signed: &Signed,
    pack: &Pack,
    (name, kind): (&str, &DossierKind),
    fields: &Fields,
    wrong: &[&str],
    alert: Option<String>,
) -> NewPage {
    let lang = signed.visit.lang;
    // Whoever sees only the dossiers that they keep keeps the new one, too.
    let sees_all = sees_all(door, &signed.caller);
    let asked = kind.form.iter().filter(|field| sees_all || field.name != "adviser");
    let title = titled(Some(&kind.title), lang, name);
    let choice = |(found, kind): (&String, &std::sync::Arc<DossierKind>)| Choice {
        value: found.clone(),
        label: titled(Some(&kind.title), lang, found),
        chosen: found == name,
    };
    let kinds: Vec<Choice> = pack.dossier_kinds().iter().map(choice).collect();
    NewPage {
        frame: Frame::of(door, &signed.visit, say_with(lang, "page-new-dossier-of", &[("kind", &title)])),
        kind: name.to_owned(),
        kinds: if kinds.len() > 1 { kinds } else { Vec::new() },
        asked: asked.map(|field| asked_for(lang, field, fields, wrong)).collect(),
        alert,
    }
}

fn asked_for(lang: Lang, field: &FactField, fields: &Fields, wrong: &[&str]) -> Asked {
    let value = fields.get(&field.name).to_owned();
    let label = titled(Some(&field.title), lang, &field.name);
    let asked = Asked {
        name: field.name.clone(),
        label,
        value: value.clone(),
        required: field.required,
        wrong: wrong.contains(&field.name.as_str()),
        choices: None,
        ticked: None,
        form: "text",
    };
    match &field.value {
        FactValue::Text(form) => Asked { form, ..asked },
        FactValue::Choice(words) => {
            let choice = |(at, (word, title)): (usize, &(String, Title))| Choice {
                value: word.clone(),
                label: titled(Some(title), lang, word),
                chosen: *word == value || (value.is_empty() && at == 0 && field.required),
            };
            Asked { choices: Some(words.iter().enumerate().map(choice).collect()), ..asked }
        }
        FactValue::Flag(None) => Asked { ticked: Some(value == "true"), ..asked },
        FactValue::Flag(Some(no)) => {
            let name = format!("{NOT}{}", field.name);
            let ticked = Some(fields.get(&name) == "true");
            Asked { ticked, name, label: titled(Some(no), lang, &field.name), ..asked }
        }
    }
}
