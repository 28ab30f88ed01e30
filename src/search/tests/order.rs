//! The order of hits.

use super::{Fixture, document_of, page};
use crate::search::{Order, Query, Scope, Wanted};

#[test]
fn hits_come_by_date_if_that_is_wanted() {
    let fixture = Fixture::new();
    for (number, date) in [(1, "2024-03-05"), (2, "2026-01-31"), (3, "2019-12-01"), (4, "2025-02-28")] {
        let mut item = page(number, 1, 1, &"基金合同".repeat(usize::from(number)));
        item.date = date.parse().ok();
        fixture.index.replace_document(super::id(number), &[item]).unwrap();
    }
    fixture.index.commit().unwrap();
    let ordered = |order, offset| -> Vec<u8> {
        let wanted = Wanted { limit: 10, offset, order, ..Wanted::default() };
        let found = fixture.index.search_as(&Query::parse("基金合同"), &Scope::All, wanted).unwrap();
        assert_eq!(found.total, 4);
        found.hits.iter().map(document_of).collect()
    };
    assert_eq!(ordered(Order::Newest, 0), [2, 4, 1, 3]);
    assert_eq!(ordered(Order::Oldest, 0), [3, 1, 4, 2]);
    assert_eq!(ordered(Order::Newest, 2), [1, 3]);
    assert_eq!(ordered(Order::Relevance, 0).len(), 4);
}
