//! One workflow: its diagram, and how many cases stand where.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::asset::DIAGRAM_ADDRESS;
use super::frame::{Frame, page};
use super::visit::Signed;
use crate::access::Action;
use crate::cases;
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem};
use crate::text::Lang;
use crate::workflow::diagram::svg_in_page;

#[derive(Template)]
#[template(path = "workflow.html")]
struct Page {
    frame: Frame,
    stylesheet: &'static str,
    version: String,
    /// Markup that is made here and in which every word is escaped.
    diagram: String,
    rows: Vec<Row>,
    all: u64,
}

struct Row {
    state: String,
    cases: u64,
    is_final: bool,
}

/// A way to a workflow's page.
pub(super) struct WorkflowLink {
    pub(super) href: String,
    pub(super) title: String,
}

/// The workflows that the caller may see as a whole: those of the pack in force, if they may see everybody's cases.
pub(super) fn links(door: &Door, caller: &Caller, lang: Lang) -> Vec<WorkflowLink> {
    let Some(rules) = rules(door).ok().filter(|_| sees_all_cases(door, caller)) else { return Vec::new() };
    let link = |(id, definition): (&String, &std::sync::Arc<crate::workflow::Definition>)| WorkflowLink {
        href: format!("/workflows/{id}"),
        title: definition.title.get(lang.tag()).to_owned(),
    };
    rules.pack.definitions().iter().map(link).collect()
}

fn sees_all_cases(door: &Door, caller: &Caller) -> bool {
    caller.may(door, Action::Queue).is_ok()
        && rules(door).is_ok_and(|rules| rules.policies.permits_all(&caller.actor, Action::ViewCase))
}

/// `GET /workflows/{id}`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    if !sees_all_cases(&door, &signed.caller) {
        return Err(Problem::new("forbidden"));
    }
    let lang = signed.visit.lang;
    let rules = rules(&door)?;
    let definition = rules.pack.definition(&id).ok_or_else(|| Problem::new("not_found"))?;
    let counts = cases::by_state(&door.app.records)?.remove(&id).unwrap_or_default();
    let running = |state: &str| definition.state(state).is_none_or(|state| !state.is_final);
    let running: BTreeMap<String, u64> = counts
        .iter()
        .filter(|(state, _)| running(state))
        .map(|(state, count)| (state.clone(), *count))
        .collect();
    let row = |(name, cases): (&String, &u64)| {
        let state = definition.state(name);
        let title = state.map_or(name.as_str(), |state| state.title.get(lang.tag()));
        Row { state: title.to_owned(), cases: *cases, is_final: state.is_some_and(|state| state.is_final) }
    };
    let mut rows: Vec<Row> = counts.iter().map(row).collect();
    rows.sort_by_key(|row| row.is_final);
    let content = Page {
        frame: Frame::of(&door, &signed.visit, definition.title.get(lang.tag())),
        stylesheet: &DIAGRAM_ADDRESS,
        version: definition.version.clone(),
        diagram: svg_in_page(definition, lang.tag(), &running),
        rows,
        all: running.values().sum(),
    };
    page(StatusCode::OK, &content)
}
