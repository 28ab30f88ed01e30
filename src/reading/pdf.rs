//! PDF: the text layer of each page, and what the document says about itself.
//!
//! Pages are interpreted, not searched for strings: only so do predefined CJK encodings, forms and annotations
//! come out right. Encrypted documents are opened with the password that was given, or without one. A page that brings the
//! interpreter to panic is marked, and the others go on.

mod about;
mod font;
mod glyphs;
mod raster;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings, RectExt, TransformExt, interpret_page,
};
use hayro_syntax::page::Page as PdfPage;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

pub use self::font::{StandIn, chinese_font, usual_font};

use self::about::about;
use self::glyphs::Glyphs;
use super::lines::{cost, lines, within};
use super::{Limits, MediaType, Page, PageState, Reading, Reason, Sight};

/// Reads a PDF.
pub(super) fn read(content: Bytes, limits: &Limits, sight: &Sight) -> Reading {
    let opened = open(&content, sight.password());
    let pdf = match opened {
        Ok(pdf) => pdf,
        Err(error) => return unopened(&content, error),
    };
    let count = u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX);
    let refused = |reason| Reading { page_count: count, ..Reading::unreadable(MediaType::Pdf, reason) };
    if count > limits.pages {
        return refused(Reason::TooManyPages);
    }
    if count == 0 {
        return refused(Reason::Damaged);
    }
    Reading::of_pages(MediaType::Pdf, pages(&pdf, limits, sight), about(&pdf), sight.waiting())
}

/// Opens a document with this password, or without one: some are locked for nobody but their owner.
fn open(content: &Bytes, password: &str) -> Result<Pdf, LoadPdfError> {
    let with = |password: &str| {
        catch_unwind(|| Pdf::new_with_password(Arc::new(content.clone()), password))
            .unwrap_or(Err(LoadPdfError::Invalid))
    };
    match with(password) {
        Err(LoadPdfError::Decryption(_)) if !password.is_empty() => with(""),
        opened => opened,
    }
}

/// Why it did not open, and how many pages a more lenient reader counts in it.
fn unopened(content: &[u8], error: LoadPdfError) -> Reading {
    use DecryptionError::{PasswordProtected, UnsupportedAlgorithm};
    let reason = match error {
        LoadPdfError::Decryption(PasswordProtected | UnsupportedAlgorithm) => Reason::Encrypted,
        _ if content.windows(4).any(|bytes| bytes == b" obj") => Reason::Damaged,
        _ => Reason::NotAPdf,
    };
    let counted =
        catch_unwind(|| lopdf::Document::load_metadata_mem(content).map_or(0, |found| found.page_count));
    Reading { page_count: counted.unwrap_or(0), ..Reading::unreadable(MediaType::Pdf, reason) }
}

fn pages(pdf: &Pdf, limits: &Limits, sight: &Sight) -> Vec<Page> {
    let cache = InterpreterCache::new();
    let mut left = limits.text_bytes;
    let mut pages = Vec::with_capacity(pdf.pages().len());
    for (number, source) in (1..).zip(pdf.pages().iter()) {
        sight.turn_to(number, pdf.pages().len());
        let cap = limits.text_bytes_per_page.min(left);
        let page = catch_unwind(AssertUnwindSafe(|| page(number, pdf, source, &cache, cap)));
        let mut page = page.unwrap_or_else(|_| unreadable_page(number, source));
        let waited = page.state == PageState::NotReadYet;
        let seen = catch_unwind(AssertUnwindSafe(|| see(&mut page, source, cap, sight)));
        if seen.is_err() && waited {
            page.state = PageState::Unreadable;
        }
        left = left.saturating_sub(page.lines.iter().map(cost).sum());
        pages.push(page);
    }
    pages
}

fn page<'a>(number: u32, pdf: &'a Pdf, source: &PdfPage<'a>, cache: &InterpreterCache<'a>, cap: u64) -> Page {
    let (width, height) = source.render_dimensions();
    let mut glyphs = Glyphs::new(f64::from(width), f64::from(height), cap);
    let mut context = Context::new(
        source.initial_transform(true).to_kurbo(),
        source.intersected_crop_box().to_kurbo(),
        cache,
        pdf.xref(),
        InterpreterSettings::default(),
    );
    interpret_page(source, &mut context, &mut glyphs);
    glyphs.repair();
    let found = lines(&glyphs.found, f64::from(width), f64::from(height));
    let (lines, cut) = within(found, cap);
    let text = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    let truncated = cut || glyphs.truncated;
    Page { text, lines, truncated, ..Page::without_text(number, (width, height), glyphs.state()) }
}

/// Draws a page and looks at it, if there is a use for that.
fn see(page: &mut Page, source: &PdfPage<'_>, cap: u64, sight: &Sight) {
    let size = raster::size((page.width, page.height));
    if sight.begin(page.state, u64::from(size.width) * u64::from(size.height))
        && let Some(picture) = raster::picture(source, size, sight.drawing())
    {
        sight.look(page, picture, cap);
    }
}

/// How pages are drawn, with a font that stands in for those that are missing.
pub(super) fn drawing(stand_in: Option<StandIn>) -> InterpreterSettings {
    font::settings(stand_in)
}

fn unreadable_page(number: u32, source: &PdfPage<'_>) -> Page {
    Page::without_text(number, source.render_dimensions(), PageState::Unreadable)
}
