//! What stands on a form. The words are the pack's and ours, Chinese first with the English beside it.

use jiff::{SignedDuration, Timestamp};

use crate::cases::{Custody, HistoryItem, OrderedForm};
use crate::documents::Document;
use crate::domain::business_time;
use crate::dossiers::Dossier;
use crate::print::{Block, Both, Sheet, Signatures, Table};
use crate::text::{Lang, say, say_with};
use crate::workflow::{Channel, Checklist, Definition, Effect, Pack, Title, checklist};

/// So many digits of a digest say which file it is.
const DIGEST_DIGITS: usize = 16;

/// What a form is made from.
pub(super) struct Ground<'a> {
    pub(super) pack: &'a Pack,
    pub(super) definition: &'a Definition,
    pub(super) dossier: &'a Dossier,
    pub(super) form: &'a OrderedForm,
    pub(super) history: Vec<HistoryItem>,
    pub(super) custody: Vec<Custody>,
    /// The papers of the case, each with the name of whoever sent it.
    pub(super) papers: Vec<(Document, String)>,
}

/// The form's file name.
pub(super) fn file_name(ground: &Ground<'_>) -> String {
    format!("{} {}.pdf", title(ground).zh, ground.form.number)
}

/// The form. What was sent back says what fails and why; every other event what was handed over.
pub(super) fn sheet(ground: &Ground<'_>) -> Sheet {
    let event = ground.history.iter().find(|item| item.seq == ground.form.at.seq);
    let mut blocks = vec![Block::Facts(facts(ground, event))];
    match event.filter(|event| !event.input.documents.is_empty()) {
        Some(event) => blocks.extend(failing(ground, event)),
        None => blocks.extend(handed_over(ground)),
    }
    blocks.push(Block::Signatures(signatures(ground)));
    Sheet {
        over: both(ground.pack.rules_title()),
        title: both(title(ground)),
        number_label: words("form-number"),
        number: ground.form.number.clone(),
        foot: ground.form.case.id.to_string(),
        code: None,
        made_at: ground.form.ordered_at,
        blocks,
    }
}

fn title<'a>(ground: &'a Ground<'_>) -> &'a Title {
    static NONE: Title = Title { zh: String::new(), en: String::new() };
    ground.definition.forms.get(&ground.form.form).map_or(&NONE, |form| &form.title)
}

fn facts(ground: &Ground<'_>, event: Option<&HistoryItem>) -> Vec<(Both, Both)> {
    let case = &ground.form.case;
    let list = checklist(ground.definition, &ground.dossier.facts, case);
    let role = |name: &str| both_or(ground.definition.roles.get(name), name);
    let mut facts = vec![
        (words("form-customer"), Both::same(ground.dossier.name())),
        (words("form-customer-kind"), both(&list.title)),
        (words("form-workflow"), both(&ground.definition.title)),
        (words("form-attempt"), Both::same(case.attempt.to_string())),
        (words("form-contracts"), Both::same(case.contracts.to_string())),
        (words("form-adviser"), Both::same(&case.adviser_name)),
        (words("form-at"), Both::same(business_time(ground.form.ordered_at))),
        (words("form-by"), Both::same(event.map(|event| event.by_name.clone()).unwrap_or_default())),
        (words("form-case"), Both::same(case.id.to_string())),
    ];
    if let Some(handover) = event.and_then(|event| event.input.handover.as_ref()) {
        let carrier = handover.carrier.clone().unwrap_or_default();
        facts.push((words("form-channel"), joined(&channel(handover.channel), &carrier)));
        if let Some(at) = handover.received_at {
            facts.push((words("form-received-at"), Both::same(business_time(at))));
        }
        if let Some(paper) = &handover.paper {
            facts.push((words("form-paper-place"), Both::same(paper)));
        }
    }
    let state = ground.definition.state(&case.state);
    if let (Some(deadline), Some(state)) = (case.deadline.filter(|_| is_return(event)), state) {
        let who: Vec<Both> = state.waits_for.iter().map(|name| role(name)).collect();
        facts.push((words("form-complete-by"), Both::same(end_of_term(deadline))));
        facts.push((words("form-complete-who"), list_of(&who)));
    }
    facts
}

fn is_return(event: Option<&HistoryItem>) -> bool {
    event.is_some_and(|event| !event.input.documents.is_empty())
}

/// The papers that are there and count, and what the checklist still wants.
fn handed_over(ground: &Ground<'_>) -> Vec<Block> {
    let case = &ground.form.case;
    let there = ground.papers.iter().filter(|(document, _)| !case.wrong.contains(&document.id));
    let rows: Vec<Vec<Both>> =
        (1..).zip(there).map(|(number, paper)| paper_row(ground, number, paper)).collect();
    let count = rows.len().to_string();
    let list = checklist(ground.definition, &ground.dossier.facts, case);
    let mut blocks = vec![Block::Heading(words_with("form-papers", &[("count", &count)]))];
    let columns = [("form-column-number", 0.5), ("form-column-paper", 3.2), ("form-column-pages", 0.8)];
    let columns = [&columns[..], &[("form-column-digest", 1.7), ("form-column-received", 2.3)]].concat();
    blocks.push(Block::Table(Table { columns: columns_of(&columns), rows }));
    blocks.push(Block::Heading(words("form-missing")));
    blocks.extend(missing(&list));
    let held: Vec<&Custody> =
        ground.custody.iter().filter(|held| held.at <= ground.form.ordered_at).collect();
    if !held.is_empty() {
        blocks.push(Block::Heading(words("form-custody")));
        blocks.push(custody(&held));
    }
    blocks
}

fn paper_row(ground: &Ground<'_>, number: u32, (document, from): &(Document, String)) -> Vec<Both> {
    let kind = both_or(ground.definition.document_title(&document.kind), &document.kind);
    let name = document.filename.clone().unwrap_or_default();
    let pages = document.reading.as_ref().map(|reading| reading.pages).filter(|pages| *pages > 0);
    let digest: String = document.sha256.to_string().chars().take(DIGEST_DIGITS).collect();
    let way = match &document.part_of {
        Some(_) => words_with("form-from-stack", &[("who", from)]),
        None => words_with("form-from-upload", &[("who", from)]),
    };
    vec![
        Both::same(number.to_string()),
        Both::new(kind.zh, [kind.en, name].join(" · ").trim_matches([' ', '·']).to_owned()),
        Both::same(pages.map_or_else(|| "—".to_owned(), |pages| pages.to_string())),
        Both::same(digest),
        Both::new(format!("{} {}", business_time(document.received_at), way.zh), way.en),
    ]
}

fn missing(list: &Checklist) -> Vec<Block> {
    let lacking = list.items.iter().filter(|item| !item.ok);
    let rows: Vec<Vec<Both>> = lacking
        .map(|item| {
            let (need, there) = (item.need.to_string(), item.documents.len().to_string());
            vec![both(&item.title), Both::same(need), Both::same(there)]
        })
        .collect();
    if rows.is_empty() {
        return vec![Block::Text(words("form-nothing-missing"))];
    }
    let columns = [("form-column-paper", 5.0), ("form-column-needed", 1.0), ("form-column-there", 1.0)];
    vec![Block::Table(Table { columns: columns_of(&columns), rows })]
}

fn custody(held: &[&Custody]) -> Block {
    let row = |held: &&Custody| {
        let carrier = held.carrier.clone().unwrap_or_default();
        let place = held.place.clone().unwrap_or_default();
        vec![
            Both::same(business_time(held.at)),
            Both::same(&held.holder),
            joined(&channel(held.channel), &carrier),
            Both::new(place, held.note.clone().unwrap_or_default()),
        ]
    };
    let columns = [("form-column-since", 1.6), ("form-column-holder", 1.6), ("form-column-channel", 1.8)];
    let columns = [&columns[..], &[("form-column-place", 2.6)]].concat();
    Block::Table(Table { columns: columns_of(&columns), rows: held.iter().map(row).collect() })
}

/// What fails and why, and what that costs.
fn failing(ground: &Ground<'_>, event: &HistoryItem) -> Vec<Block> {
    let row = |(number, name): (u32, &String)| {
        let reason = event.input.reason_of(name).unwrap_or_default();
        let reason = both_or(ground.definition.reason_title(reason), reason);
        vec![Both::same(number.to_string()), failing_paper(ground, name), reason]
    };
    let rows = (1..).zip(&event.input.documents).map(row).collect();
    let columns = [("form-column-number", 0.4), ("form-column-paper", 4.0), ("form-column-reason", 2.6)];
    let mut blocks = vec![Block::Heading(words("form-failing"))];
    blocks.push(Block::Table(Table { columns: columns_of(&columns), rows }));
    if let Some(note) = &event.input.note {
        blocks.push(Block::Text(words_with("form-note", &[("note", note)])));
    }
    blocks.push(Block::Heading(words("form-assessment")));
    if let Some(contracts) = event.input.contracts {
        let contracts = contracts.to_string();
        blocks.push(Block::Text(words_with("form-failing-contracts", &[("count", &contracts)])));
    }
    let mut charged = false;
    for effect in &event.effects {
        let Effect::Penalise(penalty) = effect else { continue };
        charged = true;
        let (points, month) = (penalty.points.to_string(), penalty.month.to_string());
        let values =
            [("points", points.as_str()), ("adviser", penalty.adviser_name.as_str()), ("month", &month)];
        blocks.push(Block::Text(words_with("form-charged", &values)));
    }
    if !charged {
        blocks.push(Block::Text(words("form-not-charged")));
    }
    let from = event.from.as_deref().unwrap_or_default();
    blocks.extend(ground.definition.penalty_tables(from, &event.action).iter().map(|table| {
        let mut rows: Vec<Vec<Both>> = Vec::new();
        for (attempt, points) in table.by_attempt {
            let attempt = attempt.to_string();
            rows.push(vec![words_with("form-nth", &[("n", &attempt)]), Both::same(points.to_string())]);
        }
        if let (Some(beyond), Some((last, _))) = (table.beyond, table.by_attempt.last_key_value()) {
            let last = last.to_string();
            rows.push(vec![words_with("form-beyond", &[("n", &last)]), both(beyond)]);
        }
        let columns = vec![(both(table.title), 1.0), (words("form-column-points"), 1.0)];
        Block::Table(Table { columns, rows })
    }));
    blocks
}

/// What a return named: a kind of document, or one document.
fn failing_paper(ground: &Ground<'_>, name: &str) -> Both {
    let paper = ground.papers.iter().find(|(document, _)| document.id.to_string() == name);
    let kind = paper.map_or(name, |(document, _)| document.kind.as_str());
    let title = both_or(ground.definition.document_title(kind), kind);
    let filename = paper.and_then(|(document, _)| document.filename.clone()).unwrap_or_default();
    Both::new(title.zh, [title.en, filename].join(" · ").trim_matches([' ', '·']).to_owned())
}

fn signatures(ground: &Ground<'_>) -> Signatures {
    let roles = ground.definition.forms.get(&ground.form.form).map(|form| form.signed_by.as_slice());
    let title = |role: &String| {
        let known = ground.definition.roles.get(role).or_else(|| ground.pack.roles().get(role));
        both_or(known, role)
    };
    Signatures {
        fields: roles.unwrap_or_default().iter().map(title).collect(),
        sign: words("form-sign"),
        date: words("form-date"),
    }
}

fn columns_of(columns: &[(&str, f32)]) -> Vec<(Both, f32)> {
    columns.iter().map(|(id, part)| (words(id), *part)).collect()
}

/// What a way of handing over is called.
fn channel(channel: Channel) -> Both {
    words(&format!("channel-{}", channel.as_str()))
}

fn joined(first: &Both, then: &str) -> Both {
    match then {
        "" => first.clone(),
        then => Both::new(format!("{} · {then}", first.zh), first.en.clone()),
    }
}

fn list_of(all: &[Both]) -> Both {
    let join = |pick: fn(&Both) -> &str, by: &str| all.iter().map(pick).collect::<Vec<_>>().join(by);
    Both::new(join(|both| &both.zh, "、"), join(|both| &both.en, ", "))
}

/// A term that ends with a day is said to end on that day, at 24:00.
fn end_of_term(at: Timestamp) -> String {
    let said = business_time(at);
    let before = at.checked_sub(SignedDuration::from_mins(1)).map(business_time);
    match (said.strip_suffix(" 00:00"), before) {
        (Some(_), Ok(before)) => before.replace(" 23:59", " 24:00"),
        _ => said,
    }
}

fn words(id: &str) -> Both {
    words_with(id, &[])
}

fn words_with(id: &str, values: &[(&str, &str)]) -> Both {
    match values {
        [] => Both::new(say(Lang::Zh, id), say(Lang::En, id)),
        values => Both::new(say_with(Lang::Zh, id, values), say_with(Lang::En, id, values)),
    }
}

fn both(title: &Title) -> Both {
    Both::new(&title.zh, &title.en)
}

fn both_or(title: Option<&Title>, key: &str) -> Both {
    title.map_or_else(|| Both::same(key), both)
}
