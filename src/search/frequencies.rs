//! How common terms are in the index, each looked up once for an answer.
//!
//! A query with its near matches asks for the same pairs of characters many times over, in every part of the index.

use std::cell::RefCell;
use std::collections::HashMap;

use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

/// The statistics that ranking needs (BM25), of one moment of the index.
pub(super) struct Frequencies<'a> {
    searcher: &'a Searcher,
    terms: RefCell<HashMap<Term, u64>>,
    fields: RefCell<HashMap<Field, u64>>,
}

impl<'a> Frequencies<'a> {
    pub(super) fn new(searcher: &'a Searcher) -> Self {
        Self { searcher, terms: RefCell::default(), fields: RefCell::default() }
    }
}

impl Bm25StatisticsProvider for Frequencies<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        if let Some(known) = self.fields.borrow().get(&field) {
            return Ok(*known);
        }
        let count = self.searcher.total_num_tokens(field)?;
        self.fields.borrow_mut().insert(field, count);
        Ok(count)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.searcher.total_num_docs()
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        if let Some(known) = self.terms.borrow().get(term) {
            return Ok(*known);
        }
        let count = self.searcher.doc_freq(term)?;
        self.terms.borrow_mut().insert(term.clone(), count);
        Ok(count)
    }
}
