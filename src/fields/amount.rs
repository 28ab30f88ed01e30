//! Amounts of money in yuan, in figures and in words; what they are worth is counted in fen.
//!
//! Words are read by [`super::spelled`]. Only what is said to be money of China counts: a sign or word of the currency, or a label beside.

use std::ops::Range;

use super::cursor::{Cursor, value_of, word_before};
use super::found::{Found, label_for};
use super::label::{Label, Meaning};
use super::numeral;
use super::run::Run;
use super::{FieldKind, Role, spelled};

/// More than this, in fen, is no amount (ten million billion yuan).
pub(super) const MOST_FEN: u64 = 1_000_000_000_000_000_000;
const MOST_SPACES: usize = 3;

/// What stands before an amount in yuan.
const BEFORE: [&str; 5] = ["¥", "人民币", "人民幣", "RMB", "CNY"];
/// Before an amount in other money.
const FOREIGN: [&str; 15] =
    ["USD", "HKD", "EUR", "GBP", "JPY", "SGD", "AUD", "$", "€", "£", "美元", "港币", "港元", "欧元", "日元"];

/// All of a run. `foreign`: the page speaks of other money, so that a label alone does not say that this is yuan.
pub(super) fn amounts(run: &Run, foreign: bool) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < run.text.len() {
        let one = match run.at(at) {
            Some(c) if c.is_ascii_digit() => figures(run, at, foreign).ok_or_else(|| figures_end(run, at)),
            Some(c) if numeral::symbol(c).is_some() => {
                spelled::words(run, at).ok_or_else(|| words_end(run, at))
            }
            _ => Err(at + 1),
        };
        at = one.as_ref().map_or_else(|end| *end, |one| one.end);
        found.extend(one);
    }
    found
}

/// Whether a text speaks of money that is not China's.
pub(super) fn is_foreign(text: &[char]) -> bool {
    (1..=text.len()).any(|at| FOREIGN.iter().any(|word| word_before(text, at, word).is_some()))
}

fn figures_end(run: &Run, at: usize) -> usize {
    let mut cursor = Cursor::new(&run.text, at);
    cursor.take_some(usize::MAX, |c| c.is_ascii_digit() || ",.".contains(c));
    cursor.at()
}

fn words_end(run: &Run, at: usize) -> usize {
    let mut cursor = Cursor::new(&run.text, at);
    cursor.take_some(usize::MAX, |c| numeral::symbol(c).is_some());
    cursor.at()
}

/// Where an amount begins with what says its currency, and whether anything does.
pub(super) struct Before {
    pub(super) start: usize,
    pub(super) yuan: bool,
    negative: bool,
    pub(super) foreign: bool,
}

pub(super) fn before(run: &Run, at: usize) -> Before {
    let mut before = Before { start: at, yuan: false, negative: false, foreign: false };
    let mut end = at;
    for _ in 0..4 {
        let spaces = run.text.get(..end).unwrap_or_default().iter().rev();
        end -= spaces.take(MOST_SPACES).take_while(|c| **c == ' ' || **c == ':').count();
        let minus = word_before(&run.text, end, "-");
        if let Some(start) = minus.filter(|start| can_be_minus(run, *start)) {
            (before.start, before.negative, end) = (start, true, start);
        } else if let Some(start) = BEFORE.iter().find_map(|word| word_before(&run.text, end, word)) {
            (before.start, before.yuan, end) = (start, true, start);
        } else {
            break;
        }
    }
    before.foreign = !before.yuan && FOREIGN.iter().any(|word| word_before(&run.text, end, word).is_some());
    before
}

/// Whether a hyphen here is a sign: after a bracket, a colon, a space or nothing, or a sign of the currency.
fn can_be_minus(run: &Run, at: usize) -> bool {
    Cursor::new(&run.text, at).before().is_none_or(|c| " (:¥".contains(c) || c == '币')
}

/// An amount in figures that starts with this digit.
fn figures(run: &Run, at: usize, foreign: bool) -> Option<Found> {
    let mut cursor = Cursor::new(&run.text, at);
    let goes_on = |c: char| c.is_ascii_alphanumeric() || ".万亿千百".contains(c);
    let before = before(run, at);
    if cursor.before().is_some_and(|c| goes_on(c) && !(before.yuan && c.is_ascii_alphabetic()))
        || before.foreign
    {
        return None;
    }
    let decimal = decimal(&mut cursor)?;
    let scale = scale(&mut cursor);
    let yuan = after(&mut cursor);
    let label = amount_label(run, before.start);
    let bare = scale == 1 && label.is_some() && !foreign && (decimal.fraction.len() == 2 || decimal.grouped);
    let said = before.yuan || yuan || bare && ends(cursor);
    if !said {
        return None;
    }
    let mut fen = decimal.fen(scale)?;
    if yuan {
        fen = small_change(&mut cursor, fen);
        cursor.eat("整正");
    } else if ends_in_unit(cursor) {
        return None;
    }
    let sign = if before.negative { "-" } else { "" };
    Some(of_amount(format!("{sign}{fen}"), (before.start, cursor.at()), label))
}

/// The values of figures that look like an amount by themselves: in groups of three, with two decimals, or with 万 or 亿.
pub(super) fn bare(run: &Run) -> Vec<(u64, Range<usize>)> {
    let mut worths = Vec::new();
    let mut at = 0;
    while at < run.text.len() {
        if !run.at(at).is_some_and(|c| c.is_ascii_digit()) {
            at += 1;
            continue;
        }
        worths.extend(bare_at(run, at).map(|(fen, end)| (fen, at..end)));
        at = figures_end(run, at).max(at + 1);
    }
    worths
}

/// What the figures here are worth, and where they end.
fn bare_at(run: &Run, at: usize) -> Option<(u64, usize)> {
    let mut cursor = Cursor::new(&run.text, at);
    let before = before(run, at);
    if cursor.before().is_some_and(|c| c.is_ascii_alphanumeric() || ".-/".contains(c)) || before.foreign {
        return None;
    }
    let decimal = decimal(&mut cursor)?;
    let scale = scale(&mut cursor);
    let looks = decimal.grouped || decimal.fraction.len() == 2 || scale >= 10_000 && ends(cursor);
    let unit = ends_in_unit(cursor) || cursor.peek() == Some('-');
    if looks && !unit { Some((decimal.fen(scale)?, cursor.at())) } else { None }
}

/// The value of a text that is nothing but an amount in figures. Five digits or more need no other sign that they are money.
pub(super) fn whole(run: &Run) -> Option<u64> {
    let mut cursor = Cursor::new(&run.text, 0);
    cursor.spaces(MOST_SPACES);
    let said = BEFORE.iter().any(|word| cursor.word(word));
    cursor.spaces(MOST_SPACES);
    if said {
        cursor.eat(":");
    }
    let first = cursor.peek()?;
    let decimal = decimal(&mut cursor)?;
    let scale = scale(&mut cursor);
    let yuan = after(&mut cursor);
    let fen = decimal.fen(scale)?;
    let fen = if yuan { small_change(&mut cursor, fen) } else { fen };
    cursor.eat("整正");
    cursor.spaces(MOST_SPACES);
    let long = first != '0' && (10_000..1_000_000_000_000).contains(&decimal.whole);
    let money = said || yuan || scale > 1 || decimal.grouped || decimal.fraction.len() == 2 || long;
    (money && cursor.peek().is_none() && fen > 0).then_some(fen)
}

pub(super) fn of_amount(value: String, span: (usize, usize), label: Option<&Label>) -> Found {
    let role = label.and_then(|label| match label.meaning {
        Meaning::Amount(role) => role,
        _ => None,
    });
    let found = Found::new(FieldKind::Amount, value, span);
    Found { role, sure: label.is_some(), ..found }.beside(label)
}

pub(super) fn amount_label(run: &Run, at: usize) -> Option<&Label> {
    let total = label_for(run, at, |meaning| meaning == Meaning::Amount(Some(Role::Total)));
    total.or_else(|| label_for(run, at, |meaning| matches!(meaning, Meaning::Amount(_))))
}

/// A decimal number.
struct Decimal {
    whole: u64,
    fraction: Vec<char>,
    grouped: bool,
}

/// Takes a number: digits, or groups of three after a comma, and a fraction.
fn decimal(cursor: &mut Cursor<'_>) -> Option<Decimal> {
    let mut digits = cursor.take_some(16, |c| c.is_ascii_digit()).to_vec();
    let mut grouped = false;
    while digits.len() <= 16 && (grouped || digits.len() <= 3) {
        let mut probe = *cursor;
        let comma = probe.eat(",") && probe.spaces(1) <= 1;
        let group = probe.take_some(3, |c| c.is_ascii_digit());
        if !comma || group.len() < 3 || probe.peek().is_some_and(|c| c.is_ascii_digit()) {
            break;
        }
        digits.extend(group);
        (grouped, *cursor) = (true, probe);
    }
    let mut fraction = Vec::new();
    if cursor.peek() == Some('.') && cursor.peek_at(1).is_some_and(|c| c.is_ascii_digit()) {
        cursor.advance(1);
        fraction = cursor.take_some(8, |c| c.is_ascii_digit()).to_vec();
    }
    let goes_on = cursor.peek().is_some_and(|c| c.is_ascii_digit())
        || cursor.peek().is_some_and(|c| ",.".contains(c))
            && cursor.peek_at(1).is_some_and(|c| c.is_ascii_digit());
    let whole = value_of(&digits)?;
    (!goes_on && digits.len() <= 17).then_some(Decimal { whole, fraction, grouped })
}

impl Decimal {
    /// What it is worth in fen, if that is a whole number of them.
    fn fen(&self, scale: u64) -> Option<u64> {
        let digits = u32::try_from(self.fraction.len()).ok()?;
        let parts = 10_u128.checked_pow(digits)?;
        let fraction = u128::from(value_of(&self.fraction)?);
        let exact = (u128::from(self.whole) * parts + fraction) * u128::from(scale) * 100;
        let fen = u64::try_from(exact / parts).ok()?;
        (exact % parts == 0 && fen <= MOST_FEN).then_some(fen)
    }
}

/// Takes 万, 亿, 百万 and the like after figures.
fn scale(cursor: &mut Cursor<'_>) -> u64 {
    let mut probe = *cursor;
    probe.spaces(1);
    let mut scale = 1_u64;
    for (signs, times) in [("十", 10), ("百", 100), ("千仟", 1000), ("万萬", 10_000), ("亿億", 100_000_000)]
    {
        if probe.eat(signs) {
            scale = scale.saturating_mul(times);
        }
    }
    if scale > 1 {
        *cursor = probe;
    }
    scale
}

/// Takes what says after figures that they were yuan.
fn after(cursor: &mut Cursor<'_>) -> bool {
    let mut probe = *cursor;
    probe.spaces(1);
    let yuan = probe.eat("元圆圓") && !probe.peek().is_some_and(|c| "素旦宵件月".contains(c));
    if yuan {
        *cursor = probe;
        return true;
    }
    ["人民币", "RMB", "CNY"].iter().any(|word| probe.word(word)) && {
        *cursor = probe;
        true
    }
}

/// Takes 角 and 分 after the yuan in figures.
fn small_change(cursor: &mut Cursor<'_>, fen: u64) -> u64 {
    let mut fen = fen;
    for (sign, worth) in [("角", 10), ("分", 1)] {
        let mut probe = *cursor;
        if let Some(digit) = probe.number(1, 1)
            && probe.eat(sign)
        {
            fen = fen.saturating_add(digit * worth);
            *cursor = probe;
        }
    }
    fen
}

/// Whether nothing that belongs to the number follows.
fn ends(mut cursor: Cursor<'_>) -> bool {
    let spaces = cursor.spaces(MOST_SPACES);
    cursor.peek().is_none_or(|c| ",;。、)(".contains(c) || spaces > 0 && !c.is_ascii_alphabetic())
}

/// Whether a percent sign or a unit makes something else of it.
fn ends_in_unit(cursor: Cursor<'_>) -> bool {
    cursor.peek().is_some_and(|c| "%‰/".contains(c) || c.is_ascii_alphanumeric())
}
