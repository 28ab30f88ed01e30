//! A running case, what can happen to it, and what follows from that.
//!
//! Plain values: they are written to the log and read back from it. Only [`super::step`] makes new ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::notice::Notices;
use crate::domain::{Actor, CaseId, DocumentId, DossierId, PersonId, Sha256Digest};
use crate::penalties::Penalty;

/// One run of a definition: a basket of documents on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The case.
    pub id: CaseId,
    /// The definition's name.
    pub workflow: String,
    /// The definition's reference, to which the case is bound.
    pub definition: String,
    /// Whose papers they are.
    pub dossier: DossierId,
    /// Where it stands.
    pub state: String,
    /// Whether it has ended.
    pub is_final: bool,
    /// How often it was submitted.
    pub attempt: u32,
    /// Counts actions, from 1; attaching a document is not an action.
    pub version: u64,
    /// How many contracts are in the basket.
    pub contracts: u32,
    /// The person charged: who submitted last, else who started.
    pub adviser: PersonId,
    /// Their name.
    pub adviser_name: String,
    /// Who submitted last.
    pub submitted_by: Option<PersonId>,
    /// When it was started.
    pub started_at: Timestamp,
    /// Since when it stands where it stands.
    pub state_since: Timestamp,
    /// Counts entries of states, from 1.
    pub state_entry: u32,
    /// When the state's time is over.
    pub deadline: Option<Timestamp>,
    /// When that is to be said in advance.
    pub warn_at: Option<Timestamp>,
    /// The basket.
    pub documents: Vec<Attached>,
    /// The basket as it was at each submission.
    pub frozen: Vec<Frozen>,
    /// Documents that a return named as failing; they no longer count.
    pub wrong: Vec<DocumentId>,
    /// Why they fail: one of the definition's return reasons each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wrong_reasons: BTreeMap<DocumentId, String>,
    /// The definition's counters.
    pub counters: BTreeMap<String, u32>,
    /// The calendar that the state's time was counted with; empty in cases from before that was written down.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub counted_with: String,
    /// What the clock has said of the state's time.
    #[serde(default, skip_serializing_if = "Notices::is_none")]
    pub notices: Notices,
    /// For how long something was asked for, and what for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// For how long something was asked for, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Days: those that were said last.
    pub days: u32,
    /// The note of whoever asked first.
    pub purpose: String,
}

/// Somebody of the archive, named with an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Who.
    pub id: PersonId,
    /// Their name at that time.
    pub name: String,
}

/// A document in the basket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The document.
    pub document: DocumentId,
    /// Its kind.
    pub kind: String,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
}

/// The basket as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// At which attempt.
    pub attempt: u32,
    /// What was in it.
    pub documents: Vec<Attached>,
}

/// Something that happens to a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A person acts.
    Act(Act),
    /// A deadline has passed.
    Timer {
        /// The action that the deadline calls for.
        action: String,
        /// Now.
        at: Timestamp,
    },
    /// A document is put into the basket.
    Attach {
        /// The document.
        document: Attached,
        /// By whom.
        actor: Actor,
        /// Now.
        at: Timestamp,
    },
}

/// A person acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// The action's name.
    pub action: String,
    /// Who.
    pub actor: Actor,
    /// Now.
    pub at: Timestamp,
    /// The version of the case that the person saw.
    pub expected_version: u64,
    /// What they supply.
    pub input: Input,
}

/// What a person supplies with an action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Input {
    /// One of the definition's return reasons.
    pub reason: Option<String>,
    /// The kinds of documents, or documents by id, that fail.
    pub documents: Vec<String>,
    /// How many contracts fail.
    pub contracts: Option<u32>,
    /// Points that a person sets.
    pub points: Option<u32>,
    /// A sentence.
    pub note: Option<String>,
    /// For how many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// Somebody of the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Named>,
    /// The reasons of single ones of `documents`, by the same words; the others have `reason`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
    /// How the papers themselves were handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handover: Option<Handover>,
}

impl Input {
    /// The reason, or the first one of those that single documents have.
    pub fn main_reason(&self) -> Option<&str> {
        self.reason.as_ref().or_else(|| self.reasons.values().next()).map(String::as_str)
    }

    /// Why this one of `documents` fails.
    pub fn reason_of(&self, name: &str) -> Option<&str> {
        self.reasons.get(name).or(self.reason.as_ref()).map(String::as_str)
    }
}

/// How papers were handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// By which way.
    pub channel: Channel,
    /// Who carried them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// When they were received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// Where they lie: box, folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<String>,
}

/// By which way papers go from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// From hand to hand.
    InPerson,
    /// A courier brings them.
    Courier,
    /// A colleague brings them.
    Colleague,
    /// Only as a scan.
    Scan,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::InPerson, Self::Courier, Self::Colleague, Self::Scan];

    /// The word for it, as in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InPerson => "in_person",
            Self::Courier => "courier",
            Self::Colleague => "colleague",
            Self::Scan => "scan",
        }
    }

    /// The way that this word means.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }
}

/// The case after an event, and what is to be done because of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stepped {
    /// The case.
    pub case: Case,
    /// The effects, in order.
    pub effects: Vec<Effect>,
}

/// What is to be done; each has an id of the case, its version and the effect's position, so that it is done once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// The basket's digests are frozen.
    Fix {
        /// The effect.
        id: String,
        /// What is in the basket.
        documents: Vec<Attached>,
    },
    /// Points are charged.
    Penalise(Penalty),
    /// A form is filled in from the event.
    Form {
        /// The effect.
        id: String,
        /// The form's name.
        form: String,
        /// Its number, if the definition lets it be made. It is given when the action is committed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<String>,
    },
    /// Roles are told.
    Notify {
        /// The effect.
        id: String,
        /// Whom.
        roles: Vec<String>,
    },
    /// The basket is complete and filed, as this: the moment from which nothing of it is awaited any more. Nothing moves.
    Archive {
        /// The effect.
        id: String,
        /// Which.
        what: String,
    },
    /// From here retention is counted, by this rule; for how long stands in the pack's policy.
    Retain {
        /// The effect.
        id: String,
        /// By which rule.
        rule: String,
    },
    /// An effect that logs of earlier versions have and nobody carried out.
    Order {
        /// The effect.
        id: String,
        /// Which.
        order: String,
        /// Of what.
        what: String,
    },
    /// Facts of the dossier are set.
    Set {
        /// The effect.
        id: String,
        /// The facts.
        facts: Map<String, Value>,
    },
    /// Another case is started on the dossier.
    Start {
        /// The effect.
        id: String,
        /// Its workflow.
        workflow: String,
        /// Its id, which follows from the effect's.
        case: CaseId,
    },
    /// Somebody may look at the dossier for a time.
    Grant {
        /// The effect.
        id: String,
        /// Who.
        person: Named,
        /// What for.
        purpose: String,
        /// Until when.
        until: Timestamp,
        /// Whether what is looked at is to bear a mark.
        watermark: bool,
    },
    /// What the case has granted ends.
    Revoke {
        /// The effect.
        id: String,
    },
    /// The dossier gets another keeper.
    Reassign {
        /// The effect.
        id: String,
        /// Who.
        person: Named,
    },
    /// The dossier is sealed.
    Seal {
        /// The effect.
        id: String,
    },
}
