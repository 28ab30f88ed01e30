//! Pages of ink as the bytes of a PDF.

use jiff::Timestamp;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke};
use krilla::surface::Surface;
use krilla::{Document, SerializeSettings};

use super::face::{Face, Glyphs};
use super::flow::{CODE, CODE_TOP, Ink, LEFT, PAGE, RIGHT, Style};
use super::{Code, Error, Sheet};

const FOOT: Style = Style { size: 7.5, grey: true, bold: false };

/// The file.
pub(super) fn write(sheet: &Sheet, face: &Face, pages: Vec<Vec<Ink>>) -> Result<Vec<u8>, Error> {
    let failed = |why: &dyn std::fmt::Debug| Error::Write(format!("{why:?}").chars().take(200).collect());
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_B)
        .finish()
        .map_err(|error| failed(&error))?;
    let settings = SerializeSettings { configuration, enable_tagging: false, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let glyphs = face.glyphs()?;
    document.set_metadata(metadata(sheet, &glyphs));
    let of = pages.len();
    for (number, inks) in (1..).zip(pages) {
        let page = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or(Error::Font)?;
        let mut page = document.start_page_with(page);
        let mut surface = page.surface();
        let mut pen = Pen { surface: &mut surface, face, glyphs: &glyphs };
        inks.iter().for_each(|ink| pen.draw(ink));
        if let Some(code) = &sheet.code {
            pen.code(code);
        }
        pen.foot(sheet, &format!("{number}/{of}"));
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| failed(&error))
}

fn metadata(sheet: &Sheet, glyphs: &Glyphs<'_>) -> Metadata {
    let title = glyphs.printable(&format!("{} {}", sheet.title.zh, sheet.number));
    Metadata::new().title(title).language("zh".into()).creation_date(date(sheet.made_at))
}

fn date(at: Timestamp) -> DateTime {
    let at = jiff::tz::TimeZone::UTC.to_datetime(at);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    DateTime::new(u16::try_from(at.year()).unwrap_or_default())
        .month(part(at.month()))
        .day(part(at.day()))
        .hour(part(at.hour()))
        .minute(part(at.minute()))
        .second(part(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

struct Pen<'a, 's> {
    surface: &'a mut Surface<'s>,
    face: &'a Face,
    glyphs: &'a Glyphs<'a>,
}

impl Pen<'_, '_> {
    fn draw(&mut self, ink: &Ink) {
        match ink {
            Ink::Text { x, y, text, style } => self.text(*x, *y, text, *style),
            Ink::Line { from, to } => self.line(*from, *to),
            Ink::Shade { x, y, width, height } => {
                self.fill(236);
                if let Some(path) = rectangle(&[(*x, *y, *width, *height)]) {
                    self.surface.draw_path(&path);
                }
            }
        }
    }

    fn fill(&mut self, grey: u8) {
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill {
            paint: rgb::Color::new(grey, grey, grey).into(),
            opacity: NormalizedF32::ONE,
            rule: FillRule::NonZero,
        }));
    }

    fn text(&mut self, x: f32, y: f32, text: &str, style: Style) {
        self.fill(if style.grey { 96 } else { 0 });
        if style.bold {
            // The font has no heavier cut: its outline makes it heavier.
            let stroke = Stroke { width: style.size * 0.03, ..Stroke::default() };
            self.surface.set_stroke(Some(Stroke { paint: rgb::Color::black().into(), ..stroke }));
        }
        let (start, glyphs) = (Point::from_xy(x, y), self.glyphs.shape(text));
        self.surface.draw_glyphs(start, &glyphs, self.face.font.clone(), text, style.size, false);
        self.surface.set_stroke(None);
    }

    fn line(&mut self, from: (f32, f32), to: (f32, f32)) {
        let mut path = PathBuilder::new();
        path.move_to(from.0, from.1);
        path.line_to(to.0, to.1);
        let Some(path) = path.finish() else { return };
        self.surface.set_fill(None);
        let paint = rgb::Color::new(120, 120, 120).into();
        self.surface.set_stroke(Some(Stroke { paint, width: 0.5, ..Stroke::default() }));
        self.surface.draw_path(&path);
    }

    fn code(&mut self, code: &Code) {
        let module = CODE / code.side.max(1) as f32;
        let (left, top) = (RIGHT - CODE, CODE_TOP);
        let square = |(y, x, len): &(u32, u32, u32)| {
            (left + *x as f32 * module, top + *y as f32 * module, *len as f32 * module, module)
        };
        let squares: Vec<_> = code.runs.iter().map(square).collect();
        self.fill(0);
        if let Some(path) = rectangle(&squares) {
            self.surface.draw_path(&path);
        }
    }

    fn foot(&mut self, sheet: &Sheet, page: &str) {
        let y = PAGE.1 - 32.0;
        let text = self.glyphs.printable(&format!("{}  {}", sheet.number, sheet.foot));
        self.text(LEFT, y, &text, FOOT);
        let x = RIGHT - self.glyphs.width(page, FOOT.size);
        self.text(x, y, page, FOOT);
    }
}

/// Rectangles as one path.
fn rectangle(rectangles: &[(f32, f32, f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (x, y, width, height) in rectangles {
        path.push_rect(Rect::from_xywh(*x, *y, *width, *height)?);
    }
    path.finish()
}
