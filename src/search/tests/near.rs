//! What comes close beside what fits.

use super::{Fixture, document_of, id};
use crate::search::{Hit, Query, Scope, Wanted};

fn fixture() -> Fixture {
    Fixture::with(&[
        "申请人欧阳修远，身份证已核对",
        "申请人欧阳修还，身份证已核对",
        "申请人欧阴修远，身份证已核对",
        "申请人诸葛孔明，身份证已核对",
    ])
}

#[test]
fn near_matches_stand_beside_what_fits() {
    let fixture = fixture();
    let wanted = Wanted { limit: 10, near: 5, ..Wanted::default() };
    let numbers = |query: &str, scope: &Scope, wanted| {
        let results = fixture.index.search_as(&Query::parse(query), scope, wanted).unwrap();
        let numbers = |hits: &[Hit]| {
            let mut numbers: Vec<_> = hits.iter().map(document_of).collect();
            numbers.sort_unstable();
            numbers
        };
        assert_eq!(results.total, results.hits.len(), "near matches are not counted");
        (numbers(&results.hits), numbers(&results.near))
    };
    let all = Scope::All;
    assert_eq!(numbers("欧阳修远", &all, wanted), (vec![1], vec![2, 3]));
    assert_eq!(numbers("欧阳修远", &all, Wanted { near: 1, ..wanted }).1.len(), 1);
    assert_eq!(numbers("欧阳修远", &all, Wanted { near: 0, ..wanted }), (vec![1], vec![]));
    assert_eq!(numbers("\"欧阳修远\"", &all, wanted), (vec![1], vec![]), "a quoted phrase is meant so");
    assert_eq!(numbers("身份证已核对", &all, wanted), (vec![1, 2, 3, 4], vec![]));
    assert_eq!(numbers("欧阳修远 -诸葛孔明 身份证", &all, wanted), (vec![1], vec![2, 3]));
    // Nothing fits: the near matches are the hits.
    assert_eq!(numbers("欧阳休远", &all, wanted), (vec![1], vec![]));
    // Nothing near is told of what the asker may not see.
    let mine = Scope::Dossiers([1, 3].map(id).to_vec());
    assert_eq!(numbers("欧阳修远", &mine, wanted), (vec![1], vec![3]));
}
