//! What a scanner found in a run, before it has a place on the page, and who may claim which characters.

use super::label::{Label, Meaning};
use super::run::Run;
use super::{Check, FieldKind, Role};

/// A value in a run.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) kind: FieldKind,
    pub(super) value: String,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) role: Option<Role>,
    pub(super) label: Option<&'static str>,
    /// The line of the label.
    pub(super) label_line: Option<usize>,
    pub(super) sure: bool,
    pub(super) check: Option<Check>,
    pub(super) mended: bool,
    pub(super) words: bool,
}

impl Found {
    pub(super) fn new(kind: FieldKind, value: String, (start, end): (usize, usize)) -> Self {
        Self {
            kind,
            value,
            start,
            end,
            role: None,
            label: None,
            label_line: None,
            sure: false,
            check: None,
            mended: false,
            words: false,
        }
    }

    /// The same, with a label if there is one.
    pub(super) fn beside(self, label: Option<&Label>) -> Self {
        let (word, line) = (label.map(|label| label.word), label.map(|label| label.line));
        Self { label: word, label_line: line, ..self }
    }
}

/// The label whose value begins at this place, if it means one of these.
pub(super) fn label_for(run: &Run, at: usize, means: impl Fn(Meaning) -> bool) -> Option<&Label> {
    run.labels_at(at).find(|label| means(label.meaning))
}

/// Whether a label beside this place says that its value is something else.
pub(super) fn is_something_else(run: &Run, at: usize, means: impl Fn(Meaning) -> bool) -> bool {
    let mut labels = run.labels_at(at).peekable();
    labels.peek().is_some() && !labels.any(|label| means(label.meaning))
}

/// The characters of a run that values have already.
#[derive(Debug)]
pub(super) struct Claims(Vec<bool>);

impl Claims {
    pub(super) fn new(run: &Run) -> Self {
        Self(vec![false; run.text.len()])
    }

    /// Keeps those that overlap nothing that was claimed before, and claims their characters. Those of one call may share them.
    pub(super) fn keep(&mut self, found: Vec<Found>) -> Vec<Found> {
        let free = |one: &Found| !self.0.get(one.start..one.end).unwrap_or_default().contains(&true);
        let kept: Vec<Found> = found.into_iter().filter(free).collect();
        for one in &kept {
            self.0.get_mut(one.start..one.end).unwrap_or_default().fill(true);
        }
        kept
    }
}
