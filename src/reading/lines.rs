//! Glyphs on a page become lines of text.
//!
//! The order of drawing is kept, because programs that write PDF draw in reading order (so columns and tables
//! come out right), unless it jumps about the page; then lines are sorted from top to bottom. Spaces follow
//! from gaps, but never between Han characters, which are often set apart only for the look.

use super::Line;
use super::normal::{is_han, normalised};

/// One character (or ligature) as it stands on the page; the page's origin is its upper left corner.
#[derive(Debug, Clone)]
pub(super) struct Glyph {
    pub(super) text: String,
    /// Where its baseline begins.
    pub(super) x: f64,
    pub(super) y: f64,
    /// The direction of writing, a unit vector: (1, 0) is ordinary text, (0, 1) runs downwards.
    pub(super) direction: (f64, f64),
    /// How far the next glyph is expected.
    pub(super) advance: f64,
    /// The size of the font.
    pub(super) em: f64,
}

/// The lines of a page of this size in reading order.
pub(super) fn lines(glyphs: &[Glyph], width: f64, height: f64) -> Vec<Line> {
    let mut rows = rows(glyphs);
    if is_shuffled(&rows) {
        rows = sorted(rows);
    }
    rows.iter().map(|row| row.line(width, height)).filter(|line| !line.text.is_empty()).collect()
}

/// The row before goes on if this is not farther away, in font sizes: across the direction, and backwards.
const ACROSS: f64 = 0.5;
const BACKWARDS: f64 = 0.8;
/// Gaps that are a space, in font sizes.
const SPACE: f64 = 0.15;
const SPACE_BESIDE_HAN: f64 = 0.4;
const SPACE_IN_HAN: f64 = 2.0;
/// How much of the font size stands above the baseline.
const ASCENT: f64 = 0.88;

/// Glyphs that follow each other on one baseline.
#[derive(Debug, Clone)]
struct Row {
    text: String,
    /// A space glyph was seen, which counts if the next glyph is not Han.
    space_pending: bool,
    direction: (f64, f64),
    em: f64,
    start: (f64, f64),
    end: (f64, f64),
    /// x0, y0, x1, y1.
    around: [f64; 4],
}

impl Row {
    fn new(glyph: &Glyph) -> Self {
        let start = (glyph.x, glyph.y);
        let around = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        let mut row = Self {
            text: String::new(),
            space_pending: false,
            direction: glyph.direction,
            em: glyph.em,
            start,
            end: start,
            around,
        };
        row.push(glyph);
        row
    }

    /// How far `point` is from the end of this row: along its direction, and across.
    fn distance(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (dx, dy) = (x - self.end.0, y - self.end.1);
        let (ux, uy) = self.direction;
        (dx * ux + dy * uy, dx * uy - dy * ux)
    }

    fn is_parallel(&self, direction: (f64, f64)) -> bool {
        self.direction.0 * direction.0 + self.direction.1 * direction.1 > 0.98
    }

    /// Whether what starts at `start` continues this row.
    fn goes_on(&self, start: (f64, f64), direction: (f64, f64), em: f64) -> bool {
        let (along, across) = self.distance(start);
        let em = self.em.max(em);
        self.is_parallel(direction) && across.abs() < ACROSS * em && along > -BACKWARDS * em
    }

    fn push(&mut self, glyph: &Glyph) {
        if glyph.text.chars().all(char::is_whitespace) {
            self.space_pending = true;
        } else {
            let (gap, _) = self.distance((glyph.x, glyph.y));
            self.append(&glyph.text, gap / glyph.em.max(f64::MIN_POSITIVE));
            self.em = self.em.max(glyph.em);
            self.surround(glyph);
            let (ux, uy) = glyph.direction;
            self.end = (glyph.x + ux * glyph.advance, glyph.y + uy * glyph.advance);
        }
    }

    /// Adds text that comes after a gap, which is given in font sizes.
    fn append(&mut self, text: &str, gap: f64) {
        if let (Some(before), Some(after)) = (self.text.chars().next_back(), text.chars().next()) {
            let spaced = match (is_han(before), is_han(after)) {
                (true, true) => gap > SPACE_IN_HAN,
                (false, false) => self.space_pending || gap > SPACE,
                _ => self.space_pending || gap > SPACE_BESIDE_HAN,
            };
            if spaced {
                self.text.push(' ');
            }
        }
        self.space_pending = false;
        self.text.push_str(text);
    }

    fn surround(&mut self, glyph: &Glyph) {
        let (ux, uy) = glyph.direction;
        for (along, up) in [
            (0.0, ASCENT * glyph.em),
            (glyph.advance, ASCENT * glyph.em),
            (0.0, (ASCENT - 1.0) * glyph.em),
            (glyph.advance, (ASCENT - 1.0) * glyph.em),
        ] {
            let (x, y) = (glyph.x + ux * along + uy * up, glyph.y + uy * along - ux * up);
            self.include([x, y, x, y]);
        }
    }

    fn include(&mut self, [x0, y0, x1, y1]: [f64; 4]) {
        let [ax0, ay0, ax1, ay1] = self.around;
        self.around = [ax0.min(x0), ay0.min(y0), ax1.max(x1), ay1.max(y1)];
    }

    /// Another row that continues this one is added to its end.
    fn join(&mut self, other: &Self) {
        let (gap, _) = self.distance(other.start);
        self.append(&other.text, gap / other.em.max(f64::MIN_POSITIVE));
        self.space_pending = other.space_pending;
        self.em = self.em.max(other.em);
        self.end = other.end;
        self.include(other.around);
    }

    fn line(&self, width: f64, height: f64) -> Line {
        let [x0, y0, x1, y1] = self.around;
        Line {
            text: normalised(&self.text).trim().to_owned(),
            x0: tenths(x0, width),
            y0: tenths(y0, height),
            x1: tenths(x1, width),
            y1: tenths(y1, height),
            ..Line::default()
        }
    }
}

/// A place on the page, to a tenth of a unit.
#[expect(clippy::cast_possible_truncation, reason = "pages are small, and more digits would be false")]
pub(super) fn tenths(at: f64, most: f64) -> f32 {
    ((at.max(0.0).min(most) * 10.0).round() / 10.0) as f32
}

fn rows(glyphs: &[Glyph]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for glyph in glyphs {
        match rows.last_mut() {
            Some(row) if row.goes_on((glyph.x, glyph.y), glyph.direction, glyph.em) => row.push(glyph),
            _ => rows.push(Row::new(glyph)),
        }
    }
    rows.retain(|row| !row.text.is_empty());
    rows
}

/// Whether more than a third of the rows of ordinary direction stand above the row that was drawn before them.
fn is_shuffled(rows: &[Row]) -> bool {
    let starts: Vec<_> =
        rows.iter().filter(|row| row.direction.0 > 0.98).map(|row| (row.start.1, row.em)).collect();
    let upwards = starts.windows(2).filter(|pair| pair[1].0 < pair[0].0 - ACROSS * pair[0].1).count();
    starts.len() > 3 && upwards * 3 > starts.len()
}

/// From top to bottom, and joined where they stand on one baseline.
fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| a.start.1.total_cmp(&b.start.1));
    let mut baselines: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        match baselines.last_mut() {
            Some(same) if row.start.1 - same[0].start.1 < ACROSS * row.em.min(same[0].em) => same.push(row),
            _ => baselines.push(vec![row]),
        }
    }
    baselines.into_iter().flat_map(joined).collect()
}

fn joined(mut baseline: Vec<Row>) -> Vec<Row> {
    baseline.sort_by(|a, b| a.start.0.total_cmp(&b.start.0));
    let mut rows: Vec<Row> = Vec::new();
    for row in baseline {
        match rows.last_mut() {
            Some(last) if last.goes_on(row.start, row.direction, row.em) => last.join(&row),
            _ => rows.push(row),
        }
    }
    rows
}

/// As many lines as may be kept, and whether that is not all.
pub(super) fn within(mut lines: Vec<Line>, cap: u64) -> (Vec<Line>, bool) {
    let mut used = 0;
    let all = lines.len();
    let keep = lines.iter().take_while(|line| {
        used += cost(line);
        used <= cap
    });
    let keep = keep.count();
    lines.truncate(keep);
    (lines, keep < all)
}

/// What a line takes of the limit on text: its text (which stands in the page and in the line) and its place.
pub(super) fn cost(line: &Line) -> u64 {
    const PLACE_BYTES: u64 = 32;
    line.text.len() as u64 + line.other.as_ref().map_or(0, String::len) as u64 + PLACE_BYTES
}

#[cfg(test)]
mod tests {
    use super::{Glyph, Line, lines, within};

    const RIGHT: (f64, f64) = (1.0, 0.0);

    /// Glyphs of 10 points side by side from `(x, y)`; `_` only moves on.
    fn set(text: &str, x: f64, y: f64, direction: (f64, f64)) -> Vec<Glyph> {
        let step = |c: char| if c.is_ascii() { 5.0 } else { 10.0 };
        let mut at = 0.0;
        let mut glyphs = Vec::new();
        for c in text.chars() {
            let (x, y) = (x + direction.0 * at, y + direction.1 * at);
            if c != '_' {
                glyphs.push(Glyph { text: c.to_string(), x, y, direction, advance: step(c), em: 10.0 });
            }
            at += step(c);
        }
        glyphs
    }

    fn texts(glyphs: &[Glyph]) -> Vec<String> {
        lines(glyphs, 600.0, 800.0).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn gaps_are_spaces_but_not_in_han() {
        assert_eq!(texts(&set("two_words here", 10.0, 20.0, RIGHT)), ["two words here"]);
        assert_eq!(texts(&set("甲_ 方：张__三", 10.0, 20.0, RIGHT)), ["甲方:张三"]);
        assert_eq!(texts(&set("姓名______张三", 10.0, 20.0, RIGHT)), ["姓名 张三"]);
        assert_eq!(texts(&set("共 12 页A", 10.0, 20.0, RIGHT)), ["共 12 页A"]);
    }

    #[test]
    fn a_new_baseline_is_a_new_line() {
        let glyphs = [set("first", 10.0, 20.0, RIGHT), set("second", 10.0, 34.0, RIGHT)].concat();
        assert_eq!(texts(&glyphs), ["first", "second"]);
        let raised = [set("x", 10.0, 20.0, RIGHT), set("2", 15.0, 16.0, RIGHT)].concat();
        assert_eq!(texts(&raised), ["x2"]);
    }

    #[test]
    fn columns_keep_the_order_of_drawing() {
        let left = (0..5).flat_map(|i| set(&format!("left{i}"), 10.0, 20.0 + 12.0 * f64::from(i), RIGHT));
        let right = (0..5).flat_map(|i| set(&format!("right{i}"), 300.0, 20.0 + 12.0 * f64::from(i), RIGHT));
        let glyphs: Vec<_> = left.chain(right).collect();
        let expected: Vec<_> =
            ["left", "right"].iter().flat_map(|side| (0..5).map(move |i| format!("{side}{i}"))).collect();
        assert_eq!(texts(&glyphs), expected);
    }

    #[test]
    fn a_page_drawn_backwards_is_sorted() {
        let drawn = |i: i32| {
            let y = 20.0 + 12.0 * f64::from(i);
            [set(&format!("value{i}"), 100.0, y, RIGHT), set(&format!("key{i}"), 10.0, y, RIGHT)].concat()
        };
        let glyphs: Vec<_> = (0..4).rev().flat_map(drawn).collect();
        assert_eq!(texts(&glyphs), ["key0 value0", "key1 value1", "key2 value2", "key3 value3"]);
    }

    #[test]
    fn downwards_and_sideways_text_stays_together() {
        assert_eq!(texts(&set("竖排文字", 500.0, 20.0, (0.0, 1.0))), ["竖排文字"]);
        assert_eq!(texts(&set("up the margin", 20.0, 700.0, (0.0, -1.0))), ["up the margin"]);
    }

    #[test]
    fn places_surround_the_text_and_stay_on_the_page() {
        let line = &lines(&set("ab", 100.0, 200.0, RIGHT), 600.0, 800.0)[0];
        assert_eq!([line.x0, line.y0, line.x1, line.y1], [100.0, 191.2, 110.0, 201.2]);
        let outside = &lines(&set("ab", -20.0, 2000.0, RIGHT), 600.0, 800.0)[0];
        assert_eq!([outside.x0, outside.y0, outside.x1, outside.y1], [0.0, 800.0, 0.0, 800.0]);
    }

    #[test]
    fn lines_are_kept_up_to_the_limit() {
        let line = Line { text: "0123456789".to_owned(), x1: 1.0, y1: 1.0, ..Line::default() };
        let (kept, cut) = within(vec![line.clone(); 5], 42 * 3 + 41);
        assert_eq!((kept.len(), cut), (3, true));
        let (kept, cut) = within(vec![line; 5], 42 * 5);
        assert_eq!((kept.len(), cut), (5, false));
    }
}
