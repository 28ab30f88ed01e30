//! What the clock says of a state's time, without moving the case: a warning before it is over, reminders after, and
//! that it is counted anew because the calendar was changed.
//!
//! Pure, like [`super::step`]. None of it charges anybody, and none of it is an action: the case's version stays.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, Span};
use super::case::{Case, Effect};
use super::definition::{Definition, REMIND};
use super::step::ends;
use crate::domain::CaseId;

/// What was said of the time of the state that a case stands in. Entering a state begins it anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    /// How often something was said.
    pub count: u32,
    /// Whether there was a warning before the deadline.
    pub warned: bool,
    /// The due time of which the last reminder spoke.
    pub last: Option<Timestamp>,
}

impl Notices {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The deadline is near.
    Warning,
    /// The deadline has passed.
    Reminder,
}

/// A notice that is due. Case, state entry and number name it: it is given once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it says.
    pub kind: NoticeKind,
    /// Which entry of a state it is about.
    pub state_entry: u32,
    /// Its number within that entry, from 1.
    pub number: u32,
    /// When it was due. Of several reminders that were missed only the last is given.
    pub due: Timestamp,
    /// The deadline that it speaks of.
    pub deadline: Timestamp,
    /// Whom it tells.
    pub effects: Vec<Effect>,
}

/// When a state's time is over and when that is to be said in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// When it is over.
    pub deadline: Option<Timestamp>,
    /// When that is to be said.
    pub warn_at: Option<Timestamp>,
}

/// A case whose time is counted anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recount {
    /// The case.
    pub case: CaseId,
    /// Which entry of a state it is about.
    pub state_entry: u32,
    /// The calendar that counts, by its reference.
    pub calendar: String,
    /// The term until now.
    pub from: Term,
    /// The term from now on.
    pub to: Term,
}

/// The notice that is due now, if there is one.
pub fn due_notice(def: &Definition, calendar: &Calendar, case: &Case, now: Timestamp) -> Option<Notice> {
    let state = def.state(&case.state)?;
    let (rule, deadline) = (state.deadline.as_ref()?, case.deadline?);
    let (kind, due) = if deadline > now {
        // A warning that would come with the state itself says nothing.
        let due = case.warn_at.filter(|due| *due <= now && *due > case.state_since)?;
        (NoticeKind::Warning, (!case.notices.warned).then_some(due)?)
    } else {
        (rule.then == REMIND).then_some(())?;
        (NoticeKind::Reminder, due_reminder(rule.again, calendar, case.notices.last, deadline, now)?)
    };
    let number = case.notices.count.saturating_add(1);
    let id = format!("{}-{}-notice-{number}", case.id, case.version);
    let effects = vec![Effect::Notify { id, roles: state.waits_for.clone() }];
    Some(Notice { kind, state_entry: case.state_entry, number, due, deadline, effects })
}

/// The last due time of a reminder that has passed and of which none has spoken yet.
fn due_reminder(
    again: Option<Span>,
    calendar: &Calendar,
    last: Option<Timestamp>,
    deadline: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let later = |due: Timestamp| {
        // A term ends with a day, which is the first instant of the next one: counted is from the day that has ended.
        let day = due.checked_sub(SignedDuration::from_secs(1)).ok()?;
        calendar.after(day, again?).filter(|next| *next > due)
    };
    let first = match last {
        Some(last) if last >= deadline => later(last)?,
        _ => deadline,
    };
    let mut due = Some(first).filter(|due| *due <= now)?;
    while let Some(next) = later(due).filter(|next| *next <= now) {
        due = next;
    }
    Some(due)
}

/// The term of a case as this calendar counts it, if that is another one and gives another term. It is counted from when
/// the case came into its state. With the calendar that it was counted with a term stays, whatever the rules say now.
pub fn recount(def: &Definition, calendar: &Calendar, case: &Case) -> Option<Recount> {
    let reference = calendar.reference();
    if reference == case.counted_with {
        return None;
    }
    let from = Term { deadline: case.deadline, warn_at: case.warn_at };
    let to = term(def, calendar, case, &case.state, case.state_since);
    (from != to).then_some(Recount {
        case: case.id,
        state_entry: case.state_entry,
        calendar: reference,
        from,
        to,
    })
}

/// The term of a state that is entered at `at`.
pub(super) fn term(def: &Definition, calendar: &Calendar, case: &Case, state: &str, at: Timestamp) -> Term {
    let rule = def.state(state).and_then(|state| state.deadline.as_ref());
    let deadline = rule.and_then(|rule| ends(calendar, case, rule.after, at));
    let warn = rule.and_then(|rule| rule.warn).zip(deadline);
    Term { deadline, warn_at: warn.and_then(|(span, deadline)| calendar.before(deadline, span, at)) }
}

impl Case {
    /// The notice was given. False, and nothing changes, if it was given before or is of a state that the case has left.
    pub fn noted(&mut self, notice: &Notice) -> bool {
        if notice.state_entry != self.state_entry || notice.number <= self.notices.count {
            return false;
        }
        self.notices.count = notice.number;
        match notice.kind {
            NoticeKind::Warning => self.notices.warned = true,
            NoticeKind::Reminder => self.notices.last = Some(notice.due),
        }
        true
    }

    /// The case's time is counted anew, from `at` on. False, and nothing changes, if it has left that state since.
    pub fn recounted(&mut self, recount: &Recount, at: Timestamp) -> bool {
        if recount.state_entry != self.state_entry || recount.case != self.id {
            return false;
        }
        (self.deadline, self.warn_at) = (recount.to.deadline, recount.to.warn_at);
        recount.calendar.clone_into(&mut self.counted_with);
        self.notices.count = self.notices.count.saturating_add(1);
        // What was warned of is no longer so: there is another warning in time.
        self.notices.warned &= recount.to.warn_at.is_none_or(|warn_at| warn_at <= at);
        true
    }
}
