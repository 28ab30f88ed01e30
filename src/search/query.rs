//! What people type, read without ever failing; what could not be used is noted and left out.
//!
//! Words are all wanted; `"quoted"` (also `“”`, `「」`) is an exact phrase; `-word` must not occur; `a OR b` is either;
//! `kind:contract`, `dossier:ID`, `date:2023-01..2023-06` and `amount:>1000000` (or `=`, `<`, `100万..200万`) narrow, and
//! `name:欧阳` looks in customers' names only; a narrowing word may be excluded too (`-kind:id`).

use std::fmt;
use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::str::CharIndices;

use jiff::civil::Date;

use super::limits::Limits;
use super::normal::is_word_char;
use crate::domain::{CaseId, DossierId};
use crate::fields::worth;

/// A query that was read. Everything in it can be answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Each of these must be met by one of its pieces.
    pub(super) wanted: Vec<Vec<Piece>>,
    pub(super) unwanted: Vec<Piece>,
    pub(super) kinds: Narrowing<String>,
    pub(super) dossiers: Narrowing<DossierId>,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
    pub(super) cases: Option<Among>,
    /// What amounts may be worth, in fen, both ends included.
    pub(super) amounts: Vec<RangeInclusive<u64>>,
    pub(super) ignored: Vec<Ignored>,
}

/// A word, or an exact phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) exact: bool,
    /// It is looked for in customers' names only.
    pub(super) name: bool,
}

/// To which cases something belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Among {
    /// To any.
    Any,
    /// To one of these; of none of them there is nothing.
    These(Vec<CaseId>),
}

/// One of `only` (anything when empty) and none of `never`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Narrowing<T> {
    pub(super) only: Vec<T>,
    pub(super) never: Vec<T>,
}

impl<T> Default for Narrowing<T> {
    fn default() -> Self {
        Self { only: Vec::new(), never: Vec::new() }
    }
}

/// A part of the query that had no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignored {
    /// What came after the longest query that is read.
    TooLong,
    /// The words after the largest number that is looked up.
    TooManyWords,
    /// The missing end of a quoted phrase: the rest of the query was taken as the phrase.
    OpenQuote,
    /// An `OR` without a word on both sides.
    LoneOr,
    /// A word without letters and digits.
    NoLetters(String),
    /// The value of `date:` is neither a date, month or year nor a range of them.
    BadDate(String),
    /// The value of `amount:` is neither an amount nor a range of them.
    BadAmount(String),
    /// The value of `dossier:` is not an id.
    BadDossier(String),
    /// A narrowing word without a value.
    NoValue(String),
    /// The moment of the list is not kept any more.
    Moved,
    /// The hits are of too many cases to be counted or narrowed by their state.
    TooManyCases,
}

impl Ignored {
    /// Whether it says something of the list, not of what was typed.
    pub fn is_of_list(&self) -> bool {
        matches!(self, Self::Moved | Self::TooManyCases)
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the query was too long; its end was ignored"),
            Self::TooManyWords => f.write_str("the query had too many words; the last ones were ignored"),
            Self::OpenQuote => f.write_str("a quotation mark was not closed"),
            Self::LoneOr => f.write_str("an OR without a word on both sides was ignored"),
            Self::NoLetters(word) => write!(f, "ignored, because it has no letters or digits: {word}"),
            Self::BadDate(value) => {
                write!(f, "ignored, because it is not a date or a range of dates: {value}")
            }
            Self::BadAmount(value) => {
                write!(f, "ignored, because it is not an amount or a range of amounts: {value}")
            }
            Self::BadDossier(value) => write!(f, "ignored, because it is not the id of a dossier: {value}"),
            Self::NoValue(word) => write!(f, "ignored, because nothing follows the colon: {word}"),
            Self::Moved => f.write_str(
                "the list was not kept any longer: this part is of the list as it is now, and hits may be repeated or missing",
            ),
            Self::TooManyCases => f.write_str("the hits belong to too many cases: they are neither counted nor narrowed by state"),
        }
    }
}

impl Query {
    /// Reads a query under the default limits.
    pub fn parse(text: &str) -> Self {
        Self::parse_within(text, &Limits::default())
    }

    /// Reads a query.
    pub fn parse_within(text: &str, limits: &Limits) -> Self {
        let mut query = Self::default();
        let end = text.char_indices().nth(limits.query_max_chars).map(|(at, _)| at);
        if end.is_some() {
            query.ignored.push(Ignored::TooLong);
        }
        let mut pieces = Pieces::of(&text[..end.unwrap_or(text.len())]);
        let mut or = Or::default();
        while let Some(token) = pieces.next_token(&mut query.ignored) {
            query.take(token, &mut or, limits.query_max_words);
        }
        if or.open {
            query.ignored.push(Ignored::LoneOr);
        }
        query
    }

    /// Customers of this name, or whose name begins so.
    pub fn of_name(text: &str) -> Self {
        let text: String = text.chars().take(Limits::default().query_max_chars).collect();
        let wanted = text.chars().any(is_word_char).then(|| vec![Piece { text, exact: false, name: true }]);
        Self { wanted: wanted.into_iter().collect(), ..Self::default() }
    }

    /// Narrows to documents of this kind (or another kind that was named).
    pub fn and_kind(mut self, kind: impl Into<String>) -> Self {
        self.kinds.only.push(kind.into());
        self
    }

    /// Narrows to this dossier (or another dossier that was named).
    pub fn and_dossier(mut self, dossier: DossierId) -> Self {
        self.dossiers.only.push(dossier);
        self
    }

    /// Narrows to what belongs to a case.
    pub fn of_any_case(self) -> Self {
        Self { cases: Some(Among::Any), ..self }
    }

    /// Narrows to what belongs to one of these cases.
    pub fn of_cases(self, cases: Vec<CaseId>) -> Self {
        Self { cases: Some(Among::These(cases)), ..self }
    }

    /// Narrows to these dates, both included; `None` leaves that side as it is.
    pub fn and_dates(mut self, from: Option<Date>, to: Option<Date>) -> Self {
        self.from = self.from.max(from);
        self.to = [self.to, to].into_iter().flatten().min();
        self
    }

    /// What of the text had no effect.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Whether it asks for nothing at all.
    pub fn is_empty(&self) -> bool {
        let Self { wanted, unwanted, kinds, dossiers, from, to, cases, amounts, ignored: _ } = self;
        let dates = from.is_some() || to.is_some();
        let narrows =
            dates || cases.is_some() || !amounts.is_empty() || kinds.narrows() || dossiers.narrows();
        wanted.is_empty() && unwanted.is_empty() && !narrows
    }

    fn take(&mut self, token: Token, or: &mut Or, max_words: usize) {
        if !token.exact && token.text == "OR" && !token.unwanted {
            match or.possible {
                true => or.open = true,
                false => self.ignored.push(Ignored::LoneOr),
            }
            or.possible = false;
            return;
        }
        if !token.exact && self.narrowed_by(&token) {
            return or.close(&mut self.ignored);
        }
        let token = token.into_name();
        if !token.text.chars().any(is_word_char) {
            self.ignored.push(Ignored::NoLetters(token.text));
            return;
        }
        if self.wanted.iter().map(Vec::len).sum::<usize>() + self.unwanted.len() >= max_words {
            if !self.ignored.contains(&Ignored::TooManyWords) {
                self.ignored.push(Ignored::TooManyWords);
            }
            return;
        }
        self.add(token, or);
    }

    fn add(&mut self, token: Token, or: &mut Or) {
        let piece = Piece { text: token.text, exact: token.exact, name: token.name };
        if token.unwanted {
            self.unwanted.push(piece);
            return or.close(&mut self.ignored);
        }
        match self.wanted.last_mut() {
            Some(either) if or.open => either.push(piece),
            _ => self.wanted.push(vec![piece]),
        }
        *or = Or { possible: true, open: false };
    }

    /// Whether the word is one that narrows; then it was used, or noted as unusable.
    fn narrowed_by(&mut self, token: &Token) -> bool {
        let Some((name, value)) = token.text.split_once([':', '：']) else { return false };
        let value = value.trim();
        let name = name.to_lowercase();
        if !matches!(name.as_str(), "kind" | "dossier" | "date" | "amount") {
            return false;
        }
        if value.is_empty() {
            self.ignored.push(Ignored::NoValue(token.text.clone()));
            return true;
        }
        match name.as_str() {
            "kind" => self.kinds.add(value.split(',').map(str::to_owned), token.unwanted),
            "dossier" => match value.parse() {
                Ok(dossier) => self.dossiers.add([dossier], token.unwanted),
                Err(_) => self.ignored.push(Ignored::BadDossier(value.to_owned())),
            },
            "amount" => match amounts(value).filter(|_| !token.unwanted) {
                Some(amounts) => self.amounts.push(amounts),
                None => self.ignored.push(Ignored::BadAmount(value.to_owned())),
            },
            _ => match dates(value).filter(|_| !token.unwanted) {
                Some((from, to)) => *self = std::mem::take(self).and_dates(from, to),
                None => self.ignored.push(Ignored::BadDate(value.to_owned())),
            },
        }
        true
    }
}

impl<T> Narrowing<T> {
    fn add(&mut self, values: impl IntoIterator<Item = T>, unwanted: bool) {
        if unwanted { self.never.extend(values) } else { self.only.extend(values) }
    }

    fn narrows(&self) -> bool {
        !self.only.is_empty() || !self.never.is_empty()
    }
}

/// Whether an `OR` may come now, and whether one waits for its second word.
#[derive(Default)]
struct Or {
    possible: bool,
    open: bool,
}

impl Or {
    fn close(&mut self, ignored: &mut Vec<Ignored>) {
        if self.open {
            ignored.push(Ignored::LoneOr);
        }
        *self = Self::default();
    }
}

struct Token {
    text: String,
    exact: bool,
    unwanted: bool,
    name: bool,
}

impl Token {
    /// `name:欧阳` without what stands before it.
    fn into_name(self) -> Self {
        let name = self.text.split_once([':', '：']).filter(|(word, _)| word.eq_ignore_ascii_case("name"));
        match name.filter(|_| !self.exact) {
            Some((_, value)) => Self { text: value.to_owned(), name: true, ..self },
            None => self,
        }
    }
}

/// Cuts a query at spaces and quotation marks.
struct Pieces<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, chars: text.char_indices().peekable() }
    }

    fn next_token(&mut self, ignored: &mut Vec<Ignored>) -> Option<Token> {
        while self.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        self.chars.peek()?;
        let unwanted = self.take_minus();
        if let Some((_, opening)) = self.chars.next_if(|(_, c)| closing(*c).is_some()) {
            let text = self.quoted(opening, ignored);
            return Some(Token { text, exact: true, unwanted, name: false });
        }
        // A closing mark without an opening one, or a word up to the next space or opening mark.
        let from = self.chars.next()?.0;
        while self.chars.next_if(|(_, c)| !c.is_whitespace() && closing(*c).is_none()).is_some() {}
        Some(Token { text: self.text[from..self.at()].to_owned(), exact: false, unwanted, name: false })
    }

    /// A minus before something else than a space.
    fn take_minus(&mut self) -> bool {
        let mut ahead = self.chars.clone();
        let minus = ahead.next().is_some_and(|(_, c)| matches!(c, '-' | '－'));
        let something = ahead.peek().is_some_and(|(_, c)| !c.is_whitespace());
        if minus && something {
            self.chars.next();
        }
        minus && something
    }

    fn quoted(&mut self, opening: char, ignored: &mut Vec<Ignored>) -> String {
        let from = self.at();
        let closes = |c: char| closing(opening).is_some_and(|closing| closing.contains(c));
        while self.chars.next_if(|(_, c)| !closes(*c)).is_some() {}
        let text = self.text[from..self.at()].to_owned();
        if self.chars.next().is_none() {
            ignored.push(Ignored::OpenQuote);
        }
        text
    }

    fn at(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }
}

/// What closes a quotation that this mark opens. Input methods mix the straight, full-width and curly ones.
fn closing(opening: char) -> Option<&'static str> {
    match opening {
        '"' | '＂' | '“' | '”' | '„' => Some("\"＂“”"),
        '「' => Some("」"),
        '『' => Some("』"),
        _ => None,
    }
}

/// What an amount of `1000000`, `100万..200万`, `>1000000`, `>=壹佰万`, `<5000`, `..100万` may be worth, in fen.
fn amounts(value: &str) -> Option<RangeInclusive<u64>> {
    // Behind `amount:` a number is an amount, whatever its length.
    let fen = |text: &str| worth(text).or_else(|| worth(&format!("{text}元")));
    if let Some((from, to)) = value.split_once("..") {
        let side = |text: &str, open: u64| if text.is_empty() { Some(open) } else { fen(text) };
        let (from_fen, to_fen) = (side(from, 0)?, side(to, u64::MAX)?);
        let some = !from.is_empty() || !to.is_empty();
        return some.then(|| from_fen.min(to_fen)..=from_fen.max(to_fen));
    }
    let beyond = |text: &str| text.strip_prefix(['>', '＞']).map(str::to_owned);
    let below = |text: &str| text.strip_prefix(['<', '＜']).map(str::to_owned);
    let same = |text: &str| text.strip_prefix(['=', '＝']).map(str::to_owned);
    match (beyond(value), below(value)) {
        (Some(rest), _) => match same(&rest) {
            Some(rest) => Some(fen(&rest)?..=u64::MAX),
            None => Some(fen(&rest)?.saturating_add(1)..=u64::MAX),
        },
        (_, Some(rest)) => match same(&rest) {
            Some(rest) => Some(0..=fen(&rest)?),
            None => Some(0..=fen(&rest)?.checked_sub(1)?),
        },
        _ => {
            let fen = fen(&same(value).unwrap_or_else(|| value.to_owned()))?;
            Some(fen..=fen)
        }
    }
}

/// First and last day of `2023`, `2023-01`, `2023-01-05`, or a range of these joined by `..`, open at either side.
fn dates(value: &str) -> Option<(Option<Date>, Option<Date>)> {
    let (from, to) = value.split_once("..").unwrap_or((value, value));
    let side = |text: &str| if text.is_empty() { Some(None) } else { span(text).map(Some) };
    let (from, to) = (side(from)?, side(to)?);
    if from.is_none() && to.is_none() {
        return None;
    }
    let (from, to) = if matches!((from, to), (Some(a), Some(b)) if a > b) { (to, from) } else { (from, to) };
    Some((from.map(|(first, _)| first), to.map(|(_, last)| last)))
}

fn span(text: &str) -> Option<(Date, Date)> {
    let mut parts = text.split(['-', '/', '.']);
    let mut number = |len: usize| match parts.next() {
        None => Some(None),
        Some(part) if (1..=len).contains(&part.len()) => part.parse::<i16>().ok().map(Some),
        Some(_) => None,
    };
    let (year, month, day) = (number(4)??, number(2)?, number(2)?);
    if parts.next().is_some() || year < 1000 {
        return None;
    }
    let first_month = i8::try_from(month.unwrap_or(1)).ok()?;
    let first_day = i8::try_from(day.unwrap_or(1)).ok()?;
    let first = Date::new(year, first_month, first_day).ok()?;
    let last = match (month, day) {
        (_, Some(_)) => first,
        (Some(_), None) => first.last_of_month(),
        (None, None) => Date::new(year, 12, 31).ok()?,
    };
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Ignored, Query};
    use crate::search::Limits;

    /// Words as `a`, phrases as `=a`, alternatives joined by `|`, unwanted ones after `-`.
    fn shape(text: &str) -> Vec<String> {
        let query = Query::parse(text);
        let show = |piece: &super::Piece| format!("{}{}", if piece.exact { "=" } else { "" }, piece.text);
        let wanted = query.wanted.iter().map(|either| either.iter().map(show).collect::<Vec<_>>().join("|"));
        wanted.chain(query.unwanted.iter().map(|piece| format!("-{}", show(piece)))).collect()
    }

    #[test]
    fn words_phrases_minus_and_or() {
        let check = |text: &str, expected: &[&str]| assert_eq!(shape(text), expected, "{text}");
        check("基金 合同", &["基金", "合同"]);
        check("基金\u{3000}合同", &["基金", "合同"]);
        check("\"基金 合同\"", &["=基金 合同"]);
        check("“基金合同” 「甲方」", &["=基金合同", "=甲方"]);
        check("基金\"合同\"x", &["基金", "=合同", "x"]);
        check("a -b -\"c d\"", &["a", "-b", "-=c d"]);
        check("a OR b c", &["a|b", "c"]);
        check("a OR b OR \"c\"", &["a|b|=c"]);
        check("合同编号：HZ-CG", &["合同编号：HZ-CG"]);
        check("foo:bar - x", &["foo:bar", "x"]);
    }

    #[test]
    fn narrowing_words() {
        let query = Query::parse("kind:contract kind：id,receipt -kind:note x date:2023-01..2023-06");
        assert_eq!(query.kinds.only, ["contract", "id", "receipt"]);
        assert_eq!(query.kinds.never, ["note"]);
        assert_eq!(shape("kind:contract x"), ["x"]);
        let id = "0000000000000000000000000a";
        let query = Query::parse(&format!("dossier:{id} -dossier:{id}"));
        assert_eq!(query.dossiers.only, query.dossiers.never);
        assert_eq!(query.dossiers.only.len(), 1);
    }

    #[test]
    fn dates_of_every_length() {
        let check = |text: &str, from: &str, to: &str| {
            let query = Query::parse(&format!("date:{text}"));
            let show = |date: Option<jiff::civil::Date>| date.map_or(String::new(), |date| date.to_string());
            assert_eq!((show(query.from).as_str(), show(query.to).as_str()), (from, to), "{text}");
        };
        check("2023", "2023-01-01", "2023-12-31");
        check("2024-02", "2024-02-01", "2024-02-29");
        check("2023-01..2023-06", "2023-01-01", "2023-06-30");
        check("2023-06..2023-01", "2023-01-01", "2023-06-30");
        check("2023/1/5", "2023-01-05", "2023-01-05");
        check("..2023", "", "2023-12-31");
        check("2023-05..", "2023-05-01", "");
        check("9999", "9999-01-01", "9999-12-31");
        for bad in ["x", "..", "2023-13", "2023-1-2-3", "23", "99999", "2023--1", "-5"] {
            assert_eq!(Query::parse(&format!("date:{bad}")).ignored, [Ignored::BadDate(bad.into())], "{bad}");
        }
    }

    #[test]
    fn amounts_of_every_form() {
        let check = |text: &str, from: u64, to: u64| {
            assert_eq!(Query::parse(&format!("amount:{text}")).amounts, [from..=to], "{text}");
        };
        check("1000000", 100_000_000, 100_000_000);
        check("壹佰万元整", 100_000_000, 100_000_000);
        check("5", 500, 500);
        check(">1000", 100_001, u64::MAX);
        check(">=1,000.50", 100_050, u64::MAX);
        check("<100万", 0, 99_999_999);
        check("<=￥100", 0, 10_000);
        check("100万..200万", 100_000_000, 200_000_000);
        check("200..100", 10_000, 20_000);
        check("..100", 0, 10_000);
        for bad in ["x", "..", ">", "1..x", "<0", "合同"] {
            assert_eq!(
                Query::parse(&format!("amount:{bad}")).ignored,
                [Ignored::BadAmount(bad.into())],
                "{bad}"
            );
        }
        let named = Query::parse("name:欧阳 name：li OR name:王 合同");
        let names: Vec<bool> =
            named.wanted.iter().map(|either| either.iter().all(|piece| piece.name)).collect();
        assert_eq!((names, shape("name:欧阳 x")), (vec![true, true, false], vec!["欧阳".into(), "x".into()]));
        assert_eq!(Query::parse("name:").ignored, [Ignored::NoLetters(String::new())]);
    }

    #[test]
    fn what_cannot_be_used_is_noted() {
        let check =
            |text: &str, expected: &[Ignored]| assert_eq!(Query::parse(text).ignored, expected, "{text}");
        check("\"a b", &[Ignored::OpenQuote]);
        check("OR a", &[Ignored::LoneOr]);
        check("a OR", &[Ignored::LoneOr]);
        check("a OR OR b", &[Ignored::LoneOr]);
        check("a OR -b", &[Ignored::LoneOr]);
        check("a 。", &[Ignored::NoLetters("。".into())]);
        check("kind:", &[Ignored::NoValue("kind:".into())]);
        check("dossier:x", &[Ignored::BadDossier("x".into())]);
        check(&"字".repeat(1001), &[Ignored::TooLong]);
        check(&"a ".repeat(99), &[Ignored::TooManyWords]);
    }

    proptest! {
        #[test]
        fn anything_is_read(text in any::<String>()) {
            Query::parse(&text);
        }

        #[test]
        fn anything_like_a_query_is_read(
            text in r#"([-"“”「」:：. ]|OR|kind:|date:|dossier:|20[0-9]{2}|-|[基金合同a-c]){0,40}"#,
        ) {
            let query = Query::parse(&text);
            assert!(query.wanted.iter().all(|either| !either.is_empty()));
            Query::parse_within(&text, &Limits { query_max_chars: 3, ..Limits::default() });
        }
    }
}
