//! Collation: sheets with two sides that went through a scanner for one side, twice.
//!
//! The first pass takes the odd pages, then the pile is turned over, and the second pass takes the even pages from the
//! last to the first. This is an offer to a person, never a decision: a stack of single pages looks the same.

/// The order in which the pages of a stack of two passes are to be read, as numbers counted from 1: the first, the last,
/// the second, the last but one... None if there is nothing to offer: an odd number of pages, or fewer than four.
pub fn offer_collation(count: u32) -> Option<Vec<u32>> {
    if count < 4 || !count.is_multiple_of(2) {
        return None;
    }
    let (fronts, backs) = (1..=count / 2, (count / 2 + 1..=count).rev());
    Some(fronts.zip(backs).flat_map(|(front, back)| [front, back]).collect())
}

/// Whether the page numbers printed in the texts of the pages, in the order of the scanner, say that the stack was
/// scanned in two passes: most pages have one, all of them rise in the order of [`offer_collation`], and not as they are.
pub fn suggests_collation(texts: &[&str]) -> bool {
    let numbers: Vec<Option<u32>> = texts.iter().map(|text| printed_number(text)).collect();
    let known = numbers.iter().flatten().count();
    let Some(order) = u32::try_from(texts.len()).ok().and_then(offer_collation) else { return false };
    let offered = order.iter().filter_map(|at| *numbers.get(*at as usize - 1)?);
    known >= 3 && known * 2 > texts.len() && !rises(numbers.iter().copied().flatten()) && rises(offered)
}

fn rises(numbers: impl Iterator<Item = u32>) -> bool {
    numbers.is_sorted_by(|a, b| a < b)
}

/// The page number that stands by itself in one of the last or first lines of a page: `第 3 页`, `第3页 共12页`,
/// `3/12`, `- 3 -`, `Page 3 of 12`.
pub fn printed_number(text: &str) -> Option<u32> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.iter().rev().take(3);
    last.chain(lines.iter().take(2)).find_map(|line| number_of(line))
}

/// The number if this line is nothing but a page number. One without any sign that it counts pages is not one.
fn number_of(line: &str) -> Option<u32> {
    let line = line.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    if let Some((page, rest)) = line.strip_prefix('第').and_then(|line| line.split_once(['页', '頁'])) {
        let rest = rest.trim_start_matches([',', '，', '/']);
        let count = rest.strip_prefix('共').map(|count| count.trim_end_matches(['页', '頁']));
        return if rest.is_empty() { small(page) } else { of_count(page, count?) };
    }
    let dashed = |dash: char| line.strip_prefix(dash)?.strip_suffix(dash);
    let signed = dashed('-').or_else(|| dashed('—')).or_else(|| line.strip_prefix("page"));
    let number = signed.unwrap_or(&line);
    match number.split_once('/').or_else(|| number.split_once("of")) {
        Some((page, count)) => of_count(page, count),
        None => small(signed?),
    }
}

fn of_count(page: &str, count: &str) -> Option<u32> {
    let (page, count) = (small(page)?, small(count)?);
    (page <= count).then_some(page)
}

/// A number from 1 to 9999.
fn small(text: &str) -> Option<u32> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::{offer_collation, printed_number, suggests_collation};

    #[test]
    fn two_passes_become_one_order() {
        assert_eq!(offer_collation(6), Some(vec![1, 6, 2, 5, 3, 4]));
        assert_eq!(offer_collation(4), Some(vec![1, 4, 2, 3]));
        for count in [0, 1, 2, 3, 7] {
            assert_eq!(offer_collation(count), None);
        }
    }

    #[test]
    fn printed_numbers_are_found() {
        for (text, number) in [
            ("合同\n甲方\n第 3 页", Some(3)),
            ("合同\n第3页 共12页\n", Some(3)),
            ("第 12 页, 共 12 页\n正文\n正文\n正文\n正文", Some(12)),
            ("a\n3/12", Some(3)),
            ("a\n- 3 -", Some(3)),
            ("a\n— 3 —\n机密", Some(3)),
            ("Page 3 of 12", Some(3)),
            ("a\n13/12", None),
            ("a\n3", None),
            ("2025-04-17", None),
            ("第三页", None),
            ("12/2025", Some(12)),
            ("-3", None),
            ("金额 3/12 元", None),
            ("", None),
        ] {
            assert_eq!(printed_number(text), number, "{text:?}");
        }
    }

    #[test]
    fn two_passes_are_known_by_their_numbers() {
        let texts: Vec<String> = [1, 3, 5, 6, 4, 2].iter().map(|n| format!("正文\n第 {n} 页")).collect();
        let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert!(suggests_collation(&texts));
        texts[1] = "";
        assert!(suggests_collation(&texts));
        texts.swap(4, 5);
        assert!(!suggests_collation(&texts));
        assert!(!suggests_collation(&["- 1 -", "- 2 -", "- 3 -", "- 4 -"]));
        assert!(!suggests_collation(&["", "", "", ""]));
        assert!(!suggests_collation(&[]));
    }
}
