//! Numbers that begin as somebody types: those of contracts and companies, as they stand on pages in the scope.
//!
//! Each is held in the index as it is compared, without dashes and in small letters, and as it is written. All pages in
//! the scope are gone through, so the cost depends on them alone; parts of the index without such a number cost nothing.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use tantivy::columnar::{BytesColumn, StrColumn};
use tantivy::query::{AllQuery, EnableScoring, Query};
use tantivy::{DocId, SegmentReader};

use super::error::Error;
use super::find::{Ground, Scope};
use super::normal::BREAK;
use super::schema::{DOSSIER, NUMBERS};
use super::tokens::Analysed;
use crate::domain::{DossierId, RawId};

/// So much must be typed before numbers are suggested.
const TYPED_MIN_CHARS: usize = 3;
/// Stands between how a number is compared and how it is written.
const WRITTEN: char = '\u{1f}';
/// One number may be written in so many ways without hiding others.
const WRITINGS: usize = 4;

/// A number that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// As it stands on a page.
    pub number: String,
    /// The dossier of that page; of several, one.
    pub dossier: DossierId,
}

/// How a number is held in the index; nothing if there is nothing to compare.
pub(super) fn held(number: &str) -> Option<String> {
    let compared = compared(number);
    (!compared.is_empty()).then(|| format!("{compared}{WRITTEN}{number}"))
}

fn compared(text: &str) -> String {
    Analysed::of(text).normal_text().replace(BREAK, "")
}

/// The first numbers, in their order, that begin so; each once.
pub(super) fn beginning(
    Ground { searcher, fields, scopes, .. }: Ground<'_>,
    scope: &Scope,
    (typed, limit): (&str, usize),
) -> Result<Vec<Number>, Error> {
    let typed = compared(typed);
    if typed.chars().count() < TYPED_MIN_CHARS {
        return Ok(Vec::new());
    }
    let scope: Box<dyn Query> = match scope {
        Scope::All => Box::new(AllQuery),
        Scope::Dossiers(dossiers) => Box::new(scopes.within(searcher, fields.dossier, dossiers)?),
    };
    let weight = scope.weight(EnableScoring::disabled_from_searcher(searcher))?;
    let mut numbers: BTreeMap<String, Number> = BTreeMap::new();
    for segment in searcher.segment_readers() {
        let Some(mut part) = Part::of(segment, &typed, limit)? else { continue };
        weight.for_each_no_score(segment, &mut |items| {
            items.iter().filter(|item| !segment.is_deleted(**item)).for_each(|item| part.take(*item));
        })?;
        for (compared, number) in part.numbers()? {
            let known = numbers.get(&compared).is_some_and(|known| known.dossier <= number.dossier);
            if !known {
                numbers.insert(compared, number);
            }
        }
    }
    Ok(numbers.into_values().take(limit).collect())
}

/// The numbers of one part of the index, by those that they have in it.
struct Part {
    numbers: StrColumn,
    dossiers: BytesColumn,
    wanted: (Bound<u64>, Bound<u64>),
    /// With one of their dossiers.
    found: BTreeMap<u64, u64>,
    most: usize,
}

impl Part {
    /// Nothing, if no number of this part begins so.
    fn of(segment: &SegmentReader, typed: &str, limit: usize) -> Result<Option<Self>, Error> {
        let columns = segment.fast_fields();
        let (Some(numbers), Some(dossiers)) = (columns.str(NUMBERS)?, columns.bytes(DOSSIER)?) else {
            return Ok(None);
        };
        // No text has this byte: it comes after everything that begins so.
        let end = [typed.as_bytes(), &[0xff]].concat();
        let (from, to) = (Bound::Included(typed.as_bytes()), Bound::Excluded(&end[..]));
        let wanted = numbers.dictionary().term_bounds_to_ord(from, to)?;
        let none = matches!(wanted, (Bound::Included(from), Bound::Excluded(to)) if from >= to);
        let (found, most) = (BTreeMap::new(), limit.saturating_mul(WRITINGS));
        Ok((!none).then_some(Self { numbers, dossiers, wanted, found, most }))
    }

    fn take(&mut self, item: DocId) {
        for number in self.numbers.term_ords(item).filter(|number| self.wanted.contains(number)) {
            let Some(dossier) = self.dossiers.term_ords(item).next() else { continue };
            let known = self.found.entry(number).or_insert(dossier);
            *known = dossier.min(*known);
            if self.found.len() > self.most {
                self.found.pop_last();
            }
        }
    }

    fn numbers(self) -> Result<Vec<(String, Number)>, Error> {
        let mut numbers = Vec::new();
        for (number, dossier) in &self.found {
            let (mut held, mut id) = (String::new(), Vec::new());
            self.numbers.ord_to_str(*number, &mut held)?;
            self.dossiers.ord_to_bytes(*dossier, &mut id)?;
            let (compared, number) = held.split_once(WRITTEN).ok_or(Error::Corrupt)?;
            let id: [u8; 16] = id.try_into().map_err(|_| Error::Corrupt)?;
            let dossier = RawId::from_bytes(id).into();
            numbers.push((compared.to_owned(), Number { number: number.to_owned(), dossier }));
        }
        Ok(numbers)
    }
}
