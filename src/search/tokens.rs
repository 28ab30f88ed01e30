//! What is put into the index for a text, and what is looked up for a piece of a query.
//!
//! A text is a row of units: a Han character, a run of other letters and digits, or a break. `grams` hold every pair
//! of neighbouring Han characters, every other run by itself, and each Han character beside anything else
//! together with a mark for what stands there; places count everything but breaks. So any phrase can be checked
//! exactly, and every Han character begins at least one gram wherever it stands. `words` are the dictionary's; `ids`
//! are numbers as people write them, without their dashes.

use super::dictionary;
use super::normal::{BREAK, Normal, is_han, normalise};
use super::spelling::spellings;

/// Stands beside a Han character for a break or the end of the text.
const BESIDE_BREAK: char = '|';
/// Stands beside a Han character for a run of letters and digits.
pub(super) const BESIDE_RUN: char = '~';
/// Longer runs are compared by their beginning.
const RUN_MAX_CHARS: usize = 64;
/// A number shorter than this is found as a run, not as an id.
pub(super) const ID_MIN_CHARS: usize = 4;
const ID_MAX_CHARS: usize = 40;
/// Groups of digits that are written apart, as in a telephone number, have so many at least.
const GROUP_MIN_DIGITS: usize = 2;
/// Ids of at least this length are found by their last characters too.
const TAIL_OF_MIN_CHARS: usize = 8;
/// How many last characters people give of an account, card or phone number.
const TAIL_CHARS: [usize; 2] = [4, 6];
/// Stands before the last characters of an id.
const TAIL_MARK: char = '$';

/// A text that was normalised and divided.
pub(super) struct Analysed<'a> {
    text: &'a str,
    chars: Vec<Normal>,
    units: Vec<Unit>,
}

/// A term with its place in the row of units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) position: usize,
}

/// How a piece of a query is looked up among the grams.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Nothing in it can be looked up.
    Nothing,
    /// Any gram that begins with this character.
    Prefix(char),
    /// These grams, at these distances.
    Phrase(Vec<Term>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Han,
    Run,
    Break,
}

/// One unit, as places in the row of characters.
#[derive(Debug, Clone, Copy)]
struct Unit {
    kind: Kind,
    start: usize,
    end: usize,
}

impl<'a> Analysed<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let chars = normalise(text);
        let mut units: Vec<Unit> = Vec::with_capacity(chars.len());
        for (at, normal) in chars.iter().enumerate() {
            let kind = kind_of(normal.char);
            match units.last_mut() {
                Some(run) if run.kind == Kind::Run && kind == Kind::Run => run.end = at + 1,
                _ => units.push(Unit { kind, start: at, end: at + 1 }),
            }
        }
        Self { text, chars, units }
    }

    /// The compared characters, with their places in the original.
    pub(super) fn chars(&self) -> &[Normal] {
        &self.chars
    }

    /// Whether a Han character is in it.
    pub(super) fn has_han(&self) -> bool {
        self.units.iter().any(|unit| unit.kind == Kind::Han)
    }

    /// The compared characters as one text.
    pub(super) fn normal_text(&self) -> String {
        self.chars.iter().map(|normal| normal.char).collect()
    }

    /// Every gram of the text, in order.
    pub(super) fn grams(&self) -> Vec<Term> {
        let mut grams = Vec::with_capacity(self.units.len() * 5 / 4);
        let mut position = 0;
        for (at, unit) in self.units.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| self.units.get(before));
            match unit.kind {
                Kind::Break => continue,
                Kind::Run => grams.push(Term { text: self.run(unit), position }),
                Kind::Han => {
                    let after = before.and_then(|before| self.gram_after(before, unit));
                    grams.extend(after.map(|text| Term { text, position }));
                    grams.push(Term { text: self.gram(unit, self.units.get(at + 1)), position });
                }
            }
            position += 1;
        }
        grams
    }

    /// How to find exactly this text inside others.
    pub(super) fn lookup(&self) -> Lookup {
        let last = match self.units[..] {
            [] => return Lookup::Nothing,
            [Unit { kind: Kind::Han, start, .. }] => return Lookup::Prefix(self.chars[start].char),
            [.., last] => last,
        };
        let mut terms = self.grams();
        // The last gram of a text that ends with a Han character says that nothing follows: something may.
        if last.kind == Kind::Han {
            terms.pop();
        }
        Lookup::Phrase(terms)
    }

    /// The dictionary's words in the Han parts; `overlapping` as in [`dictionary::words`].
    pub(super) fn words(&self, overlapping: bool) -> Vec<String> {
        let mut words = Vec::new();
        for part in self.han_parts() {
            let run: String = part.iter().collect();
            let cut = dictionary::words(&run, overlapping).into_iter();
            words.extend(cut.map(|(from, to)| part[from..to].iter().collect::<String>()));
        }
        words
    }

    /// How the Han parts are typed on a Latin keyboard.
    pub(super) fn spellings(&self) -> Vec<String> {
        self.han_parts().iter().flat_map(|part| spellings(part)).collect()
    }

    /// The Han characters, when there is nothing else in it.
    pub(super) fn han_only(&self) -> Option<Vec<char>> {
        let only = self.units.iter().all(|unit| unit.kind == Kind::Han);
        only.then(|| self.chars.iter().map(|normal| normal.char).collect())
    }

    /// The unbroken rows of Han characters.
    fn han_parts(&self) -> Vec<Vec<char>> {
        let parts = self.units.chunk_by(|a, b| a.kind == Kind::Han && b.kind == Kind::Han);
        let parts = parts.filter(|part| part[0].kind == Kind::Han);
        let chars = |part: &[Unit]| {
            self.chars[part[0].start..part[0].start + part.len()].iter().map(|n| n.char).collect()
        };
        parts.map(chars).collect()
    }

    /// The runs of letters and digits.
    pub(super) fn runs(&self) -> Vec<String> {
        self.units.iter().filter(|unit| unit.kind == Kind::Run).map(|unit| self.run(unit)).collect()
    }

    /// A piece of a query as one number or code without its dashes.
    pub(super) fn as_id(&self) -> Option<String> {
        let id: String =
            self.units.iter().filter(|u| u.kind != Kind::Break).map(|u| self.whole_run(u)).collect();
        let alike = id.bytes().all(|b| b.is_ascii_alphanumeric()) && id.bytes().any(|b| b.is_ascii_digit());
        (alike && id.len() <= ID_MAX_CHARS).then_some(id)
    }

    /// The numbers and codes in the text without their dashes, and their last characters behind a mark.
    pub(super) fn ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for joins in [Self::joined_by_mark, Self::joined_by_space] {
            for part in self.units.chunk_by(|a, b| a.kind != Kind::Han && b.kind != Kind::Han) {
                self.ids_in(part, joins, &mut ids);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let tails: Vec<_> =
            ids.iter().flat_map(|id| TAIL_CHARS.iter().filter_map(|len| tail(id, *len))).collect();
        ids.extend(tails);
        ids
    }

    fn ids_in(&self, part: &[Unit], joins: fn(&Self, &Unit, &Unit) -> bool, ids: &mut Vec<String>) {
        let runs: Vec<_> = part.iter().filter(|unit| unit.kind == Kind::Run).collect();
        for joined in runs.chunk_by(|a, b| joins(self, a, b)) {
            let id: String = joined.iter().map(|unit| self.whole_run(unit)).collect();
            let len = id.chars().count();
            let alike = id.is_ascii() && id.bytes().any(|b| b.is_ascii_digit());
            if alike && (ID_MIN_CHARS..=ID_MAX_CHARS).contains(&len) {
                ids.push(id);
            }
        }
    }

    /// `HT-2023-000123`, `HT（2023）000123`, `6222.0212/3`: one mark and nothing else between.
    fn joined_by_mark(&self, a: &Unit, b: &Unit) -> bool {
        let mut between = self.between(a, b).chars();
        let mark = between.next();
        between.next().is_none() && mark.is_some_and(|mark| "-_/.·–—－／．()（）[]［］〔〕".contains(mark))
    }

    /// `6222 0212 3456 7890 123`, `44 20 7946 0016`: groups of digits, none but the last of one digit alone.
    fn joined_by_space(&self, a: &Unit, b: &Unit) -> bool {
        let digits = |unit: &Unit| self.chars[unit.start..unit.end].iter().all(|n| n.char.is_ascii_digit());
        self.between(a, b) == " " && a.end - a.start >= GROUP_MIN_DIGITS && digits(a) && digits(b)
    }

    /// The original between two units.
    fn between(&self, a: &Unit, b: &Unit) -> &str {
        self.text.get(self.chars[a.end - 1].end..self.chars[b.start].start).unwrap_or_default()
    }

    /// A Han character and what follows it.
    fn gram(&self, unit: &Unit, next: Option<&Unit>) -> String {
        let beside = match next {
            Some(Unit { kind: Kind::Han, start, .. }) => self.chars[*start].char,
            Some(Unit { kind: Kind::Run, .. }) => BESIDE_RUN,
            Some(Unit { kind: Kind::Break, .. }) | None => BESIDE_BREAK,
        };
        [self.chars[unit.start].char, beside].iter().collect()
    }

    /// A Han character and what stands before it, unless that is another one.
    fn gram_after(&self, before: &Unit, unit: &Unit) -> Option<String> {
        let beside = match before.kind {
            Kind::Han => return None,
            Kind::Run => BESIDE_RUN,
            Kind::Break => BESIDE_BREAK,
        };
        Some([beside, self.chars[unit.start].char].iter().collect())
    }

    fn run(&self, unit: &Unit) -> String {
        self.chars[unit.start..unit.end].iter().take(RUN_MAX_CHARS).map(|normal| normal.char).collect()
    }

    fn whole_run(&self, unit: &Unit) -> String {
        self.chars[unit.start..unit.end].iter().map(|normal| normal.char).collect()
    }
}

fn kind_of(char: char) -> Kind {
    match char {
        BREAK => Kind::Break,
        char if is_han(char) => Kind::Han,
        _ => Kind::Run,
    }
}

/// The term under which an id is found by its last `len` characters.
fn tail(id: &str, len: usize) -> Option<String> {
    let from = id.len().checked_sub(len).filter(|_| id.len() >= TAIL_OF_MIN_CHARS)?;
    Some(format!("{TAIL_MARK}{}", id.get(from..)?))
}

/// A query's word as the last characters of an id, when people would give so many.
pub(super) fn as_tail(compact: &str) -> Option<String> {
    TAIL_CHARS.contains(&compact.len()).then(|| format!("{TAIL_MARK}{compact}"))
}

#[cfg(test)]
mod tests {
    use super::{Analysed, Kind, Lookup, Term};

    #[test]
    fn every_phrase_of_a_text_is_vouched_for_by_its_grams() {
        let text = "甲方：杭州翀远第3条，HZ-CG 2025年4月17日。乙、丙 Hello World";
        let whole = Analysed::of(text);
        let indexed: Vec<_> = whole.grams().into_iter().map(|gram| (gram.text, gram.position)).collect();
        for from in 0..whole.units.len() {
            for to in from + 1..=whole.units.len() {
                let (first, last) = (whole.units[from], whole.units[to - 1]);
                if first.kind == Kind::Break || last.kind == Kind::Break {
                    continue;
                }
                let skipped = whole.units[..from].iter().filter(|unit| unit.kind != Kind::Break).count();
                let part = &text[whole.chars[first.start].start..whole.chars[last.end - 1].end];
                match Analysed::of(part).lookup() {
                    Lookup::Nothing => panic!("nothing for {part}"),
                    Lookup::Prefix(c) => assert!(indexed.iter().any(|(g, _)| g.starts_with(c)), "{part}"),
                    Lookup::Phrase(terms) => {
                        assert!(!terms.is_empty(), "{part}");
                        for Term { text, position } in terms {
                            assert!(indexed.contains(&(text.clone(), position + skipped)), "{part}: {text}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn ids_lose_their_dashes() {
        let check = |text: &str, expected: &[&str]| {
            let ids = Analysed::of(text).ids();
            for id in expected {
                assert!(ids.iter().any(|i| i == id), "{id} in {ids:?} of {text}");
            }
        };
        check("合同编号HT-2023-000123号", &["ht2023000123", "$0123", "$000123"]);
        check("账号 6222 0212 3456 7890 123，", &["6222021234567890123", "$0123"]);
        check("身份证11010519491231002X", &["11010519491231002x", "$002x"]);
        check("编号：ＨＴ－２０２３", &["ht2023"]);
        check("HT（2023）000123号", &["ht2023000123"]);
        check("+44 20 7946 0016", &["442079460016", "$0016"]);
        assert!(!Analysed::of("HT-2023，000123").ids().contains(&"ht2023000123".to_owned()));
        assert!(Analysed::of("Hello-World 合同 12").ids().is_empty());
    }
}
