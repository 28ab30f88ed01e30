//! Text as it is compared: what people type and what a scan yields become the same characters.
//!
//! Per character, keeping the place in the original: NFKC, lower case, traditional to simplified, thousands commas
//! dropped (`1,000,000` is `1000000`). Chinese OCR and typography put spaces around Han characters: those go. Any
//! other run of spaces and punctuation becomes one break. Both the index and the query pass through here.

use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// One compared character and its place in the original, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Normal {
    /// The character, or [`BREAK`].
    pub(super) char: char,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The Han characters that may have a simplified form.
const FIRST_HAN: char = '\u{3400}';
const LAST_HAN: char = '\u{9fff}';

/// Stands for a run of spaces and punctuation between two words.
pub(super) const BREAK: char = ' ';

/// The compared characters of `text`; no break at either end, never two in a row.
pub(super) fn normalise(text: &str) -> Vec<Normal> {
    let folded = drop_thousands_commas(fold(text));
    let mut out: Vec<Normal> = Vec::with_capacity(folded.len());
    let mut gap: Option<Gap> = None;
    for normal in folded {
        if !is_word_char(normal.char) {
            let gap = gap.get_or_insert(Gap { start: normal.start, end: normal.end, mark: false });
            gap.end = normal.end;
            gap.mark |= !normal.char.is_whitespace();
            continue;
        }
        if let (Some(gap), Some(before)) = (gap.take(), out.last())
            && (gap.mark || !(is_han(before.char) || is_han(normal.char)))
        {
            out.push(Normal { char: BREAK, start: gap.start, end: gap.end });
        }
        out.push(normal);
    }
    out
}

/// A run of characters that belong to no word; `mark` when there is more in it than spaces.
struct Gap {
    start: usize,
    end: usize,
    mark: bool,
}

/// Letters, digits, Han.
pub(super) fn is_word_char(char: char) -> bool {
    char.is_alphanumeric()
}

/// Characters that are words by themselves, written without spaces: Han, and kana and Hangul likewise.
pub(super) fn is_han(char: char) -> bool {
    matches!(char,
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn fold(text: &str) -> Vec<Normal> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut chars = text.char_indices().peekable();
    while let Some((start, char)) = chars.next() {
        let mut end = start + char.len_utf8();
        while let Some((at, mark)) = chars.next_if(|(_, next)| combines(*next)) {
            end = at + mark.len_utf8();
        }
        let alone = end == start + char.len_utf8();
        if alone && char.is_ascii() {
            out.push(Normal { char: char.to_ascii_lowercase(), start, end });
        } else if alone && is_unified(char) {
            out.push(Normal { char: simplified(char), start, end });
        } else if !is_invisible(char) {
            let cluster = text[start..end].nfkc().filter(|c| canonical_combining_class(*c) == 0);
            out.extend(cluster.flat_map(char::to_lowercase).map(|c| Normal {
                char: simplified(c),
                start,
                end,
            }));
        }
    }
    out
}

/// The common Han characters: no other character is the same, none of them has cases or is a mark on another one.
fn is_unified(char: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&char)
}

/// Whether it is a mark on the character before it. Most characters are Han or ASCII, and these are told at once.
fn combines(char: char) -> bool {
    char >= '\u{300}' && !is_unified(char) && canonical_combining_class(char) != 0
}

/// Characters that print nothing and may stand inside a word.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Drops the commas of `1,234,567`: before each come one to three digits (later exactly three), after it three.
fn drop_thousands_commas(chars: Vec<Normal>) -> Vec<Normal> {
    let mut out = Vec::with_capacity(chars.len());
    let (mut digits, mut grouped) = (0, false);
    for (i, normal) in chars.iter().enumerate() {
        if normal.char == ',' {
            let before = if grouped { digits == 3 } else { (1..=3).contains(&digits) };
            if before && digits_from(&chars, i + 1) == 3 {
                (digits, grouped) = (0, true);
                continue;
            }
        }
        let digit = normal.char.is_ascii_digit();
        digits = if digit { digits + 1 } else { 0 };
        grouped &= digit;
        out.push(*normal);
    }
    out
}

/// How many digits stand from here on, up to four.
fn digits_from(chars: &[Normal], from: usize) -> usize {
    chars[from..].iter().take(4).take_while(|n| n.char.is_ascii_digit()).count()
}

/// The simplified form, whatever stands beside the character: what is found must not depend on where a query cuts.
fn simplified(char: char) -> char {
    static TABLE: OnceLock<Vec<char>> = OnceLock::new();
    let Some(at) = u32::from(char).checked_sub(u32::from(FIRST_HAN)) else { return char };
    let table = TABLE.get_or_init(|| (FIRST_HAN..=LAST_HAN).map(simplified_alone).collect());
    table.get(at as usize).copied().unwrap_or(char)
}

fn simplified_alone(char: char) -> char {
    fast2s::convert(char.encode_utf8(&mut [0; 4])).chars().next().unwrap_or(char)
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::canonical_combining_class;

    use super::{
        FIRST_HAN, LAST_HAN, combines, is_invisible, is_unified, normalise, simplified, simplified_alone,
    };

    fn normal(text: &str) -> String {
        normalise(text).iter().map(|n| n.char).collect()
    }

    #[test]
    fn different_writings_become_the_same() {
        let check = |text: &str, expected: &str| assert_eq!(normal(text), expected, "{text}");
        check("ＡＢＣ１２３", "abc123");
        check("歐陽修遠", "欧阳修远");
        check("乾隆 乾淨", "干隆干净");
        check("合 同 编\n号", "合同编号");
        check("第 3 条", "第3条");
        check("Hello,  World!", "hello world");
        check("（甲方）：张三", "甲方 张三");
        check("1,286,450.00元", "1286450 00元");
        check("１，０００，０００", "1000000");
        check("1,2,3", "1 2 3");
        check("2023,1234", "2023 1234");
        check("12,345,67", "12345 67");
        check("1234,567", "1234 567");
        check("⽂件", "文件");
        check("Cafe\u{301} \u{200b}x\u{ad}y", "café xy");
        check("  。！ ", "");
        check("①㈱", "1 株");
    }

    #[test]
    fn what_is_told_at_once_is_what_the_tables_of_unicode_say() {
        for char in '\u{0}'..='\u{10ffff}' {
            assert_eq!(combines(char), canonical_combining_class(char) != 0, "{char:?}");
            if is_unified(char) {
                assert!(char.to_string().nfkc().eq([char]), "{char}");
                assert!(char.to_lowercase().eq([char]), "{char}");
                assert!(!is_invisible(char), "{char}");
            }
            if char < FIRST_HAN || char > LAST_HAN {
                assert_eq!(simplified(char), char);
            }
        }
        assert_eq!(simplified('遠'), '远');
        assert_eq!(simplified(FIRST_HAN), simplified_alone(FIRST_HAN));
        assert_eq!(simplified(LAST_HAN), simplified_alone(LAST_HAN));
    }

    #[test]
    fn places_are_those_of_the_original() {
        let text = "金额：１，０００ 元。X";
        for normal in normalise(text) {
            assert!(text.get(normal.start..normal.end).is_some_and(|s| !s.is_empty()), "{normal:?}");
        }
        let normals = normalise(text);
        let yuan = normals.iter().find(|n| n.char == '元').unwrap();
        assert_eq!(&text[yuan.start..yuan.end], "元");
        assert!(normals.windows(2).all(|w| w[0].start <= w[1].start));
    }
}
