//! What happened to a case, in words, the latest first.

use jiff::Timestamp;

use super::forms::channel_word;
use crate::cases::{Clocked, HistoryItem};
use crate::documents;
use crate::domain::{PersonId, archive_itself};
use crate::http::pages::words::{self, Moment, moment, titled};
use crate::http::{Door, Problem};
use crate::text::{Lang, say, say_with};
use crate::workflow::{Case, Definition, Effect, NoticeKind, Pack};

/// One thing that happened.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    pub(super) seq: u32,
    pub(super) at: Moment,
    pub(super) by: String,
    pub(super) what: String,
    pub(super) details: Vec<String>,
    pub(super) note: Option<String>,
}

/// A case's history, the latest first.
pub(super) fn happenings(
    door: &Door,
    lang: Lang,
    definition: &Definition,
    case: &Case,
    history: Vec<HistoryItem>,
) -> Result<Vec<Happening>, Problem> {
    let (in_force, _) = door.app.packs.definition(&case.definition, &case.workflow)?;
    let mut happenings = Vec::new();
    // What happened before a case was moved to another version is told in the words of the version before.
    let moves = history.iter().rev().filter_map(|item| item.moved.as_ref());
    let left = moves.map(|moved| door.app.packs.definition(&moved.from, &case.workflow));
    let left = left.collect::<Result<Vec<_>, _>>()?;
    let (mut left, mut then) = (left.iter().map(|(_, definition)| &**definition), definition);
    for item in history.into_iter().rev() {
        if item.moved.is_some()
            && let Some(before) = left.next()
        {
            happenings.push(migration(lang, (before, then), item));
            then = before;
            continue;
        }
        let mut named = Vec::new();
        for name in &item.input.documents {
            let named_paper = document(door, lang, then, case, name)?;
            let reason = item.input.reasons.get(name);
            let reason = reason.map(|reason| titled(then.reason_title(reason), lang, reason));
            named.push(match reason {
                Some(reason) => {
                    say_with(lang, "page-history-because", &[("what", &named_paper), ("why", &reason)])
                }
                None => named_paper,
            });
        }
        happenings.push(happening(lang, then, &in_force.pack, item, named));
    }
    Ok(happenings)
}

/// The case was moved to another version of its definition.
fn migration(lang: Lang, (left, entered): (&Definition, &Definition), item: HistoryItem) -> Happening {
    let said = |definition: &Definition, name: &str| {
        titled(definition.state(name).map(|state| &state.title), lang, name)
    };
    let versions = [("from", left.version.as_str()), ("to", entered.version.as_str())];
    let mut details = vec![say_with(lang, "page-history-versions", &versions)];
    if let Some(from) = item.from.as_deref().filter(|from| *from != item.to) {
        let states = [("from", said(left, from)), ("to", said(entered, &item.to))];
        let states = states.each_ref().map(|(name, value)| (*name, value.as_str()));
        details.push(say_with(lang, "page-history-moved", &states));
    }
    let what = say(lang, "page-history-migrated");
    let by = if item.by == archive_itself() { say(lang, "page-operator") } else { item.by_name };
    Happening { seq: item.seq, at: moment(item.at), by, what, details, note: None }
}

fn happening(
    lang: Lang,
    definition: &Definition,
    pack: &Pack,
    item: HistoryItem,
    named: Vec<String>,
) -> Happening {
    let from = item.from.as_deref();
    let what = match from {
        None => say(lang, "page-history-started"),
        Some(_) if item.clocked.is_some() => String::new(),
        Some(from) => titled(definition.action_title(from, &item.action), lang, &item.action),
    };
    let mut details = Vec::new();
    let mut tell = |id: &str, values: &[(&str, &str)]| details.push(say_with(lang, id, values));
    let state = |name: &str| titled(definition.state(name).map(|state| &state.title), lang, name);
    if let Some(from) = from.filter(|from| *from != item.to) {
        tell("page-history-moved", &[("from", &state(from)), ("to", &state(&item.to))]);
    }
    if let Some(reason) = &item.input.reason {
        tell("page-history-reason", &[("reason", &titled(definition.reason_title(reason), lang, reason))]);
    }
    if !named.is_empty() {
        tell("page-history-failing", &[("documents", &words::list(lang, named))]);
    }
    if let Some(contracts) = item.input.contracts {
        tell("page-history-contracts", &[("count", &contracts.to_string())]);
    }
    if let Some(handover) = &item.input.handover {
        let way = channel_word(lang, handover.channel);
        let more = [&handover.carrier, &handover.paper].into_iter().flatten().cloned();
        let at = handover.received_at.map(|at| moment(at).said);
        let said: Vec<String> = [way].into_iter().chain(at).chain(more).collect();
        tell("page-history-handover", &[("how", &said.join(" · "))]);
    }
    details.extend(ordered(lang, definition, pack, &item.effects));
    Happening {
        seq: item.seq,
        at: moment(item.at),
        by: by(lang, item.by, item.by_name, item.acting_for.map(|held| held.name)),
        what: item.clocked.map_or(what, |clocked| clocked_words(lang, &clocked)),
        details,
        note: item.input.note,
    }
}

/// What the workflow ordered, each in words.
fn ordered(lang: Lang, definition: &Definition, pack: &Pack, effects: &[Effect]) -> Vec<String> {
    let started = |name: &str| titled(pack.definition(name).map(|found| &found.title), lang, name);
    let fact = |name: &str| {
        let field = pack.dossier_kinds().values().find_map(|kind| kind.field(name));
        titled(field.map(|field| &field.title), lang, name)
    };
    let mut details = Vec::new();
    let mut tell = |id: &str, values: &[(&str, &str)]| details.push(say_with(lang, id, values));
    for effect in effects {
        match effect {
            Effect::Penalise(penalty) => tell(
                "page-history-penalty",
                &[
                    ("adviser", &penalty.adviser_name),
                    ("points", &penalty.points.to_string()),
                    ("month", &penalty.month.to_string()),
                ],
            ),
            Effect::Form { form, number, .. } => {
                let title = definition.forms.get(form).map(|form| &form.title);
                let number = number.as_deref().unwrap_or_default();
                let form = format!("{} {number}", titled(title, lang, form));
                tell("page-history-form", &[("form", form.trim_end())]);
            }
            Effect::Grant { person, until, .. } => {
                let until = words::deadline(*until).said;
                tell("page-history-granted", &[("person", &person.name), ("until", &until)]);
            }
            Effect::Revoke { .. } => tell("page-history-revoked", &[]),
            Effect::Reassign { person, .. } => tell("page-history-reassigned", &[("person", &person.name)]),
            Effect::Seal { .. } => tell("page-history-sealing", &[]),
            Effect::Start { workflow, .. } => {
                tell("page-history-started-other", &[("workflow", &started(workflow))]);
            }
            Effect::Set { facts, .. } => {
                tell(
                    "page-history-set",
                    &[("facts", &words::list(lang, facts.keys().map(String::as_str).map(fact)))],
                );
            }
            _ => {}
        }
    }
    details
}

/// What the clock said of the case's time.
fn clocked_words(lang: Lang, clocked: &Clocked) -> String {
    let said = |at: Option<Timestamp>| {
        at.map_or_else(|| say(lang, "page-no-deadline"), |at| words::deadline(at).said)
    };
    match clocked {
        Clocked::Notice { kind, deadline } => {
            let id = match kind {
                NoticeKind::Warning => "page-history-warned",
                NoticeKind::Reminder => "page-history-reminded",
            };
            say_with(lang, id, &[("deadline", &said(Some(*deadline)))])
        }
        Clocked::Recount { from, to } => {
            say_with(lang, "page-history-recounted", &[("from", &said(*from)), ("to", &said(*to))])
        }
    }
}

fn by(lang: Lang, person: PersonId, name: String, of: Option<String>) -> String {
    match of {
        _ if person == archive_itself() => say(lang, "page-history-clock"),
        Some(of) => say_with(lang, "page-history-deputy", &[("name", &name), ("of", &of)]),
        None => name,
    }
}

/// What a return named: a kind of document, or one document.
pub(super) fn document(
    door: &Door,
    lang: Lang,
    definition: &Definition,
    case: &Case,
    name: &str,
) -> Result<String, Problem> {
    let Ok(id) = name.parse() else {
        return Ok(titled(definition.document_title(name), lang, name));
    };
    let found = documents::get(&door.app.records, id)?.filter(|document| document.dossier == case.dossier);
    let Some(document) = found else { return Ok(name.to_owned()) };
    let kind = titled(definition.document_title(&document.kind), lang, &document.kind);
    Ok(match document.filename {
        Some(filename) => format!("{kind} · {filename}"),
        None => kind,
    })
}
