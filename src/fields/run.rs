//! A page's lines become runs of characters that scanners can go through without knowing of lines.
//!
//! A run is one line, or the lines of a paragraph that go on in each other, so that a value broken at the right edge is
//! whole. Every character is in NFKC and knows where it stands, so that what was found has a place on the page.

use unicode_normalization::UnicodeNormalization;

use super::label::{Label, labels};
use crate::reading::Line;

/// A line goes on in the next if it is at least this wide, in columns, and this share of the widest line.
const LEAST_COLUMNS: u32 = 40;
const FULL_SHARE: f32 = 0.85;
/// How many labels outside may claim the same run.
const MOST_INHERITED: usize = 8;

/// Where a character stands: its line, and its columns in it (1 for ASCII, 2 for Han).
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Characters that are read as one text.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) text: Vec<char>,
    pub(super) places: Vec<Place>,
    /// The labels in it, and those that stand beside it or above.
    pub(super) labels: Vec<Label>,
    /// How many of them stand outside.
    inherited: usize,
}

impl Run {
    pub(super) fn at(&self, at: usize) -> Option<char> {
        self.text.get(at).copied()
    }

    /// What stands between two places.
    pub(super) fn shown(&self, start: usize, end: usize) -> String {
        self.text.get(start..end).unwrap_or_default().iter().collect()
    }

    /// Whether a line begins here.
    pub(super) fn starts_line(&self, at: usize) -> bool {
        let line = |at: usize| self.places.get(at).map(|place| place.line);
        at.checked_sub(1).is_none_or(|before| line(before) != line(at))
    }

    /// The first character that is not a space.
    pub(super) fn lead(&self) -> usize {
        self.text.iter().take_while(|c| **c == ' ').count()
    }

    /// The labels whose value would begin at this place.
    pub(super) fn labels_at(&self, at: usize) -> impl Iterator<Item = &Label> {
        let first = self.labels.partition_point(|label| label.reach < at);
        self.labels.iter().skip(first).take_while(move |label| label.reach == at)
    }

    /// The labels whose value would begin here or later.
    pub(super) fn labels_from(&self, at: usize) -> impl Iterator<Item = &Label> {
        let first = self.labels.partition_point(|label| label.reach < at);
        self.labels.iter().skip(first)
    }

    /// The labels that end in the `near` characters before this place, the nearest first.
    pub(super) fn labels_near(&self, at: usize, near: usize) -> impl Iterator<Item = &Label> {
        let last = self.labels.partition_point(|label| label.reach <= at);
        let some = self.labels.get(..last).unwrap_or_default();
        some.iter().rev().take_while(move |label| label.reach + near >= at)
    }

    /// Takes over a label that stands outside.
    pub(super) fn inherit(&mut self, label: &Label) {
        if self.inherited == MOST_INHERITED {
            return;
        }
        self.inherited += 1;
        let lead = self.lead();
        let at = self.labels.partition_point(|other| other.reach < lead);
        self.labels.insert(at, Label { start: lead, end: lead, reach: lead, inherited: true, ..*label });
    }

    /// A text of one line, whose labels do not matter.
    pub(super) fn of_text(text: &str) -> Self {
        let line = Line { text: text.to_owned(), ..Line::default() };
        Self::of_line(0, &line, usize::MAX).0
    }

    fn of_line(at: usize, line: &Line, most: usize) -> (Self, u32) {
        let mut run = Self::default();
        let mut column = 0;
        for c in line.text.chars().take(most).filter(|c| !is_invisible(*c)) {
            let to = column + columns(c);
            for normal in std::iter::once(c).nfkc() {
                run.text.push(if normal.is_control() { ' ' } else { normal });
                run.places.push(Place { line: at, from: column, to });
            }
            column = to;
        }
        (run, column)
    }

    /// Goes on with another run. Between lines without Han, a line's end is a space.
    fn append(&mut self, other: Self) {
        let han = |run: &Self| run.text.iter().any(|c| is_wide(*c));
        if let Some(last) = self.places.last().copied()
            && !han(self)
            && !han(&other)
        {
            self.text.push(' ');
            self.places.push(Place { from: last.to, ..last });
        }
        self.text.extend(other.text);
        self.places.extend(other.places);
    }
}

/// A page as runs, and how many columns each line has.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) lines: &'a [Line],
    pub(super) columns: Vec<u32>,
    pub(super) runs: Vec<Run>,
}

impl<'a> Sheet<'a> {
    /// Reads at most `most` characters of the lines.
    pub(super) fn new(lines: &'a [Line], most: usize) -> Self {
        let mut left = most;
        let mut columns = Vec::new();
        let mut parts = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let (run, width) = Run::of_line(at, line, left);
            left = left.saturating_sub(run.text.len());
            columns.push(width);
            parts.push(run);
        }
        let mut sheet = Self { lines, columns, runs: Vec::new() };
        sheet.join(parts);
        sheet
    }

    fn join(&mut self, parts: Vec<Run>) {
        let edge = Edge::of(self.lines, &self.columns);
        let mut goes_on = false;
        for (at, mut part) in parts.into_iter().enumerate() {
            part.labels = labels(&part);
            let begins = part.labels.first().is_some_and(|label| label.start == part.lead() && label.colon);
            match self.runs.last_mut() {
                Some(last) if goes_on && !begins => last.append(part),
                _ => self.runs.push(part),
            }
            goes_on = edge.goes_on(self.lines, &self.columns, at);
        }
        for run in &mut self.runs {
            run.labels = labels(run);
        }
    }
}

/// How far the lines of a page reach.
struct Edge {
    columns: u32,
    left: f32,
    right: f32,
}

impl Edge {
    fn of(lines: &[Line], columns: &[u32]) -> Self {
        let boxes = || lines.iter().filter(|line| has_box(line));
        Self {
            columns: columns.iter().copied().max().unwrap_or(0),
            left: boxes().map(|line| line.x0).fold(f32::MAX, f32::min),
            right: boxes().map(|line| line.x1).fold(f32::MIN, f32::max),
        }
    }

    /// Whether the text of this line goes on in the next.
    fn goes_on(&self, lines: &[Line], columns: &[u32], at: usize) -> bool {
        let width = columns.get(at).copied().unwrap_or(0);
        let (Some(line), Some(next)) = (lines.get(at), lines.get(at + 1)) else { return false };
        if width < LEAST_COLUMNS || (width as f32) < FULL_SHARE * self.columns as f32 {
            return false;
        }
        if !has_box(line) || !has_box(next) {
            return true;
        }
        let (height, full) = (line.y1 - line.y0, FULL_SHARE * (self.right - self.left));
        line.x1 - self.left >= full
            && next.x0 - self.left <= 0.2 * (self.right - self.left)
            && next.y0 >= line.y0 + 0.5 * height
            && next.y0 <= line.y1 + 1.5 * height
    }
}

/// Whether it is known where the line stands.
pub(super) fn has_box(line: &Line) -> bool {
    let finite = [line.x0, line.y0, line.x1, line.y1].iter().all(|side| side.is_finite());
    finite && line.x1 > line.x0 && line.y1 > line.y0
}

/// The byte of a line at which this column begins, as [`Place`] counts them.
pub(super) fn byte_of_column(line: &str, column: u32) -> usize {
    let mut passed = 0;
    for (at, c) in line.char_indices().filter(|(_, c)| !is_invisible(*c)) {
        if passed >= column {
            return at;
        }
        passed += columns(c);
    }
    line.len()
}

fn columns(c: char) -> u32 {
    if is_wide(c) { 2 } else { 1 }
}

/// Whether a character is set as wide as Han: from Hangul jamo on, which leaves out Latin, Greek, Cyrillic.
pub(super) fn is_wide(c: char) -> bool {
    c >= '\u{1100}' && !matches!(c, '\u{2000}'..='\u{2E7F}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}
