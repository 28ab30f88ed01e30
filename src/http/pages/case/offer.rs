//! The actions that are offered to the visitor, each as a form with the inputs that it needs.

use super::basket::Basket;
use crate::http::Problem;
use crate::http::api::cases::{ActionView, CaseView, Said};
use crate::http::pages::form::{Choice, Fields};
use crate::http::pages::words::titled;
use crate::text::{Lang, say, say_with};
use crate::workflow::{Definition, Need, Refusal, Title};

/// One action as a form. An input that it does not take is `None`.
pub(super) struct Offer {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) version: u64,
    pub(super) reasons: Option<Vec<Choice>>,
    pub(super) failing: Option<Vec<Choice>>,
    pub(super) contracts: Option<Count>,
    pub(super) points: Option<String>,
    pub(super) days: Option<String>,
    pub(super) person: Option<String>,
    pub(super) note: Option<Note>,
    /// Whether the form is unfolded.
    pub(super) open: bool,
}

/// A number of contracts.
pub(super) struct Count {
    pub(super) value: String,
    pub(super) most: u32,
}

/// A sentence.
pub(super) struct Note {
    pub(super) text: String,
    pub(super) required: bool,
    /// When it is needed, if not always.
    pub(super) hint: Option<String>,
}

impl Offer {
    /// Whether a press of the button is all that it takes.
    pub(super) fn is_plain(&self) -> bool {
        self.reasons.is_none()
            && self.failing.is_none()
            && self.contracts.is_none()
            && self.points.is_none()
            && self.days.is_none()
            && self.person.is_none()
            && self.note.is_none()
    }
}

/// What was typed into an action's form.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    pub(super) action: String,
    pub(super) version: String,
    reason: String,
    documents: Vec<String>,
    contracts: String,
    points: String,
    days: String,
    person: String,
    pub(super) note: String,
}

impl Typed {
    /// What stands in the fields of this action's form.
    pub(super) fn of(action: String, fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).to_owned();
        Self {
            action,
            version: text("version"),
            reason: text("reason"),
            documents: fields.all("documents"),
            contracts: text("contracts"),
            points: text("points"),
            days: text("days"),
            person: text("person"),
            note: text("note"),
        }
    }

    /// The same as the API takes it; what was left empty was not said.
    pub(super) fn said(&self) -> Result<Said, Problem> {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(Said {
            version: self.version.parse().map_err(|_| Problem::bad_request("version"))?,
            reason: filled(&self.reason),
            documents: self.documents.clone(),
            contracts: number("contracts", &self.contracts)?,
            points: number("points", &self.points)?,
            days: number("days", &self.days)?,
            person: filled(&self.person),
            note: filled(&self.note),
        })
    }
}

fn number(input: &str, text: &str) -> Result<Option<u32>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let why = || Title::new(say(Lang::Zh, "page-whole-number"), say(Lang::En, "page-whole-number"));
    text.parse().map(Some).map_err(|_| Problem::from(Refusal::BadValue { input: input.into(), why: why() }))
}

/// The forms of the actions that the visitor may take now: those first that need no more than a press. If the case
/// `waits` for the visitor and there is only one, it is unfolded.
pub(super) fn offers(
    seen: &CaseView,
    definition: &Definition,
    basket: &Basket,
    lang: Lang,
    waits: bool,
    typed: Option<&Typed>,
) -> Vec<Offer> {
    let offer = |action: &ActionView| {
        let typed = typed.filter(|typed| typed.action == action.name);
        offer(seen, definition, basket, lang, action, typed)
    };
    let mut offers: Vec<Offer> = seen.actions.iter().map(offer).collect();
    offers.sort_by_key(|offer| !offer.is_plain());
    if let (true, [only]) = (waits, offers.as_mut_slice()) {
        only.open = true;
    }
    offers
}

fn offer(
    seen: &CaseView,
    definition: &Definition,
    basket: &Basket,
    lang: Lang,
    action: &ActionView,
    typed: Option<&Typed>,
) -> Offer {
    let needs = |need: Need| action.needs.iter().any(|name| name == need.input());
    let by_reason = |need: Need| {
        let reasons = definition.return_reasons.values().filter(|reason| reason.needs.contains(&need));
        let titles = reasons.map(|reason| titled(Some(&reason.title), lang, ""));
        if needs(Need::Reason) { titles.collect() } else { Vec::<String>::new() }
    };
    let takes = |need: Need| needs(need) || !by_reason(need).is_empty();
    let value = |get: fn(&Typed) -> &String| typed.map(get).cloned().unwrap_or_default();
    let one_contract = if seen.contracts == 1 { "1" } else { "" };
    let count = Count {
        value: typed.map_or(one_contract.into(), |typed| typed.contracts.clone()),
        most: seen.contracts,
    };
    let note_for = by_reason(Need::Note);
    let hint = (!needs(Need::Note) && !note_for.is_empty()).then(|| {
        say_with(lang, "page-note-needed-for", &[("reasons", &super::super::words::list(lang, note_for))])
    });
    Offer {
        title: titled(definition.action_title(&seen.state, &action.name), lang, &action.name),
        name: action.name.clone(),
        version: seen.version,
        reasons: needs(Need::Reason).then(|| reasons(definition, lang, typed)),
        failing: takes(Need::Documents).then(|| failing(basket, lang, typed)),
        contracts: takes(Need::Contracts).then_some(count),
        points: takes(Need::Points).then(|| value(|typed| &typed.points)),
        days: takes(Need::Days).then(|| value(|typed| &typed.days)),
        person: takes(Need::Person).then(|| value(|typed| &typed.person)),
        note: takes(Need::Note).then(|| Note {
            text: value(|typed| &typed.note),
            required: needs(Need::Note),
            hint,
        }),
        open: typed.is_some(),
    }
}

fn reasons(definition: &Definition, lang: Lang, typed: Option<&Typed>) -> Vec<Choice> {
    let choice = |(name, reason): (&String, &crate::workflow::Reason)| Choice {
        label: titled(Some(&reason.title), lang, name),
        chosen: typed.is_some_and(|typed| typed.reason == *name),
        value: name.clone(),
    };
    definition.return_reasons.iter().map(choice).collect()
}

/// What can be named as failing: each document that is there by its id, and each kind of which there is too little.
fn failing(basket: &Basket, lang: Lang, typed: Option<&Typed>) -> Vec<Choice> {
    let chosen = |value: &str, default: bool| {
        typed.map_or(default, |typed| typed.documents.iter().any(|name| name == value))
    };
    let mut choices = Vec::new();
    for item in &basket.items {
        for file in &item.files {
            let value = file.id.to_string();
            let label = format!("{} · {}", item.title, file.filename);
            choices.push(Choice { chosen: chosen(&value, false), value, label });
        }
        if !item.ok || item.files.is_empty() {
            let label = say_with(lang, "page-item-missing", &[("kind", &item.title)]);
            choices.push(Choice { chosen: chosen(&item.kind, !item.ok), value: item.kind.clone(), label });
        }
    }
    choices
}
