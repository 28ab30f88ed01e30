//! Lists that stand still while somebody pages through them, and what must be gone from them all the same.

use std::time::Duration;

use super::{Fixture, document_of, id};
use crate::clock::{Clock, Hands};
use crate::search::{Cursor, Error, Ignored, Index, IndexKey, Limits, Moment, Query, Results, Scope, Wanted};

const START: &str = "2026-03-01T00:00:00Z";
const PART: usize = 3;

/// Ten documents that have the word, each in the dossier of its number.
fn fixture(limits: Limits) -> (Fixture, Hands) {
    let dir = tempfile::tempdir().unwrap();
    let (clock, hands) = Clock::stopped(START.parse().unwrap());
    let index = Index::open(dir.path(), IndexKey::from_bytes([42; 32]), clock, limits).unwrap();
    let fixture = Fixture { dir, index };
    for number in 1..=10 {
        fixture.put(number, number, &["基金合同"]);
    }
    fixture.index.commit().unwrap();
    (fixture, hands)
}

fn part(index: &Index, cursor: Option<Cursor>) -> Results {
    let offset = cursor.map_or(0, |cursor| cursor.offset);
    let wanted = Wanted { offset, limit: PART, moment: cursor.into(), ..Wanted::default() };
    index.search_as(&Query::parse("基金合同"), &Scope::All, wanted).unwrap()
}

/// The documents of the list from this cursor on, in its order.
fn rest_of(index: &Index, mut cursor: Option<Cursor>) -> Vec<u8> {
    let mut found = Vec::new();
    loop {
        let results = part(index, cursor);
        assert!(!results.ignored.contains(&Ignored::Moved));
        found.extend(results.hits.iter().map(document_of));
        cursor = results.next;
        if cursor.is_none() {
            return found;
        }
    }
}

fn moved(index: &Index, cursor: Option<Cursor>) -> bool {
    part(index, cursor).ignored.contains(&Ignored::Moved)
}

#[test]
fn the_list_stands_still_whatever_becomes_of_the_index() {
    let (fixture, _hands) = fixture(Limits::default());
    let whole = rest_of(&fixture.index, None);
    assert_eq!(whole.len(), 10);
    let first = part(&fixture.index, None);
    assert_eq!(first.hits.iter().map(document_of).collect::<Vec<_>>(), whole[..PART]);
    // One goes, one is written anew, many come, and what is there is merged.
    fixture.put(whole[0], 1, &[]);
    fixture.put(whole[5], 1, &["基金合同 基金合同"]);
    fixture.index.commit().unwrap();
    for number in 20..50 {
        fixture.put(number, number, &["基金合同 基金合同 基金合同"]);
        fixture.index.commit().unwrap();
    }
    fixture.index.rest().unwrap();
    assert!(fixture.index.stats().unwrap().segments < 30);
    assert_eq!(rest_of(&fixture.index, first.next), whole[PART..]);
    assert_eq!(part(&fixture.index, first.next).total, 10);
    assert_eq!(rest_of(&fixture.index, None).len(), 39);
    // The first part again, as the way back leads to it.
    let back = Cursor { view: first.view.unwrap(), offset: 0 };
    assert_eq!(rest_of(&fixture.index, Some(back)), whole);
}

#[test]
fn what_is_removed_is_gone_from_lists_that_are_open() {
    let (fixture, _hands) = fixture(Limits::default());
    let first = part(&fixture.index, None);
    let last = Cursor { offset: 9, ..first.next.unwrap() };
    let gone = document_of(&part(&fixture.index, Some(last)).hits[0]);
    fixture.index.remove_dossier(id(gone)).unwrap();
    // A list that begins before the commit still has it, and must lose it too.
    let between = part(&fixture.index, None);
    assert_eq!(between.total, 10);
    fixture.index.commit().unwrap();
    for cursor in [first.next, Some(last), between.next] {
        let results = part(&fixture.index, cursor);
        assert_eq!((results.total, results.ignored), (9, vec![Ignored::Moved]));
        assert!(results.hits.iter().all(|hit| document_of(hit) != gone));
    }
}

#[test]
fn another_index_has_none_of_the_lists_of_the_one_before() {
    let (fixture, _hands) = fixture(Limits::default());
    let next = part(&fixture.index, None).next;
    let folder = fixture.dir.path().to_owned();
    let aside = folder.with_extension("aside");
    fixture.index.renew(|| std::fs::rename(&folder, &aside).map_err(Error::from)).unwrap();
    let results = part(&fixture.index, next);
    assert_eq!((results.total, results.ignored), (0, vec![Ignored::Moved]));
    std::fs::remove_dir_all(&aside).unwrap();
}

#[test]
fn few_lists_are_kept_and_not_for_long() {
    let limits = Limits { views_max: 2, view_seconds: 60, ..Limits::default() };
    let (fixture, hands) = fixture(limits);
    let begin = |number: u8| {
        fixture.put(number, number, &["基金合同"]);
        fixture.index.commit().unwrap();
        part(&fixture.index, None).next
    };
    let (a, b) = (begin(11), begin(12));
    assert!(!moved(&fixture.index, a) && !moved(&fixture.index, b));
    // The same moment is kept once, however many begin there.
    assert_eq!(part(&fixture.index, None).next, b);
    assert!(!moved(&fixture.index, a));
    let c = begin(13);
    assert!(moved(&fixture.index, a) && !moved(&fixture.index, b) && !moved(&fixture.index, c));
    // Who begins anew makes it last longer; who goes on does not.
    hands.advance(Duration::from_secs(40));
    assert_eq!(part(&fixture.index, None).next, c);
    assert!(!moved(&fixture.index, b));
    hands.advance(Duration::from_secs(20));
    // Who comes too late begins anew, too.
    assert!(moved(&fixture.index, b) && !moved(&fixture.index, c));
    hands.advance(Duration::from_secs(59));
    assert!(!moved(&fixture.index, c));
    hands.advance(Duration::from_secs(1));
    fixture.index.drop_old_views();
    assert!(moved(&fixture.index, c));
}

#[test]
fn only_who_pages_has_a_list_kept() {
    let (fixture, _hands) = fixture(Limits { results_offset_max: 5, ..Limits::default() });
    let found = |offset, limit, moment| {
        let wanted = Wanted { offset, limit, moment, ..Wanted::default() };
        let found = fixture.index.search_as(&Query::parse("基金合同"), &Scope::All, wanted).unwrap();
        (found.view.is_some(), found.next.map(|next| next.offset))
    };
    assert_eq!(found(0, 3, Moment::Now), (false, None));
    assert_eq!(found(0, 10, Moment::First), (false, None));
    assert_eq!(found(0, 0, Moment::First), (false, None));
    assert_eq!(found(0, 3, Moment::First), (true, Some(3)));
    // Beyond the limit there is no way on.
    assert_eq!(found(3, 3, Moment::First), (true, None));
    assert_eq!(found(900, 3, Moment::First), (true, None));
    let far = Cursor { offset: 900, ..part(&fixture.index, None).next.unwrap() };
    assert_eq!(part(&fixture.index, Some(far)).hits.len(), PART);
    assert_eq!(part(&fixture.index, Some(far)).next, None);
}
