//! OCR: a decoded page image becomes lines of text with their places. A pure engine below `reading`.
//!
//! A page is turned upright, lines are detected, each is cut out straight and recognised, and what was found is put
//! into reading order. Pages with red on them (seals) are read a second time in their red channel, where a red seal
//! is white and the text below it shows. Only the models' files are ever opened, by [`ModelFiles`].

mod detect;
mod models;
mod order;
mod orient;
mod place;
mod recognise;
mod stamp;

use std::sync::Arc;
use std::time::{Duration, Instant};

use image::RgbImage;
use rten::{RunOptions, ThreadPool};
use rten_tensor::NdTensor;

use self::detect::Detector;
use self::orient::Orienter;
use self::place::Place;
use self::recognise::{LINE_HEIGHT, LineRecogniser, MOST_WIDTH};

pub use self::models::{MODELS, ModelFiles, ModelSource};
pub use self::orient::Turn;
pub use self::recognise::{Recognise, Recognised};

/// Lines that were read with less confidence are noise: specks, borders, pictures.
const LEAST_CONFIDENCE: f32 = 0.5;

/// The engine, ready to read pages.
pub struct Ocr {
    detector: Detector,
    orienter: Orienter,
    recogniser: Box<dyn Recognise>,
}

impl Ocr {
    /// Loads the models. The work of a page is shared by the threads.
    pub fn load(files: &ModelFiles, threads: Threads) -> Result<Self, Error> {
        Ok(Self {
            detector: Detector::new(files.detector()?, threads.clone()),
            orienter: Orienter::new(files.orienter()?, threads.clone()),
            recogniser: Box::new(LineRecogniser::new(files.recogniser()?, threads)?),
        })
    }

    /// The same engine with another way to recognise a line.
    #[must_use]
    pub fn with_recogniser(self, recogniser: Box<dyn Recognise>) -> Self {
        Self { recogniser, ..self }
    }

    /// Reads a page. When the time is over, what was not read by then is missing, and the answer says so.
    pub fn read(&self, page: RgbImage, time: Duration) -> Result<PageText, Error> {
        let deadline = Instant::now() + time;
        let turn = self.orienter.turn(&page)?;
        let page = turn.apply(page);
        let mut lines = Vec::new();
        let mut complete = self.read_into(&mut lines, &page, deadline, |_| true)?;
        if stamp::is_red(&page) {
            let (pale, red) = stamp::without_red(&page);
            let mut below = Vec::new();
            complete &= self.read_into(&mut below, &pale, deadline, |place| red.touches(place))?;
            stamp::merge(&mut lines, below);
        }
        Ok(PageText { turn, lines: order::in_reading_order(lines), complete, picture: page })
    }

    /// Reads the lines of a page that are `wanted`; false if there was no time for all of them.
    fn read_into(
        &self,
        lines: &mut Vec<Found>,
        page: &RgbImage,
        deadline: Instant,
        wanted: impl Fn(&Place) -> bool,
    ) -> Result<bool, Error> {
        for place in self.detector.places(page)?.into_iter().filter(wanted) {
            if Instant::now() > deadline {
                return Ok(false);
            }
            let Recognised { text, confidence } =
                self.recogniser.recognise(&place.cut(page, LINE_HEIGHT, MOST_WIDTH))?;
            let text = text.trim();
            if confidence >= LEAST_CONFIDENCE && !text.is_empty() {
                lines.push(Found { text: text.to_owned(), confidence, place, other: None });
            }
        }
        Ok(true)
    }
}

/// What was found on a page.
#[derive(Debug, Clone)]
pub struct PageText {
    /// How the page was turned; places are those on the upright page.
    pub turn: Turn,
    /// The page, upright.
    pub picture: RgbImage,
    /// The lines in reading order.
    pub lines: Vec<Found>,
    /// Whether there was time for all of it.
    pub complete: bool,
}

/// One line as it was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The text.
    pub text: String,
    /// From 0 to 1: how sure the recogniser is, on average over the characters.
    pub confidence: f32,
    /// What the line says in the other of two readings that differ.
    pub other: Option<String>,
    place: Place,
}

impl Found {
    /// The upright rectangle around the line in pixels: left, top, right, bottom.
    pub fn around(&self) -> [f32; 4] {
        self.place.around()
    }
}

/// Reading is not possible; it says nothing about the page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model's file is not there or cannot be read.
    #[error("the model {name} cannot be read")]
    Missing {
        /// The file.
        name: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A model's file is not what it has to be.
    #[error("the model {name} does not work: {message}")]
    Model {
        /// The file, or what it is for.
        name: &'static str,
        /// What was found.
        message: String,
    },
}

/// The threads that models run on.
#[derive(Clone)]
pub struct Threads {
    pool: Arc<ThreadPool>,
}

impl Threads {
    /// Starts so many, at least one.
    pub fn start(count: usize) -> Self {
        Self { pool: Arc::new(ThreadPool::with_num_threads(count.max(1))) }
    }

    fn options(&self) -> Option<RunOptions> {
        let mut options = RunOptions::default();
        options.thread_pool = Some(Arc::clone(&self.pool));
        Some(options)
    }
}

/// The picture as the models want it: blue, green, red, each in a plane of its own, in units of the deviation from the
/// mean; filled up with the mean to `width`.
fn tensor(picture: &RgbImage, width: u32, mean: [f32; 3], deviation: [f32; 3]) -> NdTensor<f32, 4> {
    let (width, height) = (width as usize, picture.height() as usize);
    let mut values = vec![0.0; 3 * width * height];
    for (x, y, pixel) in picture.enumerate_pixels() {
        let at = y as usize * width + x as usize;
        for channel in 0..3 {
            let value = f32::from(pixel[2 - channel]) / 255.0;
            values[channel * width * height + at] = (value - mean[channel]) / deviation[channel];
        }
    }
    NdTensor::from_data([1, 3, height, width], values)
}
