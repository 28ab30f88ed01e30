//! What a notice says: the kind of event, ids, and keys of the rules. Words are found when it is shown.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{CaseId, DelegationId, DossierId, PersonId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A case came into a state in which one can act on it.
    #[serde(rename = "case.waits")]
    CaseWaits,
    /// Somebody else, or the clock, acted on a case that concerns one.
    #[serde(rename = "case.moved")]
    CaseMoved,
    /// A case that waits for one has to be done soon.
    #[serde(rename = "case.due")]
    CaseDue,
    /// A case that waits for one is overdue.
    #[serde(rename = "case.overdue")]
    CaseOverdue,
    /// One was charged.
    #[serde(rename = "penalty.booked")]
    PenaltyBooked,
    /// What one was charged with was taken back.
    #[serde(rename = "penalty.reversed")]
    PenaltyReversed,
    /// Somebody wrote an appeal to a line that one may take back.
    #[serde(rename = "penalty.appealed")]
    PenaltyAppealed,
    /// One was named as a deputy.
    #[serde(rename = "role.delegated")]
    RoleDelegated,
    /// That was ended before its last day, by the other one of the two.
    #[serde(rename = "delegation.ended")]
    DelegationEnded,
    /// One may look at a dossier for a time.
    #[serde(rename = "grant.given")]
    GrantGiven,
    /// That was ended.
    #[serde(rename = "grant.revoked")]
    GrantRevoked,
    /// One keeps a dossier from now on.
    #[serde(rename = "dossier.given")]
    DossierGiven,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CaseWaits,
        Self::CaseMoved,
        Self::CaseDue,
        Self::CaseOverdue,
        Self::PenaltyBooked,
        Self::PenaltyReversed,
        Self::PenaltyAppealed,
        Self::RoleDelegated,
        Self::DelegationEnded,
        Self::GrantGiven,
        Self::GrantRevoked,
        Self::DossierGiven,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CaseWaits => "case.waits",
            Self::CaseMoved => "case.moved",
            Self::CaseDue => "case.due",
            Self::CaseOverdue => "case.overdue",
            Self::PenaltyBooked => "penalty.booked",
            Self::PenaltyReversed => "penalty.reversed",
            Self::PenaltyAppealed => "penalty.appealed",
            Self::RoleDelegated => "role.delegated",
            Self::DelegationEnded => "delegation.ended",
            Self::GrantGiven => "grant.given",
            Self::GrantRevoked => "grant.revoked",
            Self::DossierGiven => "dossier.given",
        }
    }
}

/// What a notice says. It names nobody: ids, and keys of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// On which dossier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dossier: Option<DossierId>,
    /// To which case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The case's workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The reference of its definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The state now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// At which attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The deadline that it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Until when something is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The line of the penalty ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Its points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<i64>,
    /// Its month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
    /// The delegation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<DelegationId>,
    /// Its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Its first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Date>,
    /// Its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Date>,
    /// The other person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
}

impl Event {
    /// An event of this kind about nothing yet.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            dossier: None,
            case: None,
            workflow: None,
            definition: None,
            action: None,
            from: None,
            state: None,
            attempt: None,
            deadline: None,
            until: None,
            line: None,
            points: None,
            month: None,
            delegation: None,
            role: None,
            first_day: None,
            last_day: None,
            person: None,
        }
    }
}

/// Where in the log a notice comes from: the entry, and the number among what that tells. Written `ENTRY-NUMBER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The entry's index.
    pub index: u64,
    /// The number among what it tells, from 0.
    pub number: u16,
}

impl Place {
    /// Before all that can be told: the first entry of a log tells nobody anything.
    pub const FIRST: Self = Self { index: 0, number: 0 };
}

/// The text is not a notice's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a notice's id: ENTRY-NUMBER is expected")]
pub struct BadPlace;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.index, self.number)
    }
}

impl FromStr for Place {
    type Err = BadPlace;

    fn from_str(text: &str) -> Result<Self, BadPlace> {
        let (index, number) = text.split_once('-').ok_or(BadPlace)?;
        let plain = [index, number].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let parsed = index.parse().ok().zip(number.parse().ok()).filter(|_| plain);
        parsed.map(|(index, number)| Self { index, number }).ok_or(BadPlace)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Kind, Place};

    #[test]
    fn every_kind_has_one_name() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            let event = Event::new(kind);
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(text, format!("{{\"kind\":\"{}\"}}", kind.name()));
            assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        }
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place { index: 1234, number: 7 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for bad in ["", "1", "-1", "1-", "1-70000", "1-2-3", "+1-2", "x-1", "1 -2"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
