//! What happened to a dossier, who holds its papers, and who was granted to look at it, in words.

use crate::cases::{self, HistoryItem};
use crate::documents::Document;
use crate::domain::{DossierId, archive_itself};
use crate::dossiers::{self, Dossier};
use crate::http::pages::case::forms::channel_word;
use crate::http::pages::standing::{Due, due};
use crate::http::pages::words::{self, Moment, moment, titled};
use crate::http::{Door, Problem};
use crate::text::{Lang, say, say_with};
use crate::workflow::{Case, Definition};

/// So much of what happened is shown.
const MOST_TOLD: usize = 100;

/// One thing that happened.
pub(super) struct Told {
    at: jiff::Timestamp,
    pub(super) when: Moment,
    pub(super) what: String,
    pub(super) by: String,
    pub(super) href: Option<String>,
    pub(super) detail: String,
}

/// Who holds the papers of a case now.
pub(super) struct Held {
    pub(super) workflow: String,
    pub(super) href: String,
    pub(super) holder: String,
    pub(super) place: String,
    pub(super) channel: String,
    pub(super) since: Moment,
}

/// Somebody may look at the dossier who could not without a grant.
pub(super) struct Granted {
    pub(super) person: String,
    pub(super) purpose: String,
    pub(super) until: Due,
    pub(super) case: String,
}

/// What happened, the latest first: when it was opened, what came in, and each step of its cases.
pub(super) fn of(
    door: &Door,
    lang: Lang,
    dossier: &Dossier,
    cases: &[Case],
    documents: &[Document],
    sees_cases: bool,
) -> Result<Vec<Told>, Problem> {
    let mut told = vec![line(dossier.opened_at, say(lang, "page-told-opened"), String::new(), None)];
    for document in documents {
        let kind = words::kind(door, lang, &document.kind);
        let what = say_with(lang, "page-told-received", &[("what", &kind)]);
        let by = if document.received_from == archive_itself() {
            say(lang, "page-by-archive")
        } else {
            door.app.people.get(document.received_from)?.map(|person| person.name).unwrap_or_default()
        };
        let mut one = line(document.received_at, what, by, Some(format!("#document-{}", document.id)));
        one.detail = document.filename.clone().unwrap_or_default();
        told.push(one);
    }
    for case in cases.iter().filter(|_| sees_cases) {
        let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
        for item in cases::history(&door.app.records, case.id)? {
            told.extend(step(lang, &definition, case, item));
        }
    }
    told.sort_by_key(|one| std::cmp::Reverse(one.at));
    told.truncate(MOST_TOLD);
    Ok(told)
}

fn line(at: jiff::Timestamp, what: String, by: String, href: Option<String>) -> Told {
    Told { at, when: moment(at), what, by, href, detail: String::new() }
}

/// A step of a case; nothing if the clock only spoke.
fn step(lang: Lang, definition: &Definition, case: &Case, item: HistoryItem) -> Option<Told> {
    if item.clocked.is_some() {
        return None;
    }
    let workflow = definition.title.get(lang.tag());
    let what = match (&item.from, &item.moved) {
        (None, _) => say_with(lang, "page-told-started", &[("what", workflow)]),
        (Some(_), Some(_)) => say(lang, "page-history-migrated"),
        (Some(from), None) => titled(definition.action_title(from, &item.action), lang, &item.action),
    };
    let by = if item.by == archive_itself() { say(lang, "page-history-clock") } else { item.by_name };
    let mut told = line(item.at, what, by, Some(format!("/cases/{}", case.id)));
    if item.from.is_some() {
        let state = titled(definition.state(&item.to).map(|state| &state.title), lang, &item.to);
        told.detail = format!("{workflow} → {state}");
    }
    Some(told)
}

/// Who holds the papers of each case now.
pub(super) fn custody(door: &Door, lang: Lang, cases: &[Case]) -> Result<Vec<Held>, Problem> {
    let mut held = Vec::new();
    for case in cases {
        let Some(last) = cases::custody(&door.app.records, case.id)?.pop() else { continue };
        let (_, definition) = door.app.packs.definition(&case.definition, &case.workflow)?;
        held.push(Held {
            workflow: definition.title.get(lang.tag()).to_owned(),
            href: format!("/cases/{}#custody", case.id),
            channel: channel_word(lang, last.channel),
            holder: last.holder,
            place: last.place.unwrap_or_default(),
            since: moment(last.at),
        });
    }
    Ok(held)
}

/// The grants that are in force.
pub(super) fn grants(door: &Door, lang: Lang, dossier: DossierId) -> Result<Vec<Granted>, Problem> {
    let now = door.app.clock.now();
    let granted = dossiers::grants_of(&door.app.records, dossier)?.into_iter();
    let shown = |grant: dossiers::Grant| Granted {
        until: due(door, lang, grant.until),
        case: format!("/cases/{}", grant.case),
        person: grant.person_name,
        purpose: grant.purpose,
    };
    Ok(granted.filter(|grant| grant.until > now).map(shown).collect())
}
