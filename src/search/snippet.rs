//! The piece of a text that shows why it was found, as HTML with `<mark>` around what matched.
//!
//! Works on text that is handed in, since the index keeps none. Matches are looked for in the compared characters
//! (see `normal`) and shown in the original ones.

use std::ops::Range;

use serde::Serialize;

use super::normal::{BREAK, Normal, is_han};
use super::query::{Piece, Query};
use super::tokens::{Analysed, ID_MIN_CHARS};
use crate::fields::{worth, worths};
use crate::reading::Line;

/// A whole piece of the query found together counts as much as this many of its words.
const WHOLE_WEIGHT: usize = 8;
/// The part of the room left over that goes before the first match.
const LEAD: usize = 3;
const CUT: char = '…';
/// A line is shown as a whole.
const LINE_CHARS: usize = 10_000;

/// At most `max_chars` characters of `text` around the best matches, HTML-escaped, matches in `<mark>`; the
/// beginning of the text when nothing matches.
pub fn snippet(text: &str, query: &Query, max_chars: usize) -> String {
    Marker::of(query).snippet(text, max_chars)
}

/// What a query marks in texts: many texts cost no more than they are long.
pub struct Marker {
    patterns: Vec<Pattern>,
    /// What the wanted amounts are worth, in fen.
    worths: Vec<u64>,
}

impl Marker {
    /// What this query marks.
    pub fn of(query: &Query) -> Self {
        let wanted = query.wanted.iter().flatten().filter(|piece| !piece.exact);
        Self { patterns: patterns(query), worths: wanted.filter_map(|piece| worth(&piece.text)).collect() }
    }

    /// As [`snippet`].
    pub fn snippet(&self, text: &str, max_chars: usize) -> String {
        let starts = starts(text);
        self.shown(text, &starts, self.matches(text, &starts), max_chars)
    }

    /// The line with all its matches in `<mark>`, if there are any; else what was read of it a second time.
    pub fn line(&self, line: &Line) -> Option<String> {
        [Some(line.text.as_str()), line.other.as_deref()].into_iter().flatten().find_map(|text| {
            let starts = starts(text);
            let matches = self.matches(text, &starts);
            (!matches.is_empty()).then(|| self.shown(text, &starts, matches, LINE_CHARS))
        })
    }

    /// Where the lines stand that have matches, at most so many.
    pub fn places<'a>(&self, lines: impl IntoIterator<Item = &'a Line>, most: usize) -> Vec<Place> {
        lines.into_iter().filter(|line| self.line(line).is_some()).take(most).map(Place::of).collect()
    }

    fn shown(&self, text: &str, starts: &[usize], mut matches: Vec<Match>, max_chars: usize) -> String {
        let (from, to) = window(&matches, starts.len(), max_chars);
        matches.retain(|found| found.from < to && found.to > from);
        let byte = |char: usize| starts.get(char).copied().unwrap_or(text.len());
        let mut out = Html::default();
        if from > 0 {
            out.html.push(CUT);
        }
        for (at, char) in text[byte(from)..byte(to)].chars().enumerate().map(|(i, c)| (from + i, c)) {
            out.push(char, matches.iter().any(|found| (found.from..found.to).contains(&at)));
        }
        out.finish(to < starts.len())
    }

    fn matches(&self, text: &str, starts: &[usize]) -> Vec<Match> {
        let analysed = Analysed::of(text);
        let row = Row::of(analysed.chars(), true);
        let ids = self.patterns.iter().any(|pattern| pattern.id);
        let compact = ids.then(|| Row::of(analysed.chars(), false));
        let mut matches: Vec<Match> = Vec::new();
        let mut found = |place: Range<usize>, pattern, weight| {
            let from = starts.partition_point(|start| *start < place.start);
            let to = starts.partition_point(|start| *start < place.end);
            matches.push(Match { from, to, pattern, weight });
        };
        let mut whole = false;
        for (number, pattern) in self.patterns.iter().enumerate() {
            // What comes close is marked only where the thing itself is missing.
            if pattern.close && whole {
                continue;
            }
            let row = compact.as_ref().filter(|_| pattern.id).unwrap_or(&row);
            for (first, last) in row.find(&pattern.text, pattern.id) {
                whole |= pattern.weight == WHOLE_WEIGHT;
                found(first.start..last.end, number, pattern.weight);
            }
        }
        let all = if self.worths.is_empty() { Vec::new() } else { worths(text) };
        for (number, fen) in (self.patterns.len()..).zip(&self.worths) {
            for amount in all.iter().filter(|amount| amount.fen == *fen) {
                found(amount.place.clone(), number, WHOLE_WEIGHT);
            }
        }
        matches.sort_unstable_by_key(|found| (found.from, found.to));
        matches
    }
}

/// The upright rectangle around a line, from the page's upper left corner, in the page's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Place {
    /// Left.
    pub x0: f32,
    /// Top.
    pub y0: f32,
    /// Right.
    pub x1: f32,
    /// Bottom.
    pub y1: f32,
}

impl Place {
    /// That of a line.
    pub fn of(line: &Line) -> Self {
        let Line { x0, y0, x1, y1, .. } = *line;
        Self { x0, y0, x1, y1 }
    }
}

fn starts(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).collect()
}

/// A [`snippet`] as plain text, without marks.
pub fn plain(snippet: &str) -> String {
    let text = snippet.replace("<mark>", "").replace("</mark>", "");
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&amp;", "&")
}

/// A match, as places in the characters of the original.
#[derive(Debug, Clone, Copy)]
struct Match {
    from: usize,
    to: usize,
    pattern: usize,
    weight: usize,
}

/// Compared characters to look for.
struct Pattern {
    text: String,
    weight: usize,
    /// Breaks are skipped, and one end of a run is enough.
    id: bool,
    /// A pair of characters of a word that may be misread.
    close: bool,
}

fn patterns(query: &Query) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    let mut pairs = Vec::new();
    for Piece { text, exact, .. } in query.wanted.iter().flatten() {
        let analysed = Analysed::of(text);
        let pattern = |text: String, weight| Pattern { text, weight, id: false, close: false };
        patterns.push(pattern(analysed.normal_text(), WHOLE_WEIGHT));
        if *exact {
            continue;
        }
        if analysed.has_han() {
            let parts = analysed.words(false).into_iter().chain(analysed.runs());
            patterns.extend(parts.map(|part| pattern(part, 1)));
        }
        let id = analysed.as_id().filter(|id| id.len() >= ID_MIN_CHARS);
        patterns.extend(id.map(|id| Pattern { id: true, ..pattern(id, WHOLE_WEIGHT) }));
        let chars = analysed.han_only().unwrap_or_default();
        let close = chars.windows(2).map(|pair| Pattern { close: true, ..pattern(pair.iter().collect(), 1) });
        pairs.extend(close);
    }
    patterns.append(&mut pairs);
    patterns.retain(|pattern| !pattern.text.is_empty());
    patterns
}

/// Compared characters as one text that can be searched.
struct Row {
    /// With their numbers among all characters of the text.
    chars: Vec<(usize, Normal)>,
    text: String,
    /// Where each character begins in `text`.
    starts: Vec<usize>,
}

impl Row {
    fn of(chars: &[Normal], breaks: bool) -> Self {
        let chars = chars.iter().copied().enumerate().filter(|(_, normal)| breaks || normal.char != BREAK);
        let chars: Vec<_> = chars.collect();
        let text: String = chars.iter().map(|(_, normal)| normal.char).collect();
        let starts = text.char_indices().map(|(at, _)| at).collect();
        Self { chars, text, starts }
    }

    /// First and last character of each place where the pattern stands, not inside a longer run of letters or digits
    /// (`loose`: at one end of it at least).
    fn find(&self, pattern: &str, loose: bool) -> Vec<(Normal, Normal)> {
        let place = |at: usize| self.starts.partition_point(|start| *start < at);
        let found = self.text.match_indices(pattern).filter_map(|(at, _)| {
            let (from, to) = (place(at), place(at + pattern.len()));
            let (begins, ends) =
                (!self.same_run(from.checked_sub(1), from), !self.same_run(Some(to - 1), to));
            let stands = if loose { begins || ends } else { begins && ends };
            stands.then(|| (self.chars[from].1, self.chars[to - 1].1))
        });
        found.collect()
    }

    /// Whether two neighbours are of one run of letters and digits.
    fn same_run(&self, before: Option<usize>, at: usize) -> bool {
        let before = before.and_then(|before| self.chars.get(before));
        let (Some((before_at, before)), Some((at, here))) = (before, self.chars.get(at)) else {
            return false;
        };
        let in_run = |normal: &Normal| normal.char != BREAK && !is_han(normal.char);
        in_run(before) && in_run(here) && before_at + 1 == *at
    }
}

/// The stretch of at most `max_chars` characters with the most different matches.
fn window(matches: &[Match], len: usize, max_chars: usize) -> (usize, usize) {
    let patterns = matches.iter().map(|found| found.pattern + 1).max().unwrap_or(0);
    let mut inside = vec![0_usize; patterns];
    let (mut last, mut weight) = (0, 0);
    let mut best = (0, 0, 0);
    for (first, found) in matches.iter().enumerate() {
        while let Some(next) = matches.get(last)
            && (next.to <= found.from + max_chars || last == first)
        {
            inside[next.pattern] += 1;
            weight += if inside[next.pattern] == 1 { next.weight } else { 0 };
            last += 1;
        }
        if weight > best.0 {
            let end = matches[first..last].iter().map(|found| found.to).max().unwrap_or(found.to);
            best = (weight, found.from, end);
        }
        inside[found.pattern] -= 1;
        weight -= if inside[found.pattern] == 0 { found.weight } else { 0 };
    }
    let (_, first, end) = best;
    let room = max_chars.saturating_sub(end - first);
    let from = first.saturating_sub(room / LEAD).min(len.saturating_sub(max_chars));
    (from, (from + max_chars).min(len))
}

/// Writes escaped characters and keeps the marks balanced.
#[derive(Default)]
struct Html {
    html: String,
    marked: bool,
    space: bool,
}

impl Html {
    fn push(&mut self, char: char, marked: bool) {
        if char.is_whitespace() || char.is_control() {
            self.space = true;
            return;
        }
        if self.marked && !marked {
            self.html.push_str("</mark>");
        }
        if std::mem::take(&mut self.space) && !self.html.is_empty() {
            self.html.push(' ');
        }
        if marked && !self.marked {
            self.html.push_str("<mark>");
        }
        self.marked = marked;
        match char {
            '&' => self.html.push_str("&amp;"),
            '<' => self.html.push_str("&lt;"),
            '>' => self.html.push_str("&gt;"),
            '"' => self.html.push_str("&quot;"),
            '\'' => self.html.push_str("&#39;"),
            char => self.html.push(char),
        }
    }

    fn finish(mut self, cut: bool) -> String {
        if self.marked {
            self.html.push_str("</mark>");
        }
        if cut {
            self.html.push(CUT);
        }
        self.html
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Marker, Place, plain, snippet};
    use crate::reading::Line;
    use crate::search::Query;

    fn show(text: &str, query: &str, max_chars: usize) -> String {
        snippet(text, &Query::parse(query), max_chars)
    }

    #[test]
    fn matches_are_marked_in_the_original_writing() {
        let check = |text: &str, query: &str, expected: &str| {
            assert_eq!(show(text, query, 40), expected, "{query} in {text}");
        };
        check("本基金合同有效", "\"基金合同\"", "本<mark>基金合同</mark>有效");
        check("本基金与合同有效", "基金 合同", "本<mark>基金</mark>与<mark>合同</mark>有效");
        check("本基金与合同有效", "基金合同", "本<mark>基金</mark>与<mark>合同</mark>有效");
        check("基 金 合\n同", "基金合同", "<mark>基 金 合 同</mark>");
        check("歐陽修遠先生", "欧阳修远", "<mark>歐陽修遠</mark>先生");
        check("金额１，０００，０００元", "1000000", "金额<mark>１，０００，０００元</mark>");
        check("编号HT-2023-000123。", "ht2023000123", "编号<mark>HT-2023-000123</mark>。");
        check("尾号6222021234", "1234", "尾号622202<mark>1234</mark>");
        check("a party of art", "art", "a party of <mark>art</mark>");
        check(
            "<b>合同</b> & \"x\"'",
            "合同",
            "&lt;b&gt;<mark>合同</mark>&lt;/b&gt; &amp; &quot;x&quot;&#39;",
        );
        check(
            "认购壹佰万元整，即￥1,000,000.00。",
            "1000000",
            "认购<mark>壹佰万元整</mark>，即<mark>￥1,000,000.00</mark>。",
        );
        check("共100万元", "壹佰万", "共<mark>100万元</mark>");
        check("没有", "合同", "没有");
        check("甲欧阳修还", "欧阳修远", "甲<mark>欧阳修</mark>还");
        check("甲合乙", "合", "甲<mark>合</mark>乙");
        check("合同 -甲", "合同 -甲", "<mark>合同</mark> -甲");
    }

    #[test]
    fn the_best_place_is_shown() {
        let filler = "无关文字".repeat(50);
        let text = format!("{filler}基金{filler}基金与合同在此{filler}合同");
        let shown = show(&text, "基金 合同", 30);
        assert!(shown.contains("<mark>基金</mark>与<mark>合同</mark>在此"), "{shown}");
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        let plain = shown.replace("<mark>", "").replace("</mark>", "").replace('…', "");
        assert_eq!(plain.chars().count(), 30);
        assert_eq!(show(&text, "不存在", 4), "无关文字…");
        assert_eq!(show("", "x", 10), "");
        assert_eq!(show("甲乙", "甲", 0), "…");
    }

    #[test]
    fn lines_with_matches_have_their_places() {
        let line = |text: &str, other: Option<&str>, at: f32| Line {
            text: text.into(),
            other: other.map(str::to_owned),
            x0: at,
            y0: at + 1.0,
            x1: at + 2.0,
            y1: at + 3.0,
            ..Line::default()
        };
        let lines = [
            line("基金合同", None, 10.0),
            line("别的", None, 20.0),
            line("模糊", Some("本合同"), 30.0),
            line("认购壹佰万元整", None, 40.0),
        ];
        let places = |query: &str, most| Marker::of(&Query::parse(query)).places(&lines, most);
        let at = |places: Vec<Place>| places.iter().map(|place| place.x0).collect::<Vec<_>>();
        assert_eq!(at(places("合同", 20)), [10.0, 30.0]);
        assert_eq!(at(places("合同", 1)), [10.0]);
        assert_eq!(at(places("1000000", 20)), [40.0]);
        assert_eq!(at(places("没有这些 -别的", 20)), [0.0; 0]);
        assert_eq!(places("合同", 1), [Place { x0: 10.0, y0: 11.0, x1: 12.0, y1: 13.0 }]);
        let marked = |line: &Line| Marker::of(&Query::parse("合同")).line(line);
        assert_eq!(marked(&lines[2]).unwrap(), "本<mark>合同</mark>");
        assert_eq!(marked(&lines[1]), None);
    }

    proptest! {
        #[test]
        fn only_marks_are_html(text in any::<String>(), query in any::<String>(), max_chars in 0..80_usize) {
            let shown = show(&text, &query, max_chars);
            let rest = shown.replace("<mark>", "").replace("</mark>", "");
            assert!(!rest.contains(['<', '>', '"', '\'']), "{shown}");
            assert_eq!(shown.matches("<mark>").count(), shown.matches("</mark>").count());
        }

        #[test]
        fn without_marks_it_is_the_text(text in r#"[甲基金合同a1 <>&"'`;#39ltqmp/]{0,60}"#) {
            let shown = plain(&snippet(&text, &Query::parse("基金合同 甲 a1"), 100));
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            proptest::prop_assert_eq!(shown, words(&text));
        }

        #[test]
        fn what_is_asked_for_is_marked(
            before in "[甲乙丙 <]{0,50}", wanted in "[基金合同a1]{1,6}", after in "[甲乙丙，&]{0,50}",
        ) {
            let shown = show(&format!("{before}{wanted}{after}"), &format!("\"{wanted}\""), 20);
            assert!(shown.contains(&format!("<mark>{wanted}</mark>")), "{shown}");
        }
    }
}
