//! The log's entries for those who may read it: who did what to which ids, when; the latest first, with a proof of each.
//!
//! What an entry says in the open, and the names of those who acted; never a payload.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Page, Query, page_size};
use crate::access::Action;
use crate::domain::{CaseId, DocumentId, DossierId, PersonId, archive_itself};
use crate::http::{Caller, Door, Problem};
use crate::journal::Entry;

/// So many entries are looked at for one page of a list that is narrowed; the next one goes on from there.
const MOST_LOOKED_AT: u64 = 10_000;

/// Which entries.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Wanted {
    /// What an entry's kind begins with.
    #[serde(default)]
    pub(crate) kind: String,
    /// The sign-in name of who acted.
    #[serde(default)]
    pub(crate) person: String,
    /// The id of a dossier, a document or a case.
    #[serde(default)]
    pub(crate) about: String,
    pub(crate) limit: Option<usize>,
    /// The index from which on nothing is shown any more.
    pub(crate) cursor: Option<u64>,
}

/// An entry as it is shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EntryView {
    pub(crate) index: u64,
    pub(crate) kind: String,
    pub(crate) at: Timestamp,
    pub(crate) actor: PersonId,
    /// The name of who acted; none if it was the archive itself.
    pub(crate) by: Option<String>,
    pub(crate) dossier: Option<DossierId>,
    pub(crate) document: Option<DocumentId>,
    pub(crate) case: Option<CaseId>,
}

/// Part of the list.
pub(crate) struct Listed {
    pub(crate) entries: Vec<EntryView>,
    /// Where the next part begins; none if there is no more.
    pub(crate) next: Option<u64>,
}

/// `GET /api/v1/log?kind=&person=&about=&limit=&cursor=`
pub(super) async fn list(
    State(door): State<Door>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let limit = page_size(&door, wanted.limit);
    let listed = entries(&door, &caller, &wanted, limit)?;
    let next_cursor = listed.next.map(|next| next.to_string());
    Ok(axum::Json(json!(Page { entries: listed.entries, next_cursor })).into_response())
}

/// `GET /api/v1/log/{index}`: the entry as the log hashes it.
pub(super) async fn show(
    State(door): State<Door>,
    caller: Caller,
    Path(index): Path<String>,
) -> Result<Response, Problem> {
    let (_, entry) = permitted(&door, &caller, &index)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], entry.to_canonical()?).into_response())
}

/// `GET /api/v1/log/{index}/proof`: that the entry is in the log, for any C2SP verifier.
pub(super) async fn proof(
    State(door): State<Door>,
    caller: Caller,
    Path(index): Path<String>,
) -> Result<Response, Problem> {
    let (index, _) = permitted(&door, &caller, &index)?;
    let proof = door.app.journal.proof(index)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], proof).into_response())
}

fn permitted(door: &Door, caller: &Caller, index: &str) -> Result<(u64, Entry), Problem> {
    caller.may(door, Action::ReadLog)?;
    let index: u64 = index.parse().map_err(|_| Problem::new("not_found"))?;
    let published = index < door.app.journal.health().published;
    let entry = if published { door.app.journal.entry(index)? } else { None };
    Ok((index, entry.ok_or_else(|| Problem::new("not_found"))?))
}

/// At most `limit` of the wanted entries, the latest first.
pub(crate) fn entries(
    door: &Door,
    caller: &Caller,
    wanted: &Wanted,
    limit: usize,
) -> Result<Listed, Problem> {
    caller.may(door, Action::ReadLog)?;
    let person = match wanted.person.trim() {
        "" => None,
        name => {
            let found = door.app.people.by_name(name)?.ok_or_else(|| Problem::new("unknown_person"))?;
            Some(found.id)
        }
    };
    let size = door.app.journal.health().size;
    let top = wanted.cursor.map_or(size, |cursor| cursor.min(size));
    let mut names: HashMap<PersonId, Option<String>> = HashMap::new();
    let mut listed = Listed { entries: Vec::new(), next: None };
    for index in (0..top).rev() {
        if listed.entries.len() >= limit || top - index > MOST_LOOKED_AT {
            listed.next = Some(index + 1);
            break;
        }
        let Some(entry) = door.app.journal.entry(index)? else { continue };
        if !fits(wanted, person, &entry) {
            continue;
        }
        let by = match names.get(&entry.actor) {
            Some(name) => name.clone(),
            None => {
                let name = door.app.people.get(entry.actor)?.map(|person| person.name);
                names.insert(entry.actor, name.clone());
                name
            }
        };
        listed.entries.push(view(index, entry, by));
    }
    Ok(listed)
}

fn fits(wanted: &Wanted, person: Option<PersonId>, entry: &Entry) -> bool {
    let about = wanted.about.trim();
    let is = |id: Option<String>| id.is_some_and(|id| id == about);
    let named = about.is_empty()
        || is(entry.dossier.map(|id| id.to_string()))
        || is(entry.document.map(|id| id.to_string()))
        || is(entry.case.map(|id| id.to_string()));
    let kind = wanted.kind.trim();
    named && entry.kind.starts_with(kind) && person.is_none_or(|person| entry.actor == person)
}

fn view(index: u64, entry: Entry, by: Option<String>) -> EntryView {
    EntryView {
        index,
        kind: entry.kind,
        at: entry.at,
        actor: entry.actor,
        by: by.filter(|_| entry.actor != archive_itself()),
        dossier: entry.dossier,
        document: entry.document,
        case: entry.case,
    }
}
