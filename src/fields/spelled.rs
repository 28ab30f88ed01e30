//! Amounts of money in words, as banks and contracts write them beside the figures.
//!
//! Source: 正确填写票据和结算凭证的基本规定, see [`super::numeral`] for how it is read.

use super::amount::{MOST_FEN, amount_label, before, of_amount};
use super::cursor::Cursor;
use super::found::Found;
use super::numeral::{self, Symbol};
use super::run::Run;

const LONGEST_WORDS: usize = 48;

/// An amount in words that starts with this character.
pub(super) fn words(run: &Run, at: usize) -> Option<Found> {
    let mut cursor = Cursor::new(&run.text, at);
    let inside = |c: char| numeral::symbol(c).is_some() || c.is_ascii_digit() || "第之".contains(c);
    let before = before(run, at);
    if before.foreign || cursor.before().is_some_and(inside) {
        return None;
    }
    let label = amount_label(run, before.start);
    let fen = worth(&mut cursor, before.yuan || label.is_some())?;
    cursor.eat("整正");
    let found = of_amount(fen.to_string(), (before.start, cursor.at()), label);
    Some(Found { words: true, ..found })
}

/// The value of a text that is nothing but an amount in words; 元 may be left out after 万, 亿 or capitals.
pub(super) fn whole(run: &Run) -> Option<u64> {
    let mut cursor = Cursor::new(&run.text, 0);
    let said = ["人民币", "人民幣"].iter().any(|word| cursor.word(word));
    cursor.spaces(2);
    let mut probe = cursor;
    let number = spelled(&mut probe);
    let sized = number.iter().any(|c| matches!(numeral::symbol(*c), Some(Symbol::Myriad | Symbol::Yi)));
    let capital = number.len() > 1 && number.iter().any(|c| numeral::is_capital(*c));
    let fen = worth(&mut cursor, said || sized || capital)?;
    cursor.eat("整正");
    cursor.spaces(2);
    cursor.peek().is_none().then_some(fen)
}

/// Takes yuan, 角 and 分, and says what they are worth in fen. `said`: a sign or a label says that this is money.
fn worth(cursor: &mut Cursor<'_>, said: bool) -> Option<u64> {
    let mut probe = *cursor;
    let number = spelled(&mut probe);
    let zero = number.iter().all(|c| numeral::symbol(*c) == Some(Symbol::Digit(0)));
    if zero || probe.peek().is_some_and(|c| "角分".contains(c)) {
        let capital = number.iter().any(|c| numeral::is_capital(*c));
        return spelled_change(cursor).filter(|fen| (said || capital) && *fen > 0);
    }
    let yuan = numeral::value(&number)?;
    if !closing(&mut probe, said) {
        return None;
    }
    *cursor = probe;
    let change = spelled_change(cursor)?;
    yuan.checked_mul(100)?.checked_add(change).filter(|fen| *fen <= MOST_FEN)
}

/// Takes the characters of a number, spaces between them or not.
fn spelled(cursor: &mut Cursor<'_>) -> Vec<char> {
    let mut number = Vec::new();
    while number.len() < LONGEST_WORDS {
        let mut probe = *cursor;
        probe.spaces(2);
        let Some(c) = probe.take(|c| numeral::symbol(c).is_some()) else { break };
        number.push(c);
        *cursor = probe;
    }
    number
}

/// Takes 元 and its other forms; 整 alone will do after a word for the currency.
fn closing(cursor: &mut Cursor<'_>, said: bool) -> bool {
    let mut probe = *cursor;
    probe.spaces(2);
    if probe.eat("元圆圓") {
        let other = probe.peek().is_some_and(|c| "素旦宵件月一二三".contains(c)) && !said;
        *cursor = probe;
        return !other;
    }
    said && probe.peek().is_none_or(|c| "整正,。;) (".contains(c))
}

/// Takes 角 and 分 in words, each perhaps after a 零. None if what stands there is malformed.
fn spelled_change(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut fen = 0;
    for (sign, worth) in [("角", 10), ("分", 1)] {
        let mut probe = *cursor;
        let digits = spelled(&mut probe);
        probe.spaces(2);
        if !digits.is_empty() && probe.eat(sign) {
            let digit = numeral::digits_or_value(&digits).filter(|digit| *digit < 10)?;
            fen += digit * worth;
            *cursor = probe;
        }
    }
    let mut probe = *cursor;
    if spelled(&mut probe) == ['零'] {
        *cursor = probe;
    }
    let mut probe = *cursor;
    probe.spaces(2);
    if probe.peek().is_some_and(|c| "整正".contains(c)) {
        *cursor = probe;
    }
    Some(fen)
}
