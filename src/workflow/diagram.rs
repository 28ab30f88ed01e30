//! A definition as a picture: as text for Mermaid and Graphviz, and drawn as SVG without either.

mod svg;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::definition::{ActionRule, Definition, Length, REMIND, State};
use super::{Span, Title};

/// The style of a drawing that stands alone: readable in light and in dark. A page gives the same classes its own.
const STYLE: &str = include_str!("diagram/diagram.css");

/// A definition's states in the order in which a case can come to them, in one language.
struct Chart {
    title: String,
    cards: Vec<Card>,
}

/// A state.
struct Card {
    name: String,
    title: String,
    /// Whom it waits for, and how long.
    waits: String,
    is_initial: bool,
    is_final: bool,
    rows: Vec<Row>,
}

/// An action.
struct Row {
    title: String,
    /// Who, and on what condition.
    who: String,
    /// The state that follows, as a position among the cards.
    to: usize,
    by_clock: bool,
}

/// A state diagram in the language of Mermaid.
pub fn mermaid(def: &Definition, lang: &str) -> String {
    let chart = Chart::of(def, lang);
    let mut text = format!("---\ntitle: {}\n---\nstateDiagram-v2\n", plain(&chart.title));
    for card in &chart.cards {
        let waits = if card.waits.is_empty() { String::new() } else { format!("<br>{}", plain(&card.waits)) };
        let _ = writeln!(text, "    state \"{}{waits}\" as {}", plain(&card.title), id(&card.name));
    }
    for card in &chart.cards {
        if card.is_initial {
            let _ = writeln!(text, "    [*] --> {}", id(&card.name));
        }
        for row in &card.rows {
            let to = chart.cards.get(row.to).map(|to| id(&to.name)).unwrap_or_default();
            let _ = writeln!(
                text,
                "    {} --> {to} : {}<br>{}",
                id(&card.name),
                plain(&row.title),
                plain(&row.who)
            );
        }
        if card.is_final {
            let _ = writeln!(text, "    {} --> [*]", id(&card.name));
        }
    }
    text
}

/// A graph in the language of Graphviz.
pub fn dot(def: &Definition, lang: &str) -> String {
    let chart = Chart::of(def, lang);
    let mut text = format!("digraph {} {{\n  label={};\n", quoted(&def.id), quoted(&chart.title));
    text.push_str("  node [shape=box, style=rounded];\n  start [shape=point, label=\"\"];\n");
    for card in &chart.cards {
        let shape = if card.is_final { ", peripheries=2" } else { "" };
        let label = lines(&card.title, &card.waits);
        let _ = writeln!(text, "  {} [label={label}{shape}];", quoted(&card.name));
        if card.is_initial {
            let _ = writeln!(text, "  start -> {};", quoted(&card.name));
        }
    }
    for card in &chart.cards {
        for row in &card.rows {
            let to = chart.cards.get(row.to).map(|to| quoted(&to.name)).unwrap_or_default();
            let style = if row.by_clock { ", style=dashed" } else { "" };
            let label = lines(&row.title, &row.who);
            let _ = writeln!(text, "  {} -> {to} [label={label}{style}];", quoted(&card.name));
        }
    }
    text.push_str("}\n");
    text
}

/// A drawing as SVG that stands alone, with a title and a description for those who cannot see it.
pub fn svg(def: &Definition, lang: &str) -> String {
    svg::draw(&Chart::of(def, lang), &BTreeMap::new(), Some(STYLE), lang)
}

/// The same to be put into a page that has the classes' styles; `running` cases are counted at their states.
pub fn svg_in_page(def: &Definition, lang: &str, running: &BTreeMap<String, u64>) -> String {
    svg::draw(&Chart::of(def, lang), running, None, lang)
}

impl Chart {
    fn of(def: &Definition, lang: &str) -> Self {
        let order = in_order(def);
        let place = |name: &str| order.iter().position(|found| *found == name).unwrap_or_default();
        let card = |name: &&str| {
            let state = def.states.get(*name)?;
            let row = |(_, rule): (&String, &ActionRule)| Row {
                title: rule.title.get(lang).to_owned(),
                who: who(def, rule, lang),
                to: place(&rule.to),
                by_clock: rule.is_timer(),
            };
            Some(Card {
                name: (*name).to_owned(),
                title: state.title.get(lang).to_owned(),
                waits: waits(def, state, lang),
                is_initial: *name == def.initial,
                is_final: state.is_final,
                rows: state.actions.iter().map(row).collect(),
            })
        };
        Self { title: def.title.get(lang).to_owned(), cards: order.iter().filter_map(card).collect() }
    }
}

/// The states in the order in which a case can come to them; those where it ends, last.
fn in_order(def: &Definition) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = vec![def.initial.as_str()];
    while !next.is_empty() {
        let mut after = Vec::new();
        for name in next {
            let Some(state) = def.states.get(name).filter(|_| seen.insert(name)) else { continue };
            order.push(name);
            after.extend(state.actions.values().map(|rule| rule.to.as_str()));
        }
        next = after;
    }
    order.extend(def.states.keys().map(String::as_str).filter(|name| !seen.contains(name)));
    order.sort_by_key(|name| def.states.get(*name).is_some_and(|state| state.is_final));
    order
}

fn either<'a>(lang: &str, zh: &'a str, en: &'a str) -> &'a str {
    if lang.starts_with("zh") { zh } else { en }
}

fn roles(def: &Definition, names: &[String], lang: &str) -> String {
    let title =
        |name: &String| def.roles.get(name).map_or(name.as_str(), |title: &Title| title.get(lang)).to_owned();
    names.iter().map(title).collect::<Vec<_>>().join(either(lang, "、", ", "))
}

/// Who does it, and on what condition.
fn who(def: &Definition, rule: &ActionRule, lang: &str) -> String {
    let mut who = match rule.is_timer() {
        true => either(lang, "到期自动", "when the time is over").to_owned(),
        false => roles(def, &rule.by, lang),
    };
    if let Some(guard) = &rule.when {
        let _ = write!(who, " · {}{}", either(lang, "条件：", "if "), guard.text);
    }
    who
}

/// Whom a state waits for, how long, and what comes then.
fn waits(def: &Definition, state: &State, lang: &str) -> String {
    let mut parts = Vec::new();
    if !state.waits_for.is_empty() {
        let roles = roles(def, &state.waits_for, lang);
        parts.push(format!("{}{roles}", either(lang, "等待：", "waits for ")));
    }
    if let Some(deadline) = &state.deadline {
        let then = match state.actions.get(&deadline.then) {
            Some(rule) => rule.title.get(lang),
            None if deadline.then == REMIND => either(lang, "提醒", "a reminder"),
            None => deadline.then.as_str(),
        };
        let time = deadline.after.said().get(lang).to_owned();
        parts.push(format!("{time}{}{then}", either(lang, "，到期：", ", then ")));
    } else if !state.is_final {
        parts.push(either(lang, "没有期限", "no deadline").to_owned());
    }
    parts.join(" · ")
}

impl Length {
    /// The length in words.
    fn said(self) -> Title {
        match self {
            Self::Span(span) => span.said(),
            Self::Asked => Title::new("申请的天数", "the days asked for"),
        }
    }
}

impl Span {
    /// The span in words.
    pub(super) fn said(self) -> Title {
        let (count, zh, one, many) = match self {
            Self::WorkingDays(count) => (count, "个工作日", "working day", "working days"),
            Self::Days(count) => (count, "天", "day", "days"),
            Self::Hours(count) => (count, "小时", "hour", "hours"),
        };
        Title::new(format!("{count}{zh}"), format!("{count} {}", if count == 1 { one } else { many }))
    }
}

/// A name that Mermaid takes: `end` and `state` are words of its own.
fn id(name: &str) -> String {
    format!("s_{}", name.replace('-', "_"))
}

/// A text that Mermaid does not take for syntax.
fn plain(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | ':' | ';' | '#' | '<' | '>' | '{' | '}' => format!("#{};", u32::from(c)),
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace(char::is_control, " "))
}

/// Two lines of a label.
fn lines(first: &str, second: &str) -> String {
    if second.is_empty() {
        return quoted(first);
    }
    let (first, second) = (quoted(first), quoted(second));
    format!("{}\\n{}", first.trim_end_matches('"'), second.trim_start_matches('"'))
}

#[cfg(test)]
mod tests;
