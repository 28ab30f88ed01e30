//! One page: every scanner goes through every run, and what they found gets its place.

use std::collections::HashMap;

use super::found::{Claims, Found};
use super::observe::disagreeing;
use super::run::{Place, Run, Sheet, has_box};
use super::{Field, FieldKind, Limits, Role, amount, beside, card, contract, date, identity, name, second};
use crate::reading::Line;

/// The fields of a page, in the order of reading, each value of a kind and role once. Pure, and never fails: what is no
/// field is left out, and so is what comes after the limits.
pub fn find(lines: &[Line], page: u32, limits: &Limits) -> Vec<Field> {
    let mut sheet = Sheet::new(lines, limits.characters);
    beside::hand_over(&mut sheet);
    let foreign = sheet.runs.iter().any(|run| amount::is_foreign(&run.text));
    let mut fields = Vec::new();
    for run in &sheet.runs {
        let found = scan(run, foreign);
        fields.extend(found.into_iter().map(|found| placed(&sheet, run, found, page)));
    }
    second::readings(lines, page, limits, &mut fields);
    let mut fields = once(fields);
    confirm(&mut fields);
    let mut fields = bounded(fields, limits.fields);
    doubt(&mut fields);
    fields
}

/// All that is in a run. What an earlier scanner found, no later one takes: they come from strict to mild.
fn scan(run: &Run, foreign: bool) -> Vec<Found> {
    let mut claims = Claims::new(run);
    let mut all = claims.keep(identity::identities(run));
    all.extend(claims.keep(contract::contract_numbers(run)));
    all.extend(claims.keep(date::dates(run)));
    all.extend(claims.keep(card::cards(run)));
    all.extend(claims.keep(card::phones(run)));
    all.extend(claims.keep(amount::amounts(run, foreign)));
    all.extend(claims.keep(name::names(run)));
    all.sort_by_key(|found| found.start);
    all
}

/// What was found, as a field with its place.
pub(super) fn placed(sheet: &Sheet<'_>, run: &Run, found: Found, page: u32) -> Field {
    let places = run.places.get(found.start..found.end).unwrap_or_default();
    let area = Area::of(sheet, places);
    let own = places.iter().map(|place| place.line);
    let least = own.clone().chain(found.label_line).min().unwrap_or(0);
    let last = own.chain(found.label_line).max().unwrap_or(0);
    Field {
        kind: found.kind,
        shown: run.shown(found.start, found.end),
        value: found.value,
        role: found.role,
        label: found.label.map(|word| word.trim_end_matches(':').to_owned()),
        page,
        lines: (number(least), number(last)),
        x0: area.x0,
        y0: area.y0,
        x1: area.x1,
        y1: area.y1,
        confidence: area.confidence,
        sure: found.sure,
        check: found.check,
        mended: found.mended,
        words: found.words,
    }
}

pub(super) fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A part of the page, and how sure OCR was of it.
#[derive(Debug, Default)]
struct Area {
    x0: f32,
    y0: f32,
    x1: f32,
    y1: f32,
    confidence: Option<f32>,
}

impl Area {
    /// The parts of lines that these characters cover.
    fn of(sheet: &Sheet<'_>, places: &[Place]) -> Self {
        let mut area: Option<Self> = None;
        let mut confidence: Option<f32> = None;
        for part in places.chunk_by(|one, other| one.line == other.line) {
            let Some((first, line)) =
                part.first().and_then(|first| Some((first, sheet.lines.get(first.line)?)))
            else {
                continue;
            };
            confidence = [confidence, line.confidence].into_iter().flatten().reduce(f32::min);
            let columns = sheet.columns.get(first.line).copied().unwrap_or(0).max(1) as f32;
            let from = first.from as f32 / columns;
            let to = part.last().map_or(from, |last| last.to as f32 / columns);
            if has_box(line) {
                area = Some(Self::part(line, from, to).with(area));
            }
        }
        Self { confidence, ..area.unwrap_or_default() }
    }

    fn part(line: &Line, from: f32, to: f32) -> Self {
        let width = line.x1 - line.x0;
        let (x0, x1) = (line.x0 + from * width, line.x0 + to.min(1.0) * width);
        Self { x0, y0: line.y0, x1, y1: line.y1, confidence: None }
    }

    fn with(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
            confidence: None,
        }
    }
}

type Key = (FieldKind, String, bool);

/// Each value of a kind and role once. One without a role is the same as one with.
fn once(fields: Vec<Field>) -> Vec<Field> {
    let mut kept: Vec<Field> = Vec::new();
    let mut by_value: HashMap<Key, Vec<usize>> = HashMap::new();
    for field in fields {
        let places = by_value.entry((field.kind, field.value.clone(), field.words)).or_default();
        let same = |role: Option<Role>| role == field.role || role.is_none() || field.role.is_none();
        let before = places.iter().copied().find(|at| kept.get(*at).is_some_and(|other| same(other.role)));
        match before.and_then(|at| kept.get_mut(at)) {
            Some(other) if rank(&field) > rank(other) => *other = field,
            Some(_) => {}
            None => {
                places.push(kept.len());
                kept.push(field);
            }
        }
    }
    kept
}

/// Of two fields of one value, the one that says more.
fn rank(field: &Field) -> (bool, bool, bool, bool) {
    (field.sure, field.role.is_some(), field.label.is_some(), !field.mended)
}

/// An amount in figures and one in words of the same value confirm each other.
fn confirm(fields: &mut [Field]) {
    let mut writings: HashMap<String, (bool, bool)> = HashMap::new();
    for field in fields.iter().filter(|field| field.kind == FieldKind::Amount) {
        let both = writings.entry(field.value.clone()).or_default();
        *both = (both.0 || field.words, both.1 || !field.words);
    }
    for field in fields.iter_mut().filter(|field| field.kind == FieldKind::Amount) {
        field.sure |= writings.get(&field.value) == Some(&(true, true));
    }
}

/// Where words and figures do not say the same, neither is sure.
fn doubt(fields: &mut [Field]) {
    let pairs = disagreeing(fields).into_iter();
    let values: Vec<String> =
        pairs.flat_map(|(one, other)| [one.value.clone(), other.value.clone()]).collect();
    for field in
        fields.iter_mut().filter(|field| field.kind == FieldKind::Amount && values.contains(&field.value))
    {
        field.sure = false;
    }
}

/// At most so many, the sure ones before the others, in the order of lines.
fn bounded(mut fields: Vec<Field>, most: usize) -> Vec<Field> {
    if fields.len() > most {
        fields.sort_by_key(|field| !field.sure);
        fields.truncate(most);
    }
    fields.sort_by_key(|field| field.lines.1);
    fields
}
