//! What happened to a case, in words, the latest first.

use crate::cases::HistoryItem;
use crate::documents;
use crate::domain::{PersonId, archive_itself};
use crate::http::pages::words::{self, Moment, moment, titled};
use crate::http::{Door, Problem};
use crate::text::{Lang, say, say_with};
use crate::workflow::{Case, Definition, Effect, Pack};

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
    for item in history.into_iter().rev() {
        let mut named = Vec::new();
        for name in &item.input.documents {
            named.push(document(door, lang, definition, case, name)?);
        }
        happenings.push(happening(lang, definition, &in_force.pack, item, named));
    }
    Ok(happenings)
}

fn happening(
    lang: Lang,
    definition: &Definition,
    pack: &Pack,
    item: HistoryItem,
    named: Vec<String>,
) -> Happening {
    let started = |name: &str| titled(pack.definition(name).map(|found| &found.title), lang, name);
    let fact = |name: &str| {
        let field = pack.dossier_kinds().values().find_map(|kind| kind.field(name));
        titled(field.map(|field| &field.title), lang, name)
    };
    let from = item.from.as_deref();
    let what = match from {
        None => say(lang, "page-history-started"),
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
    for effect in &item.effects {
        match effect {
            Effect::Penalise(penalty) => tell(
                "page-history-penalty",
                &[
                    ("adviser", &penalty.adviser_name),
                    ("points", &penalty.points.to_string()),
                    ("month", &penalty.month.to_string()),
                ],
            ),
            Effect::Form { form, .. } => {
                let title = definition.forms.get(form).map(|form| &form.title);
                tell("page-history-form", &[("form", &titled(title, lang, form))]);
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
    Happening {
        seq: item.seq,
        at: moment(item.at),
        by: by(lang, item.by, item.by_name),
        what,
        details,
        note: item.input.note,
    }
}

fn by(lang: Lang, person: PersonId, name: String) -> String {
    if person == archive_itself() { say(lang, "page-history-clock") } else { name }
}

/// What a return named: a kind of document, or one document.
fn document(
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
