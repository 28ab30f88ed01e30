//! One spelling for text that looks the same, so that a search finds it.
//!
//! Full-width and other compatibility forms (NFKC), and the radicals of U+2E80..2EFF, which fonts share with
//! whole characters and which some PDF producers therefore write instead of them. Searches must put their
//! words through the same function.

use unicode_normalization::UnicodeNormalization;

/// The text in NFKC, with radicals replaced by the characters they look like, without invisible characters,
/// and with each control character made a space.
pub fn normalised(text: &str) -> String {
    // U+2F3E is the one radical whose shape in fonts for simplified Chinese is not the character of NFKC.
    let text = text.chars().map(|c| if c == '\u{2F3E}' { '户' } else { c });
    text.nfkc().filter(|c| !is_invisible(*c)).map(|c| if c.is_control() { ' ' } else { unified(c) }).collect()
}

/// Whether a space between two of these would be a matter of layout: Han, kana, and the punctuation set with them.
pub(super) fn is_han(c: char) -> bool {
    matches!(c,
        '\u{2E80}'..='\u{2FDF}' | '\u{3000}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE4F}' | '\u{FF00}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}'
        | '\u{20000}'..='\u{323AF}')
}

/// Soft hyphens, zero-width characters, directional marks, byte order marks.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

fn unified(c: char) -> char {
    let position = u32::from(c).wrapping_sub(FIRST_RADICAL);
    usize::try_from(position).ok().filter(|at| *at < 0x80).and_then(|at| UNIFIED.chars().nth(at)).unwrap_or(c)
}

const FIRST_RADICAL: u32 = 0x2E80;

/// For U+2E80 onwards the character of EquivalentUnifiedIdeograph.txt (Unicode 13), or itself.
const UNIFIED: &str = concat!(
    "⺀厂乛乚乙亻冂𠘨刀刂卜㔾小小兀尣尢𡯂巳幺彑彐忄心扌攵⺚旡日月歺母",
    "民氵氺灬爫爫丬牛犭王𤴔目示礻𥫗糹纟罓罒㓁冗𦉫羊𦍌𦍋耂肀聿肉𦥑艹艹",
    "艹虎衤覀西见角𧢲讠贝𧾷车辶辶辶邑钅長镸长门𨸏阝雨青韦页风飞食𩙿飠",
    "饣𩠐马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟",
);

#[cfg(test)]
mod tests {
    use super::{is_han, normalised};

    #[test]
    fn forms_become_one() {
        assert_eq!(normalised("（ＡＢＣ１２３）："), "(ABC123):");
        assert_eq!(normalised("\u{2F00}\u{2EA0}\u{2ED3}\u{2EE2}\u{2F0A}\u{2F3E}"), "一民长马入户");
        assert_eq!(normalised("\u{2EF3}\u{2E9A}\u{2EF4}"), "龟\u{2E9A}\u{2EF4}");
        assert_eq!(normalised("e\u{301}ffi\u{AD}\u{FB01}\u{200B}n\u{0}x"), "éffifin x");
        assert_eq!(normalised("合同编号"), "合同编号");
    }

    #[test]
    fn han_and_its_punctuation() {
        assert!("合，。（）：、々〇ぁ".chars().all(is_han));
        assert!(!"a1 .é１Ａ".chars().any(is_han));
    }
}
