//! What comes close to a row of Han characters: all of them but for one, whichever it is.
//!
//! A scan yields, or a hand types, one character for another. Where pairs are left on both sides of the wrong one, or on one
//! side at an end, these say enough. Where a single character is left beside it, as in 欧?修, the index is asked what may
//! stand between the two: what follows 欧 somewhere and is followed by 修 somewhere.

use tantivy::Term;
use tantivy::query::{Bm25StatisticsProvider, BooleanQuery, PhraseQuery, Query as Search};
use tantivy::schema::Field;

use super::find::term_of;
use super::frequencies::Frequencies;
use super::gap::Gap;
use super::query::{Piece, Query};
use super::tokens::{Analysed, Term as GramTerm};
use super::within::Within;
use crate::fields::worth;

/// Of fewer characters too little is left when one is wrong.
const MIN_CHARS: usize = 3;
/// Up to so many characters each may be the wrong one.
const MAX_CHARS: usize = 12;

impl Query {
    /// Whether something can come close to it that does not fit.
    pub(super) fn can_be_near(&self) -> bool {
        let can_be_near = |piece: &Piece| {
            !piece.exact && (chars(&Analysed::of(&piece.text)).is_some() || worth(&piece.text).is_some())
        };
        self.wanted.iter().flatten().any(can_be_near)
    }
}

/// Texts with these Han characters but for one, whichever; of a long row, with half of its pairs.
pub(super) fn nearly(
    frequencies: &Frequencies<'_>,
    scope: Option<&Within>,
    analysed: &Analysed<'_>,
    grams: Field,
) -> tantivy::Result<Vec<Box<dyn Search>>> {
    let Some(chars) = chars(analysed) else { return Ok(Vec::new()) };
    if chars.len() > MAX_CHARS {
        let pairs = chars.windows(2).map(|pair| term_of(grams, &pair.iter().collect::<String>()));
        let half = chars.len() / 2;
        return Ok(vec![Box::new(BooleanQuery::union_with_minimum_required_clauses(pairs.collect(), half))]);
    }
    let pairs = chars.windows(2).zip(0..).map(|(pair, at)| gram(pair[0], pair[1], at));
    let stands = |pair: GramTerm| Ok((is_there(frequencies, grams, &pair)?, pair));
    let pairs: Vec<(bool, GramTerm)> = pairs.map(stands).collect::<tantivy::Result<_>>()?;
    Ok((0..chars.len()).filter_map(|wrong| but_one(&chars, wrong, &pairs, (grams, scope))).collect())
}

fn is_there(frequencies: &Frequencies<'_>, grams: Field, gram: &GramTerm) -> tantivy::Result<bool> {
    Ok(frequencies.doc_freq(&Term::from_field_text(grams, &gram.text))? > 0)
}

/// The Han characters of a text that others can come close to.
fn chars(analysed: &Analysed<'_>) -> Option<Vec<char>> {
    analysed.han_only().filter(|chars| chars.len() >= MIN_CHARS)
}

/// Texts with these characters in their places, whatever stands in the `wrong` one; none if one of the pairs that are left
/// stands nowhere.
fn but_one(
    chars: &[char],
    wrong: usize,
    pairs: &[(bool, GramTerm)],
    (grams, scope): (Field, Option<&Within>),
) -> Option<Box<dyn Search>> {
    let left = pairs.iter().filter(|(_, pair)| pair.position != wrong && pair.position + 1 != wrong);
    let left = left.map(|(stands, pair)| stands.then(|| pair.clone())).collect::<Option<Vec<_>>>()?;
    let inside = wrong > 0 && wrong + 1 < chars.len();
    // With two characters on either side the pairs say enough.
    if !inside || (wrong > 1 && wrong + 2 < chars.len()) {
        return Some(phrase(grams, left));
    }
    let beside = (chars[wrong - 1], chars[wrong + 1]);
    Some(Box::new(Gap { grams, scope: scope.cloned(), pairs: left, beside, at: wrong, not: chars[wrong] }))
}

pub(super) fn gram(first: char, second: char, position: usize) -> GramTerm {
    GramTerm { text: [first, second].iter().collect(), position }
}

/// Texts with these grams at these distances.
pub(super) fn phrase(grams: Field, terms: Vec<GramTerm>) -> Box<dyn Search> {
    if let [term] = &terms[..] {
        return term_of(grams, &term.text);
    }
    let terms = terms.into_iter().map(|term| (term.position, Term::from_field_text(grams, &term.text)));
    Box::new(PhraseQuery::new_with_offset(terms.collect()))
}
