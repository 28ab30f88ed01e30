//! How a Chinese name is typed on a Latin keyboard: pinyin without tones, whole or by initials.
//!
//! Only names are spelled, never texts. A name can be typed from any of its characters on, and by any reading of each
//! character (单 is `shan` as a name), within bounds.

use pinyin::ToPinyinMulti;

/// Stands before initials, so that `li` is not looked up as the initials of 罗宁.
const INITIALS_MARK: char = '#';
/// Longer company names can be typed by pieces of so many characters.
const PIECE_MAX_CHARS: usize = 8;
/// Readings of one piece that are kept.
const READINGS_MAX: usize = 16;
/// A shorter query is not taken for a spelling.
const TYPED_MIN_CHARS: usize = 2;
const TYPED_MAX_CHARS: usize = 48;

/// Every spelling of a run of Han characters, from each of them on.
pub(super) fn spellings(name: &[char]) -> Vec<String> {
    let mut all: Vec<String> = (0..name.len())
        .flat_map(|from| {
            let piece = &name[from..name.len().min(from + PIECE_MAX_CHARS)];
            let initials = combined(piece, |reading| reading.chars().take(1).collect());
            let initials = initials.into_iter().map(|initials| format!("{INITIALS_MARK}{initials}"));
            combined(piece, |reading| reading).into_iter().chain(initials)
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// A query's word as the beginnings of spellings, when it can be one.
pub(super) fn typed(word: &str) -> Option<[String; 2]> {
    let fits = (TYPED_MIN_CHARS..=TYPED_MAX_CHARS).contains(&word.len());
    let letters = word.bytes().all(|b| b.is_ascii_lowercase());
    (fits && letters).then(|| [word.to_owned(), format!("{INITIALS_MARK}{word}")])
}

fn combined(piece: &[char], part: impl Fn(String) -> String) -> Vec<String> {
    let mut spellings = vec![String::new()];
    for char in piece {
        let readings = readings(*char);
        if readings.is_empty() {
            break;
        }
        let mut parts: Vec<String> = readings.into_iter().map(&part).collect();
        parts.sort_unstable();
        parts.dedup();
        let longer =
            spellings.iter().flat_map(|begun| parts.iter().map(move |part| format!("{begun}{part}")));
        spellings = longer.take(READINGS_MAX).collect();
    }
    spellings.retain(|spelling| !spelling.is_empty());
    spellings
}

/// The readings in letters from a to z; ü is typed as v.
fn readings(char: char) -> Vec<String> {
    let readings =
        char.to_pinyin_multi().into_iter().flatten().map(|reading| reading.plain().replace('ü', "v"));
    readings.filter(|reading| reading.bytes().all(|b| b.is_ascii_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::{READINGS_MAX, spellings, typed};

    #[test]
    fn names_are_spelled_from_each_character_on() {
        let check = |name: &str, expected: &[&str]| {
            let spellings = spellings(&name.chars().collect::<Vec<_>>());
            for spelling in expected {
                assert!(spellings.iter().any(|s| s == spelling), "{spelling} in {spellings:?}");
            }
        };
        check("欧阳修远", &["ouyangxiuyuan", "xiuyuan", "yuan", "#oyxy", "#xy"]);
        check("单吕", &["shanlv", "danlv", "#sl", "#dl"]);
        check("杭州翀远智能装备有限公司", &["hangzhouchongyuanzhinengzhuangbei", "youxiangongsi"]);
    }

    #[test]
    fn readings_are_bounded() {
        let many: Vec<char> = "行长行长行长行长行长行长行长行长行长行长".chars().collect();
        assert!(spellings(&many).len() <= many.len() * 2 * READINGS_MAX);
    }

    #[test]
    fn only_letters_are_typed() {
        assert_eq!(typed("oyxy"), Some(["oyxy".into(), "#oyxy".into()]));
        for word in ["", "o", "a1", "欧阳", "é", &"a".repeat(49)] {
            assert_eq!(typed(word), None, "{word}");
        }
    }
}
