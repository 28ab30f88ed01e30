//! Identity numbers and unified social credit codes: 18 symbols with a check digit.
//!
//! What OCR confuses is mended only if the check digit then holds, so a mended number is never a guess of one symbol
//! that could as well be another: those where more than one mending holds are left alone.

use super::cursor::Cursor;
use super::digits::{credit_check_holds, credit_is_plausible, identity_check_holds, identity_is_plausible};
use super::found::{Found, label_for};
use super::label::Meaning;
use super::run::Run;
use super::{Check, FieldKind};

const LENGTH: usize = 18;
/// Spaces and hyphens between the groups of a number: most together, most in all.
const MOST_TOGETHER: usize = 2;
const MOST_SEPARATORS: usize = 8;
/// First symbols of the credit codes that are believed without a label; with others a card of 18 digits could be one.
const USUAL_REGISTRARS: &str = "1359ANY";

/// All of a run.
pub(super) fn identities(run: &Run) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < run.text.len() {
        let one = if starts(run, at) && !is_other(run, at) {
            identity(run, at).or_else(|| short(run, at)).or_else(|| credit(run, at))
        } else {
            None
        };
        at = one.as_ref().map_or(at + 1, |one| one.end);
        found.extend(one);
    }
    found
}

/// Whether a number can start here: only where no letter or digit comes before.
fn starts(run: &Run, at: usize) -> bool {
    let cursor = Cursor::new(&run.text, at);
    cursor.peek().is_some_and(is_symbol) && !cursor.before().is_some_and(|c| c.is_ascii_alphanumeric())
}

/// Whether a label beside this place says that the number is another, which by chance might have the check digit too.
fn is_other(run: &Run, at: usize) -> bool {
    let means = |meaning| run.labels_at(at).any(|label| label.meaning == meaning);
    let own = means(Meaning::Identity) || means(Meaning::Credit);
    !own && (means(Meaning::Card) || means(Meaning::Account) || means(Meaning::Contract))
}

fn is_symbol(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '|'
}

/// Symbols that stand together, and where they end.
struct Token {
    symbols: Vec<char>,
    start: usize,
    end: usize,
    separated: bool,
}

fn token(run: &Run, start: usize) -> Option<Token> {
    let mut cursor = Cursor::new(&run.text, start);
    let mut symbols = Vec::with_capacity(LENGTH);
    let mut separators = 0;
    while symbols.len() < LENGTH {
        if !symbols.is_empty() {
            separators += cursor.take_some(MOST_TOGETHER, |c| c == ' ' || c == '-').len();
        }
        let last = symbols.len() == LENGTH - 1;
        symbols.push(cursor.take(|c| is_symbol(c) || last && c == '×')?);
    }
    let goes_on = cursor.peek().is_some_and(|c| c.is_ascii_alphanumeric());
    let whole = !goes_on && separators <= MOST_SEPARATORS;
    whole.then(|| Token { symbols, start, end: cursor.at(), separated: separators > 0 })
}

impl Token {
    fn found(&self, kind: FieldKind, symbols: &[char], mended: bool) -> Found {
        let found = Found::new(kind, symbols.iter().collect(), (self.start, self.end));
        Found { mended, check: Some(Check::Holds), sure: true, ..found }
    }
}

/// An identity number of 18 symbols. Beside its label also one whose check digit is wrong.
fn identity(run: &Run, at: usize) -> Option<Found> {
    let token = token(run, at)?;
    let label = label_for(run, at, |meaning| meaning == Meaning::Identity);
    if label_for(run, at, |meaning| meaning == Meaning::Credit).is_some() {
        return None;
    }
    let plain: Vec<char> = token.symbols.iter().map(char::to_ascii_uppercase).collect();
    let mended: Vec<char> = token.symbols.iter().enumerate().map(|(at, c)| as_digit(*c, at)).collect();
    let changed = mended != plain || token.separated;
    if identity_is_plausible(&mended) && identity_check_holds(&mended) {
        return Some(token.found(FieldKind::IdNumber, &mended, changed).beside(label));
    }
    let digits = plain.iter().enumerate().all(|(at, c)| c.is_ascii_digit() || at == LENGTH - 1 && *c == 'X');
    let check = if identity_check_holds(&plain) { Check::Holds } else { Check::Fails };
    label.filter(|_| digits).map(|label| {
        let found = token.found(FieldKind::IdNumber, &plain, false);
        Found { sure: false, check: Some(check), ..found }.beside(Some(label))
    })
}

/// The digit that a symbol is where only a digit can be; the last one may be an X.
fn as_digit(c: char, at: usize) -> char {
    match c {
        'O' | 'o' => '0',
        'l' | 'I' | 'i' | '|' => '1',
        'B' => '8',
        'x' | '×' if at == LENGTH - 1 => 'X',
        _ => c,
    }
}

/// An identity number of the first generation, 15 digits, which has no check digit: only beside its label.
fn short(run: &Run, at: usize) -> Option<Found> {
    let label = label_for(run, at, |meaning| meaning == Meaning::Identity)?;
    let mut cursor = Cursor::new(&run.text, at);
    let digits = cursor.take_some(15, |c| c.is_ascii_digit());
    let goes_on = cursor.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
    if goes_on || !identity_is_plausible(digits) {
        return None;
    }
    let found = Found::new(FieldKind::IdNumber, digits.iter().collect(), (at, cursor.at()));
    Some(Found { sure: true, ..found }.beside(Some(label)))
}

/// A unified social credit code. Beside its label also one whose check character is wrong.
fn credit(run: &Run, at: usize) -> Option<Found> {
    let token = token(run, at)?;
    let label = label_for(run, at, |meaning| meaning == Meaning::Credit);
    let plain: Vec<char> = token.symbols.iter().map(char::to_ascii_uppercase).collect();
    let mended: Vec<char> = token.symbols.iter().enumerate().map(|(at, c)| as_credit(*c, at)).collect();
    let changed = mended != plain || token.separated;
    let usual = mended.first().is_some_and(|c| USUAL_REGISTRARS.contains(*c));
    if (usual || label.is_some()) && credit_is_plausible(&mended) && credit_check_holds(&mended) {
        return Some(token.found(FieldKind::Uscc, &mended, changed).beside(label));
    }
    let label = label?;
    if let Some(guess) = exchanged(&mended) {
        let found = token.found(FieldKind::Uscc, &guess, true);
        return Some(Found { sure: false, ..found }.beside(Some(label)));
    }
    credit_is_plausible(&plain).then(|| {
        let found = token.found(FieldKind::Uscc, &plain, false);
        Found { sure: false, check: Some(Check::Fails), ..found }.beside(Some(label))
    })
}

/// The symbol of a credit code: it has no I and no O, and its region (the third to the eighth) only digits.
fn as_credit(c: char, at: usize) -> char {
    match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | '|' => '1',
        'B' if (2..8).contains(&at) => '8',
        _ if c == 'l' => '1',
        upper => upper,
    }
}

/// The code with one B as 8 or one 8 as B, if exactly one such code is right.
fn exchanged(symbols: &[char]) -> Option<Vec<char>> {
    let exchange = |at: usize| {
        let mut other = symbols.to_vec();
        let slot = other.get_mut(at)?;
        *slot = match *slot {
            'B' => '8',
            '8' => 'B',
            _ => return None,
        };
        (credit_is_plausible(&other) && credit_check_holds(&other)).then_some(other)
    };
    let mut right = (0..symbols.len()).filter_map(exchange);
    let only = right.next()?;
    right.next().is_none().then_some(only)
}
