//! One's own cases: where each stands, what is wrong with it, what that has cost and will cost, until when, and the paper
//! to print.
//!
//! For those who keep dossiers; whoever acts on everybody's cases has the queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, page};
use super::standing::{self, Standing};
use super::visit::Signed;
use super::words::{self, Moment, moment, titled};
use crate::access::Action;
use crate::cases::{self, HistoryItem};
use crate::documents;
use crate::domain::{CaseId, Month};
use crate::dossiers::Dossier;
use crate::http::api::penalties;
use crate::http::{Caller, Door, Problem};
use crate::text::{Lang, say, say_with};
use crate::workflow::{Case, Definition, checklist};

#[derive(Template)]
#[template(path = "mine.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    /// The points of this month, for those who have some.
    points: Option<Points>,
}

struct Points {
    month: String,
    points: i64,
}

struct Row {
    standing: Standing,
    dossier: Option<String>,
    /// Whether the next step is the visitor's.
    mine: bool,
    waits_for: String,
    missing: Vec<String>,
    returned: Option<Returned>,
    charged: i64,
    /// What the next failing submission costs.
    next: Vec<String>,
    forms: Vec<Paper>,
}

/// Why a case came back.
struct Returned {
    at: Moment,
    by: String,
    reason: Option<String>,
    papers: Vec<Failing>,
    note: Option<String>,
}

/// A paper that was named as failing.
struct Failing {
    title: String,
    why: Option<String>,
    href: Option<String>,
}

/// A form to print.
struct Paper {
    title: String,
    number: String,
    href: String,
}

/// A running case that somebody keeps, or in which they have asked for something.
pub(super) struct Own {
    pub(super) case: Case,
    pub(super) dossier: Dossier,
    pub(super) definition: Arc<Definition>,
}

impl Own {
    /// Whether it was handed in before and stands where it can be handed in again.
    pub(super) fn is_returned(&self) -> bool {
        let state = self.definition.state(&self.case.state);
        let mut actions = state.into_iter().flat_map(|state| state.actions.keys());
        self.case.attempt > 0 && actions.any(|action| self.definition.submits(&self.case.state, action))
    }
}

/// The running cases that the caller keeps, or in which they have asked for something.
pub(super) fn own_cases(door: &Door, caller: &Caller) -> Result<Vec<Own>, Problem> {
    let me = caller.actor.id;
    let mut own = Vec::new();
    for case in cases::open_cases(&door.app.records)? {
        let Some(dossier) = door.app.dossiers.get(case.dossier)? else { continue };
        if case.adviser != me && dossier.adviser != me {
            continue;
        }
        let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
        // A dossier may have got another keeper since; whoever asked for something follows their own question.
        let asked = definition.asks && case.adviser == me;
        if asked || caller.may_with(door, Action::ViewCase, &dossier).is_ok() {
            own.push(Own { case, dossier, definition });
        }
    }
    Ok(own)
}

/// `GET /mine`
pub(super) async fn show(State(door): State<Door>, signed: Signed) -> Result<Response, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    caller.may(&door, Action::Queue)?;
    let mut own = own_cases(&door, caller)?;
    // What waits for the visitor comes first, and of that what ends first.
    own.sort_by_key(|own| {
        (!waits_for(caller, own), own.case.deadline.unwrap_or(jiff::Timestamp::MAX), own.case.state_since)
    });
    own.truncate(door.app.config.limits.list_entries);
    let ids: Vec<CaseId> = own.iter().map(|own| own.case.id).collect();
    let mut charged: BTreeMap<CaseId, i64> = BTreeMap::new();
    for line in cases::lines_of(&door.app.records, &ids)? {
        *charged.entry(line.case).or_default() += line.points;
    }
    let row = |own: &Own| row(&door, &signed, own, charged.get(&own.case.id).copied().unwrap_or_default());
    let content = Page {
        frame: Frame::of(&door, &signed.visit, say(lang, "page-mine")),
        rows: own.iter().map(row).collect::<Result<_, _>>()?,
        points: points(&door, caller)?,
    };
    page(StatusCode::OK, &content)
}

fn waits_for(caller: &Caller, own: &Own) -> bool {
    let state = own.definition.state(&own.case.state);
    let actor = caller.actor_on(&own.case);
    state.is_some_and(|state| state.waits_for.iter().any(|role| actor.has_role(role)))
}

fn points(door: &Door, caller: &Caller) -> Result<Option<Points>, Problem> {
    if caller.may(door, Action::OwnPenalties).is_err() {
        return Ok(None);
    }
    let month = Month::of(door.app.clock.now());
    let account = penalties::visible(door, caller, Some(month), Some(&caller.actor.name))?;
    Ok(Some(Points { month: month.to_string(), points: account.totals.values().sum() }))
}

fn row(door: &Door, signed: &Signed, own: &Own, charged: i64) -> Result<Row, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    let Own { case, dossier, definition } = own;
    let sees = caller.may_with(door, Action::ViewDossier, dossier).is_ok();
    let roles = definition.state(&case.state).map(|state| state.waits_for.as_slice()).unwrap_or_default();
    let role = |name: &String| titled(definition.roles.get(name), lang, name);
    let lacking = checklist(definition, &dossier.facts, case).items.into_iter().filter(|item| !item.ok);
    Ok(Row {
        standing: standing::of_case(door, lang, definition, case, dossier.name().to_owned()),
        dossier: sees.then(|| format!("/dossiers/{}", dossier.id)),
        mine: waits_for(caller, own),
        waits_for: words::list(lang, roles.iter().map(role)),
        missing: lacking.map(|item| item.title.get(lang.tag()).to_owned()).collect(),
        returned: if own.is_returned() { returned(door, lang, own)? } else { None },
        charged,
        next: next(lang, definition, case),
        forms: forms(door, signed, own)?,
    })
}

/// Why the case stands where it stands: what was said with the step that brought it there.
fn returned(door: &Door, lang: Lang, own: &Own) -> Result<Option<Returned>, Problem> {
    let history = cases::history(&door.app.records, own.case.id)?;
    let said = |item: &&HistoryItem| {
        item.to == own.case.state && (item.input.reason.is_some() || !item.input.documents.is_empty())
    };
    let Some(item) = history.iter().rev().find(said) else { return Ok(None) };
    let title = |reason: &str| titled(own.definition.reason_title(reason), lang, reason);
    let mut papers = Vec::new();
    for name in &item.input.documents {
        let why = item.input.reasons.get(name).map(|reason| title(reason));
        papers.push(failing(door, lang, own, name, why)?);
    }
    Ok(Some(Returned {
        at: moment(item.at),
        by: item.by_name.clone(),
        reason: item.input.reason.as_deref().map(title),
        papers,
        note: item.input.note.clone(),
    }))
}

/// A kind of document, or one document, that was named as failing.
fn failing(door: &Door, lang: Lang, own: &Own, name: &str, why: Option<String>) -> Result<Failing, Problem> {
    let kind = |kind: &str| titled(own.definition.document_title(kind), lang, kind);
    let Ok(id) = name.parse() else { return Ok(Failing { title: kind(name), why, href: None }) };
    let found = documents::get(&door.app.records, id)?.filter(|found| found.dossier == own.case.dossier);
    Ok(match found {
        Some(document) => {
            let title = match &document.filename {
                Some(filename) => format!("{} · {filename}", kind(&document.kind)),
                None => kind(&document.kind),
            };
            Failing { title, why, href: Some(format!("/documents/{id}")) }
        }
        None => Failing { title: name.to_owned(), why, href: None },
    })
}

/// What a submission costs from here if it fails again.
fn next(lang: Lang, definition: &Definition, case: &Case) -> Vec<String> {
    let Some(state) = definition.state(&case.state) else { return Vec::new() };
    let submits = state.actions.iter().filter(|(name, _)| definition.submits(&case.state, name));
    let mut said = Vec::new();
    for (_, rule) in submits {
        let actions = definition.state(&rule.to).into_iter().flat_map(|state| state.actions.keys());
        for table in actions.flat_map(|action| definition.penalty_tables(&rule.to, action)) {
            let title = table.title.get(lang.tag());
            let attempt = case.attempt + 1;
            let sentence = match (table.by_attempt.get(&attempt), table.beyond) {
                (Some(points), _) => {
                    let points = points.to_string();
                    say_with(lang, "page-next-costs", &[("rule", title), ("points", &points)])
                }
                (None, Some(beyond)) => {
                    say_with(lang, "page-next-beyond", &[("rule", title), ("state", beyond.get(lang.tag()))])
                }
                (None, None) => continue,
            };
            if !said.contains(&sentence) {
                said.push(sentence);
            }
        }
    }
    said
}

/// The forms of the case that are made and not signed yet, the latest first.
fn forms(door: &Door, signed: &Signed, own: &Own) -> Result<Vec<Paper>, Problem> {
    if signed.caller.may_with(door, Action::DownloadDocument, &own.dossier).is_err() {
        return Ok(Vec::new());
    }
    let lang = signed.visit.lang;
    let open = cases::forms_of(&door.app.records, own.case.id)?.into_iter().rev();
    let open = open.filter(|form| form.signed.is_none());
    let paper = |form: cases::OrderedForm| {
        let made = form.made?;
        let title = own.definition.forms.get(&form.form).map(|form| &form.title);
        Some(Paper {
            title: titled(title, lang, &form.form),
            number: form.number,
            href: format!("/api/v1/documents/{}/content", made.document),
        })
    };
    Ok(open.filter_map(paper).collect())
}
