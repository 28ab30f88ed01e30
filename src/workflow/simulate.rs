//! A case walked by hand: a line of words goes in, what happened and where the case stands then comes out.
//!
//! It is [`step`] and nothing else, on a clock and a ledger of its own: nothing is archived and nobody is told.

mod shown;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::case::{Act, Attached, Case, Effect, Event, Input, Named};
use super::story::{actor, lacking, raw};
use super::{Calendar, Definition, Pack, Refusal, Span, due_timer, start, step};
use crate::domain::{CaseId, DocumentId, DossierId, PersonId, Sha256Digest};
use crate::penalties::Penalty;

/// The most timers that fire one after the other.
const MOST_TIMERS: usize = 20;
/// The most documents that one line puts into the basket.
const MOST_AT_ONCE: usize = 1000;
/// How many lines can be undone.
const MOST_UNDONE: usize = 200;

/// What a person reads after a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Lines to be shown.
    Said(Vec<String>),
    /// It is over.
    Quit,
}

/// A case that is walked by hand.
pub struct Simulation<'a> {
    def: &'a Definition,
    calendar: &'a Calendar,
    lang: String,
    now: Moment,
    before: Vec<Moment>,
}

/// Everything that a line can change.
#[derive(Clone)]
struct Moment {
    at: Timestamp,
    facts: Map<String, Value>,
    case: Case,
    lines: Vec<Penalty>,
}

impl<'a> Simulation<'a> {
    /// A new case of a workflow, started by somebody of the role that its first state waits for.
    ///
    /// # Errors
    /// The number of contracts is none that a case can have.
    pub fn new(
        pack: &'a Pack,
        def: &'a Definition,
        lang: &str,
        contracts: u32,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let (id, dossier) = (CaseId::from(raw("case")), DossierId::from(raw("dossier")));
        let first = def.state(&def.initial).and_then(|state| state.waits_for.first());
        let somebody = actor(first.map_or("nobody", String::as_str));
        let case = start(def, pack.calendar(), id, dossier, contracts, &somebody, at)?;
        let now = Moment { at, facts: shown::first_facts(def), case, lines: Vec::new() };
        Ok(Self { def, calendar: pack.calendar(), lang: lang.to_owned(), now, before: Vec::new() })
    }

    /// Where the case stands, as it is shown at the beginning and after each line that changes something.
    pub fn shown(&self) -> Vec<String> {
        shown::case(self)
    }

    /// What a line does.
    pub fn command(&mut self, line: &str) -> Reply {
        let mut words = line.split_whitespace();
        let (Some(first), rest) = (words.next(), words.collect::<Vec<_>>()) else {
            return Reply::Said(self.shown());
        };
        let before = self.now.clone();
        let result = match (first, rest.as_slice()) {
            ("quit" | "exit", []) => return Reply::Quit,
            ("help", []) => return Reply::Said(self.help()),
            ("show", []) => Ok(Vec::new()),
            ("undo", []) => return Reply::Said(self.undo()),
            ("facts", []) => return Reply::Said(self.facts()),
            ("facts", pairs) => self.set_facts(pairs),
            ("attach", [kind]) => self.attach(kind, "1"),
            ("attach", [kind, count]) => self.attach(kind, count),
            ("next", []) => self.until_deadline(),
            (span, []) if span.starts_with('+') => self.wait(span),
            (who, [action, inputs @ ..]) if self.is_somebody(who) => self.act(who, action, inputs),
            _ => Err(self.unknown(line)),
        };
        Reply::Said(match result {
            Ok(mut said) => {
                if self.now.at != before.at || self.now.case != before.case || self.now.facts != before.facts
                {
                    self.before.push(before);
                    let excess = self.before.len().saturating_sub(MOST_UNDONE);
                    self.before.drain(..excess);
                }
                said.extend(self.shown());
                said
            }
            Err(said) => {
                self.now = before;
                said
            }
        })
    }

    fn either(&self, zh: &str, en: &str) -> String {
        if self.lang.starts_with("zh") { zh.to_owned() } else { en.to_owned() }
    }

    fn said(&self, refusal: &Refusal) -> Vec<String> {
        let refused = self.either("不予办理", "refused");
        vec![format!("{refused} ({}): {}", refusal.code(), refusal.sentence(self.def, &self.lang))]
    }

    /// `ROLE`, `ROLE/NAME` or `ROLE+ROLE/NAME`, of roles that the workflow has.
    fn is_somebody(&self, who: &str) -> bool {
        let roles = who.split('/').next().unwrap_or_default();
        roles.split('+').all(|role| self.def.roles.contains_key(role))
    }

    fn undo(&mut self) -> Vec<String> {
        match self.before.pop() {
            Some(before) => {
                self.now = before;
                self.shown()
            }
            None => vec![self.either("没有可以撤回的步骤。", "There is nothing to undo.")],
        }
    }

    fn act(&mut self, who: &str, action: &str, inputs: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let input = self.input(inputs)?;
        let who = actor(if who.contains('/') { who.to_owned() } else { format!("{who}/{who}") }.as_str());
        let (action, expected_version, at) = (action.to_owned(), self.now.case.version, self.now.at);
        self.happen(&Event::Act(Act { action, actor: who, at, expected_version, input }))
    }

    /// `reason=missing documents=person_id,contact_sheet contracts=1 points=3 days=5 person=sun note=all the rest`
    fn input(&self, words: &[&str]) -> Result<Input, Vec<String>> {
        let mut input = Input::default();
        for (i, word) in words.iter().enumerate() {
            let (key, value) = word.split_once('=').ok_or_else(|| self.unknown_input(word))?;
            let number = || value.parse().map(Some).map_err(|_| self.unknown_input(word));
            match key {
                "reason" => input.reason = Some(value.to_owned()),
                "documents" => input.documents = value.split(',').map(str::to_owned).collect(),
                "contracts" => input.contracts = number()?,
                "points" => input.points = number()?,
                "days" => input.days = number()?,
                "person" => {
                    input.person = Some(Named { id: PersonId::from(raw(value)), name: value.to_owned() })
                }
                "note" => {
                    let rest = words.get(i + 1..).unwrap_or_default();
                    input.note = Some([&[value], rest].concat().join(" "));
                    return Ok(input);
                }
                _ => return Err(self.unknown_input(word)),
            }
        }
        Ok(input)
    }

    fn attach(&mut self, kind: &str, count: &str) -> Result<Vec<String>, Vec<String>> {
        let kinds = match (kind, count.parse()) {
            ("complete", _) => lacking(self.def, &self.now.facts, &self.now.case),
            (kind, Ok(count)) if count <= MOST_AT_ONCE => vec![kind.to_owned(); count],
            _ => return Err(self.unknown(&format!("attach {kind} {count}"))),
        };
        for kind in kinds {
            if !self.def.documents.contains_key(&kind) {
                let known: Vec<&str> = self.def.documents.keys().map(String::as_str).collect();
                let none = self.either("没有这种资料", "there is no such kind");
                return Err(vec![format!("{none}: {kind} ({})", known.join(", "))]);
            }
            let name = format!("{kind} {}", self.now.case.documents.len());
            let (document, sha256) = (DocumentId::from(raw(&name)), Sha256Digest::of(name.as_bytes()));
            let document = Attached { document, kind, sha256 };
            let event = Event::Attach { document, actor: actor("nobody"), at: self.now.at };
            self.happen(&event)?;
        }
        Ok(Vec::new())
    }

    fn happen(&mut self, event: &Event) -> Result<Vec<String>, Vec<String>> {
        let Moment { facts, case, .. } = &self.now;
        let stepped =
            step(self.def, self.calendar, facts, case, event).map_err(|refusal| self.said(&refusal))?;
        self.now.case = stepped.case;
        let mut said = Vec::new();
        for effect in stepped.effects {
            said.push(shown::effect(self.def, &effect, &self.lang));
            match effect {
                Effect::Penalise(line) => self.now.lines.push(line),
                Effect::Set { facts, .. } => self.now.facts.extend(facts),
                _ => {}
            }
        }
        Ok(said)
    }

    fn wait(&mut self, span: &str) -> Result<Vec<String>, Vec<String>> {
        let until = Span::parse(span.trim_start_matches('+'));
        let until = until.and_then(|span| self.calendar.after(self.now.at, span));
        let until = until.ok_or_else(|| self.unknown(span))?;
        self.move_to(until)
    }

    fn until_deadline(&mut self) -> Result<Vec<String>, Vec<String>> {
        match self.now.case.deadline.filter(|deadline| *deadline > self.now.at) {
            Some(deadline) => self.move_to(deadline),
            None => Err(vec![self.either("前面没有期限。", "There is no deadline ahead.")]),
        }
    }

    /// Moves the clock; what falls due on the way happens when it falls due.
    fn move_to(&mut self, until: Timestamp) -> Result<Vec<String>, Vec<String>> {
        let mut said = Vec::new();
        for _ in 0..MOST_TIMERS {
            let Some(deadline) = self.now.case.deadline.filter(|at| *at > self.now.at && *at <= until) else {
                break;
            };
            self.now.at = deadline;
            match due_timer(self.def, &self.now.case, deadline) {
                Some(action) => {
                    let title = self.def.action_title(&self.now.case.state, &action).cloned();
                    let title = title.unwrap_or_default().get(&self.lang).to_owned();
                    let clock = self.either("到期自动办理", "the clock acts");
                    said.push(format!("{} {clock}: {title} ({action})", shown::time(deadline)));
                    said.extend(self.happen(&Event::Timer { action, at: deadline })?);
                }
                None => {
                    let over = self.either("期限已过，发出提醒", "the deadline is over: a reminder");
                    said.push(format!("{} {over}", shown::time(deadline)));
                }
            }
        }
        self.now.at = until;
        Ok(said)
    }

    fn facts(&self) -> Vec<String> {
        self.now.facts.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn set_facts(&mut self, pairs: &[&str]) -> Result<Vec<String>, Vec<String>> {
        for pair in pairs {
            let (name, text) = pair.split_once('=').ok_or_else(|| self.unknown(pair))?;
            let value = match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
            };
            self.now.facts.insert(name.to_owned(), value);
        }
        Ok(Vec::new())
    }

    fn unknown(&self, line: &str) -> Vec<String> {
        let what = self.either("不明白", "not understood");
        let mut said = vec![format!("{what}: {line}")];
        said.extend(self.help());
        said
    }

    fn unknown_input(&self, word: &str) -> Vec<String> {
        let what = self.either("不明白", "not understood");
        let known = "reason=R documents=A,B contracts=N points=N days=N person=P note=...";
        vec![format!("{what}: {word} ({known})")]
    }

    fn help(&self) -> Vec<String> {
        let lines = [
            (
                "ROLE[/NAME] ACTION [...]",
                "办理，例如",
                "act, such as: cs_manager/wang return reason=R documents=A,B contracts=N note=...",
            ),
            (
                "attach KIND [N]",
                "放入资料；attach complete 补齐",
                "put documents into the basket; `attach complete` puts in all that lack",
            ),
            (
                "+3bd  +2d  next",
                "时间前移：工作日、天、到下一个期限",
                "move the clock: working days, days, to the next deadline",
            ),
            ("facts [NAME=VALUE ...]", "查看或设定客户信息", "the customer's facts, or set them"),
            ("show  undo  help  quit", "查看、撤回、帮助、结束", "look, take back, this, leave"),
        ];
        let line = |(what, zh, en): (&str, &str, &str)| format!("  {what:<26} {}", self.either(zh, en));
        lines.into_iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests;
