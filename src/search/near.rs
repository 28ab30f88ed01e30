//! What comes close to a row of Han characters: all of them but for one, whichever it is.
//!
//! A scan yields, or a hand types, one character for another. Where pairs are left on both sides of the wrong one, or on one
//! side at an end, these say enough. Where a single character is left beside it, as in 欧?修, the index is asked what may
//! stand between the two: what follows 欧 somewhere and is followed by 修 somewhere.

use std::collections::BTreeSet;

use tantivy::query::{BooleanQuery, PhraseQuery, Query as Search};
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

use super::find::{any_of, term_of};
use super::normal::is_han;
use super::query::{Piece, Query};
use super::tokens::{Analysed, BESIDE_RUN, Term as GramTerm};
use crate::fields::worth;

/// Of fewer characters too little is left when one is wrong.
const MIN_CHARS: usize = 3;
/// Up to so many characters each may be the wrong one.
const MAX_CHARS: usize = 12;
/// So many characters are tried between two others.
const BETWEEN_MAX: usize = 128;

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
    searcher: &Searcher,
    analysed: &Analysed<'_>,
    grams: Field,
) -> tantivy::Result<Vec<Box<dyn Search>>> {
    let Some(chars) = chars(analysed) else { return Ok(Vec::new()) };
    if chars.len() > MAX_CHARS {
        let pairs = chars.windows(2).map(|pair| term_of(grams, &pair.iter().collect::<String>()));
        let half = chars.len() / 2;
        return Ok(vec![Box::new(BooleanQuery::union_with_minimum_required_clauses(pairs.collect(), half))]);
    }
    (0..chars.len()).map(|wrong| but_one(searcher, &chars, wrong, grams)).collect()
}

/// The Han characters of a text that others can come close to.
fn chars(analysed: &Analysed<'_>) -> Option<Vec<char>> {
    analysed.han_only().filter(|chars| chars.len() >= MIN_CHARS)
}

/// Texts with these characters in their places, whatever stands in the `wrong` one.
fn but_one(
    searcher: &Searcher,
    chars: &[char],
    wrong: usize,
    grams: Field,
) -> tantivy::Result<Box<dyn Search>> {
    let (before, after) = (&chars[..wrong], &chars[wrong + 1..]);
    let mut pairs: Vec<GramTerm> = Vec::new();
    for (part, from) in [(before, 0), (after, wrong + 1)] {
        pairs.extend(part.windows(2).zip(from..).map(|(pair, at)| gram(pair[0], pair[1], at)));
    }
    let (Some(left), Some(right)) = (before.last().copied(), after.first().copied()) else {
        return Ok(phrase(grams, pairs));
    };
    if before.len() > 1 && after.len() > 1 {
        return Ok(phrase(grams, pairs));
    }
    // A run of letters and digits may have been read for the character, too.
    let run = [gram(left, BESIDE_RUN, wrong - 1), gram(BESIDE_RUN, right, wrong + 1)];
    let mut ways = vec![phrase(grams, pairs.iter().cloned().chain(run).collect())];
    for other in between(searcher, grams, left, right)?.into_iter().filter(|other| *other != chars[wrong]) {
        let joined = [gram(left, other, wrong - 1), gram(other, right, wrong)];
        ways.push(phrase(grams, pairs.iter().cloned().chain(joined).collect()));
    }
    Ok(any_of(ways))
}

/// Han characters that stand after the one and before the other somewhere in the index.
fn between(searcher: &Searcher, grams: Field, left: char, right: char) -> tantivy::Result<BTreeSet<char>> {
    let mut found = BTreeSet::new();
    let after = char::from_u32(u32::from(left) + 1).unwrap_or(char::MAX);
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(grams)?;
        let range = index.terms().range().ge(left.to_string().as_bytes()).lt(after.to_string().as_bytes());
        let mut begun = range.into_stream()?;
        while found.len() < BETWEEN_MAX && begun.advance() {
            let other = std::str::from_utf8(begun.key()).ok().and_then(|pair| pair.chars().nth(1));
            let Some(other) = other.filter(|other| is_han(*other)) else { continue };
            if index.terms().term_ord(gram(other, right, 0).text)?.is_some() {
                found.insert(other);
            }
        }
    }
    Ok(found)
}

fn gram(first: char, second: char, position: usize) -> GramTerm {
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
