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

#[test]
fn whichever_character_is_wrong_the_text_is_found() {
    let fixture = Fixture::with(&[
        "客户许春伟已签字",
        "客户许奉伟已签字",
        "客户诸葛孔明先生",
        "客户诸曷孔明先生",
        "客户诸葛孑明先生",
        "客户许7伟已签字",
        "许先生与春伟",
        "许某春某伟",
    ]);
    for (query, expected) in [
        // The first, the last, and the middle one, of three.
        ("计春伟", &[1, 7][..]),
        ("许春韦", &[1]),
        ("许舂伟", &[1, 2, 6]),
        ("李春生", &[]),
        // Of four, beside single characters and beside pairs.
        ("诸喝孔明", &[3, 4]),
        ("诸葛礼明", &[3, 5]),
        ("朱葛孔明", &[3]),
        ("诸葛孔朋", &[3]),
        ("客户诸葛孔朋先生", &[3]),
        ("客产诸葛孔明先生", &[3]),
    ] {
        let results = fixture.index.search(&Query::parse(query), &Scope::All, 0, 20).unwrap();
        let mut found: Vec<_> = results.hits.iter().map(document_of).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{query}");
        assert!(results.approximate || found.is_empty(), "{query}");
    }
}
