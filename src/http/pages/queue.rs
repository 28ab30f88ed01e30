//! What waits for whoever looks; and for those who see all of it, how much waits where.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use url::form_urlencoded::Serializer;

use super::case::review::done_sentence;
use super::form::Choice;
use super::frame::{Frame, page};
use super::visit::Signed;

use super::words::{self, Moment, deadline, moment, titled};
use super::workflow::{self, WorkflowLink};
use crate::http::api::Query;
use crate::http::api::queue::{Ages, Filter, QueueEntry, Standing, standings, waiting};
use crate::http::caller::rules;
use crate::http::{Door, Problem};
use crate::text::{Lang, say, say_with};

#[derive(Template)]
#[template(path = "queue.html")]
struct Page {
    frame: Frame,
    tabs: Vec<Tab>,
    /// What the tab is called that is chosen.
    show: String,
    roles: Vec<Choice>,
    states: Vec<Choice>,
    overdue: bool,
    rows: Vec<Row>,
    /// How many more wait than one page shows.
    more: usize,
    /// The workflows that may be seen as a whole.
    workflows: Vec<WorkflowLink>,
    /// For whom the visitor may act today.
    deputy: Vec<String>,
    summary: Vec<Line>,
    /// How many cases the visitor could begin to review.
    reviews: usize,
    done: Option<String>,
}

/// What was done before one came here.
#[derive(Default, serde::Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

struct Tab {
    href: String,
    label: String,
    count: usize,
    current: bool,
}

struct Row {
    href: String,
    customer: String,
    workflow: String,
    state: String,
    attempt: u32,
    adviser: String,
    since: Moment,
    due: Option<Moment>,
    overdue: bool,
    claimed_by: Option<String>,
    mine: bool,
    /// The reviewer's desk, if it is for that.
    review: Option<String>,
}

/// How much waits in one state.
struct Line {
    state: String,
    count: u64,
    overdue: u64,
    oldest: Moment,
    oldest_case: String,
    ages: Ages,
}

/// `GET /queue`
pub(super) async fn show(
    State(door): State<Door>,
    signed: Signed,
    Query(filter): Query<Filter>,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let lang = signed.visit.lang;
    let entries = waiting(&door, &signed.caller)?;
    let me = signed.caller.actor.name.as_str();
    let shown: Vec<&QueueEntry> = entries.iter().filter(|entry| filter.takes(entry, me)).collect();
    let limit = door.app.config.limits.list_entries;
    let is_mine = |entry: &QueueEntry| entry.claimed_by.as_deref() == Some(me);
    let rows: Vec<Row> =
        shown.iter().take(limit).map(|entry| row(&door, lang, entry, is_mine(entry))).collect();
    let summary = standings(&door, &signed.caller)?.unwrap_or_default();
    let is_begun = |entry: &&QueueEntry| entry.claimed_by.as_deref().is_none_or(|name| name == me);
    let content = Page {
        reviews: entries.iter().filter(is_begun).filter(|entry| entry.reviewable).count(),
        done: done_sentence(&door, &signed, &done.done),
        tabs: tabs(lang, &filter, &entries, me),
        show: filter.show.clone(),
        roles: roles(&door, lang, &filter, &entries),
        states: states(&door, lang, &filter, &entries),
        overdue: filter.overdue == "true",
        more: shown.len() - rows.len(),
        rows,
        deputy: deputy(&door, &signed),
        summary: summary.into_iter().map(|standing| line(&door, lang, standing)).collect(),
        workflows: workflow::links(&door, &signed.caller, lang),
        frame: Frame::of(&door, &signed.visit, say(lang, "page-queue")),
    };
    page(StatusCode::OK, &content)
}

/// All, mine, unclaimed: each with the other conditions as they are.
fn tabs(lang: Lang, filter: &Filter, entries: &[QueueEntry], me: &str) -> Vec<Tab> {
    let tab = |(show, id): (&str, &str)| {
        let part = Filter { show: show.to_owned(), ..filter.clone() };
        let pairs =
            [("show", &part.show), ("role", &part.role), ("state", &part.state), ("overdue", &part.overdue)];
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let query = Serializer::new(String::new()).extend_pairs(given).finish();
        let count = entries.iter().filter(|entry| part.takes(entry, me)).count();
        let href = if query.is_empty() { "/queue".to_owned() } else { format!("/queue?{query}") };
        Tab { href, label: say(lang, id), count, current: filter.show == show }
    };
    [("", "page-queue-all"), ("mine", "page-queue-mine"), ("free", "page-queue-free")].map(tab).into()
}

fn roles(door: &Door, lang: Lang, filter: &Filter, entries: &[QueueEntry]) -> Vec<Choice> {
    let names = entries.iter().flat_map(|entry| entry.waits_for.iter().cloned());
    let names: std::collections::BTreeSet<String> = names.collect();
    let choice = |value: String| Choice {
        label: words::role(door, lang, &value),
        chosen: value == filter.role,
        value,
    };
    names.into_iter().map(choice).collect()
}

fn states(door: &Door, lang: Lang, filter: &Filter, entries: &[QueueEntry]) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for entry in entries {
        if choices.iter().all(|choice| choice.value != entry.state) {
            choices.push(Choice {
                label: titles(door, lang, entry).1,
                chosen: entry.state == filter.state,
                value: entry.state.clone(),
            });
        }
    }
    choices
}

/// For whom the visitor may act today, each with the role and the last day.
fn deputy(door: &Door, signed: &Signed) -> Vec<String> {
    let lang = signed.visit.lang;
    let said = |held: &crate::delegations::Delegation| {
        let (role, until) = (words::role(door, lang, held.role.as_str()), held.until.to_string());
        let values = [("of", held.of_name.as_str()), ("role", &role), ("until", &until)];
        say_with(lang, "page-queue-deputy", &values)
    };
    signed.caller.deputy.iter().map(said).collect()
}

fn line(door: &Door, lang: Lang, standing: Standing) -> Line {
    // The words of the rules in force; a state that they do not have is shown by its key.
    let title = rules(door).ok().and_then(|rules| {
        let definition = rules.pack.definition(&standing.workflow)?;
        definition.state(&standing.state).map(|state| state.title.get(lang.tag()).to_owned())
    });
    Line {
        state: title.unwrap_or(standing.state),
        count: standing.count,
        overdue: standing.overdue,
        oldest: moment(standing.oldest),
        oldest_case: format!("/cases/{}", standing.oldest_case),
        ages: standing.ages,
    }
}

/// What an entry's workflow and state are called.
fn titles(door: &Door, lang: Lang, entry: &QueueEntry) -> (String, String) {
    let case = door.app.cases.get(entry.case).ok().flatten();
    let found = case.and_then(|case| door.app.packs.definition(&case.definition, &case.workflow).ok());
    let definition = found.as_ref().map(|(_, definition)| definition);
    let state = definition.and_then(|definition| definition.state(&entry.state));
    let workflow = titled(definition.map(|definition| &definition.title), lang, &entry.workflow);
    (workflow, titled(state.map(|state| &state.title), lang, &entry.state))
}

fn row(door: &Door, lang: Lang, entry: &QueueEntry, mine: bool) -> Row {
    let (workflow, state) = titles(door, lang, entry);
    Row {
        href: format!("/cases/{}", entry.case),
        customer: entry.dossier_name.clone(),
        workflow,
        state,
        attempt: entry.attempt,
        adviser: entry.adviser.clone(),
        since: moment(entry.waiting_since),
        due: entry.deadline.map(deadline),
        overdue: entry.overdue,
        claimed_by: entry.claimed_by.clone(),
        review: entry.reviewable.then(|| format!("/review/{}", entry.case)),
        mine,
    }
}
