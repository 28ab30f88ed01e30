//! What a check of a pack finds: a stable code, a place, a sentence and a hint, in both languages.

use serde::{Deserialize, Serialize};

use super::Title;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The pack cannot be used.
    Error,
    /// The pack can be used when somebody has given a reason.
    Warning,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `E..` an error, `W..` and `C..` a warning; stable.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// The file, by its path in the pack.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: Title,
    /// What to do.
    pub hint: Title,
}

impl Finding {
    pub(super) fn new(code: &str, file: &str, line: u32, message: Title, hint: Title) -> Self {
        let severity = if code.starts_with('E') { Severity::Error } else { Severity::Warning };
        Self { code: code.to_owned(), severity, file: file.to_owned(), line, message, hint }
    }
}
