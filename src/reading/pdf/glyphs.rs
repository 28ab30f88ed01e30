//! What a page draws: its glyphs with their meaning and place, and how much of it is pictures.

use hayro_interpret::font::{Glyph as Drawn, GlyphRun, PositionedGlyph};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::Dict;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask};

use crate::reading::PageState;
use crate::reading::lines::Glyph;

/// Glyphs are drawn in a space of this many units to the font size.
const UNITS_PER_EM: f64 = 1000.0;
/// Pictures over this share of the page make it a scan...
const SCAN_SHARE: f64 = 0.5;
/// ...unless it has this many visible characters, or invisible ones, which OCR has put there.
const SCAN_CHARACTERS: usize = 200;

/// A drawing surface that only remembers.
pub(super) struct Glyphs {
    /// The glyphs in order of drawing.
    pub(super) found: Vec<Glyph>,
    /// There were more than fit into the limit.
    pub(super) truncated: bool,
    page: Rect,
    bytes_left: u64,
    /// Glyphs that mean something and are no spaces, whether or not they fit into the limit.
    known: usize,
    /// Glyphs whose meaning the document does not tell.
    unknown: usize,
    invisible: usize,
    pictures_area: f64,
    draws: bool,
    /// Where in `found` the run before this one starts.
    run_before: usize,
}

impl Glyphs {
    /// For a page of this size, and so much text.
    pub(super) fn new(width: f64, height: f64, text_bytes: u64) -> Self {
        Self {
            found: Vec::new(),
            truncated: false,
            page: Rect::new(0.0, 0.0, width, height),
            bytes_left: text_bytes,
            known: 0,
            unknown: 0,
            invisible: 0,
            pictures_area: 0.0,
            draws: false,
            run_before: 0,
        }
    }

    /// To be called when all of the page was drawn: repairs text whose characters have their two bytes swapped,
    /// as some programs write them, which makes Chinese of English.
    pub(super) fn repair(&mut self) {
        let swapped = self.found.iter().filter(|glyph| unswapped(&glyph.text).is_some()).count();
        if swapped * 2 > self.found.len() {
            for glyph in &mut self.found {
                if let Some(c) = unswapped(&glyph.text) {
                    glyph.text = c.to_string();
                }
            }
        }
    }

    /// What this page is, now that all of it was drawn.
    pub(super) fn state(&self) -> PageState {
        let has_picture = self.pictures_area > 0.0;
        let is_scan = self.pictures_area > SCAN_SHARE * self.page.area();
        let is_empty = self.known == 0 && self.unknown == 0 && !has_picture && !self.draws;
        let is_unread = self.known == 0 || self.unknown * 10 > self.known;
        let is_unread_scan = is_scan && self.invisible == 0 && self.known < SCAN_CHARACTERS;
        if is_empty {
            PageState::Blank
        } else if is_unread || is_unread_scan {
            PageState::NotReadYet
        } else {
            PageState::Text
        }
    }

    fn remember(&mut self, glyph: &PositionedGlyph<'_>, on_page: Affine, mode: WritingMode, invisible: bool) {
        let Some(text) = glyph.as_unicode().and_then(meaning) else {
            self.unknown += usize::from(has_ink(glyph));
            return;
        };
        self.known += usize::from(!text.trim().is_empty());
        self.invisible += usize::from(invisible);
        let cost = text.len() as u64;
        if cost > self.bytes_left {
            self.truncated = true;
            return;
        }
        if let Some(glyph) = placed(glyph, text, on_page * glyph.transform(), mode) {
            self.bytes_left -= cost;
            self.found.push(glyph);
        }
    }

    /// Drops the run that starts at `start` if it repeats the run before it in place: outlines and false bold.
    fn drop_repeated(&mut self, start: usize) {
        let (before, run) = (&self.found[self.run_before..start], &self.found[start..]);
        let same = |(a, b): (&Glyph, &Glyph)| {
            let near = 0.15 * a.em;
            a.text == b.text && (a.x - b.x).abs() < near && (a.y - b.y).abs() < near
        };
        if run.is_empty() {
            return;
        }
        if before.len() == run.len() && before.iter().zip(run).all(same) {
            self.found.truncate(start);
        } else {
            self.run_before = start;
        }
    }

    fn draws_in(&mut self, place: Rect) {
        self.draws |= place.overlaps(self.page);
    }
}

/// Whether the glyph shows anything: spaces often have no meaning in a document.
fn has_ink(glyph: &PositionedGlyph<'_>) -> bool {
    match &**glyph {
        Drawn::Outline(outline) => !outline.outline().elements().is_empty(),
        Drawn::Type3(_) => true,
    }
}

/// The ASCII character whose UTF-16 has the bytes of this one in the wrong order.
fn unswapped(text: &str) -> Option<char> {
    let mut units = text.encode_utf16();
    let (unit, none) = (units.next()?, units.next());
    let [high, low] = unit.to_be_bytes();
    (none.is_none() && low == 0 && matches!(high, b' '..=b'~')).then(|| char::from(high))
}

/// The text of a glyph, unless the document gives something that means nothing.
fn meaning(unicode: BfString) -> Option<String> {
    let text = match unicode {
        BfString::Char(c) => c.to_string(),
        BfString::String(text) => text,
    };
    let means_nothing = |c: char| {
        matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{FFFD}' | '\u{F0000}'..) || (c.is_control() && c != '\t')
    };
    (!text.is_empty() && !text.chars().any(means_nothing)).then_some(text)
}

/// The glyph on the page; none if its place is not finite or it has no size.
fn placed(glyph: &PositionedGlyph<'_>, text: String, on_page: Affine, mode: WritingMode) -> Option<Glyph> {
    let origin = on_page * Point::ZERO;
    let along = |x: f64, y: f64| -> Vec2 { on_page * Point::new(x, y) - origin };
    let (ahead, size) = match mode {
        WritingMode::Horizontal => (along(1.0, 0.0), along(0.0, UNITS_PER_EM)),
        WritingMode::Vertical => (along(0.0, -1.0), along(UNITS_PER_EM, 0.0)),
    };
    let (unit, em) = (ahead.hypot(), size.hypot());
    let advance = match (mode, &**glyph) {
        (WritingMode::Vertical, _) => UNITS_PER_EM,
        (_, Drawn::Outline(outline)) => outline.advance_width().map_or(UNITS_PER_EM / 2.0, f64::from),
        (_, Drawn::Type3(type3)) => type3.advance_width().map_or(UNITS_PER_EM / 2.0, f64::from),
    };
    let advance = advance * unit;
    let finite = [origin.x, origin.y, unit, em, advance].iter().all(|value| value.is_finite());
    let direction = (ahead.x / unit, ahead.y / unit);
    (finite && unit > 0.0 && em > 0.0).then_some(Glyph {
        text,
        x: origin.x,
        y: origin.y,
        direction,
        advance,
        em,
    })
}

impl<'a> Device<'a> for Glyphs {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, _: &DrawMode) {
        if !self.draws {
            self.draws_in(props.transform.transform_rect_bbox(path.control_box()));
        }
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, _: &DrawMode) {
        self.draws_in(props.transform.transform_rect_bbox(*rect));
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let start = self.found.len();
        let invisible = matches!(mode, DrawMode::Invisible);
        for glyph in run.glyphs() {
            self.remember(glyph, props.transform, run.writing_mode(), invisible);
        }
        self.drop_repeated(start);
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = Rect::new(0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
        let area = props.transform.transform_rect_bbox(pixels).intersect(self.page).area();
        if area.is_finite() {
            self.pictures_area += area;
        }
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
    fn begin_marked_content(&mut self, _: &[u8], _: Option<&Dict<'_>>) {}
    fn end_marked_content(&mut self) {}
}
