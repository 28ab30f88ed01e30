//! The actions that are offered to the visitor, each as a form with the inputs that it needs.

use std::collections::BTreeMap;

use super::basket::Basket;
use super::forms::{channels, typed_instant};
use super::review::Found;
use crate::http::Problem;
use crate::http::api::cases::{ActionView, CaseView, Said};
use crate::http::pages::form::{Choice, Fields};
use crate::http::pages::words::titled;
use crate::text::{Lang, say, say_with};
use crate::workflow::{self, Channel, Definition, Need, Refusal, Title};

/// One action as a form. An input that it does not take is `None`.
pub(super) struct Offer {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) version: u64,
    pub(super) reasons: Option<Vec<Choice>>,
    pub(super) failing: Option<Vec<Failing>>,
    pub(super) contracts: Option<Count>,
    pub(super) points: Option<String>,
    pub(super) days: Option<String>,
    pub(super) person: Option<String>,
    pub(super) note: Option<Note>,
    /// How the papers are handed over, where that can be said.
    pub(super) handover: Option<Handover>,
    /// Whether the form is unfolded.
    pub(super) open: bool,
}

/// Something that can be named as failing, with a reason of its own.
pub(super) struct Failing {
    pub(super) choice: Choice,
    /// The reasons, if one is given at all; the first one, empty, is that of the whole.
    pub(super) reasons: Vec<Choice>,
}

/// How papers are handed over.
pub(super) struct Handover {
    pub(super) channels: Vec<Choice>,
    pub(super) carrier: String,
    pub(super) received_at: String,
    pub(super) paper: String,
    /// Whether something was typed.
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

impl Offer {
    /// Fills in what a review has found: what fails and why, how many contracts, and what was written with the marks.
    pub(super) fn prefill(&mut self, found: &Found) {
        let choose = |choices: &mut Vec<Choice>, value: Option<&String>| {
            for choice in choices {
                choice.chosen = value == Some(&choice.value);
            }
        };
        if let Some(reasons) = &mut self.reasons {
            choose(reasons, found.reason.as_ref());
        }
        for failing in self.failing.iter_mut().flatten() {
            let named = found.failing.get(&failing.choice.value);
            failing.choice.chosen = named.is_some();
            choose(&mut failing.reasons, named.and_then(Option::as_ref));
        }
        if let Some(count) = self.contracts.as_mut().filter(|_| found.contracts > 0) {
            count.value = found.contracts.to_string();
        }
        if let Some(note) = &mut self.note {
            note.text.clone_from(&found.note);
        }
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
    /// Reasons by what they are given for.
    reasons: BTreeMap<String, String>,
    channel: String,
    carrier: String,
    received_at: String,
    paper: String,
}

impl Typed {
    /// What stands in the fields of this action's form.
    pub(super) fn of(action: String, fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).to_owned();
        let documents = fields.all("documents");
        let reason = |name: &String| {
            let reason = fields.filled(&format!("reason-{name}"))?;
            Some((name.clone(), reason.to_owned()))
        };
        Self {
            action,
            reasons: documents.iter().filter_map(reason).collect(),
            channel: text("channel"),
            carrier: text("carrier"),
            received_at: text("received_at"),
            paper: text("paper"),
            version: text("version"),
            reason: text("reason"),
            documents,
            contracts: text("contracts"),
            points: text("points"),
            days: text("days"),
            person: text("person"),
            note: text("note"),
        }
    }

    /// How the papers were handed over, if anything is said of it.
    fn handover(&self) -> Result<Option<workflow::Handover>, Problem> {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let Some(channel) = filled(&self.channel) else {
            let typed = [&self.carrier, &self.received_at, &self.paper];
            if typed.into_iter().all(String::is_empty) {
                return Ok(None);
            }
            let why = Title::new(say(Lang::Zh, "page-choose-channel"), say(Lang::En, "page-choose-channel"));
            return Err(Refusal::BadValue { input: "handover".into(), why }.into());
        };
        let channel = Channel::of(&channel).ok_or_else(|| Problem::bad_request("channel"))?;
        let received_at = typed_instant("handover", &self.received_at)?;
        let (carrier, paper) = (filled(&self.carrier), filled(&self.paper));
        Ok(Some(workflow::Handover { channel, carrier, received_at, paper }))
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
            reasons: self.reasons.clone(),
            handover: self.handover()?,
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
        failing: takes(Need::Documents)
            .then(|| failing(definition, basket, lang, typed, needs(Need::Reason))),
        contracts: takes(Need::Contracts).then_some(count),
        points: takes(Need::Points).then(|| value(|typed| &typed.points)),
        days: takes(Need::Days).then(|| value(|typed| &typed.days)),
        person: takes(Need::Person).then(|| value(|typed| &typed.person)),
        note: takes(Need::Note).then(|| Note {
            text: value(|typed| &typed.note),
            required: needs(Need::Note),
            hint,
        }),
        handover: definition.submits(&seen.state, &action.name).then(|| handover(lang, typed)),
        open: typed.is_some(),
    }
}

fn handover(lang: Lang, typed: Option<&Typed>) -> Handover {
    let value = |get: fn(&Typed) -> &String| typed.map(get).cloned().unwrap_or_default();
    let channel = value(|typed| &typed.channel);
    Handover {
        channels: channels(lang, &channel),
        carrier: value(|typed| &typed.carrier),
        received_at: value(|typed| &typed.received_at),
        paper: value(|typed| &typed.paper),
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
fn failing(
    definition: &Definition,
    basket: &Basket,
    lang: Lang,
    typed: Option<&Typed>,
    with_reasons: bool,
) -> Vec<Failing> {
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
    let with_reasons = |choice: Choice| {
        let given = typed.and_then(|typed| typed.reasons.get(&choice.value)).cloned();
        let known = definition.return_reasons.iter().filter(|_| with_reasons);
        let reasons = known.map(|(name, reason)| Choice {
            label: titled(Some(&reason.title), lang, name),
            chosen: given.as_ref() == Some(name),
            value: name.clone(),
        });
        Failing { reasons: reasons.collect(), choice }
    };
    choices.into_iter().map(with_reasons).collect()
}
