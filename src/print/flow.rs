//! What stands where: blocks become texts, lines and shades on pages.

use super::face::{Face, Glyphs};
use super::wrap::wrap;
use super::{Block, Both, Sheet, Signatures, Table};

/// A4, in points.
pub(super) const PAGE: (f32, f32) = (595.28, 841.89);
pub(super) const LEFT: f32 = 48.0;
pub(super) const RIGHT: f32 = PAGE.0 - LEFT;
const TOP: f32 = 40.0;
const BOTTOM: f32 = PAGE.1 - 56.0;
const WIDTH: f32 = RIGHT - LEFT;
/// The side of the code, and how much room it is given.
pub(super) const CODE: f32 = 84.0;
pub(super) const CODE_TOP: f32 = 30.0;
/// Where the blocks begin on the first page and on the others.
const FIRST: f32 = 140.0;
const OTHERS: f32 = 132.0;
/// Inside a table's cell, and between two blocks.
const PAD: f32 = 4.0;
const GAP: f32 = 12.0;
const SIGNATURE_HEIGHT: f32 = 92.0;
/// A fact has no more lines: it is a name or a date.
const FACT_LINES: usize = 6;

/// Something that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ink {
    /// A text on its baseline.
    Text { x: f32, y: f32, text: String, style: Style },
    /// A thin line.
    Line { from: (f32, f32), to: (f32, f32) },
    /// A grey ground.
    Shade { x: f32, y: f32, width: f32, height: f32 },
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) grey: bool,
    pub(super) bold: bool,
}

const PLAIN: Style = Style { size: 9.5, grey: false, bold: false };
const STRONG: Style = Style { size: 9.5, grey: false, bold: true };
const SMALL: Style = Style { size: 7.0, grey: true, bold: false };
const TITLE: Style = Style { size: 20.0, grey: false, bold: true };
const HEADING: Style = Style { size: 11.0, grey: false, bold: true };

impl Style {
    /// From one line to the next.
    fn leading(self) -> f32 {
        self.size * 1.32
    }
}

/// A line of a text.
#[derive(Debug, Clone)]
struct Line {
    text: String,
    style: Style,
}

/// The pages of a sheet, without their numbers.
pub(super) fn pages(sheet: &Sheet, face: &Face) -> Vec<Vec<Ink>> {
    let Ok(glyphs) = face.glyphs() else { return Vec::new() };
    let mut flow = Flow { sheet, glyphs: &glyphs, pages: Vec::new(), y: 0.0 };
    flow.first_head();
    for block in &sheet.blocks {
        flow.block(block);
    }
    flow.pages
}

struct Flow<'a> {
    sheet: &'a Sheet,
    glyphs: &'a Glyphs<'a>,
    pages: Vec<Vec<Ink>>,
    /// Where the next block begins.
    y: f32,
}

impl Flow<'_> {
    fn ink(&mut self, ink: Ink) {
        if let Some(page) = self.pages.last_mut() {
            page.push(ink);
        }
    }

    fn text(&mut self, x: f32, y: f32, text: &str, style: Style) {
        let text = self.glyphs.printable(text);
        if !text.is_empty() {
            self.ink(Ink::Text { x, y, text, style });
        }
    }

    /// Both languages in one line, the second smaller after the first. They have so much room.
    fn beside(&mut self, (x, y): (f32, f32), both: &Both, style: Style, room: f32) {
        let first = wrap(self.glyphs, &both.zh, style.size, room).into_iter().next().unwrap_or_default();
        let small = Style { size: (style.size * 0.72).min(11.0), grey: true, bold: false };
        let next = x + self.glyphs.width(&first, style.size) + 6.0;
        self.text(x, y, &first, style);
        if next + self.glyphs.width(&both.en, small.size) <= x + room {
            self.text(next, y, &both.en, small);
        }
    }

    fn first_head(&mut self) {
        let sheet = self.sheet;
        self.pages.push(Vec::new());
        let room = WIDTH - CODE - GAP;
        self.beside((LEFT, TOP + 10.0), &sheet.over, PLAIN, room);
        for line in wrap(self.glyphs, &sheet.title.zh, TITLE.size, room).into_iter().take(1) {
            self.text(LEFT, TOP + 42.0, &line, TITLE);
        }
        self.text(LEFT, TOP + 58.0, &sheet.title.en, Style { size: 10.5, grey: true, bold: false });
        self.number(TOP + 82.0);
        self.y = FIRST;
    }

    fn number(&mut self, y: f32) {
        let both = Both::new(format!("{} {}", self.sheet.number_label.zh, self.sheet.number), "");
        self.beside((LEFT, y), &both, HEADING, WIDTH - CODE - GAP);
    }

    fn next_page(&mut self) {
        let sheet = self.sheet;
        self.pages.push(Vec::new());
        let room = WIDTH - CODE - GAP;
        self.beside((LEFT, TOP + 10.0), &sheet.over, PLAIN, room);
        self.beside((LEFT, TOP + 34.0), &sheet.title, HEADING, room);
        self.number(TOP + 56.0);
        self.y = OTHERS;
    }

    /// Goes to the next page unless there is so much room on this one.
    fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.next_page();
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Facts(facts) => self.facts(facts),
            Block::Heading(both) => {
                self.need(80.0);
                self.y += GAP * 0.5;
                self.beside((LEFT, self.y + HEADING.size), both, HEADING, WIDTH);
                self.y += HEADING.leading() + PAD;
            }
            Block::Text(both) => {
                let lines = self.lines(both, PLAIN, WIDTH);
                self.paragraph(LEFT, lines);
                self.y += PAD;
            }
            Block::Table(table) => self.table(table),
            Block::Signatures(signatures) => self.signatures(signatures),
        }
    }

    fn lines(&self, both: &Both, style: Style, width: f32) -> Vec<Line> {
        let of = |text: &str, style: Style| -> Vec<Line> {
            let lines = wrap(self.glyphs, text, style.size, width);
            lines.into_iter().map(|text| Line { text, style }).collect()
        };
        [of(&both.zh, style), of(&both.en, SMALL)].concat()
    }

    fn paragraph(&mut self, x: f32, lines: Vec<Line>) {
        for line in lines {
            self.need(line.style.leading());
            self.text(x, self.y + line.style.size, &line.text, line.style);
            self.y += line.style.leading();
        }
    }

    fn facts(&mut self, facts: &[(Both, Both)]) {
        let half = WIDTH / 2.0;
        for row in facts.chunks(2) {
            let value = |(_, value): &(Both, Both)| {
                let mut lines = self.lines(value, STRONG, half - 12.0);
                lines.truncate(FACT_LINES);
                lines
            };
            let cells: Vec<Vec<Line>> = row.iter().map(value).collect();
            let tallest = tallest(&cells);
            self.need(tallest + 18.0);
            let top = self.y;
            for (i, ((label, _), lines)) in row.iter().zip(cells).enumerate() {
                let x = LEFT + half * i as f32;
                self.beside((x, top + 8.0), label, Style { size: 7.5, grey: true, bold: false }, half - 12.0);
                self.y = top + 11.0;
                self.paragraph(x, lines);
            }
            self.y = top + 11.0 + tallest + 6.0;
        }
        self.y += PAD;
    }

    fn table(&mut self, table: &Table) {
        let parts: f32 = table.columns.iter().map(|(_, part)| part.max(0.01)).sum();
        let mut columns = Vec::new();
        let mut x = LEFT;
        for (_, part) in &table.columns {
            let width = WIDTH * part.max(0.01) / parts;
            columns.push((x, width));
            x += width;
        }
        let cells = |flow: &Self, row: &[Both], style: Style| -> Vec<Vec<Line>> {
            let cell = |(both, (_, width)): (&Both, &(f32, f32))| flow.lines(both, style, width - 2.0 * PAD);
            row.iter().zip(&columns).map(cell).collect()
        };
        let titles: Vec<Both> = table.columns.iter().map(|(title, _)| title.clone()).collect();
        let head = cells(self, &titles, Style { size: 8.5, grey: false, bold: true });
        let head_height = tallest(&head) + 2.0 * PAD;
        self.need(head_height + 40.0);
        self.row(&columns, head.clone(), true);
        for row in &table.rows {
            let mut rest = cells(self, row, PLAIN);
            // What is longer than a page is cut between two lines.
            if self.y + tallest(&rest) + 2.0 * PAD > BOTTOM {
                self.next_page();
                self.row(&columns, head.clone(), true);
            }
            while tallest(&rest) > 0.0 {
                let room = BOTTOM - self.y - 2.0 * PAD;
                let fitting: Vec<Vec<Line>> = rest.iter_mut().map(|lines| take(lines, room)).collect();
                if tallest(&fitting) == 0.0 {
                    break;
                }
                self.row(&columns, fitting, false);
                if tallest(&rest) > 0.0 {
                    self.next_page();
                    self.row(&columns, head.clone(), true);
                }
            }
        }
        self.y += GAP;
    }

    fn row(&mut self, columns: &[(f32, f32)], cells: Vec<Vec<Line>>, is_head: bool) {
        let (top, height) = (self.y, tallest(&cells) + 2.0 * PAD);
        if is_head {
            self.ink(Ink::Shade { x: LEFT, y: top, width: WIDTH, height });
            self.ink(Ink::Line { from: (LEFT, top), to: (RIGHT, top) });
        }
        for ((x, _), lines) in columns.iter().zip(cells) {
            let mut y = top + PAD;
            for line in lines {
                self.text(x + PAD, y + line.style.size, &line.text, line.style);
                y += line.style.leading();
            }
        }
        let bottom = top + height;
        self.ink(Ink::Line { from: (LEFT, bottom), to: (RIGHT, bottom) });
        let edges = columns.iter().map(|(x, _)| *x).chain([RIGHT]);
        for x in edges {
            self.ink(Ink::Line { from: (x, top), to: (x, bottom) });
        }
        self.y = bottom;
    }

    fn signatures(&mut self, signatures: &Signatures) {
        let width = (WIDTH - GAP) / 2.0;
        for row in signatures.fields.chunks(2) {
            self.need(SIGNATURE_HEIGHT + GAP);
            let top = self.y + PAD;
            for (i, who) in row.iter().enumerate() {
                let (x, right) = (LEFT + (width + GAP) * i as f32, LEFT + (width + GAP) * i as f32 + width);
                let bottom = top + SIGNATURE_HEIGHT;
                let corners = [(x, top), (right, top), (right, bottom), (x, bottom), (x, top)];
                for edge in corners.windows(2) {
                    self.ink(Ink::Line { from: edge[0], to: edge[1] });
                }
                self.beside((x + 8.0, top + 17.0), who, STRONG, width - 16.0);
                for (label, y) in [(&signatures.sign, top + 52.0), (&signatures.date, top + 78.0)] {
                    self.beside((x + 8.0, y), label, PLAIN, width - 16.0);
                    self.ink(Ink::Line { from: (x + 86.0, y + 3.0), to: (right - 10.0, y + 3.0) });
                }
            }
            self.y = top + SIGNATURE_HEIGHT + PAD;
        }
    }
}

fn height(lines: &[Line]) -> f32 {
    lines.iter().map(|line| line.style.leading()).sum()
}

fn tallest(cells: &[Vec<Line>]) -> f32 {
    cells.iter().map(|lines| height(lines)).fold(0.0, f32::max)
}

/// Takes as many lines as there is room for.
fn take(lines: &mut Vec<Line>, room: f32) -> Vec<Line> {
    let mut filled = 0.0;
    let fits = |line: &&Line| {
        filled += line.style.leading();
        filled <= room + 0.01
    };
    let count = lines.iter().take_while(fits).count();
    lines.drain(..count).collect()
}
