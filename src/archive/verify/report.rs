//! What verifying found: problems, each with a stable code and the one thing that it is about.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Presence and size of every object, the keys, the log, and all records against a replay.
    Quick,
    /// Also every byte: sealed digests, originals and texts opened and hashed again.
    Full,
}

macro_rules! problem_codes {
    ($($(#[$doc:meta])+ $name:ident = $code:literal,)+) => {
        /// What is wrong. The codes are stable; docs/operations.md says what to do about each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ProblemCode {
            $($(#[$doc])+ #[serde(rename = $code)] $name,)+
        }

        impl ProblemCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as it is printed.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

problem_codes! {
    /// `lantai.json` is not in the store.
    ManifestMissing = "manifest_missing",
    /// `lantai.json` is not a manifest.
    ManifestDamaged = "manifest_damaged",
    /// `lantai.json` says something else than the log.
    ManifestDiffers = "manifest_differs",
    /// A key object is not in the store.
    KeyMissing = "key_missing",
    /// A key object does not open, or what it holds is not a key.
    KeyDamaged = "key_damaged",
    /// A key object holds another key than the log says, or is wrapped to others than the log says.
    KeyWrong = "key_wrong",
    /// The archive's own key opens a dossier that is sealed.
    SealBroken = "seal_broken",
    /// A document's original is not in the store.
    OriginalMissing = "original_missing",
    /// A document's original has another length or digest than the log says.
    OriginalChanged = "original_changed",
    /// A document's original is as sealed but does not open to what was fingerprinted.
    OriginalUnreadable = "original_unreadable",
    /// The text of a document that was read is not in the store.
    TextMissing = "text_missing",
    /// The text of a document has another digest than the log says.
    TextChanged = "text_changed",
    /// The text of a document is as sealed but does not open to a reading.
    TextUnreadable = "text_unreadable",
    /// What the pages of a document look like is not in the store.
    PicturesMissing = "pictures_missing",
    /// What the pages of a document look like has another digest than the log says.
    PicturesChanged = "pictures_changed",
    /// What the pages of a document look like is as sealed but does not open.
    PicturesUnreadable = "pictures_unreadable",
    /// The store answers, but does not give this object.
    NotGiven = "not_given",
    /// The log's checkpoint is not in the store, although one was published.
    CheckpointMissing = "checkpoint_missing",
    /// The log's checkpoint is not signed by the log's key.
    CheckpointDamaged = "checkpoint_damaged",
    /// The log's checkpoint is older than one that was published.
    LogRolledBack = "log_rolled_back",
    /// The log in the store is longer than the one known here, and could not be caught up with.
    LogAhead = "log_ahead",
    /// The log in the store is not the one that the records were made from.
    LogDiverged = "log_diverged",
    /// A hash tile that the checkpoint rests on is not in the store.
    TileMissing = "tile_missing",
    /// A hash tile that the checkpoint rests on is not what the log's entries make.
    TileDamaged = "tile_damaged",
    /// A bundle of entries that the checkpoint rests on is not in the store.
    BundleMissing = "bundle_missing",
    /// A bundle of entries is not what was logged.
    BundleDamaged = "bundle_damaged",
    /// Sealed payloads of entries are not in the store.
    PayloadsMissing = "payloads_missing",
    /// An object of sealed payloads is not what was logged.
    PayloadsDamaged = "payloads_damaged",
    /// An object of the log that nothing needs, and that is not what an object of its name would have to be.
    Surplus = "surplus",
    /// An object of a dossier or document that no entry speaks of.
    Orphan = "orphan",
    /// An object whose name is none of ours.
    Foreign = "foreign",
    /// The local records do not open.
    RecordsDamaged = "records_damaged",
    /// A local row is not what a fresh replay of the log makes, or not what the readable entry says.
    RecordDiffers = "record_differs",
    /// The search index does not open.
    IndexDamaged = "index_damaged",
    /// Something that should be findable is not in the search index.
    IndexLacks = "index_lacks",
    /// Something is in the search index that should not be.
    IndexSurplus = "index_surplus",
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// What.
    pub code: ProblemCode,
    /// Where: an object's path, or a row's or an index entry's name. It holds ids and digests only.
    pub subject: String,
}

impl Problem {
    /// This is wrong with that.
    pub fn new(code: ProblemCode, subject: impl ToString) -> Self {
        Self { code, subject: subject.to_string() }
    }
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How closely was looked.
    pub depth: Depth,
    /// Documents looked at.
    pub documents: u64,
    /// Of these, documents that an earlier run that was interrupted looked at.
    pub resumed: u64,
    /// Bytes of originals and texts that were read.
    pub bytes: u64,
    /// Objects seen in the store.
    pub objects: u64,
    /// Entries in the log.
    pub entries: u64,
    /// Of these, entries that are not yet published.
    pub unpublished: u64,
    /// Objects of uploads that were cut off; the next start of the server sweeps them away.
    pub left_over: u64,
    /// Whether the records were compared with a replay of the log.
    pub records_compared: bool,
    /// Whether the search index was compared with the documents.
    pub index_compared: bool,
    /// When the run began; a resumed one: when it was resumed.
    pub started_at: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// All that is wrong.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Nothing has been looked at.
    pub fn new(depth: Depth, started_at: Timestamp) -> Self {
        Self {
            depth,
            documents: 0,
            resumed: 0,
            bytes: 0,
            objects: 0,
            entries: 0,
            unpublished: 0,
            left_over: 0,
            records_compared: false,
            index_compared: false,
            started_at,
            seconds: 0.0,
            problems: Vec::new(),
        }
    }

    /// Notes a problem.
    pub fn add(&mut self, code: ProblemCode, subject: impl ToString) {
        self.problems.push(Problem::new(code, subject));
    }

    /// Whether there is a problem of one of these kinds.
    pub fn has(&self, codes: &[ProblemCode]) -> bool {
        self.problems.iter().any(|problem| codes.contains(&problem.code))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Problem, ProblemCode};

    #[test]
    fn codes_are_printed_as_they_are_serialised() {
        for code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        let problem = Problem::new(ProblemCode::Surplus, "journal/tile/0/000.p/1");
        let text = r#"{"code":"surplus","subject":"journal/tile/0/000.p/1"}"#;
        assert_eq!(serde_json::to_string(&problem).unwrap(), text);
    }

    /// The table in docs/operations.md has a row for each code and no other.
    #[test]
    fn every_code_is_documented() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
        let text = std::fs::read_to_string(path).unwrap();
        let part = text.split("### Problem codes").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|line| line.split('|').nth(1));
        let documented: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        let codes: BTreeSet<&str> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(documented, codes);
    }
}
