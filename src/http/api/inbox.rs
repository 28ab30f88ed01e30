//! The caller's inbox: what it holds, and what is read.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Json, Query, page_size, parse_id};
use crate::app::App;
use crate::domain::Actor;
use crate::http::{Asked, Caller, Door, Problem};
use crate::notices::{Listed, Notice, Place};
use crate::text::Lang;

/// Which part of the inbox.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// `true`: only what is unread.
    #[serde(default)]
    unread: bool,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Up to which notice all are read.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpTo {
    up_to: Option<Place>,
}

/// `GET /api/v1/inbox`
pub(super) async fn list(
    State(door): State<Door>,
    caller: Caller,
    Extension(asked): Extension<Asked>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let before = wanted.cursor.as_deref().map(|cursor| cursor.parse().map_err(Problem::bad_request));
    let limit = page_size(&door, wanted.limit);
    let listed = listed(&door, &caller.actor, wanted.unread, before.transpose()?, limit)?;
    let entries: Vec<Value> = listed
        .notices
        .iter()
        .map(|notice| view(&door, &caller.actor, asked.lang, notice))
        .collect::<Result<_, _>>()?;
    let body = json!({
        "entries": entries,
        "unread": door.app.unread_of(&caller.actor)?,
        "next_cursor": listed.next.map(|place| place.to_string()),
    });
    Ok(axum::Json(body).into_response())
}

/// A part of somebody's inbox: what they may still see.
pub(crate) fn listed(
    door: &Door,
    actor: &Actor,
    unread: bool,
    before: Option<Place>,
    limit: usize,
) -> Result<Listed, Problem> {
    let sees = |notice: &Notice| door.app.may_be_told(actor, &notice.event);
    Ok(door.app.notices.list(actor.id, unread, before, limit, &sees)?)
}

/// A notice as its reader gets it.
pub(crate) fn view(door: &Door, actor: &Actor, lang: Lang, notice: &Notice) -> Result<Value, Problem> {
    let mut view = serde_json::to_value(&notice.event).map_err(Problem::bad_request)?;
    if let Some(members) = view.as_object_mut() {
        members.insert("id".to_owned(), json!(notice.place));
        members.insert("at".to_owned(), json!(notice.at));
        members.insert("read_at".to_owned(), json!(notice.read_at));
        members.insert("text".to_owned(), json!(door.app.said_of(lang, &notice.event)));
        members.insert("page".to_owned(), json!(App::page_of(&notice.event)));
        members.insert("dossier_name".to_owned(), json!(door.app.customer_of(actor, &notice.event)?));
    }
    Ok(view)
}

/// `POST /api/v1/inbox/{id}/read`
pub(super) async fn read_one(
    State(door): State<Door>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    door.app.notices.mark_read(caller.actor.id, parse_id(&id, "unknown_notice")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/inbox/read`: all that came up to now, or up to a notice that was seen.
pub(super) async fn read_all(
    State(door): State<Door>,
    caller: Caller,
    Json(wanted): Json<UpTo>,
) -> Result<StatusCode, Problem> {
    let up_to = wanted.up_to.unwrap_or_else(|| door.app.notices.now());
    door.app.notices.mark_all_read(caller.actor.id, up_to).await?;
    Ok(StatusCode::NO_CONTENT)
}
