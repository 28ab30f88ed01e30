//! The fields of the index and how an item becomes one of its documents.
//!
//! The text itself is not kept: a snippet is made from the page's text object.

use std::collections::BTreeSet;

use jiff::civil::Date;
use tantivy::schema::{
    Document, FAST, Field, INDEXED, IndexRecordOption, OwnedValue, STORED, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};

use super::item::{Item, Source};
use super::numbers::held;
use super::tokens::Analysed;
use crate::fields::worths;

const WORDS: &str = "words";
const GRAMS: &str = "grams";
const IDS: &str = "ids";
const SPELLINGS: &str = "spellings";
const RAW: &str = "raw";
pub(super) const KIND: &str = "kind";
pub(super) const DATE: &str = "date";
pub(super) const DOSSIER: &str = "dossier";
pub(super) const NUMBERS: &str = "numbers";
pub(super) const CASE: &str = "case";
/// Grows with every change of fields or analysis: an index of another version is refused and rebuilt.
const SOURCE_AND_VERSION: &str = "source.v4";

/// The fields.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    pub(super) source: Field,
    pub(super) document: Field,
    pub(super) dossier: Field,
    pub(super) kind: Field,
    /// The date as the number YYYYMMDD.
    pub(super) date: Field,
    pub(super) body: TextFields,
    pub(super) title: TextFields,
    pub(super) ids: Field,
    /// What the amounts in the text are worth, in fen.
    pub(super) amounts: Field,
    /// How customers' names are typed.
    pub(super) spellings: Field,
    /// Numbers to be suggested, as [`held`] makes them.
    pub(super) numbers: Field,
    pub(super) case: Field,
}

/// The two looks at a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextFields {
    pub(super) words: Field,
    pub(super) grams: Field,
}

impl Fields {
    pub(super) fn new() -> Self {
        let mut schema = Schema::builder();
        let mut text = |name: &str, tokenizer, record| {
            let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(record);
            schema.add_text_field(name, TextOptions::default().set_indexing_options(indexing))
        };
        let mut text_fields = |words: &str, grams: &str| TextFields {
            words: text(words, WORDS, IndexRecordOption::WithFreqs),
            grams: text(grams, GRAMS, IndexRecordOption::WithFreqsAndPositions),
        };
        let body = text_fields("body_words", "body_grams");
        let title = text_fields("title_words", "title_grams");
        let plain = |tokenizer| {
            let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_fieldnorms(false);
            TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::Basic))
        };
        let ids = schema.add_text_field("ids", plain(IDS));
        let amounts = schema.add_u64_field("amounts", INDEXED);
        let spellings = schema.add_text_field("spellings", plain(SPELLINGS));
        let kind = schema.add_text_field(KIND, plain(RAW).set_stored().set_fast(RAW));
        let source = schema.add_bytes_field(SOURCE_AND_VERSION, INDEXED | STORED);
        let document = schema.add_bytes_field("document", INDEXED);
        let dossier = schema.add_bytes_field(DOSSIER, INDEXED | STORED | FAST);
        let date = schema.add_u64_field(DATE, FAST);
        let case = schema.add_bytes_field(CASE, INDEXED | FAST);
        let numbers = schema.add_text_field(NUMBERS, TextOptions::default().set_fast(RAW));
        Self {
            schema: schema.build(),
            source,
            document,
            dossier,
            kind,
            date,
            body,
            title,
            ids,
            amounts,
            spellings,
            numbers,
            case,
        }
    }

    /// The index document of an item; `text_max_chars` bounds the text.
    pub(super) fn document(&self, item: &Item, text_max_chars: usize) -> Indexed {
        let bytes = |field, bytes: &[u8]| (vec![field], OwnedValue::Bytes(bytes.to_vec()));
        let text = |fields, text: &str| {
            let end = text.char_indices().nth(text_max_chars).map_or(text.len(), |(at, _)| at);
            (fields, OwnedValue::Str(text[..end].to_owned()))
        };
        let mut title = vec![self.title.words, self.title.grams, self.ids];
        title.extend((item.source == Source::Dossier).then_some(self.spellings));
        let mut values = vec![
            bytes(self.source, &item.source.to_key(item.dossier)),
            bytes(self.dossier, item.dossier.as_bytes()),
            (vec![self.kind], OwnedValue::Str(item.kind.clone())),
            text(vec![self.body.words, self.body.grams, self.ids], &item.text),
            text(title, &item.title),
        ];
        if let Source::Page { document, .. } = item.source {
            values.push(bytes(self.document, document.as_bytes()));
        }
        let worths: BTreeSet<u64> =
            [&item.title, &item.text].iter().flat_map(|text| worths(text)).map(|worth| worth.fen).collect();
        values.extend(worths.into_iter().map(|fen| (vec![self.amounts], OwnedValue::U64(fen))));
        values.extend(item.date.map(|date| (vec![self.date], OwnedValue::U64(date_number(date)))));
        values.extend(item.case.map(|case| bytes(self.case, case.as_bytes())));
        let numbers = item.numbers.iter().filter_map(|number| held(number));
        values.extend(numbers.map(|number| (vec![self.numbers], OwnedValue::Str(number))));
        Indexed(values)
    }
}

/// An item on its way into the index; a text is held once for all its fields.
#[derive(Debug)]
pub(super) struct Indexed(Vec<(Vec<Field>, OwnedValue)>);

impl Document for Indexed {
    type Value<'a> = &'a OwnedValue;
    type FieldsValuesIter<'a> = std::vec::IntoIter<(Field, &'a OwnedValue)>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        let values =
            self.0.iter().flat_map(|(fields, value)| fields.iter().map(move |field| (*field, value)));
        values.collect::<Vec<_>>().into_iter()
    }
}

/// A date as an ordered number; years before 0 are all alike.
pub(super) fn date_number(date: Date) -> u64 {
    let part = |number: i16| u64::try_from(number).unwrap_or(0);
    part(date.year()) * 10_000 + part(date.month().into()) * 100 + part(date.day().into())
}

/// The analysers under the names that the fields give them.
pub(super) fn tokenizers() -> TokenizerManager {
    // Tantivy looks up its own default even for fields without text.
    let tokenizers = TokenizerManager::default();
    tokenizers
        .register(WORDS, Analyser(|text| text.words(true).into_iter().enumerate().map(token).collect()));
    tokenizers.register(
        GRAMS,
        Analyser(|text| text.grams().into_iter().map(|g| token((g.position, g.text))).collect()),
    );
    tokenizers
        .register(SPELLINGS, Analyser(|text| text.spellings().into_iter().enumerate().map(token).collect()));
    tokenizers.register(IDS, Analyser(|text| text.ids().into_iter().enumerate().map(token).collect()));
    tokenizers
}

fn token((position, text): (usize, String)) -> Token {
    Token { position, text, ..Token::default() }
}

#[derive(Clone)]
struct Analyser(fn(&Analysed<'_>) -> Vec<Token>);

impl Tokenizer for Analyser {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        Tokens { current: Token::default(), rest: (self.0)(&Analysed::of(text)).into_iter() }
    }
}

struct Tokens {
    current: Token,
    rest: std::vec::IntoIter<Token>,
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        match self.rest.next() {
            Some(token) => {
                self.current = token;
                true
            }
            None => false,
        }
    }

    fn token(&self) -> &Token {
        &self.current
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
}
