//! The workflow engine: packs of rules as data, and the pure function that moves a case by them.
//!
//! A pack's files become a [`Pack`] of [`Definition`]s, or [`Finding`]s that say what is wrong and where. [`step`]
//! takes a case and an event and gives the case after it with its effects, or a [`Refusal`]. `cases` calls it and
//! commits what comes out; nothing here reads a clock, the records or the network, and nothing here knows a word of
//! the business.

mod calendar;
mod case;
mod checklist;
mod definition;
pub mod diagram;
mod diff;
mod facts;
mod findings;
mod guard;
mod migrate;
mod notice;
pub mod pack;
mod read;
mod refusal;
mod schema;
pub mod simulate;
mod step;
pub mod story;
mod title;
mod yaml;

pub use calendar::{Calendar, Holiday, Span};
pub use case::{Act, Asked, Attached, Case, Channel, Effect, Event, Frozen, Handover, Input, Named, Stepped};
pub use checklist::{Checklist, ChecklistItem, checklist};
pub use definition::{ActionRule, Definition, DocumentKind, Form, Need, PenaltyTable, Reason, State};
pub use diff::diff;
pub use facts::{DossierKind, FactField, FactValue};
pub use findings::{Finding, Severity};
pub use migrate::{Hindrance, gaps, migrate};
pub use notice::{Notice, NoticeKind, Notices, Recount, Term, due_notice, recount};
pub use pack::{FactProblem, Pack};
pub use refusal::Refusal;
pub use step::{LONGEST_PLACE, due_timer, offered, start, step};
pub use title::Title;
pub use yaml::Limits;

use serde::{Deserialize, Serialize};

/// Something that an actor may do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The action's name.
    pub name: String,
    /// What it is called.
    pub title: Title,
    /// The inputs that it needs, by the names of [`Input`]'s fields.
    pub needs: Vec<String>,
}

#[cfg(test)]
mod tests;
