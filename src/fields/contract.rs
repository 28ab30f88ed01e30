//! Contract numbers, which have no form of their own: what stands beside the label, up to where it cannot go on.

use super::FieldKind;
use super::cursor::Cursor;
use super::found::Found;
use super::label::Meaning;
use super::run::{Run, is_wide};

const LONGEST: usize = 64;
/// Han before the first digit (借字第), and between digits (年借字第).
const LONGEST_HAN: usize = 10;

/// All of a run.
pub(super) fn contract_numbers(run: &Run) -> Vec<Found> {
    let labels = run.labels.iter().filter(|label| label.meaning == Meaning::Contract);
    let found = labels.filter_map(|label| {
        let end = end_of(run, label.reach)?;
        let value: String = run.shown(label.reach, end).chars().filter(|c| *c != ' ').map(unified).collect();
        let found = Found::new(FieldKind::ContractNumber, value, (label.reach, end));
        Some(Found { sure: true, ..found }.beside(Some(label)))
    });
    found.collect()
}

/// Where the number that starts here ends; none if this is no number.
fn end_of(run: &Run, start: usize) -> Option<usize> {
    let mut cursor = Cursor::new(&run.text, start);
    let (mut end, mut any_digit) = (start, false);
    while cursor.at() < start + LONGEST {
        let Some(c) = cursor.peek() else { break };
        if is_mark(c) || c == ')' {
            cursor.advance(1);
        } else if c == '(' {
            if !bracket(&mut cursor) {
                break;
            }
        } else if c == ' ' {
            if !gap(&mut cursor) {
                break;
            }
        } else if !han(&mut cursor, any_digit) {
            break;
        }
        any_digit |= c.is_ascii_digit();
        if cursor.before().is_some_and(|c| c.is_ascii_alphanumeric() || "号)]〕】".contains(c)) {
            end = cursor.at();
        }
        if cursor.before() == Some('号') && !cursor.peek().is_some_and(|c| c.is_ascii_digit() || c == '-') {
            break;
        }
    }
    let number = any_digit && end >= start + 3 && balanced(run.text.get(start..end).unwrap_or_default());
    number.then_some(end)
}

fn is_mark(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_/.#[]〔〕【】—–".contains(c)
}

fn balanced(text: &[char]) -> bool {
    let count = |wanted: char| text.iter().filter(|c| **c == wanted).count();
    count('(') == count(')')
}

/// Passes over a short bracket that is part of the number, as (2016); not over a remark.
fn bracket(cursor: &mut Cursor<'_>) -> bool {
    let mut probe = *cursor;
    probe.advance(1);
    let inside = probe.take_some(8, |c| c.is_ascii_alphanumeric() || c == '年');
    let part = probe.eat(")") && inside.iter().any(char::is_ascii_digit);
    if part {
        *cursor = probe;
    }
    part
}

/// Passes over a space that only stands beside a hyphen.
fn gap(cursor: &mut Cursor<'_>) -> bool {
    let before = cursor.before() == Some('-');
    let mut probe = *cursor;
    probe.spaces(1);
    let within = (before || probe.peek() == Some('-'))
        && probe.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
    if within {
        *cursor = probe;
    }
    within
}

/// Passes over Han that belong to a number: before digits, if they lead to some; after digits only 号, 年 and what ends in 第 or 字.
fn han(cursor: &mut Cursor<'_>, any_digit: bool) -> bool {
    let mut probe = *cursor;
    if any_digit && probe.eat("号") {
        *cursor = probe;
        return true;
    }
    let some = probe.take_some(LONGEST_HAN, |c| is_wide(c) && c.is_alphabetic());
    let leads = probe.peek().is_some_and(|c| c.is_ascii_alphanumeric() || "[〔【(-".contains(c));
    let fits = !any_digit || some.last().is_some_and(|c| "第字年期".contains(*c));
    let passes = !some.is_empty() && leads && fits;
    if passes {
        *cursor = probe;
    }
    passes
}

/// One hyphen for all dashes.
fn unified(c: char) -> char {
    if "—–".contains(c) { '-' } else { c }
}
