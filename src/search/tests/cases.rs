//! The cases that things belong to.

use std::collections::HashMap;

use super::{Fixture, document_of, id, page};
use crate::domain::CaseId;
use crate::search::{Index, IndexKey, Item, Limits, Query, Results, Scope, Wanted};

/// Documents 1 to 12, each in the dossier of its number; 1 to 9 belong to cases 1 to 3 in turn.
fn fixture(facet_cases_max: usize) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let (key, limits) = (IndexKey::from_bytes([42; 32]), Limits { facet_cases_max, ..Limits::default() });
    let index = Index::open(dir.path(), key, crate::clock::Clock::system(), limits).unwrap();
    let fixture = Fixture { dir, index };
    for number in 1..=12 {
        let case = (number <= 9).then(|| id((number - 1) % 3 + 1));
        let item = Item { case, ..page(number, number, 1, "基金合同") };
        fixture.index.replace_document(id(number), &[item]).unwrap();
        // Several parts of the index have the same case.
        fixture.index.commit().unwrap();
    }
    fixture
}

fn ask(fixture: &Fixture, query: &Query, scope: &Scope) -> Results {
    let wanted = Wanted { limit: 20, facets: true, ..Wanted::default() };
    fixture.index.search_as(query, scope, wanted).unwrap()
}

fn cases(counts: &[(u8, u64)]) -> HashMap<CaseId, u64> {
    counts.iter().map(|(case, count)| (id(*case), *count)).collect()
}

#[test]
fn hits_are_counted_by_case_within_the_scope() {
    let fixture = fixture(20);
    let all = ask(&fixture, &Query::parse("基金合同"), &Scope::All);
    let facets = all.facets.unwrap();
    assert_eq!((all.total, facets.cases), (12, cases(&[(1, 3), (2, 3), (3, 3)])));
    let mine = Scope::Dossiers([1, 2, 4, 12].map(id).to_vec());
    let facets = ask(&fixture, &Query::parse("基金合同"), &mine).facets.unwrap();
    assert_eq!(facets.cases, cases(&[(1, 2), (2, 1)]));
}

#[test]
fn hits_of_too_many_cases_are_not_counted_by_case() {
    for (most, too_many) in [(3, false), (2, true), (0, true)] {
        let fixture = fixture(most);
        let facets = ask(&fixture, &Query::parse("基金合同"), &Scope::All).facets.unwrap();
        assert_eq!((facets.too_many_cases, facets.cases.is_empty()), (too_many, too_many), "{most}");
        assert_eq!(facets.dossiers.len(), 12);
        // In the scope they are few.
        let few = Scope::Dossiers(vec![id(1), id(4)]);
        let facets = ask(&fixture, &Query::parse("基金合同"), &few).facets.unwrap();
        assert_eq!(facets.too_many_cases, most == 0);
    }
}

#[test]
fn hits_are_narrowed_to_cases() {
    let fixture = fixture(20);
    let found = |query: Query, scope: &Scope| -> Vec<u8> {
        let mut found: Vec<u8> = ask(&fixture, &query, scope).hits.iter().map(document_of).collect();
        found.sort_unstable();
        found
    };
    let query = || Query::parse("基金合同");
    assert_eq!(found(query().of_any_case(), &Scope::All), (1..=9).collect::<Vec<_>>());
    assert_eq!(found(query().of_cases(vec![id(1), id(3)]), &Scope::All), [1, 3, 4, 6, 7, 9]);
    assert_eq!(found(query().of_cases(vec![id(1)]), &Scope::Dossiers(vec![id(2), id(4)])), [4]);
    assert_eq!(found(query().of_cases(Vec::new()), &Scope::All), [0; 0]);
    // Also without a word.
    assert_eq!(found(Query::default().of_cases(vec![id(2)]), &Scope::All), [2, 5, 8]);
    assert_eq!(found(Query::default().of_any_case(), &Scope::Dossiers(vec![id(9), id(10)])), [9]);
}
