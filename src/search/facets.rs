//! How what was found is spread over kinds, years, dossiers and cases. Counted over all hits of a query, so within its scope.

use std::collections::{BTreeMap, HashMap};

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{BytesColumn, Column, StrColumn};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader, TantivyError};

use super::schema::{CASE, DATE, DOSSIER, KIND};
use crate::domain::{CaseId, DossierId, RawId};

/// Counts of hits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// By kind.
    pub kinds: BTreeMap<String, u64>,
    /// By year; what has no date is left out.
    pub years: BTreeMap<u64, u64>,
    /// By dossier.
    pub dossiers: HashMap<DossierId, u64>,
    /// By case; what belongs to none is left out.
    pub cases: HashMap<CaseId, u64>,
    /// They are of too many cases: they are not counted by case.
    pub too_many_cases: bool,
}

impl Facets {
    fn add(&mut self, other: Self) {
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (year, count) in other.years {
            *self.years.entry(year).or_default() += count;
        }
        for (dossier, count) in other.dossiers {
            *self.dossiers.entry(dossier).or_default() += count;
        }
        for (case, count) in other.cases {
            *self.cases.entry(case).or_default() += count;
        }
        self.too_many_cases |= other.too_many_cases;
    }
}

/// Counts while a query is answered.
pub(super) struct Counting {
    /// Of at most so many cases.
    pub(super) cases_max: usize,
}

impl Collector for Counting {
    type Fruit = Facets;
    type Child = SegmentCounting;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentCounting> {
        let columns = segment.fast_fields();
        Ok(SegmentCounting {
            kinds: columns.str(KIND)?,
            dates: columns.u64(DATE).ok(),
            dossiers: columns.bytes(DOSSIER)?,
            cases: columns.bytes(CASE)?,
            cases_max: self.cases_max,
            by_kind: HashMap::new(),
            by_year: BTreeMap::new(),
            by_dossier: HashMap::new(),
            by_case: BTreeMap::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<tantivy::Result<Facets>>) -> tantivy::Result<Facets> {
        let mut all = Facets::default();
        for fruit in fruits {
            all.add(fruit?);
            all.too_many_cases |= all.cases.len() > self.cases_max;
            if all.too_many_cases {
                all.cases.clear();
            }
        }
        Ok(all)
    }
}

/// Counts of one segment, by the numbers that terms have in it.
pub(super) struct SegmentCounting {
    kinds: Option<StrColumn>,
    dates: Option<Column<u64>>,
    dossiers: Option<BytesColumn>,
    cases: Option<BytesColumn>,
    cases_max: usize,
    by_kind: HashMap<u64, u64>,
    by_year: BTreeMap<u64, u64>,
    by_dossier: HashMap<u64, u64>,
    /// Of no more cases than may be counted, and one.
    by_case: BTreeMap<u64, u64>,
}

impl SegmentCollector for SegmentCounting {
    type Fruit = tantivy::Result<Facets>;

    fn collect(&mut self, item: DocId, _: Score) {
        for kind in self.kinds.iter().flat_map(|kinds| kinds.term_ords(item)) {
            *self.by_kind.entry(kind).or_default() += 1;
        }
        for dossier in self.dossiers.iter().flat_map(|dossiers| dossiers.term_ords(item)) {
            *self.by_dossier.entry(dossier).or_default() += 1;
        }
        for case in self.cases.iter().flat_map(|cases| cases.term_ords(item)) {
            if self.by_case.len() <= self.cases_max {
                *self.by_case.entry(case).or_default() += 1;
            }
        }
        if let Some(date) = self.dates.as_ref().and_then(|dates| dates.first(item)) {
            *self.by_year.entry(date / 10_000).or_default() += 1;
        }
    }

    fn harvest(self) -> tantivy::Result<Facets> {
        let mut facets = Facets { years: self.by_year, ..Facets::default() };
        if let Some(kinds) = &self.kinds {
            for (number, count) in self.by_kind {
                let mut kind = String::new();
                kinds.ord_to_str(number, &mut kind)?;
                facets.kinds.insert(kind, count);
            }
        }
        if let Some(dossiers) = &self.dossiers {
            for (number, count) in self.by_dossier {
                let mut bytes = Vec::new();
                dossiers.ord_to_bytes(number, &mut bytes)?;
                facets.dossiers.insert(id(&bytes)?, count);
            }
        }
        facets.too_many_cases = self.by_case.len() > self.cases_max;
        if let Some(cases) = self.cases.filter(|_| !facets.too_many_cases) {
            let (numbers, counts): (Vec<u64>, Vec<u64>) = self.by_case.into_iter().unzip();
            let mut ids = Vec::with_capacity(numbers.len());
            cases.dictionary().sorted_ords_to_term_cb(&numbers, |bytes| ids.push(id(bytes)))?;
            let ids = ids.into_iter().collect::<tantivy::Result<Vec<CaseId>>>()?;
            facets.cases = ids.into_iter().zip(counts).collect();
        }
        Ok(facets)
    }
}

fn id<T: From<RawId>>(bytes: &[u8]) -> tantivy::Result<T> {
    let id = bytes.try_into().map_err(|_| TantivyError::InternalError("an id in the index".to_owned()))?;
    Ok(RawId::from_bytes(id).into())
}
