//! What is seen of a page's picture: the text by OCR, and what people are shown, as far as there are models, time and
//! memory.

use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

use hayro::hayro_interpret::InterpreterSettings;
use image::RgbImage;
use image::imageops::grayscale;

use super::blank::is_blank;
use super::codes::{CodeLimits, codes};
use super::lines::{tenths, within};
use super::normal::normalised;
use super::ocr::{ModelFiles, Ocr, PageText, Threads};
use super::pdf::{self, StandIn};
use super::show::{Picture, picture};
use super::{Limits, Line, Page, PageState, Password, Waiting};

/// Memory that OCR needs beside the page's picture, in bytes: models, the detector's layers, the program itself.
const OCR_BYTES: u64 = 500 << 20;
/// Memory that everything else needs, in bytes.
const OTHER_BYTES: u64 = 200 << 20;
/// Memory for each pixel of a page, in bytes: the picture, the turned one, the one without red.
const PIXEL_BYTES: u64 = 9;

/// How pages are looked at. As it begins: not at all.
pub struct Sight {
    ocr: Option<Eyes>,
    show: Option<Easel>,
    /// Is called with the seconds of processor time that a page may take beyond that of the document.
    allow: Box<dyn Fn(u64)>,
    /// Is called with the number of the page that comes next, and how many there are.
    turn_to: Box<dyn Fn(u32, u32)>,
    drawing: InterpreterSettings,
    password: Option<Password>,
}

/// OCR. The models are loaded when the first page needs them.
struct Eyes {
    files: ModelFiles,
    threads: Threads,
    loaded: OnceCell<Option<Ocr>>,
    page_seconds: u64,
    cpu_seconds: u64,
    time_left: Cell<Duration>,
    pixels: u64,
}

/// Where pages are drawn for people.
struct Easel {
    take: Box<dyn Fn(Picture)>,
    page_seconds: u64,
    time_left: Cell<Duration>,
    bytes_left: Cell<u64>,
    pixels: u64,
}

impl Sight {
    /// Pages are not looked at.
    pub fn none() -> Self {
        let (allow, turn_to, drawing) = (Box::new(|_| {}), Box::new(|_, _| {}), pdf::drawing(None));
        Self { ocr: None, show: None, allow, turn_to, drawing, password: None }
    }

    /// Fonts that a PDF does not bring along are drawn with this one, if they are Chinese, Japanese or Korean.
    #[must_use]
    pub fn with_font(self, stand_in: StandIn) -> Self {
        Self { drawing: pdf::drawing(Some(stand_in)), ..self }
    }

    /// A locked document is opened with this.
    #[must_use]
    pub fn opening_with(self, password: Option<Password>) -> Self {
        Self { password, ..self }
    }

    /// What a document is opened with; most need nothing.
    pub(super) fn password(&self) -> &str {
        self.password.as_ref().map_or("", Password::text)
    }

    /// How pages of a PDF are drawn.
    pub(super) fn drawing(&self) -> &InterpreterSettings {
        &self.drawing
    }

    /// Pictures of text are read with these models. Threads are started now, because later it may be forbidden.
    #[must_use]
    pub fn reading(self, files: ModelFiles, limits: &Limits) -> Self {
        let threads = Threads::start(usize::try_from(limits.ocr_threads).unwrap_or(1));
        let eyes = Eyes {
            files,
            threads,
            loaded: OnceCell::new(),
            page_seconds: limits.ocr_page_seconds,
            cpu_seconds: limits.ocr_page_seconds.saturating_mul(u64::from(limits.ocr_threads)),
            time_left: Cell::new(Duration::from_secs(limits.ocr_seconds)),
            pixels: limits.memory_bytes.saturating_sub(OCR_BYTES) / PIXEL_BYTES,
        };
        Self { ocr: Some(eyes), ..self }
    }

    /// What pages look like is handed to `take`.
    #[must_use]
    pub fn showing(self, limits: &Limits, take: impl Fn(Picture) + 'static) -> Self {
        let easel = Easel {
            take: Box::new(take),
            page_seconds: limits.picture_page_seconds,
            time_left: Cell::new(Duration::from_secs(limits.picture_seconds)),
            bytes_left: Cell::new(limits.pictures_bytes),
            pixels: limits.memory_bytes.saturating_sub(OTHER_BYTES) / PIXEL_BYTES,
        };
        Self { show: Some(easel), ..self }
    }

    /// `allow` is called before a page is looked at, with the seconds of processor time that it may take for that;
    /// `turn_to` with the number of each page and how many there are.
    #[must_use]
    pub fn telling(self, allow: impl Fn(u64) + 'static, turn_to: impl Fn(u32, u32) + 'static) -> Self {
        Self { allow: Box::new(allow), turn_to: Box::new(turn_to), ..self }
    }

    /// Whether there are models.
    pub(super) fn has_ocr(&self) -> bool {
        self.ocr.is_some()
    }

    /// Whether pages are drawn for people.
    pub(super) fn shows(&self) -> bool {
        self.show.is_some()
    }

    /// A page comes next.
    pub(super) fn turn_to(&self, number: u32, of: usize) {
        (self.turn_to)(number, u32::try_from(of).unwrap_or(u32::MAX));
    }

    /// Whether there is a use for the picture of a page in this state and of so many pixels; if so, it may be made now.
    pub(super) fn begin(&self, state: PageState, pixels: u64) -> bool {
        let (read, shown) = (state == PageState::NotReadYet && self.can_read(pixels), self.can_show(pixels));
        if read || shown {
            let ocr = self.ocr.as_ref().filter(|_| read).map_or(0, |eyes| eyes.cpu_seconds);
            let show = self.show.as_ref().filter(|_| shown).map_or(0, |easel| easel.page_seconds);
            (self.allow)(ocr.saturating_add(show));
        }
        read || shown
    }

    fn can_read(&self, pixels: u64) -> bool {
        let may = |eyes: &Eyes| pixels <= eyes.pixels && !eyes.time_left.get().is_zero();
        self.ocr.as_ref().is_some_and(may) && self.engine().is_some()
    }

    fn can_show(&self, pixels: u64) -> bool {
        let may = |easel: &Easel| {
            pixels <= easel.pixels && !easel.time_left.get().is_zero() && easel.bytes_left.get() > 0
        };
        self.show.as_ref().is_some_and(may)
    }

    /// What pages wait for that could not be read.
    pub(super) fn waiting(&self) -> Waiting {
        if self.engine().is_some() { Waiting::BeyondLimits } else { Waiting::NeedsOcr }
    }

    fn engine(&self) -> Option<&Ocr> {
        let eyes = self.ocr.as_ref()?;
        eyes.loaded.get_or_init(|| Ocr::load(&eyes.files, eyes.threads.clone()).ok()).as_ref()
    }

    /// Puts into the page what stands in its picture, up to `cap` bytes, and shows it. If there was not time enough for
    /// OCR, the page still waits, with what was read.
    pub(super) fn look(&self, page: &mut Page, picture: RgbImage, cap: u64) {
        let pixels = u64::from(picture.width()) * u64::from(picture.height());
        let upright = match page.state == PageState::NotReadYet && self.can_read(pixels) {
            true => self.read_into(page, picture, cap),
            false => Some(picture),
        };
        if let Some(upright) = upright {
            examine(page, &upright);
            self.show(page.number, &upright);
        }
    }

    /// Tells the picture as it was read: upright.
    fn read_into(&self, page: &mut Page, picture: RgbImage, cap: u64) -> Option<RgbImage> {
        let (eyes, engine) = (self.ocr.as_ref()?, self.engine()?);
        let started = Instant::now();
        let found = engine.read(picture, Duration::from_secs(eyes.page_seconds).min(eyes.time_left.get()));
        eyes.time_left.set(eyes.time_left.get().saturating_sub(started.elapsed()));
        match found {
            Ok(found) => Some(fill(page, found, cap)),
            Err(_) => {
                page.state = PageState::Unreadable;
                None
            }
        }
    }

    fn show(&self, number: u32, upright: &RgbImage) {
        let pixels = u64::from(upright.width()) * u64::from(upright.height());
        let Some(easel) = self.show.as_ref().filter(|_| self.can_show(pixels)) else { return };
        let started = Instant::now();
        let Some(picture) = picture(number, upright) else { return };
        easel.time_left.set(easel.time_left.get().saturating_sub(started.elapsed()));
        let bytes = (picture.image.len() + picture.thumbnail.len()) as u64;
        if let Some(left) = easel.bytes_left.get().checked_sub(bytes) {
            easel.bytes_left.set(left);
            (easel.take)(picture);
        } else {
            easel.bytes_left.set(0);
        }
    }
}

/// Codes, and whether there is anything at all.
fn examine(page: &mut Page, upright: &RgbImage) {
    let grey = grayscale(upright);
    page.blank = page.text.is_empty() && is_blank(&grey);
    let (width, height) = grey.dimensions();
    let (x, y) = (page.width / width.max(1) as f32, page.height / height.max(1) as f32);
    page.codes = codes(&grey, CodeLimits::default());
    for code in &mut page.codes {
        (code.x0, code.x1) = (code.x0 * x, code.x1 * x);
        (code.y0, code.y1) = (code.y0 * y, code.y1 * y);
    }
}

/// The page as it was found: places in its own unit, on the upright page, whose picture is handed back.
fn fill(page: &mut Page, found: PageText, cap: u64) -> RgbImage {
    page.turn = found.turn.degrees();
    if !page.turn.is_multiple_of(180) {
        (page.width, page.height) = (page.height, page.width);
    }
    let (width, height) = found.picture.dimensions();
    let (x, y) = (page.width / width.max(1) as f32, page.height / height.max(1) as f32);
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
    found.picture
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
