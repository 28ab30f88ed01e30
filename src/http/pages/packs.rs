//! The packs: which was published when, by whom and why, which is in force, and what runs on each.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, page};
use super::visit::Signed;
use super::words::{Moment, moment};
use crate::access::Action;
use crate::app::ListedPack;
use crate::domain::archive_itself;
use crate::http::{Door, Problem};
use crate::text::{Lang, say};

#[derive(Template)]
#[template(path = "packs.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
}

struct Row {
    title: String,
    version: String,
    id: String,
    /// The hash's beginning, and all of it.
    hash: (String, String),
    at: Option<Moment>,
    by: String,
    note: String,
    in_force: bool,
    definitions: Vec<Running>,
}

struct Running {
    title: String,
    version: String,
    count: u64,
}

/// `GET /packs`
pub(super) async fn show(State(door): State<Door>, signed: Signed) -> Result<Response, Problem> {
    signed.caller.may(&door, Action::PublishPack)?;
    let lang = signed.visit.lang;
    let rows = door.app.listed_packs()?.into_iter().map(|listed| row(lang, listed)).collect();
    let frame = Frame::of(&door, &signed.visit, say(lang, "page-packs"));
    page(StatusCode::OK, &Page { frame, rows })
}

fn row(lang: Lang, listed: ListedPack) -> Row {
    let pack = &listed.in_force.pack;
    let hash = pack.hash().to_string();
    let by = match (&listed.publication, listed.by_name) {
        (_, Some(name)) => name,
        (Some(found), None) if found.by == archive_itself() => say(lang, "page-operator"),
        _ => "—".to_owned(),
    };
    let definitions = listed.definitions.into_iter().map(|found| Running {
        title: found.title.get(lang.tag()).to_owned(),
        version: found.version,
        count: found.running,
    });
    Row {
        title: pack.title.get(lang.tag()).to_owned(),
        version: pack.version.clone(),
        id: pack.id.clone(),
        hash: (hash.chars().take(12).collect(), hash),
        at: listed.publication.as_ref().map(|found| moment(found.at)),
        by,
        note: listed.publication.and_then(|found| found.note).unwrap_or_default(),
        in_force: listed.is_current,
        definitions: definitions.collect(),
    }
}
