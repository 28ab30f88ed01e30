//! The list of what a search finds, as a file for a spreadsheet: in the caller's words, for a reason.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::Query;
use super::search::{Wanted, finder};
use crate::access::Action;
use crate::archive::{Listed, Taking};
use crate::domain::{CaseId, business_date};
use crate::http::caller::rules;
use crate::http::{Asked, Caller, Door, Problem};
use crate::search::CARD_KIND;
use crate::sheets::{self, Column, Form};
use crate::text::{Lang, say};

/// The columns: their words and their widths in characters.
const COLUMNS: [(&str, u16); 9] = [
    ("list-customer", 22),
    ("list-dossier", 30),
    ("list-kind", 22),
    ("list-filename", 32),
    ("list-page", 7),
    ("list-date", 12),
    ("list-state", 16),
    ("list-text", 70),
    ("list-document", 30),
];

/// In which form, and what for.
#[derive(Deserialize)]
pub(super) struct Taken {
    format: Form,
    #[serde(default)]
    reason: String,
}

/// `GET /api/v1/search/export`: the whole list of a search as a file.
pub(super) async fn export(
    State(door): State<Door>,
    caller: Caller,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    Query(taken): Query<Taken>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    refuse_cross_site(&headers)?;
    take_list(&door, &caller, asked.lang, &wanted, taken.format, &taken.reason).await
}

/// A link on another site must not take anything out in the name of whoever follows it.
pub(super) fn refuse_cross_site(headers: &HeaderMap) -> Result<(), Problem> {
    let foreign = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if foreign { Err(Problem::new("cross_site")) } else { Ok(()) }
}

/// The list of what a search finds, as a file. That it was taken is in the log before its first byte goes out.
pub(crate) async fn take_list(
    door: &Door,
    caller: &Caller,
    lang: Lang,
    wanted: &Wanted,
    form: Form,
    reason: &str,
) -> Result<Response, Problem> {
    let permit = caller.may(door, Action::ExportSearch)?;
    // One list is made at a time: another one waits for its turn, and memory holds one.
    let _turn = door.exporting.lock().await;
    let (in_force, search) = (rules(door)?, wanted.search());
    let taking = Taking { search: &search, reason, form };
    let listed = door.app.archive.take_list(&permit, finder(door, &in_force), taking).await?;
    let mut words = Words { door, lang, states: HashMap::new() };
    let rows = listed.into_iter().map(|listed| words.row(listed)).collect::<Result<Vec<_>, _>>()?;
    let title = say(lang, "list-title");
    let name = format!("{title}-{}", business_date(door.app.clock.now()));
    file(lang, form, ("search", &name), &title, &COLUMNS, rows).await
}

/// A list as a file to be saved: under a name of plain letters, and under one for whoever reads others. Columns are the
/// ids of their words with widths in characters.
pub(crate) async fn file(
    lang: Lang,
    form: Form,
    names: (&str, &str),
    title: &str,
    columns: &[(&str, u16)],
    rows: Vec<Vec<String>>,
) -> Result<Response, Problem> {
    let column = |(id, width_chars): &(&str, u16)| Column { head: say(lang, id), width_chars: *width_chars };
    let (title, columns) = (title.to_owned(), columns.iter().map(column).collect::<Vec<_>>());
    let writing =
        tokio::task::spawn_blocking(move || sheets::write(form, &title, &columns, rows.into_iter()));
    let bytes = writing.await.map_err(|_| Problem::new("internal"))?.map_err(|error| {
        tracing::error!(%error, "a list could not be written");
        Problem::new("internal")
    })?;
    let mut response = bytes.into_response();
    describe(form, names, response.headers_mut())?;
    Ok(response)
}

/// The headers of a list. It is for saving, and for nobody else's cache.
fn describe(form: Form, (plain, name): (&str, &str), headers: &mut HeaderMap) -> Result<(), Problem> {
    // RFC 6266, with the name in UTF-8 (RFC 8187) and one for those who do not read that.
    let (extension, name) = (form.extension(), format!("{name}.{}", form.extension()));
    let disposition = format!(
        "attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{}",
        utf8_percent_encode(&name, NON_ALPHANUMERIC)
    );
    let disposition = HeaderValue::from_str(&disposition).map_err(Problem::bad_request)?;
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(())
}

/// Puts rows into words.
struct Words<'a> {
    door: &'a Door,
    lang: Lang,
    /// The states of the cases that have been met.
    states: HashMap<CaseId, String>,
}

impl Words<'_> {
    /// The cells of a row, in the order of [`COLUMNS`].
    fn row(&mut self, listed: Listed) -> Result<Vec<String>, Problem> {
        let state = listed.case.map(|case| self.state(case)).transpose()?.unwrap_or_default();
        let kind = self.kind(&listed);
        let said = |value: Option<String>| value.unwrap_or_default();
        Ok(vec![
            listed.customer,
            listed.dossier.to_string(),
            kind,
            said(listed.filename),
            said(listed.page.filter(|page| *page > 0).map(|page| page.to_string())),
            said(listed.date.map(|date| date.to_string())),
            state,
            listed.text,
            said(listed.document.map(|document| document.to_string())),
        ])
    }

    fn kind(&self, listed: &Listed) -> String {
        if listed.document.is_none() {
            let card = listed.kind == CARD_KIND;
            return say(self.lang, if card { "page-found-dossier" } else { "page-found-note" });
        }
        let kind = self.door.app.packs.document_kind(&listed.kind).ok().flatten();
        kind.map_or_else(|| listed.kind.clone(), |kind| kind.title.get(self.lang.tag()).to_owned())
    }

    fn state(&mut self, id: CaseId) -> Result<String, Problem> {
        if let Some(state) = self.states.get(&id) {
            return Ok(state.clone());
        }
        let state = match self.door.app.cases.get(id)? {
            Some(case) => {
                let (_, definition) = self.door.app.packs.definition(&case.definition, &case.workflow)?;
                let title = definition.state(&case.state).map(|state| state.title.get(self.lang.tag()));
                title.map(str::to_owned).unwrap_or(case.state)
            }
            None => String::new(),
        };
        self.states.insert(id, state.clone());
        Ok(state)
    }
}
