//! The log for those who may read it: who did what, when, to which ids; the checkpoint, and a proof of each entry.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::admin::{self, Tab};
use super::form::Choice;
use super::frame::{Frame, page};
use super::visit::Signed;
use super::words::{Moment, count, moment};
use crate::http::api::Query;
use crate::http::api::entries::{EntryView, Listed, Wanted, entries};
use crate::http::{Door, Problem};
use crate::text::{Lang, say, say_with};

/// Entries of one page.
const ROWS: usize = 100;

/// What an entry's kind can begin with, for the choice.
const SUBJECTS: &[&str] = &[
    "archive",
    "case",
    "deadlines",
    "delegation",
    "destruction",
    "document",
    "dossier",
    "keys",
    "pack",
    "penalties",
    "penalty",
    "person",
    "role",
    "sealed",
    "search",
    "session",
    "stack",
    "token",
];

#[derive(Template)]
#[template(path = "log.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    subjects: Vec<Choice>,
    person: String,
    about: String,
    rows: Vec<Row>,
    next: Option<String>,
    size: String,
    published: String,
    verifier_key: String,
    alert: Option<String>,
}

struct Row {
    index: u64,
    at: Moment,
    what: String,
    kind: String,
    by: String,
    /// What it is about: a word, the id, and where that is shown.
    about: Vec<(String, String, String)>,
    /// Where its proof is; none while it is not published.
    proof: Option<String>,
}

/// What the form holds.
#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    cursor: String,
}

impl Asked {
    fn at(&self, cursor: u64) -> String {
        let cursor = cursor.to_string();
        let pairs =
            [("kind", &self.kind), ("person", &self.person), ("about", &self.about), ("cursor", &cursor)];
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        format!("/log?{}", Serializer::new(String::new()).extend_pairs(given).finish())
    }
}

/// `GET /log`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    signed.caller.may(&door, crate::access::Action::ReadLog)?;
    let wanted = Wanted {
        kind: if asked.kind.is_empty() { String::new() } else { format!("{}.", asked.kind) },
        person: asked.person.clone(),
        about: asked.about.clone(),
        limit: None,
        cursor: asked.cursor.parse().ok(),
    };
    let (listed, alert) = match entries(&door, &signed.caller, &wanted, ROWS) {
        Ok(listed) => (listed, None),
        Err(problem) => (Listed { entries: Vec::new(), next: None }, Some(problem)),
    };
    let health = door.app.journal.health();
    let content = Page {
        frame: Frame::of(&door, &signed.visit, say(lang, "page-log")),
        tabs: admin::tabs(&door, &signed, "/log"),
        subjects: subjects(lang, &asked.kind),
        next: listed.next.map(|next| asked.at(next)),
        rows: listed.entries.into_iter().map(|entry| row(lang, entry, health.published)).collect(),
        person: asked.person,
        about: asked.about,
        size: count(health.size),
        published: count(health.published),
        verifier_key: door.app.journal.verifier_key().to_owned(),
        alert: alert.as_ref().map(|problem| problem.sentence(lang)),
    };
    page(alert.map_or(StatusCode::OK, |problem| problem.status()), &content)
}

fn subjects(lang: Lang, chosen: &str) -> Vec<Choice> {
    let choice = |subject: &&str| Choice {
        value: (*subject).to_owned(),
        label: say(lang, &format!("log-subject-{subject}")),
        chosen: *subject == chosen,
    };
    SUBJECTS.iter().map(choice).collect()
}

fn row(lang: Lang, entry: EntryView, published: u64) -> Row {
    let id = format!("log-{}", entry.kind.replace(['.', '_'], "-"));
    let what = say_with(lang, &id, &[]);
    let mut about = Vec::new();
    let mut tell = |word: &str, id: Option<String>, place: &str| {
        if let Some(id) = id {
            about.push((say(lang, word), format!("/{place}/{id}"), id));
        }
    };
    tell("page-log-document", entry.document.map(|id| id.to_string()), "documents");
    tell("page-log-case", entry.case.map(|id| id.to_string()), "cases");
    tell("page-log-dossier", entry.dossier.map(|id| id.to_string()), "dossiers");
    Row {
        index: entry.index,
        at: moment(entry.at),
        // An entry of a kind that has no words yet is shown by its kind.
        what: if what == id { entry.kind.clone() } else { what },
        kind: entry.kind,
        by: entry.by.unwrap_or_else(|| say(lang, "page-by-archive")),
        about,
        proof: (entry.index < published).then(|| format!("/api/v1/log/{}/proof", entry.index)),
    }
}
