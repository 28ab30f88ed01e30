//! The page that is looked at: its picture with the text, the fields and the marks over it.
//!
//! Everything on the picture is in the unit of the page as it was read; a turned page is turned as a whole.

use super::place::{Place, ZOOMS};
use super::strip::{Strip, pages};
use crate::cases::{Mark, Review};
use crate::documents::Document;
use crate::domain::DocumentId;
use crate::fields::Field;
use crate::http::pages::offered::in_words;
use crate::http::pages::words::titled;
use crate::reading::{self, Line, Reading};
use crate::search::{self, Marker};
use crate::text::{Lang, say};
use crate::workflow::{Case, Definition};

/// The page that is looked at.
pub(super) struct View {
    pub(super) document: DocumentId,
    pub(super) kind: String,
    pub(super) filename: String,
    pub(super) since: String,
    pub(super) number: u32,
    pub(super) of: u32,
    pub(super) sheet: Picture,
    /// The same page of the document in whose place this one stands.
    pub(super) before: Option<Picture>,
    pub(super) viewed: bool,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    /// The next page, as a form names it.
    pub(super) next_query: String,
    pub(super) previous_document: Option<String>,
    pub(super) next_document: Option<String>,
    /// The next page's picture, to be there before it is asked for.
    pub(super) ahead: Option<String>,
    pub(super) zoom: String,
    pub(super) zooms: Vec<Zoom>,
    pub(super) left: u16,
    pub(super) right: u16,
    /// Side by side, or no longer.
    pub(super) compare: Option<String>,
    /// How many lines have what is looked for.
    pub(super) hits: usize,
    pub(super) blank: bool,
    /// Whether the document is still to be read.
    pub(super) unread: bool,
}

/// A page as it is drawn.
#[derive(Default)]
pub(super) struct Picture {
    pub(super) href: Option<String>,
    pub(super) label: String,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) view_box: String,
    pub(super) transform: String,
    pub(super) turn: u16,
    pub(super) lines: Vec<Spot>,
    pub(super) found: Vec<Spot>,
    pub(super) hits: Vec<Spot>,
    pub(super) marks: Vec<Spot>,
    /// The text, where there is no picture.
    pub(super) text: Vec<String>,
}

/// Something that has a place on the page.
pub(super) struct Spot {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) said: String,
    /// Its number in the list beside the page.
    pub(super) number: usize,
}

impl Spot {
    /// Where its text stands.
    pub(super) fn base(&self) -> f32 {
        self.y + self.height * 0.8
    }
}

/// How large the page can be shown.
pub(super) struct Zoom {
    pub(super) value: &'static str,
    pub(super) label: String,
    pub(super) href: String,
    pub(super) current: bool,
}

/// A part of a page that a mark names, in shares; what it says; and its number in the list.
type Marked = (Option<[f32; 4]>, String, usize);

/// What there is to be drawn.
pub(super) struct Drawn<'a> {
    pub(super) case: &'a Case,
    pub(super) definition: &'a Definition,
    pub(super) review: &'a Review,
    pub(super) lang: Lang,
}

/// The page at `place`, with the fields that were found in its document.
pub(super) fn view(
    drawn: &Drawn<'_>,
    strips: &[Strip],
    place: &Place,
    (reading, before): (Option<&Reading>, Option<(&Document, &Reading)>),
    fields: &[Field],
) -> Option<View> {
    let Drawn { case, review, lang, .. } = *drawn;
    let strip = strips.iter().find(|strip| strip.current)?;
    let (document, number) = (&strip.document, place.page);
    let href = |place: Place| place.href(case.id);
    let flat: Vec<(DocumentId, u32)> = strips
        .iter()
        .flat_map(|one| one.sheets.iter().map(|sheet| (one.document.id, sheet.number)))
        .collect();
    let at = flat.iter().position(|one| *one == (document.id, number))?;
    let step = |to: Option<&(DocumentId, u32)>| to.map(|(id, page)| href(place.at(*id, *page)));
    let other = |step: isize| {
        let here = strips.iter().position(|one| one.current)?;
        let there = strips.get(here.checked_add_signed(step)?)?;
        Some(href(place.at(there.document.id, 1)))
    };
    let next = flat.get(at + 1);
    let found = fields.iter().enumerate().filter(|(_, field)| field.page == number);
    let found = found.filter_map(|(index, field)| spot_of(lang, index, field)).collect();
    let marked = marks(drawn, review.marks_now(case, document.id), number);
    let mut sheet = picture(drawn, document, reading, number, (found, marked));
    let page = reading.and_then(|reading| reading.pages.iter().find(|page| page.number == number));
    sheet.hits = page.map(|page| hits(page, &place.q)).unwrap_or_default();
    let turn = sheet.turn;
    Some(View {
        document: document.id,
        kind: strip.kind.clone(),
        filename: strip.filename.clone(),
        since: strip.since_said.clone(),
        number,
        of: pages(document),
        hits: sheet.hits.len(),
        sheet,
        before: before.filter(|_| place.compare).map(|(old, reading)| {
            let page = number.min(pages(old));
            let told = marks(drawn, review.marks_told(case, old.id), page);
            picture(drawn, old, Some(reading), page, (Vec::new(), told))
        }),
        viewed: review.is_viewed(&document.sha256, number),
        previous: step(at.checked_sub(1).and_then(|at| flat.get(at))),
        next: step(next),
        next_query: next.map(|(id, page)| place.at(*id, *page).query()).unwrap_or_default(),
        previous_document: other(-1),
        next_document: other(1),
        ahead: next.filter(|(id, _)| is_drawn(strips, *id)).map(picture_of),
        unread: document.reading.is_none(),
        zoom: place.zoom.clone(),
        zooms: ZOOMS.iter().map(|value| zoom(lang, place, case, value)).collect(),
        left: (turn + 270) % 360,
        right: (turn + 90) % 360,
        compare: strip.before.map(|_| href(Place { compare: !place.compare, ..place.clone() })),
        blank: page.is_some_and(reading::Page::looks_blank),
    })
}

/// Whether the pages of a document have pictures.
fn is_drawn(strips: &[Strip], id: DocumentId) -> bool {
    let strip = strips.iter().find(|strip| strip.document.id == id);
    strip.and_then(|strip| strip.document.reading.as_ref()).is_some_and(|reading| reading.pictures.is_some())
}

fn picture_of((id, page): &(DocumentId, u32)) -> String {
    format!("/api/v1/documents/{id}/pages/{page}")
}

fn zoom(lang: Lang, place: &Place, case: &Case, value: &'static str) -> Zoom {
    let label = match value {
        "page" => say(lang, "page-review-fit-page"),
        "width" => say(lang, "page-review-fit-width"),
        percent => format!("{percent} %"),
    };
    let href = Place { zoom: value.to_owned(), ..place.clone() }.href(case.id);
    Zoom { value, label, href, current: place.zoom == value }
}

fn picture(
    drawn: &Drawn<'_>,
    document: &Document,
    reading: Option<&Reading>,
    number: u32,
    (found, marks): (Vec<Spot>, Vec<Marked>),
) -> Picture {
    let turn = drawn.review.turn(document.id, number);
    let label = format!("{} {number}", say(drawn.lang, "page-picture-of-page"));
    let page = reading.and_then(|reading| reading.pages.iter().find(|page| page.number == number));
    let Some(page) = page.filter(|page| page.width > 0.0 && page.height > 0.0) else {
        let text = page.map(|page| page.text.lines().map(str::to_owned).collect()).unwrap_or_default();
        return Picture { label, turn, text, ..Picture::default() };
    };
    let (width, height) = (page.width, page.height);
    let Turned { view_box, transform } = Turned::of(width, height, turn);
    let on_page = |(region, said, number): Marked| {
        let [x, y, w, h] = region?;
        Some(Spot { x: x * width, y: y * height, width: w * width, height: h * height, said, number })
    };
    let shown = page.picture.is_some();
    Picture {
        href: shown.then(|| format!("/api/v1/documents/{}/pages/{number}", document.id)),
        text: if shown { Vec::new() } else { page.text.lines().map(str::to_owned).collect() },
        lines: page.lines.iter().map(|line| spot(line, line.text.clone())).collect(),
        marks: marks.into_iter().filter_map(on_page).collect(),
        hits: Vec::new(),
        label,
        width,
        height,
        view_box,
        transform,
        turn,
        found,
    }
}

/// What is seen of a page that is turned clockwise, and how it is turned, for SVG.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::http::pages) struct Turned {
    pub(in crate::http::pages) view_box: String,
    pub(in crate::http::pages) transform: String,
}

impl Turned {
    /// A page of this size, turned so far.
    pub(in crate::http::pages) fn of(width: f32, height: f32, degrees: u16) -> Self {
        let (view_box, transform) = match degrees {
            90 => (format!("0 0 {height} {width}"), format!("translate({height} 0) rotate(90)")),
            180 => (format!("0 0 {width} {height}"), format!("translate({width} {height}) rotate(180)")),
            270 => (format!("0 0 {height} {width}"), format!("translate(0 {width}) rotate(270)")),
            _ => (format!("0 0 {width} {height}"), String::new()),
        };
        Self { view_box, transform }
    }
}

/// The parts of the page that marks name, in shares, each with its number in the list.
fn marks<'a>(drawn: &Drawn<'_>, marks: impl Iterator<Item = &'a Mark>, page: u32) -> Vec<Marked> {
    let region = |mark: &Mark| mark.region.map(|region| [region.x, region.y, region.width, region.height]);
    let said = |mark: &Mark| {
        let reason = titled(drawn.definition.reason_title(&mark.reason), drawn.lang, &mark.reason);
        match &mark.note {
            Some(note) => format!("{reason} · {note}"),
            None => reason,
        }
    };
    let on_page = marks.enumerate().filter(|(_, mark)| mark.page == Some(page));
    on_page.map(|(index, mark)| (region(mark), said(mark), index + 1)).collect()
}

fn spot_of(lang: Lang, index: usize, field: &Field) -> Option<Spot> {
    let one = in_words(lang, field);
    let [x, y, width, height] = one.place?;
    Some(Spot { x, y, width, height, said: format!("{}: {}", one.title, one.value), number: index + 1 })
}

fn spot(line: &Line, said: String) -> Spot {
    Spot { x: line.x0, y: line.y0, width: line.x1 - line.x0, height: line.y1 - line.y0, said, number: 0 }
}

/// Where what is looked for stands.
fn hits(page: &reading::Page, q: &str) -> Vec<Spot> {
    if q.is_empty() {
        return Vec::new();
    }
    let marker = Marker::of(&search::Query::parse(q));
    let found = page.lines.iter().filter(|line| marker.line(line).is_some());
    found.map(|line| spot(line, line.text.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::Turned;

    #[test]
    fn a_page_that_is_turned_fills_its_view() {
        for (degrees, view_box, transform) in [
            (0, "0 0 3 4", ""),
            (90, "0 0 4 3", "translate(4 0) rotate(90)"),
            (180, "0 0 3 4", "translate(3 4) rotate(180)"),
            (270, "0 0 4 3", "translate(0 3) rotate(270)"),
        ] {
            let seen = Turned::of(3.0, 4.0, degrees);
            assert_eq!((seen.view_box.as_str(), seen.transform.as_str()), (view_box, transform));
        }
    }
}
