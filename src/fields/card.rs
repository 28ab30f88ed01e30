//! Bank cards, accounts and telephone numbers: groups of digits.

use super::cursor::Cursor;
use super::digits::{card_check_holds, card_is_plausible};
use super::found::{Found, is_something_else, label_for};
use super::label::{Label, Meaning};
use super::run::Run;
use super::{Check, FieldKind};

/// A label counts for a card if its value would begin at most this many characters before the card.
const NEAR: usize = 24;
/// Only groups up to this length belong together; a longer one is a number of its own.
const LONGEST_GROUP: usize = 6;
const MOST_DIGITS: usize = 30;
const LEAST_ACCOUNT_DIGITS: usize = 8;

/// Digits, perhaps in groups.
struct Groups {
    digits: Vec<char>,
    lengths: Vec<usize>,
    start: usize,
    end: usize,
}

/// All cards and accounts of a run.
pub(super) fn cards(run: &Run) -> Vec<Found> {
    scan(run, |groups| card(run, groups).or_else(|| account(run, groups)))
}

fn scan(run: &Run, find: impl Fn(&Groups) -> Option<Found>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < run.text.len() {
        let one = groups(run, at).and_then(|groups| find(&groups));
        at = one.as_ref().map_or(at + 1, |one| one.end);
        found.extend(one);
    }
    found
}

/// The groups of digits that start here; nothing in the middle of a number or word.
fn groups(run: &Run, start: usize) -> Option<Groups> {
    let mut cursor = Cursor::new(&run.text, start);
    if cursor.before().is_some_and(|c| c.is_ascii_alphanumeric() || c == '.') {
        return None;
    }
    let first = cursor.take_some(MOST_DIGITS + 1, |c| c.is_ascii_digit());
    if first.is_empty() || first.len() > MOST_DIGITS {
        return None;
    }
    let mut groups = Groups { digits: first.to_vec(), lengths: vec![first.len()], start, end: cursor.at() };
    while let Some(last) = groups.lengths.last().copied().filter(|length| can_be_group(*length)) {
        let next =
            next_group(&mut cursor, last).filter(|group| groups.digits.len() + group.len() <= MOST_DIGITS);
        let Some(group) = next else { break };
        groups.digits.extend(group);
        groups.lengths.push(group.len());
        groups.end = cursor.at();
    }
    let goes_on = Cursor::new(&run.text, groups.end).peek().is_some_and(|c| c.is_ascii_alphanumeric());
    (!goes_on).then_some(groups)
}

/// Whether so many digits can be a part of a number: OCR may have lost a space between two groups of four.
fn can_be_group(length: usize) -> bool {
    length <= LONGEST_GROUP || length == 8
}

/// A space or hyphen and a short group after one of `last` digits, unless what follows says that the group is a date, a time or an amount.
fn next_group<'a>(cursor: &mut Cursor<'a>, last: usize) -> Option<&'a [char]> {
    let mut probe = *cursor;
    if !probe.eat("-") && probe.spaces(2) == 0 {
        return None;
    }
    let group = probe.take_some(9, |c| c.is_ascii_digit());
    let even =
        can_be_group(group.len()) && (last.max(group.len()) <= LONGEST_GROUP || last.min(group.len()) == 4);
    let (next, after) = (probe.peek(), probe.peek_at(1));
    let word = next.is_some_and(|c| c.is_ascii_alphanumeric() || "年月日时元万%".contains(c));
    let joins = next.is_some_and(|c| "./".contains(c) || ",:".contains(c) && group.len() < 4);
    let decimal = joins && after.is_some_and(|c| c.is_ascii_digit());
    if group.is_empty() || !even || word || decimal {
        return None;
    }
    *cursor = probe;
    Some(group)
}

impl Groups {
    fn found(&self, kind: FieldKind) -> Found {
        Found::new(kind, self.digits.iter().collect(), (self.start, self.end))
    }

    /// Written as cards are: 4-4-4-4, or with one to three digits more.
    fn is_like_card(&self) -> bool {
        let (whole, rest) = self.lengths.split_at_checked(4).unwrap_or_default();
        whole == [4; 4] && matches!(rest, [] | [1..=3])
    }
}

fn is_card(meaning: Meaning) -> bool {
    meaning == Meaning::Card
}

fn is_account(meaning: Meaning) -> bool {
    meaning == Meaning::Account
}

/// A card: near a label, or in groups of four, with the check digit of a card.
fn card(run: &Run, groups: &Groups) -> Option<Found> {
    if !(16..=19).contains(&groups.digits.len()) {
        return None;
    }
    let holds = card_check_holds(&groups.digits);
    let (beside, near) = (label_for(run, groups.start, is_card), label_near(run, groups.start));
    if !holds {
        let found = Found { check: Some(Check::Fails), ..groups.found(FieldKind::BankCard) };
        return beside.map(|label| found.beside(Some(label)));
    }
    let plausible = card_is_plausible(&groups.digits) && !is_something_else(run, groups.start, is_either);
    let wanted = beside.is_some() || plausible && (near.is_some() || groups.is_like_card());
    let found = Found { check: Some(Check::Holds), sure: true, ..groups.found(FieldKind::BankCard) };
    wanted.then(|| found.beside(beside.or(near)))
}

fn is_either(meaning: Meaning) -> bool {
    is_card(meaning) || is_account(meaning)
}

fn label_near(run: &Run, at: usize) -> Option<&Label> {
    run.labels_near(at, NEAR).find(|label| is_either(label.meaning))
}

/// An account: any digits beside its label. One that looks like a card but has not its check digit is not sure.
fn account(run: &Run, groups: &Groups) -> Option<Found> {
    let label = label_for(run, groups.start, is_account)?;
    if groups.digits.len() < LEAST_ACCOUNT_DIGITS {
        return None;
    }
    let union_pay = (16..=19).contains(&groups.digits.len()) && groups.digits.starts_with(&['6', '2']);
    let like_card = union_pay || groups.is_like_card();
    let check = like_card.then_some(Check::Fails);
    Some(Found { sure: !like_card, check, ..groups.found(FieldKind::BankAccount) }.beside(Some(label)))
}

/// All telephone numbers of a run: those of mobiles in mainland China, also in groups, with or without the country's code.
pub(super) fn phones(run: &Run) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < run.text.len() {
        let one = phone(run, at);
        at = one.as_ref().map_or(at + 1, |one| one.end);
        found.extend(one);
    }
    found
}

fn phone(run: &Run, start: usize) -> Option<Found> {
    let mut cursor = Cursor::new(&run.text, start);
    if cursor.before().is_some_and(|c| c.is_ascii_alphanumeric() || ".-".contains(c)) {
        return None;
    }
    let bracket = cursor.eat("(");
    let plus = cursor.eat("+");
    if (bracket || plus) && !(cursor.word("86") && (!bracket || cursor.eat(")"))) {
        return None;
    }
    if plus || bracket {
        cursor.take_some(2, |c| c == ' ' || c == '-');
    }
    let value = mobile(&mut cursor)?;
    let is_phone = |meaning| meaning == Meaning::Phone;
    if is_something_else(run, start, is_phone) {
        return None;
    }
    let label = label_for(run, start, is_phone);
    let found = Found::new(FieldKind::Phone, value, (start, cursor.at()));
    Some(Found { sure: label.is_some(), ..found }.beside(label))
}

/// Eleven digits, whole or as 3-4-4, that begin with 13 to 19.
fn mobile(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut value = String::new();
    let mut separators = Vec::new();
    for length in [3, 4, 4] {
        if !value.is_empty() {
            separators.push(cursor.take(|c| c == ' ' || c == '-'));
        }
        let group = cursor.take_some(length, |c| c.is_ascii_digit());
        if group.len() < length {
            return None;
        }
        value.extend(group);
    }
    let goes_on = cursor.peek().is_some_and(|c| c.is_ascii_alphanumeric());
    let even = separators.first() == separators.last();
    let mut digits = value.chars();
    let begins = digits.next() == Some('1') && digits.next().is_some_and(|c| ('3'..='9').contains(&c));
    (begins && even && !goes_on).then_some(value)
}
