//! Codes: the QR and bar codes on the picture of a page, their text and their place.
//!
//! Each family of codes is looked for by itself, the likely ones first; within a page one family that fails or brings
//! its decoder to panic takes nothing away from the others. What a code says is a stranger's text: bounded, without
//! control characters, and good for nothing before somebody has checked it.
//!
//! Decoders are `rxing`'s, which panics on some pictures (this is caught here, but the panic hook hears of it) and has no
//! clock: run it where time and memory have limits.

mod bars;
mod format;
mod squares;

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::GrayImage;
use rxing::common::HybridBinarizer;
use rxing::datamatrix::DataMatrixReader;
use rxing::multi::MultipleBarcodeReader;
use rxing::pdf417::PDF417Reader;
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Luma8Source, Point, RXingResult, Reader};
use serde::{Deserialize, Serialize};

pub use self::format::CodeFormat;

/// How much of a page's codes is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLimits {
    /// Codes of one page; further ones are left out.
    pub codes: usize,
    /// Text of one code; what is beyond is cut off.
    pub text_bytes: usize,
    /// Pixels of a page; one with more is not looked at.
    pub pixels: u64,
}

impl Default for CodeLimits {
    fn default() -> Self {
        Self { codes: 32, text_bytes: 4 << 10, pixels: 50_000_000 }
    }
}

/// One code and the upright rectangle around it, from the page's upper left corner, in pixels. It is the rectangle of
/// the points that the decoder reports, which may be a few modules smaller than the code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// Its kind.
    pub format: CodeFormat,
    /// What it says, without control characters.
    pub text: String,
    /// Left.
    pub x0: f32,
    /// Top.
    pub y0: f32,
    /// Right.
    pub x1: f32,
    /// Bottom.
    pub y1: f32,
}

/// Pages whose longer side has more pixels (A4 at about 200 dpi)...
const LONGEST_SIDE: u32 = 2600;
/// ...are looked at in a smaller copy, and those with fewer than this on a side not at all: decoders need room.
const SHORTEST_SIDE: u32 = 48;

/// The codes of a page, from top to bottom.
pub fn codes(page: &GrayImage, limits: CodeLimits) -> Vec<Code> {
    let pixels = u64::from(page.width()) * u64::from(page.height());
    if pixels > limits.pixels || page.width().min(page.height()) < SHORTEST_SIDE {
        return Vec::new();
    }
    let factor = page.width().max(page.height()).div_ceil(LONGEST_SIDE);
    let mut found = if factor > 1 { all(&smaller(page, factor), factor, limits) } else { Vec::new() };
    if found.is_empty() {
        found = all(page, 1, limits);
    }
    found.sort_by(|a, b| a.y0.total_cmp(&b.y0).then(a.x0.total_cmp(&b.x0)));
    found
}

/// The codes of every family, from a picture whose pixels are `factor` pixels of the page.
fn all(picture: &GrayImage, factor: u32, limits: CodeLimits) -> Vec<Code> {
    let Some(mut bitmap) = bitmap(picture) else { return Vec::new() };
    let mut found: Vec<Code> = Vec::new();
    let families: [fn(&mut Bitmap<'_>) -> Vec<RXingResult>; 4] =
        [squares::squares, bars::bars, matrices, stacks];
    for family in families {
        let results = catch_unwind(AssertUnwindSafe(|| family(&mut bitmap))).unwrap_or_default();
        for code in results.iter().filter_map(|result| code(result, factor as f32, limits.text_bytes)) {
            if found.len() < limits.codes && !found.iter().any(|other| other.covers(&code)) {
                found.push(code);
            }
        }
    }
    found
}

impl Code {
    /// Whether the other one is this one again, or was misread out of it.
    fn covers(&self, other: &Self) -> bool {
        let (x, y) = (f32::midpoint(other.x0, other.x1), f32::midpoint(other.y0, other.y1));
        let within = (self.x0..=self.x1).contains(&x) && (self.y0..=self.y1).contains(&y);
        within && (self.text == other.text || self.format != other.format)
    }
}

/// None if it is of a kind that is not known here, has no place, or says nothing.
fn code(result: &RXingResult, factor: f32, most_bytes: usize) -> Option<Code> {
    let format = CodeFormat::of(*result.getBarcodeFormat())?;
    let text = cleaned(result.getText(), most_bytes);
    let points = result.getPoints();
    let finite = points.iter().all(|point| point.x.is_finite() && point.y.is_finite());
    if text.trim().is_empty() || points.is_empty() || !finite {
        return None;
    }
    let least = |of: fn(&Point) -> f32| points.iter().map(of).fold(f32::MAX, f32::min).max(0.0) * factor;
    let most = |of: fn(&Point) -> f32| points.iter().map(of).fold(0.0, f32::max) * factor;
    let (x, y) = (|point: &Point| point.x, |point: &Point| point.y);
    Some(Code { format, text, x0: least(x), y0: least(y), x1: most(x), y1: most(y) })
}

/// Without control characters, those that are invisible or turn the direction of writing among them.
fn cleaned(text: &str, most_bytes: usize) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    let mut text: String = text.chars().filter(|c| !unseen(*c)).take(most_bytes).collect();
    text.truncate(text.floor_char_boundary(most_bytes));
    text
}

type Bitmap<'a> = BinaryBitmap<HybridBinarizer<Luma8Source<'a>>>;

fn bitmap(picture: &GrayImage) -> Option<Bitmap<'_>> {
    let source = Luma8Source::new_with_slice(picture.as_raw(), picture.width(), picture.height()).ok()?;
    Some(BinaryBitmap::new(HybridBinarizer::new(source)))
}

fn hints(format: BarcodeFormat, try_harder: bool) -> DecodeHints {
    DecodeHints {
        PossibleFormats: Some([format].into()),
        TryHarder: Some(try_harder),
        ..DecodeHints::default()
    }
}

/// Data Matrix codes (ISO/IEC 16022): one of a page.
fn matrices(bitmap: &mut Bitmap<'_>) -> Vec<RXingResult> {
    let hints = hints(BarcodeFormat::DATA_MATRIX, true);
    DataMatrixReader.decode_with_hints(bitmap, &hints).into_iter().collect()
}

/// PDF417 codes (ISO/IEC 15438).
fn stacks(bitmap: &mut Bitmap<'_>) -> Vec<RXingResult> {
    let hints = hints(BarcodeFormat::PDF_417, false);
    PDF417Reader.decode_multiple_with_hints(bitmap, &hints).unwrap_or_default()
}

/// A copy whose pixels are the means of squares of so many pixels.
fn smaller(page: &GrayImage, factor: u32) -> GrayImage {
    image::imageops::thumbnail(page, page.width() / factor, page.height() / factor)
}
