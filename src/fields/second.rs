//! What a second reading of a line has right where the first had it wrong.
//!
//! OCR may give a line twice, with and without the red of seals. The second reading is the less sure one, so it counts only
//! where something else confirms it: a check digit, or the other writing of an amount.

use std::collections::HashSet;

use super::found::Found;
use super::page::{number, placed};
use super::run::Sheet;
use super::{Check, Field, FieldKind, Limits, amount, card, identity};
use crate::reading::Line;

/// Puts what the second readings of lines confirm where the first readings have it wrong, marked as mended.
pub(super) fn readings(lines: &[Line], page: u32, limits: &Limits, fields: &mut Vec<Field>) {
    let mut left = limits.characters;
    let wanted = wanted(fields);
    for (at, line) in lines.iter().enumerate() {
        let Some(other) = line.other.as_ref().filter(|_| left > 0) else { continue };
        let alone = [Line { text: other.clone(), other: None, ..line.clone() }];
        let sheet = Sheet::new(&alone, left);
        for run in &sheet.runs {
            left = left.saturating_sub(run.text.len());
            let checked = identity::identities(run).into_iter().chain(card::cards(run));
            let checked = checked.filter(|one| one.sure && one.check == Some(Check::Holds));
            let amounts = amount::amounts(run, true).into_iter();
            let amounts = amounts.filter(|one| wanted.contains(&(one.value.clone(), one.words)));
            for one in checked.chain(amounts) {
                let field = placed(&sheet, run, Found { mended: true, ..one }, page);
                replace(fields, Field { lines: (number(at), number(at)), ..field });
            }
        }
    }
}

/// The amounts that would confirm one that nothing confirms yet: each in the other writing.
fn wanted(fields: &[Field]) -> HashSet<(String, bool)> {
    let amounts = || fields.iter().filter(|field| field.kind == FieldKind::Amount);
    let said: HashSet<(&str, bool)> = amounts().map(|field| (field.value.as_str(), field.words)).collect();
    let lonely = amounts().filter(|field| !said.contains(&(field.value.as_str(), !field.words)));
    lonely.map(|field| (field.value.clone(), !field.words)).collect()
}

/// Puts a field where a wrong one stands in the same line; one with a check digit else at the end.
fn replace(fields: &mut Vec<Field>, field: Field) {
    let amount = field.kind == FieldKind::Amount;
    let is_wrong = |other: &&mut Field| {
        let account = other.kind == FieldKind::BankAccount && field.kind == FieldKind::BankCard;
        let wrong = other.check == Some(Check::Fails) || amount && other.words == field.words;
        (other.kind == field.kind || account) && wrong && other.lines.1 == field.lines.1
    };
    match fields.iter_mut().find(is_wrong) {
        Some(wrong) => {
            let (label, role, lines) = (wrong.label.take(), wrong.role, wrong.lines);
            *wrong = Field { label, role, lines, ..field };
        }
        None if !amount => fields.push(field),
        None => {}
    }
}
