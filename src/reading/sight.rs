//! Pages that are pictures get their text by OCR, as far as there are models, time and memory.

use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

use image::RgbImage;

use super::lines::{tenths, within};
use super::normal::normalised;
use super::ocr::{ModelFiles, Ocr, PageText, Threads};
use super::{Limits, Line, Page, PageState, Waiting};

/// Memory that OCR needs beside the page's picture, in bytes: models, the detector's layers, the program itself.
const OCR_BYTES: u64 = 500 << 20;
/// Memory for each pixel of a page, in bytes: the picture, the turned one, the one without red.
const PIXEL_BYTES: u64 = 9;

/// How pictures of text are read: by OCR, or not at all.
pub struct Sight {
    ocr: Option<Lazy>,
    before_page: Box<dyn Fn()>,
    page_time: Duration,
    time_left: Cell<Duration>,
    pixels: u64,
}

/// The models are loaded when the first page needs them.
struct Lazy {
    files: ModelFiles,
    threads: Threads,
    loaded: OnceCell<Option<Ocr>>,
}

impl Sight {
    /// Pictures are not read.
    pub fn none() -> Self {
        Self {
            ocr: None,
            before_page: Box::new(|| {}),
            page_time: Duration::ZERO,
            time_left: Cell::new(Duration::ZERO),
            pixels: 0,
        }
    }

    /// Pictures are read with these models. Threads are started now, because later it may be forbidden.
    /// `before_page` is called before each page that is read so.
    pub fn new(files: ModelFiles, limits: &Limits, before_page: impl Fn() + 'static) -> Self {
        let threads = Threads::start(usize::try_from(limits.ocr_threads).unwrap_or(1));
        Self {
            ocr: Some(Lazy { files, threads, loaded: OnceCell::new() }),
            before_page: Box::new(before_page),
            page_time: Duration::from_secs(limits.ocr_page_seconds),
            time_left: Cell::new(Duration::from_secs(limits.ocr_seconds)),
            pixels: limits.memory_bytes.saturating_sub(OCR_BYTES) / PIXEL_BYTES,
        }
    }

    /// Whether there are models.
    pub(super) fn is_on(&self) -> bool {
        self.ocr.is_some()
    }

    /// Whether a page of so many pixels can be read now.
    pub(super) fn can_read(&self, pixels: u64) -> bool {
        pixels <= self.pixels && !self.time_left.get().is_zero() && self.engine().is_some()
    }

    /// What pages wait for that could not be read.
    pub(super) fn waiting(&self) -> Waiting {
        if self.engine().is_some() { Waiting::BeyondLimits } else { Waiting::NeedsOcr }
    }

    fn engine(&self) -> Option<&Ocr> {
        let lazy = self.ocr.as_ref()?;
        lazy.loaded.get_or_init(|| Ocr::load(&lazy.files, lazy.threads.clone()).ok()).as_ref()
    }

    /// To be called before a page is made a picture.
    pub(super) fn begin_page(&self) {
        (self.before_page)();
    }

    /// Puts into the page what stands in its picture, up to `cap` bytes. If there was not time enough, the page still
    /// waits, with what was read.
    pub(super) fn read_into(&self, page: &mut Page, picture: RgbImage, cap: u64) {
        let Some(engine) = self.engine() else { return };
        let started = Instant::now();
        let found = engine.read(picture, self.page_time.min(self.time_left.get()));
        self.time_left.set(self.time_left.get().saturating_sub(started.elapsed()));
        match found {
            Ok(found) => fill(page, found, cap),
            Err(_) => page.state = PageState::Unreadable,
        }
    }
}

/// The page as it was found: places in its own unit, on the upright page.
fn fill(page: &mut Page, found: PageText, cap: u64) {
    page.turn = found.turn.degrees();
    if !page.turn.is_multiple_of(180) {
        (page.width, page.height) = (page.height, page.width);
    }
    let (x, y) = (page.width / found.width.max(1) as f32, page.height / found.height.max(1) as f32);
    let lines: Vec<Line> = found
        .lines
        .into_iter()
        .map(|line| {
            let [x0, y0, x1, y1] = line.around();
            let across = |at: f32| tenths(f64::from(at * x), f64::from(page.width));
            let down = |at: f32| tenths(f64::from(at * y), f64::from(page.height));
            Line {
                text: normalised(&line.text),
                confidence: Some(hundredths(line.confidence)),
                other: line.other.as_deref().map(normalised),
                x0: across(x0),
                y0: down(y0),
                x1: across(x1),
                y1: down(y1),
            }
        })
        .collect();
    let (lines, truncated) = within(lines, cap);
    page.text = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    page.confidence = confidence(&lines);
    page.lines = lines;
    page.truncated = truncated;
    page.state = if found.complete { PageState::Recognised } else { PageState::NotReadYet };
}

/// On average over the characters.
fn confidence(lines: &[Line]) -> Option<f32> {
    let parts = lines.iter().map(|line| (line.text.chars().count() as f32, line.confidence.unwrap_or(1.0)));
    let (count, sum) = parts.fold((0.0, 0.0), |(count, sum), (n, sure)| (count + n, sum + n * sure));
    (count > 0.0).then(|| hundredths(sum / count))
}

fn hundredths(share: f32) -> f32 {
    (share.clamp(0.0, 1.0) * 100.0).round() / 100.0
}
