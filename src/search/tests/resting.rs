//! An index at rest: few parts, no writer, and nobody waited for it.

use std::time::{Duration, Instant};

use super::super::Scope;
use super::Fixture;

#[test]
fn parts_are_merged_and_nobody_has_to_wait_for_it() {
    let fixture = Fixture::new();
    assert!(!fixture.index.is_merging().unwrap(), "nothing was written");
    let began = Instant::now();
    for document in 1..=30 {
        fixture.put(document, 1, &["民事信托合同", "第二页"]);
        fixture.index.commit().unwrap();
        // Merging goes on beside this.
        assert_eq!(fixture.hits("民事信托合同", &Scope::All).len(), usize::from(document));
    }
    while fixture.index.is_merging().unwrap() {
        assert!(began.elapsed() < Duration::from_secs(60), "merging has no end");
        std::thread::sleep(Duration::from_millis(10));
    }
    fixture.index.rest().unwrap();
    let stats = fixture.index.stats().unwrap();
    assert!(stats.segments < 4, "{stats:?}");
    assert_eq!((stats.items, fixture.hits("民事信托合同", &Scope::All).len()), (60, 30));
}
