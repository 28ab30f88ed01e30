//! From a query to hits. Who may see what is a part of the query that the index answers: neither hits nor total
//! know of anything outside the scope. (Scores are relative to the whole index.)

use serde::{Deserialize, Serialize};
use tantivy::collector::{Collector, Count, TopDocs};
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, ExistsQuery, Occur, Query as Search,
    RangeQuery, RegexQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{DocAddress, Score, Searcher, TantivyDocument, Term};

use super::error::Error;
use super::facets::{Counting, Facets};
use super::frequencies::Frequencies;
use super::item::{CARD_KIND, Source};
use super::near::{nearly, phrase};
use super::query::{Among, Ignored, Narrowing, Piece, Query};
use super::schema::{CASE, DATE, Fields, TextFields, date_number};
use super::spelling::typed;
use super::steady::Steady;
use super::tokens::{Analysed, ID_MIN_CHARS, Lookup, as_tail};
use super::views::{Cursor, Moment, View};
use super::within::{Scopes, Within};
use crate::domain::{DossierId, RawId};
use crate::fields::worth;

/// Words of the dictionary count more than pairs of characters.
const WORDS_BOOST: f32 = 2.0;
const TITLE_BOOST: f32 = 3.0;
/// An id counts about as much as a rare word.
const ID_BOOST: f32 = 8.0;
const TAIL_BOOST: f32 = 2.0;
/// From this length on, the beginning of an id finds it.
const ID_PREFIX_MIN_CHARS: usize = 5;

/// What the asker may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// These dossiers only; none of them means nothing at all.
    Dossiers(Vec<DossierId>),
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The best first.
    #[default]
    Relevance,
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

/// Which part of the results, and what else is wanted of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// So many are passed over.
    pub offset: usize,
    /// At most so many; with none, they are only counted.
    pub limit: usize,
    /// In this order.
    pub order: Order,
    /// Whether they are counted by kind, year, dossier and case.
    pub facets: bool,
    /// At which moment.
    pub moment: Moment,
    /// At most so many near matches beside a short list that begins here.
    pub near: usize,
}

/// One page of results, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// How many there are in the scope.
    pub total: usize,
    /// Nothing fits exactly; these come close, as a scan with a character misread.
    pub approximate: bool,
    /// The wanted part of them.
    pub hits: Vec<Hit>,
    /// What comes close beside a few that fit exactly, best first. Not among the total.
    pub near: Vec<Hit>,
    /// What of the query had no effect.
    pub ignored: Vec<Ignored>,
    /// How they are spread, if that was asked for.
    pub facets: Option<Facets>,
    /// The moment at which the list stands still, if another part of it can be asked for.
    pub view: Option<View>,
    /// Where the next part begins, if there is one within reach.
    pub next: Option<Cursor>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// What it is.
    pub source: Source,
    /// The dossier that it belongs to.
    pub dossier: DossierId,
    /// Its kind, as it was indexed.
    pub kind: String,
    /// How well it fits; to compare within one answer.
    pub score: f32,
}

/// What is searched.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) searcher: &'a Searcher,
    pub(super) fields: &'a Fields,
    pub(super) scopes: &'a Scopes,
    pub(super) cases_max: usize,
}

/// Answers the query from what is committed.
pub(super) fn find(
    ground: Ground<'_>,
    (query, scope): (&Query, &Scope),
    wanted: Wanted,
) -> Result<Results, Error> {
    let Ground { searcher, fields, scopes, cases_max } = ground;
    let facets = wanted.facets.then(Facets::default);
    let ignored = query.ignored.clone();
    let mut results = Results {
        total: 0,
        approximate: false,
        hits: Vec::new(),
        near: Vec::new(),
        ignored,
        facets,
        view: None,
        next: None,
    };
    if query.is_empty() || *scope == Scope::Dossiers(Vec::new()) {
        return Ok(results);
    }
    let within = match scope {
        Scope::All => None,
        Scope::Dossiers(dossiers) => Some(scopes.within(searcher, fields.dossier, dossiers)?),
    };
    let frequencies = Frequencies::new(searcher);
    let exactly = Compiler { searcher, fields, frequencies: &frequencies, within, approximate: false };
    let nearly = query.can_be_near().then(|| Compiler { approximate: true, ..exactly.clone() });
    for compiler in [Some(&exactly), nearly.as_ref()].into_iter().flatten() {
        let approximate = compiler.approximate;
        let search = compiler.query(query)?;
        let (total, found) = compiler.answer(&search, wanted)?;
        if total > 0 {
            if let Some(nearly) = nearly.as_ref().filter(|_| !approximate && total <= found.len()) {
                results.near = nearly.beside(query, wanted.near, &found)?;
            }
            results.hits = hits(searcher, fields, found)?;
            (results.total, results.approximate) = (total, approximate);
            if wanted.facets {
                results.facets = Some(searcher.search(&search, &Counting { cases_max })?);
            }
            break;
        }
    }
    Ok(results)
}

fn hits(searcher: &Searcher, fields: &Fields, found: Vec<(Score, DocAddress)>) -> Result<Vec<Hit>, Error> {
    found.into_iter().map(|(score, at)| hit(fields, &searcher.doc(at)?, score)).collect()
}

fn hit(fields: &Fields, document: &TantivyDocument, score: f32) -> Result<Hit, Error> {
    let bytes = |field| document.get_first(field).and_then(|value| value.as_bytes()).ok_or(Error::Corrupt);
    let dossier: [u8; 16] = bytes(fields.dossier)?.try_into().map_err(|_| Error::Corrupt)?;
    let kind = document.get_first(fields.kind).and_then(|value| value.as_str()).ok_or(Error::Corrupt)?;
    Ok(Hit {
        source: Source::from_key(bytes(fields.source)?).ok_or(Error::Corrupt)?,
        dossier: RawId::from_bytes(dossier).into(),
        kind: kind.to_owned(),
        score,
    })
}

type Clause = (Occur, Box<dyn Search>);

#[derive(Clone)]
struct Compiler<'a> {
    searcher: &'a Searcher,
    fields: &'a Fields,
    frequencies: &'a Frequencies<'a>,
    /// What the asker may see; everything without it.
    within: Option<Within>,
    /// Texts that come close to a word are wanted too.
    approximate: bool,
}

impl Compiler<'_> {
    /// How many there are, and the wanted part of them; of equal dates the one that was indexed first comes first.
    fn answer(
        &self,
        search: &BooleanQuery,
        wanted: Wanted,
    ) -> tantivy::Result<(usize, Vec<(Score, DocAddress)>)> {
        if wanted.limit == 0 {
            return Ok((self.searcher.search(search, &Count)?, Vec::new()));
        }
        let top = TopDocs::with_limit(wanted.limit).and_offset(wanted.offset);
        let order = match wanted.order {
            Order::Relevance => return self.ranked(search, &(Count, top.order_by_score())),
            Order::Newest => tantivy::Order::Desc,
            Order::Oldest => tantivy::Order::Asc,
        };
        let top = top.order_by_fast_field::<u64>(DATE, order);
        let (total, found) = self.searcher.search(search, &(Count, top))?;
        Ok((total, found.into_iter().map(|(_, at)| (0.0, at)).collect()))
    }

    fn ranked<C: Collector>(&self, search: &BooleanQuery, wanted: &C) -> tantivy::Result<C::Fruit> {
        self.searcher.search_with_statistics_provider(search, wanted, self.frequencies)
    }

    /// What comes close and is not among what fits.
    fn beside(&self, query: &Query, limit: usize, exact: &[(Score, DocAddress)]) -> Result<Vec<Hit>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let top = TopDocs::with_limit(limit + exact.len()).order_by_score();
        let mut found = self.ranked(&self.query(query)?, &top)?;
        found.retain(|(_, at)| exact.iter().all(|(_, fits)| fits != at));
        found.truncate(limit);
        hits(self.searcher, self.fields, found)
    }

    fn query(&self, query: &Query) -> Result<BooleanQuery, Error> {
        // First, so that parts of the index where the asker may see nothing are passed over.
        let mut clauses: Vec<Clause> = self.scope().into_iter().collect();
        for either in &query.wanted {
            let pieces = either.iter().map(|piece| self.piece(piece)).collect::<Result<_, _>>()?;
            clauses.push((Occur::Must, any_of(pieces)));
        }
        if query.wanted.is_empty() {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        for piece in &query.unwanted {
            let exactly = Piece { exact: true, ..piece.clone() };
            clauses.push((Occur::MustNot, Box::new(Steady(self.piece(&exactly)?))));
        }
        self.narrow(query, &mut clauses);
        Ok(BooleanQuery::new(clauses))
    }

    /// Restricts to what the asker may see.
    fn scope(&self) -> Option<Clause> {
        Some(filter(Box::new(self.within.clone()?)))
    }

    /// Any of these ways, each walked only where the asker may see something: of several ways at once tantivy goes through all
    /// that they find, window by window.
    fn any_of(&self, ways: Vec<Box<dyn Search>>) -> Box<dyn Search> {
        let inside = |way| match self.scope() {
            Some(scope) => Box::new(BooleanQuery::new(vec![scope, (Occur::Must, way)])),
            None => way,
        };
        any_of(if ways.len() > 1 { ways.into_iter().map(inside).collect() } else { ways })
    }

    fn narrow(&self, query: &Query, clauses: &mut Vec<Clause>) {
        add_narrowing(&query.dossiers, |dossiers| self.dossiers(dossiers), clauses);
        let kinds = |kinds: &[String]| any_of(kinds.iter().map(|kind| self.kind(kind)).collect());
        add_narrowing(&query.kinds, kinds, clauses);
        clauses.extend(query.cases.as_ref().map(|cases| filter(self.cases(cases))));
        if query.from.is_some() || query.to.is_some() {
            let from = query.from.map_or(0, date_number);
            let to = query.to.map_or(u64::MAX, date_number);
            let term = |number| std::ops::Bound::Included(Term::from_field_u64(self.fields.date, number));
            clauses.push(filter(Box::new(RangeQuery::new(term(from), term(to)))));
        }
        for amounts in &query.amounts {
            let term = |fen| std::ops::Bound::Included(Term::from_field_u64(self.fields.amounts, fen));
            clauses.push(filter(Box::new(RangeQuery::new(term(*amounts.start()), term(*amounts.end())))));
        }
    }

    fn kind(&self, kind: &str) -> Box<dyn Search> {
        let term = Term::from_field_text(self.fields.kind, kind);
        Box::new(TermQuery::new(term, IndexRecordOption::Basic))
    }

    fn cases(&self, among: &Among) -> Box<dyn Search> {
        match among {
            Among::Any => Box::new(ExistsQuery::new(CASE.to_owned(), false)),
            Among::These(cases) => {
                let terms = cases.iter().map(|id| Term::from_field_bytes(self.fields.case, id.as_bytes()));
                Box::new(TermSetQuery::new(terms))
            }
        }
    }

    fn dossiers(&self, dossiers: &[DossierId]) -> Box<dyn Search> {
        let terms = dossiers.iter().map(|id| Term::from_field_bytes(self.fields.dossier, id.as_bytes()));
        Box::new(TermSetQuery::new(terms))
    }

    fn piece(&self, piece: &Piece) -> Result<Box<dyn Search>, Error> {
        let analysed = Analysed::of(&piece.text);
        if piece.name {
            return self.name(piece, &analysed);
        }
        let mut ways = Vec::new();
        // An amount is looked up by its worth: in other amounts its characters stand, too.
        let fen = worth(&piece.text).filter(|_| !piece.exact);
        if let Some(fen) = fen {
            ways.push(self.as_amount(fen));
            ways.extend(analysed.as_id().map(|id| boosted(constant(self.fields.ids, &id), ID_BOOST)));
            if !self.approximate {
                return Ok(self.any_of(ways));
            }
        }
        for (fields, boost) in [(self.fields.body, 1.0), (self.fields.title, TITLE_BOOST)] {
            ways.extend(exactly(&analysed, fields.grams)?.map(|way| boosted(way, boost)));
            if !piece.exact {
                ways.extend(all_words(&analysed, fields).map(|way| boosted(way, boost * WORDS_BOOST)));
            }
            if self.approximate && !piece.exact {
                ways.extend(
                    nearly(self.frequencies, self.within.as_ref(), &analysed, fields.grams)?
                        .into_iter()
                        .map(|way| boosted(way, boost)),
                );
            }
        }
        if !piece.exact {
            self.as_id(&analysed, &mut ways)?;
            for spelling in typed(&analysed.normal_text()).into_iter().flatten() {
                ways.push(prefix(self.fields.spellings, &spelling)?);
            }
        }
        Ok(self.any_of(ways))
    }

    /// The piece as a customer's name, or a part of one, as it is written or typed.
    fn name(&self, piece: &Piece, analysed: &Analysed<'_>) -> Result<Box<dyn Search>, Error> {
        let grams = self.fields.title.grams;
        let mut ways: Vec<Box<dyn Search>> = exactly(analysed, grams)?.into_iter().collect();
        if self.approximate && !piece.exact {
            ways.extend(nearly(self.frequencies, self.within.as_ref(), analysed, grams)?);
        }
        for spelling in typed(&analysed.normal_text()).into_iter().flatten() {
            ways.push(prefix(self.fields.spellings, &spelling)?);
        }
        let card = filter(self.kind(CARD_KIND));
        Ok(Box::new(BooleanQuery::new(vec![(Occur::Must, self.any_of(ways)), card])))
    }

    /// Texts with an amount of this worth, however it is written.
    fn as_amount(&self, fen: u64) -> Box<dyn Search> {
        let term = TermQuery::new(Term::from_field_u64(self.fields.amounts, fen), IndexRecordOption::Basic);
        boosted(Box::new(ConstScoreQuery::new(Box::new(term), 1.0)), ID_BOOST)
    }

    /// The piece as an id, written with or without its dashes, its beginning or its end.
    fn as_id(&self, analysed: &Analysed<'_>, ways: &mut Vec<Box<dyn Search>>) -> Result<(), Error> {
        let Some(id) = analysed.as_id() else { return Ok(()) };
        if id.len() >= ID_PREFIX_MIN_CHARS {
            ways.push(boosted(prefix(self.fields.ids, &id)?, ID_BOOST));
        } else if id.len() >= ID_MIN_CHARS {
            ways.push(boosted(constant(self.fields.ids, &id), ID_BOOST));
        }
        ways.extend(as_tail(&id).map(|tail| boosted(constant(self.fields.ids, &tail), TAIL_BOOST)));
        Ok(())
    }
}

fn add_narrowing<T>(
    narrowing: &Narrowing<T>,
    any: impl Fn(&[T]) -> Box<dyn Search>,
    clauses: &mut Vec<Clause>,
) {
    if !narrowing.only.is_empty() {
        clauses.push(filter(any(&narrowing.only)));
    }
    if !narrowing.never.is_empty() {
        clauses.push((Occur::MustNot, any(&narrowing.never)));
    }
}

/// Texts in which exactly these characters stand one after the other.
fn exactly(analysed: &Analysed<'_>, grams: Field) -> Result<Option<Box<dyn Search>>, Error> {
    let terms = match analysed.lookup() {
        Lookup::Nothing => return Ok(None),
        Lookup::Prefix(char) => {
            return Ok(Some(prefix(grams, char.encode_utf8(&mut [0; 4]))?));
        }
        Lookup::Phrase(terms) => terms,
    };
    Ok(Some(phrase(grams, terms)))
}

/// Texts with all the dictionary's words and all the runs in the piece; nothing for a piece without Han characters.
fn all_words(analysed: &Analysed<'_>, fields: TextFields) -> Option<Box<dyn Search>> {
    let words = if analysed.has_han() { analysed.words(false) } else { return None };
    if words.is_empty() {
        return None;
    }
    let words = words.iter().map(|word| (Occur::Must, term_of(fields.words, word)));
    let runs = analysed.runs();
    let runs = runs.iter().map(|run| (Occur::Must, term_of(fields.grams, run)));
    Some(Box::new(BooleanQuery::new(words.chain(runs).collect())))
}

fn prefix(field: Field, beginning: &str) -> Result<Box<dyn Search>, Error> {
    Ok(Box::new(RegexQuery::from_pattern(&format!("{beginning}.*"), field)?))
}

pub(super) fn term_of(field: Field, text: &str) -> Box<dyn Search> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}

fn constant(field: Field, text: &str) -> Box<dyn Search> {
    let term = TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic);
    Box::new(ConstScoreQuery::new(Box::new(term), 1.0))
}

fn boosted(search: Box<dyn Search>, boost: f32) -> Box<dyn Search> {
    Box::new(BoostQuery::new(search, boost))
}

fn filter(search: Box<dyn Search>) -> Clause {
    (Occur::Must, Box::new(ConstScoreQuery::new(search, 0.0)))
}

pub(super) fn any_of(mut ways: Vec<Box<dyn Search>>) -> Box<dyn Search> {
    match ways.len() {
        0 => Box::new(EmptyQuery),
        1 => ways.remove(0),
        _ => Box::new(BooleanQuery::union(ways)),
    }
}
