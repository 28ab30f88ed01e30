//! What comes close to a short row of Han characters whose wrong one has no pair of known characters beside it, as 欧?修.
//!
//! Each part of the index is asked for the characters that stand after the one and before the other somewhere in it.

use tantivy::index::InvertedIndexReader;
use tantivy::query::{
    BooleanQuery, ConstScorer, EmptyScorer, EnableScoring, Explanation, Occur, Query as Search, Scorer,
    Weight,
};
use tantivy::schema::{Field, Schema};
use tantivy::{DocId, DocSet, Score, SegmentReader};

use super::find::any_of;
use super::near::{gram, phrase};
use super::normal::is_han;
use super::tokens::{BESIDE_RUN, Term as GramTerm};
use super::within::Within;

/// So many characters are tried between two others in each part of the index, those of the rarest pairs first.
const BETWEEN_MAX: usize = 64;
/// About as much as a pair of characters that is neither rare nor common.
const GAP_SCORE: Score = 8.0;

/// Texts of the scope in which another character than `not` stands at a place, and the pairs at theirs.
#[derive(Debug, Clone)]
pub(super) struct Gap {
    pub(super) grams: Field,
    pub(super) scope: Option<Within>,
    pub(super) pairs: Vec<GramTerm>,
    /// What stands before and after the place.
    pub(super) beside: (char, char),
    pub(super) at: usize,
    pub(super) not: char,
}

impl Search for Gap {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(GapWeight { gap: self.clone(), schema: scoring.schema().clone() }))
    }
}

struct GapWeight {
    gap: Gap,
    schema: Schema,
}

impl Weight for GapWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let index = reader.inverted_index(self.gap.grams)?;
        for pair in &self.gap.pairs {
            if index.terms().term_ord(&pair.text)?.is_none() {
                return Ok(Box::new(EmptyScorer));
            }
        }
        let any = any_of(self.gap.ways(&index)?).weight(EnableScoring::disabled_from_schema(&self.schema))?;
        Ok(Box::new(ConstScorer::new(any.scorer(reader, 1.0)?, boost * GAP_SCORE)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let found = self.scorer(reader, 1.0)?.seek(doc) == doc;
        Ok(Explanation::new("with another character between", if found { GAP_SCORE } else { 0.0 }))
    }
}

impl Gap {
    /// One for each character that this part of the index knows between the two.
    fn ways(&self, index: &InvertedIndexReader) -> tantivy::Result<Vec<Box<dyn Search>>> {
        let ((before, after), at) = (self.beside, self.at);
        // A run of letters and digits may have been read for the character, too.
        let run = [gram(before, BESIDE_RUN, at - 1), gram(BESIDE_RUN, after, at + 1)];
        let others = between(index, self.beside, self.not)?.into_iter();
        let others = others.map(|other| [gram(before, other, at - 1), gram(other, after, at)]);
        let ways = std::iter::once(run).chain(others);
        Ok(ways.map(|joined| self.inside(self.pairs.iter().cloned().chain(joined).collect())).collect())
    }

    fn inside(&self, pairs: Vec<GramTerm>) -> Box<dyn Search> {
        let phrase = phrase(self.grams, pairs);
        match &self.scope {
            Some(scope) => {
                let scope: Box<dyn Search> = Box::new(scope.clone());
                Box::new(BooleanQuery::new(vec![(Occur::Must, scope), (Occur::Must, phrase)]))
            }
            None => phrase,
        }
    }
}

/// Han characters but `not` that stand after the one and before the other somewhere in this part of the index.
fn between(
    index: &InvertedIndexReader,
    (before, after): (char, char),
    not: char,
) -> tantivy::Result<Vec<char>> {
    let mut found = Vec::new();
    let end = char::from_u32(u32::from(before) + 1).unwrap_or(char::MAX);
    let range = index.terms().range().ge(before.to_string().as_bytes()).lt(end.to_string().as_bytes());
    let mut begun = range.into_stream()?;
    while begun.advance() {
        let other = std::str::from_utf8(begun.key()).ok().and_then(|pair| pair.chars().nth(1));
        let Some(other) = other.filter(|other| is_han(*other) && *other != not) else { continue };
        let begun = begun.value().doc_freq;
        if let Some(ends) = index.terms().get(gram(other, after, 0).text)? {
            found.push((begun.min(ends.doc_freq), other));
        }
    }
    found.sort_unstable();
    found.truncate(BETWEEN_MAX);
    Ok(found.into_iter().map(|(_, other)| other).collect())
}
