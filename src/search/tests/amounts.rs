//! Amounts are found by what they are worth.

use super::Fixture;
use crate::search::{Query, snippet};

#[test]
fn amounts_find_each_other_however_they_are_written() {
    let fixture = Fixture::with(&[
        "认购金额：人民币壹佰万元整",
        "付款 ￥1,000,000.00",
        "共 100万元",
        "流水号 1000000",
        "合计1,000,000.50元",
        "认购金额：伍拾万元整（500,000.00元）",
    ]);
    for query in ["1,000,000", "壹佰万", "壹佰万元整", "￥1,000,000.00", "１００００００", "100万元"]
    {
        let found = fixture.found(query);
        assert_eq!(found.iter().filter(|id| **id < 4).count(), 3, "{query}: {found:?}");
        assert!(!found.contains(&6), "{query}: {found:?}");
    }
    fixture.check("amount:1000000", &[1, 2, 3]);
    fixture.check("amount:>1000000", &[5]);
    fixture.check("amount:50万..1000000", &[1, 2, 3, 6]);
    fixture.check("认购 amount:<60万", &[6]);
    let shown = snippet("认购金额：人民币壹佰万元整", &Query::parse("1000000"), 40);
    assert_eq!(shown, "认购金额：<mark>人民币壹佰万元整</mark>");
}
