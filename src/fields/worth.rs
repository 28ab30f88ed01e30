//! What amounts are worth, however they are written: for a search that compares values.

use std::ops::Range;

use super::amount::{amounts, bare, whole};
use super::run::{Run, Sheet, byte_of_column};
use super::spelled;
use crate::reading::Line;

/// An amount in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worth {
    /// What it is worth, in fen; a minus is left out.
    pub fen: u64,
    /// Where it stands, in bytes.
    pub place: Range<usize>,
}

/// The amounts in a text: those that [`super::find`] finds, and figures in groups of three, with two decimals or with 万 or
/// 亿, which are amounts as a rule. One may be told twice, from its sign and from its first digit on.
pub fn worths(text: &str) -> Vec<Worth> {
    let line = |text: &str| Line { text: text.to_owned(), ..Line::default() };
    let lines: Vec<Line> = text.lines().map(line).collect();
    let sheet = Sheet::new(&lines, usize::MAX);
    let starts: Vec<usize> = text.lines().map(|line| line.as_ptr().addr() - text.as_ptr().addr()).collect();
    let mut worths = Vec::new();
    for run in &sheet.runs {
        let said = amounts(run, false).into_iter();
        let said = said.filter_map(|found| {
            Some((found.value.trim_start_matches('-').parse().ok()?, found.start..found.end))
        });
        for (fen, chars) in said.chain(bare(run)) {
            let (Some(first), Some(last)) = (run.places.get(chars.start), run.places.get(chars.end - 1))
            else {
                continue;
            };
            let byte = |line: usize, column: u32| {
                Some(starts.get(line)? + byte_of_column(&lines.get(line)?.text, column))
            };
            if let (Some(start), Some(end)) = (byte(first.line, first.from), byte(last.line, last.to)) {
                worths.push(Worth { fen, place: start..end });
            }
        }
    }
    worths
}

/// What a text is worth, in fen, if the whole of it is an amount: `1,000,000`, `¥1000000.00`, `100万元`, `壹佰万`.
pub fn worth(text: &str) -> Option<u64> {
    let run = Run::of_text(text);
    whole(&run).or_else(|| spelled::whole(&run))
}

#[cfg(test)]
mod tests {
    use super::{worth, worths};

    #[test]
    fn every_writing_of_an_amount_is_worth_the_same() {
        for text in [
            "1,000,000",
            "1000000",
            "１，０００，０００",
            "¥1,000,000.00",
            "￥1000000",
            "人民币1000000元整",
            "100万",
            "100万元",
            "壹佰万",
            "壹佰万元整",
            "人民币壹佰萬圓整",
            "一百万元",
        ] {
            assert_eq!(worth(text), Some(100_000_000), "{text}");
        }
        assert_eq!(worth("117,000.56元"), Some(11_700_056));
        assert_eq!(worth("壹拾壹万柒仟元伍角陆分"), Some(11_700_056));
        for text in [
            "",
            "2024",
            "0117",
            "XT-2024",
            "1000000张",
            "一",
            "百",
            "合同",
            "元",
            "1,00",
            "12345678901234567",
        ] {
            assert_eq!(worth(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_of_a_text_are_found_with_and_without_a_label() {
        let text = "投资金额：人民币1,000,000.00元\n（大写：壹佰万元整）\n手续费 12.50，共 3,000 份\n面积100万平方米\n编号2024000117";
        let mut found: Vec<u64> = worths(text).into_iter().map(|worth| worth.fen).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, [1250, 300_000, 100_000_000]);
        assert_eq!(worths("没有金额 12.345% 1.2.3 20240117"), []);
        for worth in worths(text) {
            assert!(
                text.get(worth.place.clone()).is_some_and(|shown| super::worth(shown) == Some(worth.fen)),
                "{worth:?}"
            );
        }
        let one = &worths("甲\u{200b}方 付 ￥1,000.00 元")[0];
        assert_eq!(&"甲\u{200b}方 付 ￥1,000.00 元"[one.place.clone()], "￥1,000.00 元");
    }
}
