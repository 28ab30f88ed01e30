//! The drawing: the states as cards in one column, each with its actions as lines, and from every action a way along
//! the side to the state that follows. Ways down run on the right, ways up on the left; those to one state share a lane,
//! so that no way crosses a word.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Card, Chart, Row, either};

const HEAD: i32 = 52;
const ROW: i32 = 44;
/// What is left below a card's last line.
const FOOT: i32 = 8;
const GAP: i32 = 30;
const LANE: i32 = 18;
const PAD: i32 = 16;
/// A card's least and greatest width.
const WIDTHS: (i32, i32) = (300, 640);

/// A way along one side to one state: where it turns in, and where it comes from, with whether the clock takes it.
struct Way {
    target: i32,
    sources: Vec<(i32, bool)>,
    lane: i32,
}

pub(super) fn draw(
    chart: &Chart,
    running: &BTreeMap<String, u64>,
    style: Option<&str>,
    lang: &str,
) -> String {
    let tops = tops(&chart.cards);
    let [mut down, mut up] = [ways(chart, &tops, true), ways(chart, &tops, false)];
    let (right, left) = (lanes(&mut down), lanes(&mut up));
    let card = width(chart);
    let x = PAD + left * LANE + LANE;
    let (total_width, height) =
        (x + card + LANE + right * LANE + PAD, tops.last().copied().unwrap_or_default());
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg{} class=\"lantai-diagram\" role=\"img\" \
         aria-labelledby=\"d-title d-desc\" viewBox=\"0 0 {total_width} {height}\" width=\"{total_width}\" \
         height=\"{height}\"><title id=\"d-title\">{}</title><desc id=\"d-desc\">{}</desc>",
        // Within a page the name of the language is known.
        if style.is_some() { " xmlns=\"http://www.w3.org/2000/svg\"" } else { "" },
        escape(&chart.title),
        escape(&description(chart, lang)),
    );
    if let Some(style) = style {
        let _ = write!(svg, "<style>{style}</style>");
    }
    for (state, top) in chart.cards.iter().zip(&tops) {
        let count = running.get(&state.name).copied().unwrap_or_default();
        draw_card(&mut svg, chart, state, (x, *top, card), count, lang);
    }
    down.iter().for_each(|way| way.draw(&mut svg, x + card, 1));
    up.iter().for_each(|way| way.draw(&mut svg, x, -1));
    svg.push_str("</svg>\n");
    svg
}

/// The top of each card, and of what would follow the last.
fn tops(cards: &[Card]) -> Vec<i32> {
    let mut tops = vec![PAD];
    let mut top = PAD;
    for card in cards {
        top += height(card) + GAP;
        tops.push(top);
    }
    tops
}

fn height(card: &Card) -> i32 {
    let rows = i32::try_from(card.rows.len()).unwrap_or(i32::MAX / ROW / 2);
    HEAD + if rows > 0 { ROW * rows + FOOT } else { 0 }
}

/// The ways on one side: those down to later cards, or those up to earlier ones and to the card itself.
fn ways(chart: &Chart, tops: &[i32], downwards: bool) -> Vec<Way> {
    let mut ways: BTreeMap<usize, Vec<(i32, bool)>> = BTreeMap::new();
    for (i, card) in chart.cards.iter().enumerate() {
        for (row, n) in card.rows.iter().zip(0..).filter(|(row, _)| (row.to > i) == downwards) {
            let y = tops.get(i).copied().unwrap_or_default() + HEAD + ROW * n + ROW / 2;
            ways.entry(row.to).or_default().push((y, row.by_clock));
        }
    }
    let target = |to: usize| tops.get(to).copied().unwrap_or_default() + HEAD / 2;
    ways.into_iter().map(|(to, sources)| Way { target: target(to), sources, lane: 0 }).collect()
}

/// Gives each way a lane that no other uses at the same height, the shortest innermost; how many there are.
fn lanes(ways: &mut [Way]) -> i32 {
    ways.sort_by_key(|way| way.span().1 - way.span().0);
    let mut taken: Vec<(i32, (i32, i32))> = Vec::new();
    for way in ways.iter_mut() {
        let (from, to) = way.span();
        let free = |lane: &i32| {
            taken.iter().all(|(used, (low, high))| used != lane || to + ROW < *low || *high + ROW < from)
        };
        way.lane = (1..).find(free).unwrap_or(1);
        taken.push((way.lane, (from, to)));
    }
    ways.iter().map(|way| way.lane).max().unwrap_or_default()
}

impl Way {
    fn span(&self) -> (i32, i32) {
        let ys = || self.sources.iter().map(|(y, _)| *y).chain([self.target]);
        (ys().min().unwrap_or_default(), ys().max().unwrap_or_default())
    }

    /// From each source out to the lane, along it, and in at the target. `side` is 1 on the right and -1 on the left.
    fn draw(&self, svg: &mut String, edge: i32, side: i32) {
        let (lane, tip) = (edge + side * (self.lane * LANE + LANE / 2), edge + side * 8);
        for (y, by_clock) in &self.sources {
            let class = if *by_clock { "d-way d-clock" } else { "d-way" };
            let _ = write!(svg, "<path class=\"{class}\" d=\"M{edge} {y}H{lane}V{}H{tip}\"/>", self.target);
            let _ = write!(svg, "<circle class=\"d-tip\" cx=\"{edge}\" cy=\"{y}\" r=\"3\"/>");
        }
        let (high, low) = (self.target - 5, self.target + 5);
        let _ = write!(svg, "<path class=\"d-tip\" d=\"M{edge} {}L{tip} {high}V{low}Z\"/>", self.target);
    }
}

fn draw_card(
    svg: &mut String,
    chart: &Chart,
    card: &Card,
    (x, y, width): (i32, i32, i32),
    count: u64,
    lang: &str,
) {
    let class = if card.is_final { "d-card d-final" } else { "d-card" };
    let (tall, head) = (height(card), HEAD);
    let _ = write!(
        svg,
        "<g><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{tall}\" rx=\"8\"/>"
    );
    if !card.rows.is_empty() {
        let (left, top, bottom, straight) = (x + 1, y + 8, y + head, width - 16);
        let round = format!("M{left} {bottom}V{top}a7 7 0 0 1 7-7h{straight}a7 7 0 0 1 7 7V{bottom}z");
        let _ = write!(svg, "<path class=\"d-head\" d=\"{round}\"/>");
    }
    let mark = match (card.is_initial, card.is_final) {
        (true, _) => "▶ ",
        (_, true) => "■ ",
        _ => "",
    };
    let middle = if card.waits.is_empty() { y + 31 } else { y + 23 };
    text(svg, "d-state", (x + 14, middle), &format!("{mark}{}", card.title), width - 120);
    text(svg, "d-soft", (x + 14, y + 42), &card.waits, width - 28);
    if count > 0 {
        let said = either(lang, "件在办", "running");
        text(svg, "d-count", (x + width - 14, middle), &format!("{count} {said}"), width);
    }
    for (row, n) in card.rows.iter().zip(0..) {
        let top = y + head + ROW * n;
        let to = to(chart, row);
        text(svg, "d-to", (x + width - 14, top + 19), &to, width / 2);
        text(svg, "d-action", (x + 14, top + 19), &row.title, width - 44 - measure(&to, 12).min(width / 2));
        text(svg, "d-soft", (x + 14, top + 36), &row.who, width - 28);
    }
    svg.push_str("</g>");
}

/// One line of words; what does not fit is cut, and shown whole when one points at it.
fn text(svg: &mut String, class: &str, (x, y): (i32, i32), words: &str, room: i32) {
    if words.is_empty() {
        return;
    }
    let size = if ["d-soft", "d-to"].contains(&class) { 12 } else { 15 };
    let (shown, whole) = if measure(words, size) <= room {
        (escape(words), String::new())
    } else {
        let mut shown = String::new();
        for c in words.chars() {
            if measure(&shown, size) + size * 2 > room {
                break;
            }
            shown.push(c);
        }
        (format!("{}…", escape(&shown)), format!("<title>{}</title>", escape(words)))
    };
    let _ = write!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{shown}{whole}</text>");
}

/// The state that follows, so that nobody has to follow the way.
fn to(chart: &Chart, row: &Row) -> String {
    let title = chart.cards.get(row.to).map(|to| to.title.as_str()).unwrap_or_default();
    format!("→ {title}")
}

fn width(chart: &Chart) -> i32 {
    let rows = |card: &Card| {
        let rows = card.rows.iter().map(|row| {
            let first = measure(&row.title, 15) + measure(&to(chart, row), 12) + 24;
            first.max(measure(&row.who, 12))
        });
        let head = measure(&card.title, 16) + 140;
        rows.max().unwrap_or_default().max(head).max(measure(&card.waits, 12))
    };
    let widest = chart.cards.iter().map(rows).max().unwrap_or_default();
    (widest + 32).clamp(WIDTHS.0, WIDTHS.1)
}

/// About how wide a line is: a Chinese character is as wide as high, a Latin one a little more than half.
fn measure(words: &str, size: i32) -> i32 {
    let tenths = |c: char| if c.is_ascii() { 6 } else { 10 };
    words.chars().map(tenths).sum::<i32>().saturating_mul(size) / 10
}

/// The whole diagram in words.
fn description(chart: &Chart, lang: &str) -> String {
    let mut said = String::new();
    for card in &chart.cards {
        let _ = write!(said, "{}", card.title);
        if !card.waits.is_empty() {
            let _ = write!(said, " ({})", card.waits);
        }
        let rows: Vec<String> = card
            .rows
            .iter()
            .map(|row| {
                let to = chart.cards.get(row.to).map(|to| to.title.as_str()).unwrap_or_default();
                format!("{} ({}) → {to}", row.title, row.who)
            })
            .collect();
        let _ = match rows.is_empty() {
            true => write!(said, "{}", either(lang, "。", ". ")),
            false => write!(said, ": {}{}", rows.join("; "), either(lang, "。", ". ")),
        };
    }
    said
}

fn escape(words: &str) -> String {
    let escaped = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    words.chars().map(escaped).collect()
}
