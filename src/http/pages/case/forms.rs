//! The forms of a case, and who holds its papers.

use axum::extract::{Path, State};
use axum::response::Response;

use crate::access::Action;
use crate::cases::{self, Custody, OrderedForm};
use crate::domain::{DocumentId, business_instant};
use crate::dossiers::Dossier;
use crate::http::api::cases::{NewCustody, note_custody};
use crate::http::pages::form::{Choice, Fields, Form};
use crate::http::pages::visit::Signed;
use crate::http::pages::words::{Moment, moment, titled};
use crate::http::{Caller, Door, Problem};
use crate::text::{Lang, say};
use crate::workflow::{Case, Channel, Definition, Refusal, Title};

/// A form, in words.
pub(super) struct FormLine {
    pub(super) number: String,
    pub(super) title: String,
    pub(super) ordered: Moment,
    /// The document that it became.
    pub(super) document: Option<DocumentId>,
    /// Where it is shown, for those who may see it.
    pub(super) page: Option<String>,
    /// Where the file is, for those who may take it.
    pub(super) download: Option<String>,
    /// Why there is no file yet.
    pub(super) waits: String,
    /// Whether it came back signed, and where that scan is shown, for those who may see it.
    pub(super) is_signed: bool,
    pub(super) signed: Option<String>,
}

/// Who had the papers, in words.
pub(super) struct Held {
    pub(super) since: Moment,
    pub(super) holder: String,
    pub(super) channel: String,
    pub(super) carrier: String,
    pub(super) place: String,
    pub(super) note: String,
    pub(super) by: String,
}

/// What was typed of who has the papers.
#[derive(Default)]
pub(super) struct TypedCustody {
    pub(super) holder: String,
    pub(super) channels: Vec<Choice>,
    pub(super) carrier: String,
    pub(super) place: String,
    pub(super) at: String,
    pub(super) note: String,
    /// Whether the form is unfolded.
    pub(super) open: bool,
}

impl TypedCustody {
    fn of(lang: Lang, fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).to_owned();
        Self {
            holder: text("holder"),
            channels: channels(lang, fields.get("channel")),
            carrier: text("carrier"),
            place: text("place"),
            at: text("at"),
            note: text("note"),
            open: true,
        }
    }

    /// The empty form.
    pub(super) fn empty(lang: Lang) -> Self {
        Self { channels: channels(lang, Channel::InPerson.as_str()), ..Self::default() }
    }
}

/// The ways by which papers go.
pub(super) fn channels(lang: Lang, chosen: &str) -> Vec<Choice> {
    let choice = |channel: Channel| Choice {
        value: channel.as_str().to_owned(),
        label: channel_word(lang, channel),
        chosen: channel.as_str() == chosen,
    };
    Channel::ALL.into_iter().map(choice).collect()
}

/// What a way is called.
pub(in crate::http::pages) fn channel_word(lang: Lang, channel: Channel) -> String {
    say(lang, &format!("channel-{}", channel.as_str()))
}

/// An instant that was typed in the business zone; none if nothing was.
pub(super) fn typed_instant(input: &str, text: &str) -> Result<Option<jiff::Timestamp>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let why = || Title::new(say(Lang::Zh, "page-not-a-time"), say(Lang::En, "page-not-a-time"));
    let bad = || Problem::from(Refusal::BadValue { input: input.into(), why: why() });
    business_instant(text).map(Some).ok_or_else(bad)
}

/// The case's forms.
pub(super) fn lines(
    door: &Door,
    caller: &Caller,
    lang: Lang,
    dossier: &Dossier,
    definition: &Definition,
    case: &Case,
) -> Result<Vec<FormLine>, Problem> {
    let may_look = caller.may_with(door, Action::ViewDocument, dossier).is_ok();
    let may_download = caller.may_with(door, Action::DownloadDocument, dossier).is_ok();
    let waits = if door.app.can_print() { "page-form-waits" } else { "page-form-no-font" };
    let shown = |id: DocumentId| may_look.then(|| format!("/documents/{id}"));
    let line = |form: OrderedForm| {
        let document = form.made.map(|made| made.document);
        let title = definition.forms.get(&form.form).map(|form| &form.title);
        FormLine {
            title: titled(title, lang, &form.form),
            number: form.number,
            ordered: moment(form.ordered_at),
            document,
            page: document.and_then(shown),
            download: document.filter(|_| may_download).map(|id| format!("/api/v1/documents/{id}/content")),
            waits: say(lang, waits),
            is_signed: form.signed.is_some(),
            signed: form.signed.and_then(shown),
        }
    };
    Ok(cases::forms_of(&door.app.records, case.id)?.into_iter().map(line).collect())
}

/// Who had the case's papers, the latest first.
pub(super) fn held(lang: Lang, custody: Vec<Custody>) -> Vec<Held> {
    let line = |held: Custody| Held {
        since: moment(held.at),
        holder: held.holder,
        channel: channel_word(lang, held.channel),
        carrier: held.carrier.unwrap_or_default(),
        place: held.place.unwrap_or_default(),
        note: held.note.unwrap_or_default(),
        by: held.by_name,
    };
    custody.into_iter().rev().map(line).collect()
}

/// `POST /cases/{id}/custody`
pub(in crate::http::pages) async fn note(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let noted = match said(&fields) {
        Ok(held) => note_custody(&door, &signed.caller, &id, held).await,
        Err(problem) => Err(problem),
    };
    match noted {
        Ok(_) => Ok(super::to_case(&id, "?done=custody#custody")),
        Err(problem) => {
            let typed = TypedCustody::of(signed.visit.lang, &fields);
            super::refused_custody(&door, &signed, &id, &problem, typed).await
        }
    }
}

fn said(fields: &Fields) -> Result<NewCustody, Problem> {
    let filled = |name: &str| fields.filled(name).map(str::to_owned);
    let channel = Channel::of(fields.get("channel")).ok_or_else(|| Problem::bad_request("channel"))?;
    Ok(NewCustody {
        holder: fields.get("holder").to_owned(),
        channel,
        carrier: filled("carrier"),
        place: filled("place"),
        at: typed_instant("at", fields.get("at"))?,
        note: filled("note"),
    })
}
